import type { Database } from '../db/database.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'

/** Whether this database holds demo data. Decided before anything is put into it, and never changed afterwards. */
export interface Claim {
  readonly isDemoData: boolean
  /** What the operator must be told. */
  readonly notice: string | null
}

/**
 * Demo data and real data never mix: a database in which anything was set up without --demo refuses it for good. The
 * other way round nothing is at stake, so it is allowed, with a notice. A start that only printed its set-up link is no
 * claim: whoever tries `npm start` first may look at the demo next.
 */
export const claimInstallation = async (database: Database, demo: boolean): Promise<Outcome<Claim>> => {
  await database.pool.query(
    `INSERT INTO installation (name, value)
     SELECT 'demo', to_jsonb($1 AND ${untouched}) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
     WHERE EXCLUDED.value = 'true' AND installation.value = 'false'`,
    [demo],
  )
  const stored = await database.pool.query<{ value: boolean }>(
    `SELECT value FROM installation WHERE name = 'demo'`,
  )
  const isDemoData = stored.rows[0]?.value === true
  if (demo && !isDemoData)
    return failure('conflict', {
      message: 'This data was made without --demo, and demo data is never put among real data.',
      next: 'Start without --demo, or with --data and another directory.',
    })
  return success({ isDemoData, notice: isDemoData && !demo ? withoutSimulator : null })
}

/** Every change is audited; and a process that runs now without --demo would go on so. */
const untouched = `NOT EXISTS (SELECT FROM users) AND NOT EXISTS (SELECT FROM audit_entries)
  AND NOT EXISTS (SELECT FROM processes WHERE lease_until > now())`

const withoutSimulator =
  'This is demo data, started without --demo: its users are made up, and its service keys are the simulator’s, which does not run now. Start with --demo, or choose another directory with --data for real use.'
