import { Button, NativeSelect, Popover, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useNow, useTimeZone } from '../ui/figures.tsx'
import { moment } from '../ui/format.ts'
import classes from './operations.module.css'

interface Times {
  readonly since: string | undefined
  readonly until: string | undefined
}

const spans = [
  { value: '1', label: 'Last hour' },
  { value: '24', label: 'Last 24 hours' },
  { value: '168', label: 'Last 7 days' },
  { value: '720', label: 'Last 30 days' },
  { value: 'range', label: 'From … to …' },
] as const

/** When something was, such as when operations started: a usual span, or any two moments. */
export const TimeSelect = (
  props: Times & {
    /** What the times are of. */
    label?: string
    onChange: (times: Times) => void
  },
) => {
  const now = useNow()
  const [choosing, setChoosing] = useState(false)
  const { since, until } = props
  const given = rangeWords(since, until, now)
  return (
    <Popover
      opened={choosing}
      onChange={setChoosing}
      position="bottom-start"
      trapFocus
      withRoles={false}
      returnFocus
      withinPortal={false}
    >
      <Popover.Target>
        <div className={classes.time}>
          <NativeSelect
            aria-label={props.label ?? 'Started'}
            value={given === null ? '' : 'given'}
            data={[
              { value: '', label: 'Any time' },
              ...(given === null ? [] : [{ value: 'given', label: given }]),
              ...spans,
            ]}
            onChange={(event) => {
              const { value } = event.currentTarget
              if (value === 'range') setChoosing(true)
              else if (value !== 'given')
                props.onChange({
                  since: value === '' ? undefined : hoursAgo(Number(value)),
                  until: undefined,
                })
            }}
          />
        </div>
      </Popover.Target>
      <Popover.Dropdown>
        {choosing && (
          <RangeForm
            since={since}
            until={until}
            onChange={(times) => {
              setChoosing(false)
              props.onChange(times)
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  )
}

const rangeWords = (since: string | undefined, until: string | undefined, now: Date): string | null => {
  if (since && until) return `${moment(since, now)} to ${moment(until, now)}`
  if (since) return `Since ${moment(since, now)}`
  return until ? `Before ${moment(until, now)}` : null
}

const RangeForm = (props: Times & { onChange: (times: Times) => void }) => {
  const zone = useTimeZone()
  const [from, setFrom] = useState(toLocal(props.since))
  const [to, setTo] = useState(toLocal(props.until))
  const wrong = from !== '' && to !== '' && from >= to
  return (
    <form
      className={classes.range}
      aria-label="From and to"
      onSubmit={(event) => {
        event.preventDefault()
        if (!wrong) props.onChange({ since: fromLocal(from), until: fromLocal(to) })
      }}
    >
      <TextInput
        type="datetime-local"
        label="From"
        value={from}
        onChange={(event) => setFrom(event.currentTarget.value)}
      />
      <TextInput
        type="datetime-local"
        label="To"
        value={to}
        error={wrong && 'This must be later than “From”.'}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
      <p className={classes.quiet}>Times in {zone}.</p>
      <Button type="submit" disabled={wrong}>
        Show these
      </Button>
    </form>
  )
}

const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString()

/** The browser's field has neither zone nor seconds. */
const toLocal = (at: string | undefined): string => {
  if (at === undefined) return ''
  const date = new Date(at)
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
const fromLocal = (text: string): string | undefined =>
  text === '' ? undefined : new Date(text).toISOString()
