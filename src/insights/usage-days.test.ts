import { expect, test } from 'vitest'
import { usageDays } from './usage-days.ts'

const days = (from: string, to: string, timeZone: string) => {
  const found = usageDays({ from, to, timeZone })
  if (!found.ok) throw new Error(found.fault.message)
  return found.value.map(({ day, since, until }) => [
    day,
    since.toISOString(),
    (until.getTime() - since.getTime()) / 3_600_000,
  ])
}

test('days follow each other without a gap, also where clocks change', () => {
  expect(days('2026-10-24', '2026-10-26', 'Europe/Berlin')).toEqual([
    ['2026-10-24', '2026-10-23T22:00:00.000Z', 24],
    ['2026-10-25', '2026-10-24T22:00:00.000Z', 25],
    ['2026-10-26', '2026-10-25T23:00:00.000Z', 24],
  ])
  expect(days('2027-03-14', '2027-03-14', 'America/New_York')).toEqual([
    ['2027-03-14', '2027-03-14T05:00:00.000Z', 23],
  ])
  // Midnight itself is skipped there.
  expect(days('2026-03-08', '2026-03-08', 'America/Havana')).toEqual([
    ['2026-03-08', '2026-03-08T05:00:00.000Z', 23],
  ])
})

test('29 February is a day of leap years', () => {
  expect(days('2028-02-28', '2028-03-01', 'UTC').map(([day]) => day)).toEqual([
    '2028-02-28',
    '2028-02-29',
    '2028-03-01',
  ])
})

test.each([
  ['2026-11-02', '2026-11-01', 'UTC', 'to'],
  ['2026-01-01', '2027-01-02', 'UTC', 'to'],
  ['2026-01-01', '9999-12-31', 'UTC', 'to'],
  ['2026-01-01', '2026-01-01', 'Mars/Olympus', 'timeZone'],
])('%s to %s in %s is refused, naming %s', (from, to, timeZone, field) => {
  expect(usageDays({ from, to, timeZone })).toMatchObject({ ok: false, fault: { field } })
})

test('a leap year is not too long', () => {
  expect(days('2028-01-01', '2028-12-31', 'UTC')).toHaveLength(366)
})
