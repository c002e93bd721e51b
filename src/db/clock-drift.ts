import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Database } from './database.ts'

/** More than any two synchronised clocks differ by. */
const largestDriftMs = 60_000

/**
 * Whether this process may do what time asks for. A clock that is a year ahead would begin next year's periods and expire
 * this year's credits, which nothing takes back; where it disagrees with the database's, other processes do it.
 */
export const agreesWithDatabase = async (parts: {
  readonly database: Pick<Database, 'pool'>
  readonly clock: Clock
  readonly log: Log
}): Promise<boolean> => {
  const before = parts.clock().getTime()
  const { rows } = await parts.database.pool.query<{ now: Date }>('SELECT clock_timestamp() AS now')
  const after = parts.clock().getTime()
  const theirs = rows[0]?.now.getTime() ?? before
  // The answer was made somewhere between the two.
  const driftMs = theirs < before ? before - theirs : theirs > after ? theirs - after : 0
  if (driftMs <= largestDriftMs) return true
  parts.log.error(
    { driftMs, clock: new Date(after).toISOString(), database: new Date(theirs).toISOString() },
    'the clock of this machine and the database’s differ: nothing is renewed, given or expired here until they agree',
  )
  return false
}
