import type { Database } from '../db/database.ts'
import { runChecks } from './store-verify.ts'

export interface Verification {
  readonly ok: boolean
  /** To read: one line for each claim, the problems below it. */
  readonly lines: readonly string[]
}

/** Problems shown of each claim. */
const shownAtMost = 20

/** Proves from the tables that no credit was lost, made or spent twice. */
export const verifyLedger = async (database: Database): Promise<Verification> => {
  const { totals, problems } = await runChecks(database, shownAtMost)
  const counts = Object.entries(totals).map(([name, count]) => `${count} ${name}`)
  const found = [...problems].flatMap(([check, ofCheck]) => [
    `${ofCheck.length === 0 ? 'ok  ' : 'FAIL'}  ${check.claim}`,
    ...ofCheck.map((problem) => `      ${problem}`),
  ])
  return {
    ok: [...problems.values()].every((ofCheck) => ofCheck.length === 0),
    lines: [counts.join(', '), ...found],
  }
}
