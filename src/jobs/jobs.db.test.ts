import { expect, test } from 'vitest'
import { cloneDatabase } from '../../tests/database.ts'
import { silentLog } from '../kit/log.ts'
import { makeJobs } from './jobs.ts'

test('work asked for by two processes at once runs once, in one of them', async () => {
  await using clone = await cloneDatabase()
  const ran: string[] = []
  const { promise: firstRun, resolve } = Promise.withResolvers<void>()
  const makeProcess = (name: string) => {
    const jobs = makeJobs({ url: clone.url, log: silentLog })
    jobs.every('count', '0 0 1 1 *', async () => {
      ran.push(name)
      resolve()
    })
    return jobs
  }
  const processes = [makeProcess('one'), makeProcess('other')]
  await Promise.all(processes.map((jobs) => jobs.start()))
  await Promise.all(processes.map((jobs) => jobs.runSoon('count')))
  await firstRun
  await Promise.all(processes.map((jobs) => jobs.stop()))
  const { rows } = await clone.database.pool.query(`SELECT state FROM pgboss.job WHERE name = 'count'`)
  expect(ran.length).toBe(rows.filter((row) => row.state === 'completed').length)
  expect(ran.length + rows.filter((row) => row.state === 'created').length).toBe(1)
})
