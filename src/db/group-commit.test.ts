import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type GroupCommitOptions, makeGroupCommit } from './group-commit.ts'

class Passing extends Error {}

const makeGroup = (run: GroupCommitOptions<number, string>['run'], more: { patienceMs?: number } = {}) =>
  makeGroupCommit<number, string>({
    maximumBatch: 4,
    patienceMs: 10_000,
    run,
    isPassing: (error) => error instanceof Passing,
    onGivenUp: (item) => `given up ${item}`,
    ...more,
  })

const answers = (batch: readonly number[]) => Promise.resolve(batch.map((item) => `done ${item}`))

test('what comes while a batch is being committed shares the next one', async () => {
  const batches: number[][] = []
  const gate = Promise.withResolvers<void>()
  const group = makeGroup(async (batch) => {
    batches.push([...batch])
    if (batches.length === 1) await gate.promise
    return answers(batch)
  })
  const first = group.submit(0)
  while (batches.length === 0) await new Promise(setImmediate)
  const rest = [1, 2, 3, 4, 5].map((item) => group.submit(item))
  gate.resolve()
  expect(await Promise.all([first, ...rest])).toEqual([0, 1, 2, 3, 4, 5].map((item) => `done ${item}`))
  expect(batches).toEqual([[0], [1, 2, 3, 4], [5]])
})

test('an item that cannot be committed fails alone, whatever batch it falls into', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }), async (isBad) => {
      const committed: number[] = []
      const group = makeGroup((batch) => {
        if (batch.some((item) => isBad[item])) return Promise.reject(new Error('bad'))
        committed.push(...batch)
        return answers(batch)
      })
      const results = await Promise.allSettled(isBad.map((_, item) => group.submit(item)))
      expect(results.map((result) => result.status === 'rejected')).toEqual(isBad)
      const good = isBad.flatMap((bad, item) => (bad ? [] : [item]))
      expect(committed.toSorted((a, b) => a - b)).toEqual(good)
    }),
    { numRuns: 50 },
  )
})

test('a passing failure is tried again, and the second try knows that it is one', async () => {
  const tries: boolean[] = []
  const group = makeGroup((batch, isRetry) => {
    tries.push(isRetry)
    return tries.length < 3 ? Promise.reject(new Passing()) : answers(batch)
  })
  expect(await group.submit(7)).toBe('done 7')
  expect(tries).toEqual([false, true, true])
})

test('an item is given up when its patience ends, and later ones are still served', async () => {
  let isDown = true
  const group = makeGroup((batch) => (isDown ? Promise.reject(new Passing()) : answers(batch)), {
    patienceMs: 30,
  })
  expect(await group.submit(1)).toBe('given up 1')
  isDown = false
  expect(await group.submit(2)).toBe('done 2')
})

test('draining waits for everything that was submitted, and for nothing where nothing was', async () => {
  const gate = Promise.withResolvers<void>()
  const group = makeGroup(async (batch) => {
    await gate.promise
    return answers(batch)
  })
  await group.drain()
  let settled = 0
  for (let item = 0; item < 9; item++) void group.submit(item).then(() => settled++)
  const drained = group.drain()
  gate.resolve()
  await drained
  expect(settled).toBe(9)
})
