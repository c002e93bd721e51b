import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { erasedTables } from './inventory.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

export interface Leaver {
  readonly email: string
  readonly name: string
  readonly isPlatformAdministrator: boolean
  readonly deleteAt: Date | null
  readonly deletionBy: string | null
  readonly deletedAt: Date | null
}

export const lockPerson = (t: Transaction<Schema>, userId: string): Promise<Leaver | undefined> =>
  t
    .selectFrom('users')
    .select([
      'email',
      'name',
      'is_platform_administrator as isPlatformAdministrator',
      'delete_at as deleteAt',
      'deletion_by as deletionBy',
      'deleted_at as deletedAt',
    ])
    .where('id', '=', userId)
    .where('kind', '=', 'person')
    .forUpdate()
    .executeTakeFirst()

export const schedule = async (
  t: Transaction<Schema>,
  userId: string,
  deletion: { deleteAt: Date; by: string | null } | null,
): Promise<void> => {
  await t
    .updateTable('users')
    .set({ delete_at: deletion?.deleteAt ?? null, deletion_by: deletion?.by ?? null })
    .where('id', '=', userId)
    .execute()
}

export const listDue = async (kysely: Kysely<Schema>, now: Date): Promise<string[]> => {
  const rows = await kysely
    .selectFrom('users')
    .select('id')
    .where('delete_at', '<=', now)
    .where('deleted_at', 'is', null)
    .orderBy('delete_at')
    .execute()
  return rows.map(({ id }) => id)
}

export interface Membership {
  readonly organizationId: string
  readonly kind: 'platform' | 'personal' | 'company'
}

export const membershipsOf = async (executor: Executor, userId: string): Promise<Membership[]> => {
  const { rows } = await sql<Membership>`
    SELECT m.organization_id AS "organizationId", o.kind FROM memberships m JOIN organizations o ON o.id = m.organization_id
    WHERE m.user_id = ${userId} ORDER BY m.created_at, m.organization_id`.execute(executor)
  return rows
}

/** Names of companies that nobody else can run, but those that will be deleted before. */
export const ownedAlone = async (executor: Executor, userId: string, until: Date): Promise<string[]> => {
  const { rows } = await sql<{ name: string }>`
    SELECT o.name FROM memberships m JOIN organizations o ON o.id = m.organization_id
    WHERE m.user_id = ${userId} AND m.role = 'owner' AND o.kind = 'company'
      AND (o.delete_at IS NULL OR o.delete_at > ${until})
      AND NOT EXISTS (SELECT FROM memberships other JOIN users u ON u.id = other.user_id
        WHERE other.organization_id = o.id AND other.user_id <> m.user_id AND other.role = 'owner'
          AND other.suspended_at IS NULL AND u.suspended_at IS NULL AND u.kind = 'person')
    ORDER BY lower(o.name), o.id`.execute(executor)
  return rows.map(({ name }) => name)
}

/** Locked: of two who leave at once one stays. */
export const isLastAdministrator = async (t: Transaction<Schema>, userId: string): Promise<boolean> => {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM users WHERE is_platform_administrator AND suspended_at IS NULL ORDER BY id FOR UPDATE`.execute(
    t,
  )
  return rows.length === 1 && rows[0]?.id === userId
}

/** Says of nobody who they were; no letter can be sent there (RFC 2606). */
const madeUpEmail = (userId: string): string => `deleted-${userId}@deleted.invalid`
const madeUpName = 'Deleted account'

export const erase = async (
  t: Transaction<Schema>,
  { userId, email, name }: { userId: string; email: string; name: string },
  now: Date,
): Promise<void> => {
  for (const table of erasedTables) await t.deleteFrom(table).where('user_id', '=', userId).execute()
  await sql`
    UPDATE invitations SET email = ${madeUpEmail(userId)},
      withdrawn_at = CASE WHEN accepted_at IS NULL THEN coalesce(withdrawn_at, ${now}) ELSE withdrawn_at END
    WHERE lower(email) = lower(${email}) OR accepted_by = ${userId}`.execute(t)
  // What others were told of them, by an alert or by an event that can still be sent.
  await sql`
    UPDATE alerts SET title = replace(replace(title, ${email}, ${madeUpName}), ${name}, ${madeUpName}),
      text = replace(replace(text, ${email}, ${madeUpName}), ${name}, ${madeUpName})
    WHERE strpos(title || text, ${email}) > 0`.execute(t)
  await sql`UPDATE events SET payload = replace(payload, ${email}, ${madeUpEmail(userId)}) WHERE strpos(payload, ${email}) > 0`.execute(
    t,
  )
  await t
    .updateTable('users')
    .set({
      email: madeUpEmail(userId),
      name: madeUpName,
      password_hash: null,
      is_platform_administrator: false,
      suspended_at: now,
      deleted_at: now,
    })
    .where('id', '=', userId)
    .execute()
}

/**
 * Words that this person typed, wherever: names of things and where their secrets were sent; what services repeated of their
 * prompts; and in their personal organisations events and their receivers, of which nobody can be told any more.
 */
export const eraseWords = async (
  t: Transaction<Schema>,
  { userId, personal }: { userId: string; personal: readonly string[] },
): Promise<void> => {
  const isPersonal = sql<boolean>`organization_id = ANY (${[...personal]}::uuid[])`
  const isTheirs = sql<boolean>`(${isPersonal} OR user_id = ${userId})`
  const ofTheirKeys = sql<boolean>`(organization_id, service_key_id) IN (
    SELECT organization_id, id FROM service_keys WHERE ${isTheirs})`
  for (const table of [
    'event_deliveries',
    'events',
    'webhook_endpoint_secrets',
    'webhook_endpoints',
  ] as const)
    await t.deleteFrom(table).where(isPersonal).execute()
  await t
    .updateTable('organizations')
    .set({ name: madeUpName })
    .where(sql<boolean>`id = ANY (${[...personal]}::uuid[])`)
    .execute()
  await t.updateTable('access_tokens').set({ name: erased }).where(isTheirs).execute()
  await t.updateTable('budgets').set({ name: erased }).where(isTheirs).execute()
  await t.updateTable('control_policies').set({ reason: null }).where(isPersonal).execute()
  await t.updateTable('long_operations').set({ said: null, webhook_url: null }).where(isTheirs).execute()
  await t.updateTable('own_key_presences').set({ base_url: null }).where(isTheirs).execute()
  await t.updateTable('rotation_attempts').set({ reason: null }).where(isPersonal).execute()
  await t.deleteFrom('service_key_checks').where(ofTheirKeys).execute()
  await t
    .updateTable('service_key_versions')
    .set({ settings: null, remote: null })
    .where(ofTheirKeys)
    .execute()
  await t
    .updateTable('service_keys')
    .set({ label: erased, base_url: null, settings: '{}', status_reason: null, verdict_detail: null })
    .where(isTheirs)
    .execute()
}
const erased = 'Deleted'
