import { sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Executor } from './store.ts'

export interface Finding {
  readonly organizationId: string
  readonly subjectKind: string
  readonly subjectId: string
  readonly version: number
  readonly cause: string
  readonly firstSeenAt: Date
}

/** False: known already. */
export const insertFinding = async (transaction: Transaction<Schema>, finding: Finding): Promise<boolean> => {
  const inserted = await transaction
    .insertInto('vault_findings')
    .values({
      organization_id: finding.organizationId,
      subject_kind: finding.subjectKind,
      subject_id: finding.subjectId,
      version: finding.version,
      cause: finding.cause,
      first_seen_at: finding.firstSeenAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('cause')
    .executeTakeFirst()
  return inserted !== undefined
}

export const deleteFindingsOf = async (
  transaction: Transaction<Schema>,
  subjectKind: string,
): Promise<number> => {
  const deleted = await transaction
    .deleteFrom('vault_findings')
    .where('subject_kind', '=', subjectKind)
    .executeTakeFirst()
  return Number(deleted.numDeletedRows)
}

/** Of secrets; that a master key does not open is what the vault’s state says. */
export const readFindings = async (executor: Executor, limit: number): Promise<Finding[]> => {
  const { rows } = await sql<Finding>`
    SELECT organization_id AS "organizationId", subject_kind AS "subjectKind", subject_id AS "subjectId", version, cause,
      first_seen_at AS "firstSeenAt" FROM vault_findings WHERE subject_kind <> 'master_key' ORDER BY first_seen_at DESC LIMIT ${limit}`.execute(
    executor,
  )
  return rows
}
