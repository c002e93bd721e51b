import { Autocomplete, Checkbox, MultiSelect, NativeSelect, NumberInput } from '@mantine/core'
import { useDebouncedCallback, useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import type { Fallback } from '../../src/contract/wire.ts'
import { explainableEndpoint } from '../../src/contract/explain.ts'
import { useRead } from '../data/queries.ts'
import { endpointName } from '../data/words.ts'
import { choices } from '../policy/fallbacks.ts'
import classes from './simulator.module.css'
import { listOf, type SimulatorSearch, textOf } from './supposition.ts'

interface FormProps {
  readonly search: SimulatorSearch
  readonly onChange: (changes: Partial<SimulatorSearch>) => void
}

export const CallForm = (props: FormProps) => {
  const { search, onChange } = props
  return (
    <form className={classes.form} onSubmit={(event) => event.preventDefault()} autoComplete="off">
      <ModelField {...props} />
      <NativeSelect
        label="Endpoint"
        value={search.endpoint ?? 'chat_completions'}
        data={explainableEndpoint.options.map((value) => ({ value, label: endpointName(value) }))}
        onChange={(event) =>
          onChange({ endpoint: explainableEndpoint.safeParse(event.currentTarget.value).data })
        }
      />
      <div className={classes.pair}>
        <SizeField label="Tokens in" value={search.in} onChange={(size) => onChange({ in: size })} />
        <SizeField label="Tokens out" value={search.out} onChange={(size) => onChange({ out: size })} />
      </div>
      <Suppositions {...props} />
    </form>
  )
}

/** Suggests names while typing; any text is allowed, as in a real call. */
const ModelField = ({ search, onChange }: FormProps) => {
  const [typed, setTyped] = useState(search.model ?? '')
  const [told, setTold] = useState(search.model)
  // Changed from elsewhere, by a link or the browser’s way back.
  if (search.model !== told) {
    setTold(search.model)
    if (search.model !== typed.trim()) setTyped(search.model ?? '')
  }
  const [rested] = useDebouncedValue(typed.trim(), 300)
  const tell = useDebouncedCallback((text: string) => onChange({ model: text.trim() || undefined }), 300)
  const found = useRead('browseModels', { query: { search: rested, limit: 12 } }, { enabled: rested !== '' })
  const suggested = found.data?.items.map(({ model }) => model) ?? []
  return (
    <Autocomplete
      label="Model or group"
      placeholder="gpt-5-mini, group/smart, …"
      data={suggested}
      // They are found by the gateway, which looks at service names too.
      filter={({ options }) => options}
      value={typed}
      onChange={(text) => {
        setTyped(text)
        tell(text)
      }}
      maxLength={256}
      spellCheck={false}
    />
  )
}

const SizeField = (props: {
  label: string
  value: number | undefined
  onChange: (size: number | undefined) => void
}) => (
  <NumberInput
    label={props.label}
    placeholder="typical"
    min={0}
    max={10_000_000}
    step={500}
    allowDecimal={false}
    thousandSeparator=","
    hideControls
    value={props.value ?? ''}
    onChange={(value) => props.onChange(typeof value === 'number' ? value : undefined)}
  />
)

const Suppositions = ({ search, onChange }: FormProps) => {
  const services = useRead('listServices', {})
  const keys = useRead('listServiceKeys', {})
  const named = (services.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))
  const withKey = new Set(
    (keys.data?.items ?? [])
      .filter(({ owner, status }) => owner === 'user' && status !== 'revoked')
      .map(({ serviceId }) => serviceId),
  )
  const having = named.filter(({ value }) => withKey.has(value))
  return (
    <fieldset className={classes.suppose}>
      <legend>Suppose</legend>
      <MultiSelect
        label="With my own key at"
        placeholder={search.with ? '' : 'Any service'}
        searchable
        clearable
        hidePickedOptions
        clearButtonProps={{ 'aria-label': 'Suppose no keys' }}
        data={named}
        value={listOf(search.with)}
        onChange={(ids) => onChange({ with: textOf(ids) })}
      />
      {having.length > 0 && (
        <MultiSelect
          label="Without my key at"
          placeholder={search.without ? '' : 'Services where you have one'}
          clearable
          hidePickedOptions
          clearButtonProps={{ 'aria-label': 'Keep all keys' }}
          data={having}
          value={listOf(search.without)}
          onChange={(ids) => onChange({ without: textOf(ids) })}
        />
      )}
      <NativeSelect
        label="Fallback preference"
        value={search.preference ?? ''}
        data={[
          { value: '', label: 'Mine, as it is' },
          ...choices.map(({ value, label }) => ({ value, label })),
        ]}
        onChange={(event) =>
          onChange({ preference: (event.currentTarget.value || undefined) as Fallback | undefined })
        }
      />
      <Checkbox
        label="No credits left"
        checked={search.noCredits === true}
        onChange={(event) => onChange({ noCredits: event.currentTarget.checked || undefined })}
      />
    </fieldset>
  )
}
