import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addMonths, allocationKey, periodAt } from './period.ts'

const instant = fc
  .integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2060, 11, 31) })
  .map((milliseconds) => new Date(milliseconds))

test('every instant lies in exactly one period, and the periods follow each other without gap', () => {
  fc.assert(
    fc.property(instant, instant, (anchor, at) => {
      const period = periodAt(anchor, at)
      expect(period.startsAt <= at && at < period.endsAt).toBe(true)
      expect(periodAt(anchor, period.startsAt)).toEqual(period)
      expect(periodAt(anchor, new Date(period.endsAt.getTime() - 1))).toEqual(period)
      expect(periodAt(anchor, period.endsAt).startsAt).toEqual(period.endsAt)
    }),
  )
})

test('a period starts on the subscriber’s day and time, or on the last day of a month that has no such day', () => {
  fc.assert(
    fc.property(instant, instant, (anchor, at) => {
      const { startsAt } = periodAt(anchor, at)
      const lastDay = new Date(
        Date.UTC(startsAt.getUTCFullYear(), startsAt.getUTCMonth() + 1, 0),
      ).getUTCDate()
      expect(startsAt.getUTCDate()).toBe(Math.min(anchor.getUTCDate(), lastDay))
      expect(startsAt.getTime() % 86_400_000).toBe(anchor.getTime() % 86_400_000)
    }),
  )
})

test('different periods of one subscription have different allocation keys', () => {
  fc.assert(
    fc.property(instant, instant, (anchor, at) => {
      const period = periodAt(anchor, at)
      expect(allocationKey(periodAt(anchor, period.endsAt))).not.toBe(allocationKey(period))
    }),
  )
})

test('31 January renews on the last of February and on 31 March again', () => {
  const anchor = new Date('2027-01-31T10:30:00Z')
  const starts = [1, 2, 3, 12, 13].map((months) => addMonths(anchor, months).toISOString())
  expect(starts).toEqual([
    '2027-02-28T10:30:00.000Z',
    '2027-03-31T10:30:00.000Z',
    '2027-04-30T10:30:00.000Z',
    '2028-01-31T10:30:00.000Z',
    '2028-02-29T10:30:00.000Z',
  ])
})

test('29 February renews on the 28th in common years', () => {
  const anchor = new Date('2028-02-29T00:00:00Z')
  expect(periodAt(anchor, new Date('2029-02-28T00:00:00Z')).startsAt).toEqual(
    new Date('2029-02-28T00:00:00Z'),
  )
  expect(periodAt(anchor, new Date('2032-03-01T00:00:00Z')).startsAt).toEqual(
    new Date('2032-02-29T00:00:00Z'),
  )
})
