import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newId, platformOrganizationId } from '../../src/kit/id.ts'
import { cloneDatabase } from '../database.ts'
import type { ProbeAnswer } from './health-child.ts'

const wonBy = async (child: ChildProcess, order: 'claim' | 'succeed'): Promise<number> => {
  const answer = once(child, 'message') as Promise<[ProbeAnswer]>
  child.send(order)
  return (await answer)[0].won
}

test('of three processes one probes; killed before it has an answer it is replaced by one of the others', async () => {
  await using clone = await cloneDatabase()
  await clone.database.pool.query(
    `INSERT INTO breakers (organization_id, subject, subject_kind, state, since, probe_after, openings)
     VALUES ($1, 'openai', 'service', 'open', now() - interval '1 minute', now() - interval '1 second', 1)`,
    [platformOrganizationId],
  )
  await using cleanup = new AsyncDisposableStack()
  const begin = async () => {
    const script = join(import.meta.dirname, 'health-child.ts')
    const child = fork(script, [clone.url, 'openai', newId()], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    cleanup.defer(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    })
    await once(child, 'message')
    return child
  }
  const children = [await begin(), await begin(), await begin()]
  const won = await Promise.all(children.map((child) => wonBy(child, 'claim')))
  expect(won.toSorted((a, b) => a - b)).toEqual([0, 0, 1])

  const winner = children.splice(won.indexOf(1), 1)[0] as ChildProcess
  winner.kill('SIGKILL')
  await once(winner, 'exit')
  let next: number[] = []
  const claimAll = async () => {
    next = await Promise.all(children.map((child) => wonBy(child, 'claim')))
    return next.toSorted((a, b) => a - b)
  }
  await expect.poll(claimAll, { interval: 500 }).not.toEqual([0, 0])
  expect(next.toSorted((a, b) => a - b)).toEqual([0, 1])
  expect(await wonBy(children[next.indexOf(1)] as ChildProcess, 'succeed')).toBe(1)
  const { rows } = await clone.database.pool.query('SELECT state FROM breakers')
  expect(rows).toEqual([{ state: 'closed' }])
})
