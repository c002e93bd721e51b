import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { NewException, OwnKeyException } from './exceptions.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

/** Those that hold at a time. */
export const list = async (
  executor: Executor,
  organizationId: string,
  at: Date,
): Promise<OwnKeyException[]> => {
  const { rows } = await sql<OwnKeyException>`
    SELECT e.user_id AS "userId", u.name, u.email, e.service_id AS "serviceId", e.reason, e.granted_at AS "grantedAt",
           user_email(e.granted_by::text) AS "grantedByEmail", e.expires_at AS "expiresAt"
    FROM own_key_exceptions e JOIN users u ON u.id = e.user_id
    WHERE e.organization_id = ${organizationId} AND (e.expires_at IS NULL OR e.expires_at > ${at})
    ORDER BY lower(u.name), e.user_id, e.service_id`.execute(executor)
  return rows
}

/** Locked, so that whoever takes the membership away waits. */
export const isMember = async (t: Transaction<Schema>, organizationId: string, userId: string) => {
  const rows = await t
    .selectFrom('memberships')
    .select('user_id')
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .forKeyShare()
    .execute()
  return rows.length > 0
}

/** One that is there already takes the new reason and time. */
export const put = async (
  t: Transaction<Schema>,
  { organizationId, userId, serviceId, reason, expiresAt }: NewException,
  grantedBy: string | null,
  at: Date,
): Promise<void> => {
  const granted = { reason, granted_by: grantedBy, granted_at: at, expires_at: expiresAt }
  await t
    .insertInto('own_key_exceptions')
    .values({ organization_id: organizationId, user_id: userId, service_id: serviceId, ...granted })
    .onConflict((conflict) =>
      conflict.columns(['organization_id', 'user_id', 'service_id']).doUpdateSet(granted),
    )
    .execute()
}

/** False: there is none. */
export const remove = async (
  t: Transaction<Schema>,
  which: Pick<NewException, 'organizationId' | 'userId' | 'serviceId'>,
): Promise<boolean> => {
  const removed = await t
    .deleteFrom('own_key_exceptions')
    .where('organization_id', '=', which.organizationId)
    .where('user_id', '=', which.userId)
    .where('service_id', '=', which.serviceId)
    .returning('user_id')
    .execute()
  return removed.length > 0
}

export const organizationsWithExpired = async (executor: Executor, at: Date): Promise<string[]> => {
  const rows = await executor
    .selectFrom('own_key_exceptions')
    .select('organization_id as id')
    .distinct()
    .where('expires_at', '<=', at)
    .limit(100)
    .execute()
  return rows.map(({ id }) => id)
}

export const removeExpired = async (t: Transaction<Schema>, organizationId: string, at: Date) =>
  t
    .deleteFrom('own_key_exceptions')
    .where('organization_id', '=', organizationId)
    .where('expires_at', '<=', at)
    .returning(['user_id as userId', 'service_id as serviceId'])
    .execute()
