import { expect, test } from 'vitest'
import type { KeyVersion } from '../../src/contract/rotation.ts'
import { shownSpan, timelineRows } from './timeline.ts'

const at = (hour: number): string => new Date(Date.UTC(2026, 10, 23, hour)).toISOString()
const now = Date.parse(at(10))
const version = (number: number, more: Partial<KeyVersion>): KeyVersion => ({
  version: number,
  state: 'current',
  lastFour: '1234',
  createdAt: at(0),
  promotedAt: null,
  retiredAt: null,
  destroyedAt: null,
  remoteId: null,
  rotationId: null,
  inFlight: null,
  ...more,
})
const old = version(1, { promotedAt: at(0), retiredAt: at(8), state: 'retiring' })
const fresh = version(2, { createdAt: at(6), promotedAt: at(8) })

test('the overlap shows both versions: one goes while the other is in use', () => {
  const span = { from: Date.parse(at(0)), to: Date.parse(at(10)) }
  expect(timelineRows([fresh, old], span, now)).toEqual([
    {
      version: 2,
      stretches: [
        { kind: 'waiting', from: 0.6, to: 0.8 },
        { kind: 'current', from: 0.8, to: 1 },
      ],
    },
    {
      version: 1,
      stretches: [
        { kind: 'current', from: 0, to: 0.8 },
        { kind: 'retiring', from: 0.8, to: 1 },
      ],
    },
  ])
})

test('what was over before the shown time is left out, and what began before is cut', () => {
  const gone = version(1, { promotedAt: at(0), retiredAt: at(1), destroyedAt: at(2), state: 'retired' })
  const span = { from: Date.parse(at(5)), to: now }
  expect(timelineRows([gone], span, now)).toEqual([])
  expect(timelineRows([old], span, now)[0]?.stretches[0]?.from).toBe(0)
})

test('a rotation under way is shown up to the end of its overlap, with room at the sides', () => {
  const span = shownSpan([fresh, old], { startedAt: at(6), overlapUntil: at(14) }, now)
  expect(span.from).toBe(Date.parse(at(4)))
  expect(span.to).toBeGreaterThan(Date.parse(at(14)))
  expect(shownSpan([fresh, old], null, now)).toEqual({ from: Date.parse(at(0)), to: now })
  expect(shownSpan([], null, now).from).toBe(now)
})
