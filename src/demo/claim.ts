import type { Database } from '../db/database.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'

/** Whether this database holds demo data. Decided at its first start, and never changed. */
export interface Claim {
  readonly isDemoData: boolean
  /** What the operator must be told. */
  readonly notice: string | null
}

/**
 * Demo data and real data never mix: a database that was first started without --demo refuses it for good. The other
 * way round nothing is at stake, so it is allowed, with a notice.
 */
export const claimInstallation = async (database: Database, demo: boolean): Promise<Outcome<Claim>> => {
  // People without a claim: made by `apply` before the first start. That is real data.
  await database.pool.query(
    `INSERT INTO installation (name, value)
     SELECT 'demo', to_jsonb($1 AND NOT EXISTS (SELECT FROM users)) ON CONFLICT (name) DO NOTHING`,
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

const withoutSimulator =
  'This is demo data, started without --demo: its users are made up, and its service keys are the simulator’s, which does not run now. Start with --demo, or choose another directory with --data for real use.'
