import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { periodAt as utcPeriodAt } from '../ledger/period.ts'
import { boundary, isTimeZone, localDate, nextPeriod, periodAt, startOfCalendarMonth } from './calendar.ts'

const iso = (at: Date) => at.toISOString().replace('.000Z', 'Z')

describe('where the periods of a subscription begin', () => {
  // anchor, time zone, period number, its start
  test.each([
    // 31 January: the last day of a shorter month, and the 31st again after it
    ['2027-01-31T10:30:00Z', 'UTC', 1, '2027-02-28T10:30:00Z'],
    ['2027-01-31T10:30:00Z', 'UTC', 2, '2027-03-31T10:30:00Z'],
    ['2027-01-31T10:30:00Z', 'UTC', 3, '2027-04-30T10:30:00Z'],
    ['2027-01-31T10:30:00Z', 'UTC', 13, '2028-02-29T10:30:00Z'],
    // 29 February: the 28th in common years (also 2100), the 29th in leap years; the 29th of every other month
    ['2028-02-29T00:00:00Z', 'UTC', 1, '2028-03-29T00:00:00Z'],
    ['2028-02-29T00:00:00Z', 'UTC', 12, '2029-02-28T00:00:00Z'],
    ['2028-02-29T00:00:00Z', 'UTC', 48, '2032-02-29T00:00:00Z'],
    ['2096-02-29T00:00:00Z', 'UTC', 48, '2100-02-28T00:00:00Z'],
    // The day is the subscriber's: already February in Auckland, still January in Honolulu
    ['2027-01-31T12:00:00Z', 'Pacific/Auckland', 1, '2027-02-28T12:00:00Z'],
    ['2027-01-31T12:00:00Z', 'Pacific/Auckland', 3, '2027-04-30T13:00:00Z'],
    ['2027-02-01T05:00:00Z', 'Pacific/Honolulu', 1, '2027-03-01T05:00:00Z'],
    ['2027-02-01T05:00:00Z', 'Pacific/Honolulu', 2, '2027-04-01T05:00:00Z'],
    // Berlin: clocks go from 02:00 to 03:00 on 28 March 2027, and from 03:00 back to 02:00 on 31 October
    ['2027-02-28T08:00:00Z', 'Europe/Berlin', 1, '2027-03-28T07:00:00Z'],
    ['2027-02-28T01:30:00Z', 'Europe/Berlin', 1, '2027-03-28T01:30:00Z'],
    ['2027-02-28T01:30:00Z', 'Europe/Berlin', 2, '2027-04-28T00:30:00Z'],
    ['2027-08-31T00:30:00Z', 'Europe/Berlin', 2, '2027-10-31T00:30:00Z'],
    ['2027-08-31T00:30:00Z', 'Europe/Berlin', 3, '2027-11-30T01:30:00Z'],
    // New York: 02:00 to 03:00 on 14 March 2027, 02:00 back to 01:00 on 7 November
    ['2027-02-14T07:15:00Z', 'America/New_York', 1, '2027-03-14T07:15:00Z'],
    ['2027-02-14T07:15:00Z', 'America/New_York', 2, '2027-04-14T06:15:00Z'],
    ['2027-10-07T05:30:00Z', 'America/New_York', 1, '2027-11-07T05:30:00Z'],
    ['2027-10-07T05:30:00Z', 'America/New_York', 2, '2027-12-07T06:30:00Z'],
    // Lord Howe: half an hour
    ['2027-09-03T16:00:00Z', 'Australia/Lord_Howe', 1, '2027-10-03T15:30:00Z'],
  ])('anchored at %s in %s, period %i begins at %s', (anchor, zone, number, start) => {
    expect(iso(boundary(new Date(anchor), number, zone))).toBe(start)
  })
})

test('a boundary instant belongs to the period it begins, the millisecond before it to the one it ends', () => {
  const anchor = new Date('2027-01-31T10:30:00.500Z')
  for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Auckland'])
    for (let number = 1; number < 30; number++) {
      const start = boundary(anchor, number, zone)
      expect(periodAt(anchor, start, zone)).toMatchObject({ number, startsAt: start })
      expect(periodAt(anchor, new Date(start.getTime() - 1), zone)).toMatchObject({
        number: number - 1,
        endsAt: start,
      })
    }
})

