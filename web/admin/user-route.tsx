import { Autocomplete, Checkbox, NativeSelect } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { AdminUser } from '../../src/contract/administration.ts'
import { type ExplainRequest, explainableEndpoint, type Explanation } from '../../src/contract/explain.ts'
import type { Fallback } from '../../src/contract/wire.ts'
import { type CallFault, call } from '../data/call.ts'
import { useRead } from '../data/queries.ts'
import { endpointName } from '../data/words.ts'
import { choices } from '../policy/fallbacks.ts'
import { ExplanationView } from '../simulator/explanation.tsx'
import { FaultNotice, Lines } from '../ui/notice.tsx'
import classes from './users.module.css'

/** What a call of this user would run on, and why: read by POST, but it asks and changes nothing. */
const useUserRoute = (id: string, body: ExplainRequest) =>
  useQuery<Explanation, CallFault>({
    queryKey: ['explainRouteOfUser', id, body],
    queryFn: ({ signal }) => call('explainRouteOfUser', { params: { id }, body }, signal),
    enabled: body.model !== '',
    placeholderData: keepPreviousData,
    staleTime: 0,
  })

export const UserRoute = ({ user }: { user: AdminUser }) => {
  const [model, setModel] = useState('')
  const [endpoint, setEndpoint] = useState<ExplainRequest['endpoint']>('chat_completions')
  const [preference, setPreference] = useState<Fallback | ''>('')
  const [noCredits, setNoCredits] = useState(false)
  const [rested] = useDebouncedValue(model.trim(), 300)
  const found = useRead('browseModels', { query: { search: rested, limit: 12 } }, { enabled: rested !== '' })
  const explanation = useUserRoute(user.id, {
    model: rested.slice(0, 256),
    endpoint,
    suppose: { ...(preference !== '' && { preference }), ...(noCredits && { noCredits: true }) },
  })
  return (
    <section className={classes.section} aria-label="What would happen">
      <h3 className={classes.sectionTitle}>What would happen</h3>
      <p className={classes.email}>What a call of {user.name} would run on. No call is made.</p>
      <Autocomplete
        label="Model or group"
        placeholder="gpt-5-mini, group/smart, …"
        data={[...new Set(found.data?.items.map((each) => each.model))]}
        // They are found by the gateway, which looks at service names too.
        filter={({ options }) => options}
        comboboxProps={{ withinPortal: false }}
        maxLength={256}
        spellCheck={false}
        value={model}
        onChange={setModel}
      />
      <div className={classes.line}>
        <NativeSelect
          label="Endpoint"
          value={endpoint}
          data={explainableEndpoint.options.map((value) => ({ value, label: endpointName(value) }))}
          onChange={(event) => setEndpoint(explainableEndpoint.safeParse(event.currentTarget.value).data)}
        />
        <NativeSelect
          label="Fallback preference"
          value={preference}
          data={[
            { value: '', label: 'Theirs, as it is' },
            ...choices.map(({ value, label }) => ({ value, label })),
          ]}
          onChange={(event) => setPreference(event.currentTarget.value as Fallback | '')}
        />
      </div>
      <Checkbox
        label="Suppose an empty balance"
        checked={noCredits}
        onChange={(event) => setNoCredits(event.currentTarget.checked)}
      />
      {rested !== '' && <Outcome explanation={explanation} />}
    </section>
  )
}

const Outcome = ({ explanation }: { explanation: ReturnType<typeof useUserRoute> }) => {
  const { data, error, refetch, isPlaceholderData } = explanation
  if (error) return <FaultNotice error={error} onRetry={() => void refetch()} />
  if (!data) return <Lines count={4} />
  return (
    <div aria-busy={isPlaceholderData}>
      <ExplanationView explanation={data} whose="their" />
    </div>
  )
}
