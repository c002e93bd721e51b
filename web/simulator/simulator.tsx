import { Button } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import type { ExplainRequest, Explanation } from '../../src/contract/explain.ts'
import { type CallFault, call } from '../data/call.ts'
import { EmptyState, FaultNotice, Lines } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { CallForm } from './call-form.tsx'
import { ExplanationView } from './explanation.tsx'
import classes from './simulator.module.css'
import { explainBody, isSupposing, type SimulatorSearch } from './supposition.ts'

const route = getRouteApi('/shell/simulator')

/** Read by POST: it asks and changes nothing. */
const useExplanation = (body: ExplainRequest | null) =>
  useQuery<Explanation, CallFault>({
    queryKey: ['explainRoute', body],
    queryFn: ({ signal }) => call('explainRoute', { body: body ?? { model: '' } }, signal),
    enabled: body !== null,
    placeholderData: keepPreviousData,
    staleTime: 0,
  })

export const Simulator = () => {
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/simulator' })
  const explanation = useExplanation(explainBody(search))
  const change = (changes: Partial<SimulatorSearch>) =>
    void navigate({ search: { ...search, ...changes }, replace: true })
  return (
    <Page
      title="Simulator"
      description="What a call would run on, and why. No call is made, and nothing is spent."
    >
      <div className={classes.columns}>
        <Panel title="The call">
          <CallForm search={search} onChange={change} />
          {isSupposing(search) && (
            <Button
              mt="md"
              variant="default"
              size="compact-sm"
              onClick={() =>
                change({ with: undefined, without: undefined, preference: undefined, noCredits: undefined })
              }
            >
              Suppose nothing
            </Button>
          )}
        </Panel>
        <Panel title="What would happen">
          <Outcome search={search} explanation={explanation} />
        </Panel>
      </div>
    </Page>
  )
}

const Outcome = (props: { search: SimulatorSearch; explanation: ReturnType<typeof useExplanation> }) => {
  const { data, error, refetch, isPlaceholderData } = props.explanation
  if (props.search.model === undefined)
    return (
      <EmptyState title="Name a model">
        Type one, or a group such as group/smart. What a call for it would run on appears here.
      </EmptyState>
    )
  if (error) return <FaultNotice error={error} onRetry={() => void refetch()} />
  if (!data) return <Lines count={8} />
  return (
    <div
      aria-busy={isPlaceholderData}
      className={classes.outcome}
      data-stale={isPlaceholderData || undefined}
    >
      <ExplanationView explanation={data} />
    </div>
  )
}