const instant = fc
  .integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2060, 11, 31) })
  .map((milliseconds) => new Date(milliseconds))
const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Apia')

test('every instant lies in exactly one period, and the periods follow each other without gap', () => {
  fc.assert(
    fc.property(instant, instant, zone, (anchor, at, timeZone) => {
      const period = periodAt(anchor, at, timeZone)
      expect(period.startsAt <= at && at < period.endsAt).toBe(true)
      expect(periodAt(anchor, period.endsAt, timeZone).startsAt).toEqual(period.endsAt)
    }),
    { numRuns: 300 },
  )
})

test('in UTC the periods are those of accounts without a subscription', () => {
  fc.assert(
    fc.property(instant, instant, (anchor, at) => {
      const { startsAt, endsAt } = periodAt(anchor, at, 'UTC')
      expect({ startsAt, endsAt }).toEqual(utcPeriodAt(anchor, at))
    }),
  )
})

interface Zoned {
  add(months: { months: number }): Zoned
  readonly epochMilliseconds: number
}
const temporal = (
  globalThis as {
    Temporal?: { Instant: { fromEpochMilliseconds(ms: number): { toZonedDateTimeISO(zone: string): Zoned } } }
  }
).Temporal

test.skipIf(!temporal)('boundaries are where Temporal has them', () => {
  fc.assert(
    fc.property(instant, fc.integer({ min: 1, max: 400 }), zone, (anchor, months, timeZone) => {
      const zoned = temporal?.Instant.fromEpochMilliseconds(anchor.getTime()).toZonedDateTimeISO(timeZone)
      expect(boundary(anchor, months, timeZone).getTime()).toBe(zoned?.add({ months }).epochMilliseconds)
    }),
    { numRuns: 500 },
  )
})

describe('the period to begin', () => {
  const last = {
    anchoredAt: new Date('2027-01-31T12:00:00Z'),
    number: 1,
    endsAt: new Date('2027-03-31T12:00:00Z'),
  }

  test('follows the last one without a gap', () => {
    expect(nextPeriod(last, last.endsAt, 'UTC')).toEqual({
      number: 2,
      startsAt: last.endsAt,
      endsAt: new Date('2027-04-30T12:00:00Z'),
    })
  })

  test('is the one that contains now where whole periods were missed', () => {
    expect(nextPeriod(last, new Date('2027-07-15T00:00:00Z'), 'UTC')).toMatchObject({
      number: 5,
      startsAt: new Date('2027-06-30T12:00:00Z'),
    })
  })

  test('is about a month long after a move to another time zone, in either direction', () => {
    for (const timeZone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'America/New_York', 'Asia/Tokyo']) {
      const next = nextPeriod(last, last.endsAt, timeZone)
      expect(next.startsAt).toEqual(last.endsAt)
      const days = (next.endsAt.getTime() - next.startsAt.getTime()) / 86_400_000
      expect(days).toBeGreaterThan(27)
      expect(days).toBeLessThan(33)
    }
  })
})

test('dates and months are the subscriber’s', () => {
  const at = new Date('2027-03-31T23:30:00Z')
  expect(localDate(at, 'UTC')).toBe('2027-03-31')
  expect(localDate(at, 'Europe/Berlin')).toBe('2027-04-01')
  expect(iso(startOfCalendarMonth(at, 'Europe/Berlin'))).toBe('2027-03-31T22:00:00Z')
  expect(iso(startOfCalendarMonth(at, 'America/New_York'))).toBe('2027-03-01T05:00:00Z')
})

test('a time zone is a name that the system knows', () => {
  expect(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires'].map(isTimeZone)).toEqual([
    true,
    true,
    true,
  ])
  expect(['', 'Mars/Olympus', '+02:00', "'; DROP"].map(isTimeZone)).toEqual([false, false, false, false])
})
