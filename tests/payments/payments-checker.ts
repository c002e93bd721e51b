import { readFile } from 'node:fs/promises'
import type { Database } from '../../src/db/database.ts'

/** Runs the independent checker of payments, invoices and subscriptions; what is wrong, one line each. */
export const checkPayments = async (database: Database): Promise<string[]> => {
  const text = await readFile(new URL('payments-checker.sql', import.meta.url), 'utf8')
  const { rows } = await database.pool.query<{ problem: string }>(text)
  return rows.map((row) => row.problem)
}
