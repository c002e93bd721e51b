import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { spanAt } from './period.ts'

const monthly = (timeZone: string) => ({ period: 'calendar_month' as const, timeZone, anchor: null })
const span = (startsAt: string, endsAt: string) => ({
  startsAt: new Date(startsAt),
  endsAt: new Date(endsAt),
})

describe('calendar months', () => {
  test.each([
    ['UTC', '2026-11-30T23:59:59.999Z', '2026-11-01T00:00:00Z', '2026-12-01T00:00:00Z'],
    ['UTC', '2026-12-01T00:00:00.000Z', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    // Clocks go back on 25 October and forward on 28 March.
    ['Europe/Berlin', '2026-10-31T22:59:59.999Z', '2026-09-30T22:00:00Z', '2026-10-31T23:00:00Z'],
    ['Europe/Berlin', '2026-10-31T23:00:00.000Z', '2026-10-31T23:00:00Z', '2026-11-30T23:00:00Z'],
    ['Europe/Berlin', '2027-03-28T01:00:00.000Z', '2027-02-28T23:00:00Z', '2027-03-31T22:00:00Z'],
    ['America/New_York', '2026-12-01T04:59:59.999Z', '2026-11-01T04:00:00Z', '2026-12-01T05:00:00Z'],
    ['Pacific/Auckland', '2026-11-30T11:00:00.000Z', '2026-11-30T11:00:00Z', '2026-12-31T11:00:00Z'],
    ['UTC', '2028-02-29T12:00:00.000Z', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
  ])('in %s, %s lies from %s until before %s', (timeZone, at, from, until) => {
    expect(spanAt(monthly(timeZone), new Date(at))).toEqual(span(from, until))
  })
})

describe('subscription periods', () => {
  const anchor = {
    anchoredAt: new Date('2026-01-31T10:00:00Z'),
    number: 9,
    startsAt: new Date('2026-10-31T10:00:00Z'),
    endsAt: new Date('2026-11-30T10:00:00Z'),
    timeZone: 'UTC',
  }
  const budget = { period: 'subscription_period' as const, timeZone: 'UTC', anchor }

  test('the period is the subscription’s, to the millisecond', () => {
    const november = span('2026-10-31T10:00:00Z', '2026-11-30T10:00:00Z')
    expect(spanAt(budget, new Date('2026-10-31T10:00:00.000Z'))).toEqual(november)
    expect(spanAt(budget, new Date('2026-11-30T09:59:59.999Z'))).toEqual(november)
  })

  test('one that nobody has renewed yet begins where the renewal will put it', () => {
    const december = span('2026-11-30T10:00:00Z', '2026-12-31T10:00:00Z')
    expect(spanAt(budget, new Date('2026-11-30T10:00:00.000Z'))).toEqual(december)
    expect(spanAt(budget, new Date('2026-12-31T09:59:59.999Z'))).toEqual(december)
  })

  test('without a subscription it is the month of the account; without either, the calendar’s', () => {
    const at = new Date('2026-01-31T10:00:00Z')
    const account = { anchoredAt: at, number: -1, startsAt: at, endsAt: at, timeZone: 'UTC' }
    expect(spanAt({ ...budget, anchor: account }, new Date('2026-02-28T10:00:00Z'))).toEqual(
      span('2026-02-28T10:00:00Z', '2026-03-31T10:00:00Z'),
    )
    expect(spanAt({ ...budget, anchor: account }, at)).toEqual(
      span('2026-01-31T10:00:00Z', '2026-02-28T10:00:00Z'),
    )
    expect(spanAt({ ...budget, anchor: null }, new Date('2026-02-28T10:00:00Z'))).toEqual(
      span('2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z'),
    )
  })

  test('every instant lies in its period, and periods follow each other without gap', () => {
    const instant = fc.date({
      min: new Date('2020-01-01T00:00:00Z'),
      max: new Date('2034-01-01T00:00:00Z'),
      noInvalidDate: true,
    })
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe')
    fc.assert(
      fc.property(instant, zone, fc.boolean(), (at, timeZone, isCalendar) => {
        const asked = isCalendar ? monthly(timeZone) : { ...budget, anchor: { ...anchor, timeZone: 'UTC' } }
        const { startsAt, endsAt } = spanAt(asked, at)
        expect(startsAt.getTime()).toBeLessThanOrEqual(at.getTime())
        expect(endsAt.getTime()).toBeGreaterThan(at.getTime())
        expect(spanAt(asked, endsAt).startsAt).toEqual(endsAt)
      }),
      { numRuns: 200 },
    )
  })
})
