import { expect, test } from 'vitest'
import { cloneDatabase } from '../../tests/database.ts'
import { silentLog } from '../kit/log.ts'
import { makeJobs } from './jobs.ts'

test('while a job runs in one of two processes, at most one more waits and none runs beside it', async () => {
  await using clone = await cloneDatabase()
  const started = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const runs = { now: 0, most: 0 }
  const makeProcess = () => {
    const jobs = makeJobs({ url: clone.url, log: silentLog })
    jobs.every('count', '0 0 1 1 *', async () => {
      runs.now += 1
      runs.most = Math.max(runs.most, runs.now)
      started.resolve()
      await gate.promise
      runs.now -= 1
    })
    return jobs
  }
  const processes = [makeProcess(), makeProcess()]
  await Promise.all(processes.map((jobs) => jobs.start()))
  await processes[0]?.runSoon('count')
  await started.promise
  await Promise.all([...processes, ...processes].map((jobs) => jobs.runSoon('count')))
  const { rows } = await clone.database.pool.query(
    `SELECT state, count(*)::int FROM pgboss.job WHERE name = 'count' GROUP BY state ORDER BY state`,
  )
  gate.resolve()
  await Promise.all(processes.map((jobs) => jobs.stop()))
  expect(rows).toEqual([
    { state: 'created', count: 1 },
    { state: 'active', count: 1 },
  ])
  expect(runs.most).toBe(1)
})

test('of a failure its kind is stored, and nothing of what it says or where it was', async () => {
  await using clone = await cloneDatabase()
  const jobs = makeJobs({ url: clone.url, log: silentLog })
  jobs.every('fail', '0 0 1 1 *', async () => {
    throw Object.assign(new TypeError('canary'), {
      code: 'ECANARY',
      detail: 'canary',
      cause: new Error('canary'),
    })
  })
  await jobs.start()
  await jobs.runSoon('fail')
  const stored = async () =>
    (await clone.database.pool.query(`SELECT j::text AS row FROM pgboss.job j WHERE name = 'fail'`)).rows[0]
      .row
  await expect.poll(stored).toContain('TypeError ECANARY')
  await jobs.stop()
  expect(await stored()).not.toMatch(/canary|jobs\.db\.test/)
})
