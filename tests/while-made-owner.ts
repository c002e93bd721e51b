import { expect } from 'vitest'
import { must } from '../src/kit/fault.ts'
import { type Http, operator } from './http-harness.ts'

/** What is begun before somebody is an owner, and waits for the change that makes them one. */
export const whileMadeOwner = async <T>(
  { organizations, database }: Http,
  member: { organizationId: string; userId: string },
  begin: () => Promise<T>,
): Promise<{ result: T }> => {
  let begun: Promise<T> | undefined
  const promoted = await organizations.changeRole(
    operator,
    { ...member, role: 'owner' },
    {
      async also() {
        begun = begin()
        await expect.poll(() => isWaiting(database), { timeout: 30_000 }).toBe(true)
      },
    },
  )
  must(promoted)
  return { result: await (begun as Promise<T>) }
}

const isWaiting = async ({ pool }: Http['database']): Promise<boolean> => {
  const { rows } = await pool.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  )
  return rows.length > 0
}
