import { NativeSelect, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { RotationSchedule } from '../../src/contract/rotation.ts'
import classes from './rotation.module.css'

const units = [
  { value: '60', label: 'minutes' },
  { value: '3600', label: 'hours' },
  { value: '86400', label: 'days' },
] as const

const unitOf = (seconds: number | null): number =>
  seconds === null || seconds === 0 ? 3600 : ([86_400, 3600].find((unit) => seconds % unit === 0) ?? 60)

const longestOverlapSeconds = 30 * 86_400

const wholeNumber = (text: string): number | null =>
  /^\d{1,7}$/.test(text.trim()) ? Number(text.trim()) : null

/** Empty fields mean: as the wider rule says. */
export const useScheduleFields = (before: RotationSchedule, otherwise: string) => {
  const [days, setDays] = useState(before.everyDays === null ? '' : String(before.everyDays))
  const [unit, setUnit] = useState(unitOf(before.overlapSeconds))
  const [overlap, setOverlap] = useState(
    before.overlapSeconds === null ? '' : String(before.overlapSeconds / unitOf(before.overlapSeconds)),
  )
  const everyDays = days.trim() === '' ? null : wholeNumber(days)
  const overlapSeconds = overlap.trim() === '' ? null : (wholeNumber(overlap) ?? -1) * unit
  const daysMistake =
    days.trim() !== '' && (everyDays === null || everyDays < 1 || everyDays > 3650)
      ? 'A whole number of days, 1 to 3650.'
      : null
  const overlapMistake =
    overlapSeconds !== null && (overlapSeconds < 0 || overlapSeconds > longestOverlapSeconds)
      ? 'At most 30 days.'
      : null
  return {
    schedule: daysMistake || overlapMistake ? null : { everyDays, overlapSeconds },
    inputs: (
      <>
        <TextInput
          label="Every so many days"
          description={`Empty: ${otherwise}.`}
          inputMode="numeric"
          placeholder="90"
          error={daysMistake}
          value={days}
          onChange={(event) => setDays(event.currentTarget.value)}
        />
        <div className={classes.pair}>
          <TextInput
            label="Overlap"
            description="How long the old key stays valid."
            inputMode="numeric"
            placeholder="24"
            error={overlapMistake}
            value={overlap}
            onChange={(event) => setOverlap(event.currentTarget.value)}
          />
          <NativeSelect
            label="Unit"
            description="Of the overlap."
            value={String(unit)}
            data={[...units]}
            onChange={(event) => setUnit(Number(event.currentTarget.value))}
          />
        </div>
      </>
    ),
  }
}
