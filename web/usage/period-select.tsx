import { Button, NativeSelect, Popover, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTimeZone } from '../ui/figures.tsx'
import { type Period, periodFault, periodWords, type Preset, presets } from './period.ts'
import classes from './usage.module.css'

/** A usual period, or any two days. */
export const PeriodSelect = (props: {
  period: Period
  preset: Preset | null
  onPreset: (preset: Preset) => void
  onPeriod: (period: Period) => void
}) => {
  const [choosing, setChoosing] = useState(false)
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
        <div className={classes.select}>
          <NativeSelect
            label="Period"
            value={props.preset ?? 'given'}
            data={[
              ...(props.preset === null ? [{ value: 'given', label: periodWords(props.period) }] : []),
              ...presets,
              { value: 'range', label: 'From … to …' },
            ]}
            onChange={(event) => {
              const { value } = event.currentTarget
              const preset = presets.find((each) => each.value === value)
              if (preset) props.onPreset(preset.value)
              else if (value === 'range') setChoosing(true)
            }}
          />
        </div>
      </Popover.Target>
      <Popover.Dropdown>
        {choosing && (
          <RangeForm
            period={props.period}
            onPeriod={(period) => {
              setChoosing(false)
              props.onPeriod(period)
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  )
}

const RangeForm = (props: { period: Period; onPeriod: (period: Period) => void }) => {
  const zone = useTimeZone()
  const [period, setPeriod] = useState(props.period)
  const fault = periodFault(period)
  return (
    <form
      className={classes.range}
      aria-label="Period from and to"
      onSubmit={(event) => {
        event.preventDefault()
        if (fault === null) props.onPeriod(period)
      }}
    >
      <TextInput
        type="date"
        label="From"
        value={period.from}
        onChange={(event) => setPeriod({ ...period, from: event.currentTarget.value })}
      />
      <TextInput
        type="date"
        label="To"
        value={period.to}
        error={fault}
        onChange={(event) => setPeriod({ ...period, to: event.currentTarget.value })}
      />
      <p className={classes.quiet}>Both days included. Days in {zone}.</p>
      <Button type="submit" disabled={fault !== null}>
        Show this period
      </Button>
    </form>
  )
}
