import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../src/kit/id.ts'
import type { Caller, RateLimits } from '../../src/limits/limits.ts'
import { cloneDatabase, type TestDatabase } from '../database.ts'
import type { Order, Told } from './limits-child.ts'

/** Real processes on one PostgreSQL; each has its own connections, leases and clock. */
let clone: TestDatabase
let children: ChildProcess[] = []
beforeEach(async () => {
  clone = await cloneDatabase()
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
  await Promise.all(running.map((child) => once(child, 'exit')))
  children = []
  await clone.drop()
})

const begin = async (planted = '') => {
  const script = join(import.meta.dirname, 'limits-child.ts')
  const child = fork(script, [clone.url, planted], { execArgv: ['--disable-warning=ExperimentalWarning'] })
  children.push(child)
  await answerOf(child, 'ready')
  return child
}
const answerOf = <Kind extends Told['kind']>(child: ChildProcess, kind: Kind) =>
  new Promise<Told & { kind: Kind }>((resolve, reject) => {
    const ended = () => reject(new Error('The process ended.'))
    child.once('exit', ended)
    child.once('message', (told: Told) => {
      child.off('exit', ended)
      if (told.kind === kind) resolve(told as Told & { kind: Kind })
      else reject(new Error(`The process said ${told.kind}.`))
    })
  })
const order = <Kind extends Told['kind']>(child: ChildProcess, what: Order, kind: Kind) => {
  const answer = answerOf(child, kind)
  child.send(what)
  return answer
}

const callerWith = (userLimits: Partial<RateLimits>): Caller => ({
  organizationId: newId(),
  accessTokenId: newId(),
  userId: newId(),
  tokenLimits: null,
  userLimits: { requestsPerMinute: null, tokensPerMinute: null, concurrent: null, ...userLimits },
  payer: null,
})
const rushAll = async (caller: Caller, ms: number, tokens = 0) => {
  const told = await Promise.all(
    children.map((child) => order(child, { kind: 'rush', caller, ms, tokens }, 'rushed')),
  )
  return told.flatMap(({ admitted }) => admitted)
}
/** Until so many were let in, however slow the machine, and then some more; all of it within the minute of the limits. */
const rushUntil = async (least: number, caller: Caller, tokens = 0) => {
  const deadline = Date.now() + 40_000
  const admitted = await rushAll(caller, 1000, tokens)
  while (admitted.length < least && Date.now() < deadline)
    admitted.push(...(await rushAll(caller, 1000, tokens)))
  return [...admitted, ...(await rushAll(caller, 500, tokens))]
}
const mostAtOnce = (spans: readonly (readonly [number, number])[]) => {
  // An end and a begin within the same millisecond may be either way round; the end is taken to be first.
  const events = spans.flatMap(([from, to]) => [[from, 1] as const, [Math.max(to, from + 0.5), -1] as const])
  let [most, now] = [0, 0]
  for (const [, by] of events.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    now += by
    most = Math.max(most, now)
  }
  return most
}

describe('rate limits over three processes', () => {
  test('48 callers that race admit the limit: not one request more, and hardly one less', async () => {
    for (let i = 0; i < 3; i++) await begin()
    const admitted = await rushUntil(495, callerWith({ requestsPerMinute: 500 }))
    expect(admitted.length).toBeLessThanOrEqual(500)
    expect(admitted.length).toBeGreaterThanOrEqual(495)
  })

  test('the same for tokens', async () => {
    for (let i = 0; i < 3; i++) await begin()
    const admitted = await rushUntil(260, callerWith({ tokensPerMinute: 10_000 }), 37)
    expect(admitted.length * 37).toBeLessThanOrEqual(10_000)
    expect(admitted.length * 37).toBeGreaterThan(9_500)
  })

  test('no more operations are under way at once than may be', async () => {
    for (let i = 0; i < 3; i++) await begin()
    const admitted = await rushUntil(51, callerWith({ concurrent: 4 }))
    expect(admitted.length).toBeGreaterThan(50)
    expect(mostAtOnce(admitted)).toBeLessThanOrEqual(4)
  })

  test('a limiter that reads and then writes without a lock is found out', async () => {
    for (let i = 0; i < 3; i++) await begin('unlocked')
    const admitted = await rushUntil(501, callerWith({ requestsPerMinute: 500 }))
    expect(admitted.length).toBeGreaterThan(500)
  })
})

test('what a killed process held comes back when its lease ends, and never adds to the limit before', async () => {
  const [doomed, living] = [await begin(), await begin()]
  const caller = callerWith({ concurrent: 5, requestsPerMinute: 100 })
  const took = await order(doomed, { kind: 'take', caller, count: 4 }, 'took')
  expect(took.count).toBe(4)
  doomed.kill('SIGKILL')
  await once(doomed, 'exit')
  const first = await order(living, { kind: 'take', caller, count: 3 }, 'took')
  expect(first.count).toBe(1)
  // The lease of a second, and the five in which a process that wrote counts as alive.
  const deadline = Date.now() + 60_000
  let count = 0
  while (count < 4 && Date.now() < deadline) {
    await wait(250)
    count += (await order(living, { kind: 'take', caller, count: 4 - count }, 'took')).count
  }
  expect(count).toBe(4)
  expect((await order(living, { kind: 'take', caller, count: 1 }, 'took')).count).toBe(0)
  await order(living, { kind: 'give' }, 'gave')
  expect((await order(living, { kind: 'take', caller, count: 5 }, 'took')).count).toBe(5)
})
