import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Allowance,
  accountOf,
  canTake,
  giveBack,
  install,
  leaseMs,
  newAllowance,
  noteUse,
  take,
} from './allowance.ts'
import { decide } from './decide.ts'
import type { RateLimits, Subject } from './rate-limits.ts'
import { charged, countedSeconds, emptyWindow, secondsUntil, type Window } from './window.ts'

/**
 * Several processes take from one window, in simulated time: statements are under way for a while, operations last and
 * end with other token counts than estimated, processes are killed with whatever they hold. The judge below knows only
 * the times of admissions and ends.
 */
const subject: Subject = { organizationId: 'o', kind: 'user', id: 'u' }

interface Admitted {
  readonly at: number
  readonly process: string
  readonly estimate: number
  endedAt: number | null
}

const simulate = (limits: RateLimits) => {
  let nowMs = 1_000_000
  let window: Window = emptyWindow
  const admitted: Admitted[] = []
  const processes = new Map<string, Allowance>()
  let statements = 0
  const processOf = (name: string) => {
    const known = processes.get(name)
    if (known) return known
    const made = newAllowance(subject, limits, nowMs)
    processes.set(name, made)
    return made
  }
  const enter = (name: string, tokens: number, delayMs: number): Admitted | null => {
    const allowance = processOf(name)
    const admit = (second: number) => {
      const operation = { at: nowMs, process: name, estimate: tokens, endedAt: null, second }
      admitted.push(operation)
      return operation
    }
    if (canTake(allowance, limits, tokens, nowMs)) return admit(take(allowance, limits, tokens, nowMs))
    statements++
    const askedAt = nowMs
    const account = accountOf(allowance, askedAt, true)
    nowMs += Math.floor(delayMs / 2)
    const decision = decide({
      asks: [[{ subject: 's', limits, tokens }]],
      accounts: new Map([['s', account]]),
      windows: new Map([['s', window]]),
      processId: name,
      live: new Set(processes.keys()),
      nowSeconds: nowMs / 1000,
    })
    window = decision.windows.get('s') ?? window
    nowMs += Math.ceil(delayMs / 2)
    const grant = decision.grants.get('s')
    if (!grant) throw new Error('every account gets a grant')
    install(allowance, grant, askedAt)
    if (decision.answers[0]?.kind !== 'granted' || nowMs - askedAt >= leaseMs) return null
    noteUse(allowance, tokens)
    return admit(grant.second)
  }
  const end = (operation: Admitted & { second?: number }, used: number) => {
    operation.endedAt = nowMs
    const taken = { limits, tokens: operation.estimate, second: operation.second ?? 0 }
    giveBack(processOf(operation.process), taken, used, nowMs)
  }
  return {
    enter,
    end,
    admitted,
    statements: () => statements,
    window: () => window,
    now: () => nowMs,
    pass: (ms: number) => {
      nowMs += ms
    },
    /** Killed: what it held is forgotten here, and its operations are over. */
    kill: (name: string) => {
      processes.delete(name)
      for (const operation of admitted)
        if (operation.process === name && operation.endedAt === null) operation.endedAt = nowMs
    },
  }
}

/** The plain restatement: look at every 60 seconds that end with an admission, and at every moment of one. */
const mostWithinAMinute = (admitted: readonly Admitted[], weight: (a: Admitted) => number): number => {
  let [most, sum, first] = [0, 0, 0]
  for (const last of admitted) {
    sum += weight(last)
    for (; (admitted[first] as Admitted).at < last.at - 60_000; first++)
      sum -= weight(admitted[first] as Admitted)
    most = Math.max(most, sum)
  }
  return most
}
const mostAtOnce = (admitted: readonly Admitted[]): number =>
  Math.max(
    0,
    ...admitted.map(
      (last) => admitted.filter((a) => a.at <= last.at && (a.endedAt === null || a.endedAt > last.at)).length,
    ),
  )

const step = fc.record({
  process: fc.constantFrom('a', 'b', 'c'),
  tokens: fc.integer({ min: 1, max: 400 }),
  delayMs: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 30 }) },
    fc.integer({ min: 0, max: 3000 }),
  ),
  // Around the ends of leases and of minutes, where a limiter goes wrong.
  pauseMs: fc.oneof(
    fc.integer({ min: 0, max: 400 }),
    fc.integer({ min: 1_600, max: 2_100 }),
    fc.integer({ min: 57_500, max: 63_500 }),
  ),
  what: fc.constantFrom('enter', 'enter', 'burst', 'burst', 'end', 'end', 'kill'),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
})

