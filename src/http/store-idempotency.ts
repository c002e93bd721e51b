import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

export interface Row {
  readonly requestHash: Buffer
  readonly state: 'under_way' | 'done' | 'unknown'
  readonly status: number | null
  readonly sealedReply: Buffer | null
  readonly startedAt: Date
}

interface RowId {
  readonly organizationId: string
  readonly userId: string
  readonly keyHash: Buffer
}

/** Null: it is ours to do. Otherwise what is known of the one that came first. */
export const begin = async (
  { kysely }: Database,
  request: RowId & { requestHash: Buffer; startedAt: Date; expiresAt: Date },
): Promise<Row | null> => {
  const { organizationId, userId, keyHash, requestHash, startedAt, expiresAt } = request
  for (;;) {
    const { rows: begun } = await sql`
      INSERT INTO idempotent_requests AS r (organization_id, user_id, key_hash, request_hash, state, started_at, expires_at)
      VALUES (${organizationId}, ${userId}, ${keyHash}, ${requestHash}, 'under_way', ${startedAt}, ${expiresAt})
      ON CONFLICT (organization_id, user_id, key_hash) DO UPDATE SET request_hash = excluded.request_hash,
        state = 'under_way', status = NULL, sealed_reply = NULL, started_at = excluded.started_at,
        expires_at = excluded.expires_at
      WHERE r.expires_at <= ${startedAt}
      RETURNING 1`.execute(kysely)
    if (begun.length > 0) return null
    const { rows } = await sql<Row>`
      SELECT request_hash AS "requestHash", state, status, sealed_reply AS "sealedReply", started_at AS "startedAt"
      FROM idempotent_requests
      WHERE organization_id = ${organizationId} AND user_id = ${userId} AND key_hash = ${keyHash}`.execute(
      kysely,
    )
    // Between the two it may have been forgotten: then it is ours after all.
    if (rows[0]) return rows[0]
  }
}

export const finish = async (
  { kysely }: Database,
  { organizationId, userId, keyHash }: RowId,
  outcome: { state: 'done' | 'unknown'; status: number | null; sealedReply: Buffer | null },
): Promise<void> => {
  await kysely
    .updateTable('idempotent_requests')
    .set({ state: outcome.state, status: outcome.status, sealed_reply: outcome.sealedReply })
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .where('key_hash', '=', keyHash)
    .execute()
}

export const forget = async (
  { kysely }: Database,
  { organizationId, userId, keyHash }: RowId,
): Promise<void> => {
  await kysely
    .deleteFrom('idempotent_requests')
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .where('key_hash', '=', keyHash)
    .execute()
}

export const sweep = async ({ kysely }: Database, now: Date): Promise<void> => {
  await kysely.deleteFrom('idempotent_requests').where('expires_at', '<', now).execute()
}
