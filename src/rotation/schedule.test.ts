import { expect, test } from 'vitest'
import { leavesLaneEmpty } from './lane.ts'
import { dueAt, effectiveSchedule, isTooOld, remindersDue } from './schedule.ts'

const at = (day: number) => new Date(Date.UTC(2026, 0, 1 + day))
const every = (everyDays: number | null) => ({ everyDays, overlapSeconds: null })

test('a key’s own schedule goes before its service’s, and neither exceeds the organisation’s maximum age', () => {
  expect(effectiveSchedule(every(30), every(60), null).everyDays).toBe(30)
  expect(effectiveSchedule(null, every(60), null).everyDays).toBe(60)
  expect(effectiveSchedule(every(90), every(60), 45).everyDays).toBe(45)
  expect(effectiveSchedule(null, null, 45).everyDays).toBe(45)
  expect(effectiveSchedule(null, null, null).everyDays).toBeNull()
})

test('keys that came to be together are due apart, never later than they must be', () => {
  const dues = Array.from({ length: 50 }, (_, index) =>
    dueAt({ id: `key ${index}`, version: 1, versionSince: at(0) }, every(100), null),
  )
  expect(dues.every((due) => due !== null && due > at(79) && due <= at(100))).toBe(true)
  expect(new Set(dues.map((due) => due?.toISOString().slice(0, 10))).size).toBeGreaterThan(10)
})

test('after a failure the schedule rests for a day', () => {
  const key = { id: 'key', version: 1, versionSince: at(0) }
  expect(dueAt(key, every(10), at(20))).toEqual(at(21))
  expect(dueAt(key, every(10), null)?.getTime()).toBeLessThan(at(11).getTime())
})

test('older than the policy allows is told', () => {
  expect(isTooOld(at(0), 30, at(31))).toBe(true)
  expect(isTooOld(at(0), 30, at(30))).toBe(false)
  expect(isTooOld(at(0), null, at(3000))).toBe(false)
})

test('reminders come after three days, a week, a fortnight, three weeks, and every fortnight from then on', () => {
  const due = [0, 2, 3, 7, 14, 21, 34, 35, 49].map((day) => remindersDue(at(0), at(day)))
  expect(due).toEqual([0, 0, 1, 2, 3, 4, 4, 5, 6])
})

test('the last key of a priority that works is left alone; one alone may be rotated', () => {
  const key = (id: string, status = 'active') =>
    ({ id, serviceId: 'openai', priority: 1, status }) as Parameters<typeof leavesLaneEmpty>[2] & {
      status: 'active'
    }
  const [a, b, c] = [key('a'), key('b'), key('c')]
  expect(leavesLaneEmpty([a], new Set(), a)).toBe(false)
  expect(leavesLaneEmpty([a, b], new Set(), a)).toBe(false)
  expect(leavesLaneEmpty([a, b], new Set(['b']), a)).toBe(true)
  expect(leavesLaneEmpty([a, b, c], new Set(['b']), a)).toBe(false)
  expect(leavesLaneEmpty([a, b, key('c', 'invalid')], new Set(['b']), a)).toBe(true)
})