describe('the window', () => {
  test('no 60 seconds admit more requests or estimated tokens than the limit, and no moment more operations', () => {
    fc.assert(
      fc.property(
        fc.record({
          requestsPerMinute: fc.option(fc.integer({ min: 1, max: 120 })),
          tokensPerMinute: fc.option(fc.integer({ min: 1, max: 20_000 })),
          concurrent: fc.option(fc.integer({ min: 1, max: 20 })),
        }),
        fc.array(step, { minLength: 10, maxLength: 60 }),
        (limits, steps) => {
          const world = simulate(limits)
          for (const { what, process, tokens, delayMs, pauseMs, share } of steps) {
            const estimate = limits.tokensPerMinute === null ? 0 : tokens
            if (what === 'enter') world.enter(process, estimate, delayMs)
            if (what === 'burst')
              for (let i = 0; i < 10; i++) world.enter(process, estimate, i === 0 ? delayMs : 1)
            const open = world.admitted.filter((a) => a.endedAt === null)
            // What was used is at most the estimate here: what goes beyond it is only known when it is spent.
            const ending = open[Math.floor(share * open.length)]
            if (what === 'end' && ending) world.end(ending, ending.estimate)
            if (what === 'kill' && share > 0.8) world.kill(process)
            world.pass(pauseMs)
          }
          if (limits.requestsPerMinute !== null)
            expect(mostWithinAMinute(world.admitted, () => 1)).toBeLessThanOrEqual(limits.requestsPerMinute)
          if (limits.tokensPerMinute !== null)
            expect(mostWithinAMinute(world.admitted, (a) => a.estimate)).toBeLessThanOrEqual(
              limits.tokensPerMinute,
            )
          if (limits.concurrent !== null)
            expect(mostAtOnce(world.admitted)).toBeLessThanOrEqual(limits.concurrent)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test.each([60, 600, 6000])(
    'three busy processes use nine tenths of %i requests a minute',
    (requestsPerMinute) => {
      const world = simulate({ requestsPerMinute, tokensPerMinute: null, concurrent: null })
      // Twice as many calls as the limit, evenly, for four minutes.
      const everyMs = Math.max(1, Math.floor(30_000 / requestsPerMinute))
      for (let turn = 0; world.now() < 1_000_000 + 240_000; turn++) {
        world.enter('abc'[turn % 3] ?? 'a', 0, 0)
        world.pass(everyMs)
      }
      expect(world.admitted.length).toBeGreaterThan(requestsPerMinute * 4 * 0.9)
      expect(mostWithinAMinute(world.admitted, () => 1)).toBeLessThanOrEqual(requestsPerMinute)
    },
  )

  test('a thousand calls a minute, well below the limit, are asked for in an eighth as many statements', () => {
    const world = simulate({ requestsPerMinute: 3000, tokensPerMinute: 1_000_000, concurrent: 100 })
    for (let turn = 0; turn < 1000; turn++) {
      const operation = world.enter('abc'[turn % 3] ?? 'a', 10, 2)
      if (operation) world.end(operation, 10)
      world.pass(60)
    }
    expect(world.admitted).toHaveLength(1000)
    expect(world.statements()).toBeLessThan(125)
  })

  test('tokens that were not used are there again; those beyond the estimate count', () => {
    const world = simulate({ requestsPerMinute: null, tokensPerMinute: 1000, concurrent: null })
    const first = world.enter('a', 900, 0)
    expect(world.enter('a', 900, 0)).toBeNull()
    if (first) world.end(first, 50)
    const second = world.enter('a', 900, 0)
    expect(second).not.toBeNull()
    if (second) world.end(second, 1500)
    expect(world.enter('a', 1, 0)).toBeNull()
    expect(world.window().charges.reduce((sum, [, , tokens]) => sum + tokens, 0)).toBe(1550)
  })

  test('the wait that a refusal names is enough, and a second less is not', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 100, max: 160 }), fc.integer({ min: 1, max: 9 })), {
          maxLength: 30,
        }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 10 }),
        (charges, limit, wanted) => {
          const window = charges.reduce(
            (sum, [second, requests]) => charged(sum, second, { requests, tokens: 0 }),
            emptyWindow,
          )
          const seconds = secondsUntil(window, 'requests', limit, wanted, 160)
          const fitsAt = (second: number) =>
            charges.filter(([at]) => at > second - countedSeconds).reduce((sum, [, n]) => sum + n, 0) +
              wanted <=
            limit
          if (seconds === null) expect(wanted).toBeGreaterThan(limit)
          else {
            expect(fitsAt(160 + seconds)).toBe(true)
            if (seconds > 0) expect(fitsAt(160 + seconds - 1)).toBe(false)
          }
        },
      ),
    )
  })
})
