import { describe, expect, test } from 'vitest'
import {
  type Breaker,
  type BreakerEvent,
  breakerAfter,
  count,
  mustOpen,
  newTally,
  stateOf,
  sumOf,
  waitMs,
  worseOf,
} from './breaker.ts'

const start = 1_700_000_000_000
const named = { organizationId: 'o', subject: 'openai', kind: 'service' } as const
const at = (seconds: number) => new Date(start + seconds * 1000)
/** `+` a success, `-` a failure of the first key, `=` one of the second; each a second apart. */
const tallyOf = (outcomes: string, everyMs = 1000) => {
  const tally = newTally('o')
  let now = start
  for (const outcome of outcomes) {
    count(tally, outcome === '=' ? 'b' : 'a', outcome !== '+', now)
    now += everyMs
  }
  return { tally, now }
}

describe('a breaker opens', () => {
  test.each([
    ['-----', true],
    ['----', false],
    ['----+----+----', false],
    ['+-'.repeat(10), true],
    ['+-'.repeat(9), false],
    ['++-'.repeat(10), false],
    ['+'.repeat(19), false],
  ])('of a key after %s: %s', (outcomes, expected) => {
    const { tally, now } = tallyOf(outcomes)
    expect(mustOpen(tally, 'service_key', now)).toBe(expected)
  })

  test('of a service only when two keys fail', () => {
    expect(mustOpen(tallyOf('-'.repeat(40)).tally, 'service', start + 40_000)).toBe(false)
    expect(mustOpen(tallyOf('----=').tally, 'service', start + 5000)).toBe(true)
  })

  test('not for what is longer ago than a minute', () => {
    const { tally, now } = tallyOf('+-'.repeat(9))
    expect(sumOf(tally, now)).toEqual({ calls: 18, failures: 9 })
    expect(sumOf(tally, now + 61_000)).toEqual({ calls: 0, failures: 0 })
    count(tally, 'a', false, now + 61_000)
    count(tally, 'a', true, now + 61_000)
    expect(mustOpen(tally, 'service_key', now + 61_000)).toBe(false)
  })
})

describe('an open breaker', () => {
  const opened = breakerAfter(null, { kind: 'failing' }, named, at(0), 0.5) as Breaker
  const claimed = { ...opened, probeProcess: 'p', probeUntil: at(65) }
  const after = (before: Breaker | null, event: BreakerEvent, seconds: number) =>
    breakerAfter(before, event, named, at(seconds), 0.5)

  test('lets nothing through for five seconds, then one', () => {
    expect(stateOf(opened, at(0), 'p', at(4.9))).toEqual({ state: 'open', until: at(5) })
    expect(stateOf(opened, at(0), 'p', at(5))).toEqual({ state: 'half_open' })
    expect(after(opened, { kind: 'failing' }, 3)).toBeNull()
  })

  test('is looked at again five seconds after another process was seen to probe', () => {
    expect(stateOf(claimed, at(6), 'q', at(7))).toEqual({ state: 'open', until: at(11) })
    expect(stateOf(claimed, at(6), 'q', at(11))).toEqual({ state: 'half_open' })
    expect(stateOf(claimed, at(6), 'p', at(7))).toEqual({ state: 'half_open' })
  })

  test('closes by a probe that went well, and waits twice as long after one that failed', () => {
    expect(after(claimed, { kind: 'probed', ok: true, processId: 'p' }, 6)).toMatchObject({
      state: 'closed',
      since: at(6),
      probeAfter: null,
      probeProcess: null,
    })
    expect(after(claimed, { kind: 'probed', ok: false, processId: 'p' }, 6)).toMatchObject({
      state: 'open',
      since: at(0),
      openings: 2,
      probeAfter: at(16),
      probeProcess: null,
    })
  })

  test('does not believe a process that was not chosen to probe', () => {
    for (const before of [opened, claimed])
      expect(after(before, { kind: 'probed', ok: true, processId: 'q' }, 6)).toBeNull()
  })

  test('that closed a moment ago opens for longer; one that closed long ago anew', () => {
    const closed = after({ ...claimed, openings: 4 }, { kind: 'probed', ok: true, processId: 'p' }, 6)
    expect(after(closed, { kind: 'failing' }, 20)).toMatchObject({ openings: 5, since: at(20) })
    expect(after(closed, { kind: 'failing' }, 600)).toMatchObject({ openings: 1 })
  })

  test('is closed by hand, and a closed one cannot be', () => {
    const closed = after(opened, { kind: 'reset' }, 1)
    expect(closed?.state).toBe('closed')
    expect(after(closed, { kind: 'reset' }, 2)).toBeNull()
    expect(after(null, { kind: 'reset' }, 2)).toBeNull()
  })

  test('waits up to five minutes, a fifth more or less', () => {
    expect([1, 2, 3, 7, 8, 100].map((openings) => waitMs(openings, 0.5))).toEqual([
      5_000, 10_000, 20_000, 300_000, 300_000, 300_000,
    ])
    expect([waitMs(1, 0), waitMs(1, 1)]).toEqual([4_000, 6_000])
  })
})

test('of two breakers the one that keeps a call away for longer counts', () => {
  const open = (seconds: number) => ({ state: 'open', until: at(seconds) }) as const
  const half = { state: 'half_open' } as const
  expect(worseOf(null, null)).toBeNull()
  expect(worseOf(half, null)).toBe(half)
  expect(worseOf(half, open(1))).toEqual(open(1))
  expect(worseOf(open(2), open(1))).toEqual(open(2))
})
