import { describe, expect, test } from 'vitest'
import { newId } from '../kit/id.ts'
import type { LongOperation } from './long-operation.ts'
import { afterAnswer, nextAskMs, recordOf, settlementOf, usualTiming } from './progress.ts'
import type { Answer } from './trackers.ts'
import { afterAttempt, type Delivery } from './webhooks.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 22) + seconds * 1000)
const begun: LongOperation = {
  organizationId: newId(),
  id: newId(),
  userId: newId(),
  accessTokenId: newId(),
  serviceId: 'midjourney',
  serviceKeyId: newId(),
  keyOwner: 'system',
  externalId: '1',
  publicId: '1',
  kind: 'midjourney',
  action: 'imagine',
  parentId: null,
  state: 'submitted',
  progress: 0,
  failure: null,
  said: null,
  webhookUrl: null,
  draft: {
    accountId: newId(),
    endpoint: 'midjourney',
    requestedModel: 'midjourney',
    model: 'midjourney',
    keyPriority: 1,
    reason: 'system-key-no-own-key',
    decision: null,
    priceBookVersion: 3,
    attempts: [],
    startedAt: at(-1).toISOString(),
    firstByteMs: 20,
  },
  units: { 'task:imagine': 1 },
  costNanoUsd: 40_000_000n,
  chargeMicros: 4_000_000n,
  heldMicros: 4_000_000n,
  submittedAt: at(0),
  deadlineAt: at(3600),
  lastAskedAt: null,
  failedAsks: 0,
  nextAskAt: at(2),
  endedAt: null,
}
const task = (state: Extract<Answer, { kind: 'task' }>['state'], progress = 50): Answer => ({
  kind: 'task',
  state,
  progress,
  failure: state === 'failed' ? 'why' : null,
  said: { status: state },
})
const silence: Answer = { kind: 'no_answer', about: { kind: 'service' } }
const after = (operation: LongOperation, answer: Answer, seconds: number) =>
  afterAnswer(operation, answer, usualTiming, at(seconds), 0.5)

describe('a long operation', () => {
  test('ends by the service’s word alone, and only success is charged', () => {
    for (const [said, charge, status] of [
      ['succeeded', 4_000_000n, 'succeeded'],
      ['failed', 0n, 'failed'],
      ['cancelled', 0n, 'cancelled'],
    ] as const) {
      const change = after(begun, task(said), 30)
      expect(change).toMatchObject({ state: said, endedAt: at(30) })
      expect(settlementOf(begun, change)?.chargeMicros).toBe(charge)
      expect(recordOf(begun, change)).toMatchObject({ status, creditMicros: charge, durationMs: 31_000 })
    }
  })

  test('is never ended by silence, an error or an unknown task before its deadline', () => {
    for (const answer of [silence, task('running'), { kind: 'unknown_task' } as const])
      for (let seconds = 1; seconds < 3600; seconds += 97)
        expect(after(begun, answer, seconds)).toMatchObject({ endedAt: null })
    expect(after(begun, silence, 3599).state).toBe('submitted')
  })

  test('is unresolved from its deadline on, asked about once more, then given back', () => {
    const late = after(begun, task('running'), 3600)
    expect(late).toMatchObject({ state: 'unresolved', endedAt: null, nextAskAt: at(3900) })
    const unresolved = { ...begun, ...late }
    // A caller who asks meanwhile ends nothing either.
    expect(after(unresolved, silence, 3700)).toMatchObject({ state: 'unresolved', endedAt: null })
    const last = after(unresolved, silence, 3900)
    expect(last).toMatchObject({ state: 'unresolved', endedAt: at(3900) })
    expect(settlementOf(unresolved, last)?.chargeMicros).toBe(0n)
    expect(recordOf(unresolved, last)).toMatchObject({ status: 'interrupted', creditMicros: 0n, units: null })
    expect(after(unresolved, task('succeeded'), 3900)).toMatchObject({ state: 'succeeded' })
  })

  test('on an own key settles nothing', () => {
    const own = { ...begun, keyOwner: 'user', heldMicros: 0n, chargeMicros: 0n } as const
    const change = after(own, task('succeeded'), 30)
    expect(settlementOf(own, change)).toBeNull()
    expect(recordOf(own, change)).toMatchObject({ creditMicros: 0n, costNanoUsd: 40_000_000n })
  })

  test('is asked about in seconds while it is young, more rarely with age and with every silence, never past its deadline', () => {
    expect(nextAskMs(usualTiming, 0, 0, 0.5)).toBe(2_000)
    expect(nextAskMs(usualTiming, 1_800_000, 0, 0.5)).toBe(30_000)
    expect(nextAskMs(usualTiming, 0, 3, 0.5)).toBe(16_000)
    expect(nextAskMs(usualTiming, 0, 1_000, 0.5)).toBe(usualTiming.longestAskMs)
    expect(after({ ...begun, failedAsks: 99 }, silence, 3599).nextAskAt).toEqual(at(3600))
  })
})

describe('a delivery', () => {
  const delivery = { attempts: 1, state: 'pending', endedAt: null } as Delivery
  const attempt = (attempts: number, status: number | null) =>
    afterAttempt({ ...delivery, attempts }, status, usualTiming, at(0))

  test.each([200, 204])('is done with %i', (status) => {
    expect(attempt(1, status)).toMatchObject({ state: 'delivered', endedAt: at(0) })
  })

  test.each([null, 302, 400, 410, 500])('is tried again after %s, ever later, for two days', (status) => {
    const waits = usualTiming.deliveryMs.map(
      (_, index) => attempt(index + 1, status).nextAttemptAt.getTime() - at(0).getTime(),
    )
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
    expect(waits.reduce((a, b) => a + b)).toBeGreaterThan(48 * 3_600_000)
    expect(attempt(usualTiming.deliveryMs.length + 1, status)).toMatchObject({ state: 'failed' })
  })
})
