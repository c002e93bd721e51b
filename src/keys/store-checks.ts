import { sql, type Transaction } from 'kysely'
import type { CheckCause } from '../contract/key-hygiene.ts'
import type { Schema } from '../db/schema.ts'
import { newId } from '../kit/id.ts'
import type { Verdict } from '../services/service.ts'
import type { KeyReference } from './service-key.ts'
import type { Executor } from './store.ts'

/** Of one key; what is older goes when a new line comes. */
const mostLines = 100

export interface CheckRecord {
  readonly id: string
  readonly version: number
  readonly cause: CheckCause
  readonly verdict: Verdict
  readonly detail: string
  readonly status: string
  readonly firstAt: Date
  readonly at: Date
  readonly times: number
}

/**
 * A line of the key's history, in the transaction of what it changes, which has locked the key. What only repeats the newest
 * line is counted there: a key without quota is asked about every hour, for months.
 */
export const recordCheck = async (
  transaction: Transaction<Schema>,
  key: KeyReference,
  check: Pick<CheckRecord, 'version' | 'cause' | 'verdict' | 'detail' | 'status'>,
  now: Date,
): Promise<void> => {
  const { organizationId, id } = key
  const { version, cause, verdict, detail, status } = check
  const { numAffectedRows } = await sql`
    UPDATE service_key_checks SET at = ${now}, times = times + 1
    WHERE organization_id = ${organizationId} AND service_key_id = ${id}
      AND id = (SELECT id FROM service_key_checks WHERE organization_id = ${organizationId} AND service_key_id = ${id}
                ORDER BY id DESC LIMIT 1)
      AND (version, cause, verdict, detail, status) = (${version}, ${cause}, ${verdict}, ${detail}, ${status})`.execute(
    transaction,
  )
  if (numAffectedRows === 1n) return
  await transaction
    .insertInto('service_key_checks')
    .values({
      organization_id: organizationId,
      service_key_id: id,
      id: newId(now.getTime()),
      ...check,
      first_at: now,
      at: now,
    })
    .execute()
  await sql`
    DELETE FROM service_key_checks
    WHERE organization_id = ${organizationId} AND service_key_id = ${id}
      AND id < (SELECT id FROM service_key_checks WHERE organization_id = ${organizationId} AND service_key_id = ${id}
                ORDER BY id DESC OFFSET ${mostLines - 1} LIMIT 1)`.execute(transaction)
}

/** The newest first. */
export const listChecks = (executor: Executor, key: KeyReference): Promise<CheckRecord[]> =>
  executor
    .selectFrom('service_key_checks')
    .select(['id', 'version', 'cause', 'verdict', 'detail', 'status', 'first_at as firstAt', 'at', 'times'])
    .where('organization_id', '=', key.organizationId)
    .where('service_key_id', '=', key.id)
    .orderBy('id', 'desc')
    .execute()
