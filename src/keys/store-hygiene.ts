import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { KeyReference } from './service-key.ts'
import type { Executor, StoredKey } from './store.ts'
import { storedColumns, withPriority } from './store.ts'

export interface HygieneSettings {
  /** null: healthy keys are not asked about. */
  readonly checkEveryHours: number | null
  readonly unusedDays: number
  readonly oldDays: number
}

export const readSettings = async (executor: Executor): Promise<HygieneSettings> =>
  executor
    .selectFrom('key_hygiene_settings')
    .select(['check_every_hours as checkEveryHours', 'unused_days as unusedDays', 'old_days as oldDays'])
    .executeTakeFirstOrThrow()

/** Locks them, so that what is audited as before was so. */
export const lockSettings = async (transaction: Transaction<Schema>): Promise<HygieneSettings> => {
  await sql`SELECT 1 FROM key_hygiene_settings FOR UPDATE`.execute(transaction)
  return readSettings(transaction)
}

export const writeSettings = async (
  transaction: Transaction<Schema>,
  { checkEveryHours, unusedDays, oldDays }: HygieneSettings,
): Promise<void> => {
  await transaction
    .updateTable('key_hygiene_settings')
    .set({ check_every_hours: checkEveryHours, unused_days: unusedDays, old_days: oldDays })
    .execute()
}

/** Every planned check is forgotten, and planned anew by the interval of then. */
export const forgetPlans = async (transaction: Transaction<Schema>): Promise<void> => {
  await transaction
    .updateTable('service_keys')
    .set({ next_check_at: null })
    .where('next_check_at', 'is not', null)
    .execute()
}

/** Keys that came together are not asked about together: spread over the second half of the interval. */
export const planChecks = async (kysely: Kysely<Schema>, now: Date, everyHours: number): Promise<void> => {
  await sql`
    UPDATE service_keys SET next_check_at = ${now}::timestamptz + make_interval(hours => ${everyHours}) * (0.5 + random() / 2)
    WHERE status = 'active' AND next_check_at IS NULL`.execute(kysely)
}

/** Healthy keys whose time has come, put off by the interval, give or take a fifth: another process gets others. */
export const claimHealthy = async (
  kysely: Kysely<Schema>,
  now: Date,
  everyHours: number,
  limit: number,
): Promise<StoredKey[]> => {
  const claimed = await kysely
    .updateTable('service_keys as k')
    .set({
      next_check_at: sql<Date>`${now}::timestamptz + make_interval(hours => ${everyHours}) * (0.8 + random() * 0.4)`,
    })
    .where((eb) =>
      eb(
        eb.refTuple('k.organization_id', 'k.id'),
        'in',
        eb
          .selectFrom('service_keys as d')
          .select(['d.organization_id', 'd.id'])
          .where('d.status', '=', 'active')
          .where('d.next_check_at', '<=', now)
          .orderBy('d.next_check_at')
          .limit(limit)
          .forUpdate()
          .skipLocked()
          .$asTuple('organization_id', 'id'),
      ),
    )
    .returning(storedColumns)
    .execute()
  return claimed.map(withPriority)
}

/** Whether a system key has this secret; the fingerprint is the platform's of it. */
export const isSystemSecret = async (executor: Executor, fingerprint: Buffer): Promise<boolean> => {
  const row = await executor
    .selectFrom('service_keys')
    .select('id')
    .where('organization_id', '=', platformOrganizationId)
    .where('owner', '=', 'system')
    .where('secret_fingerprint', '=', fingerprint)
    .where('revoked_at', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** What an opened secret tells besides whether it works. True: news that it is a system key's. */
export const markSecret = async (
  transaction: Transaction<Schema>,
  key: KeyReference & { readonly version: number },
  marks: {
    readonly secretFingerprint: Buffer
    /** The same in all organizations: who has a key first is told by it (docs/billing.md). */
    readonly installationFingerprint: Buffer
    readonly isSystemSecret: boolean
    readonly scopeNotes: readonly string[] | null
  },
): Promise<boolean> => {
  const { rows } = await sql<{ was: boolean }>`
    UPDATE service_keys AS k
    SET secret_fingerprint = ${marks.secretFingerprint}, is_system_secret = ${marks.isSystemSecret},
        installation_fingerprint = ${marks.installationFingerprint},
        scope_notes = coalesce(${marks.scopeNotes === null ? null : [...marks.scopeNotes]}::text[], k.scope_notes)
    FROM service_keys AS before
    WHERE k.organization_id = ${key.organizationId} AND k.id = ${key.id} AND k.current_version = ${key.version}
      AND before.organization_id = k.organization_id AND before.id = k.id
    RETURNING before.is_system_secret AS was`.execute(transaction)
  return marks.isSystemSecret && rows[0]?.was === false
}

export interface SameSecret {
  readonly owner: 'user' | 'organization' | 'system'
  readonly userId: string | null
  readonly email: string | null
  readonly label: string
  readonly serviceId: string
}

/** Live keys of the organization with this secret, whatever service and address they are for. */
export const keysWithSecret = async (
  executor: Executor,
  organizationId: string,
  secretFingerprint: Buffer,
): Promise<SameSecret[]> =>
  executor
    .selectFrom('service_keys as k')
    .leftJoin('users as u', 'u.id', 'k.user_id')
    .select(['k.owner', 'k.user_id as userId', 'u.email', 'k.label', 'k.service_id as serviceId'])
    .where('k.organization_id', '=', organizationId)
    .where('k.secret_fingerprint', '=', secretFingerprint)
    .where('k.revoked_at', 'is', null)
    .orderBy('k.id')
    .execute()

export interface HygieneRow {
  readonly organizationId: string
  readonly organizationName: string
  readonly id: string
  readonly owner: 'user' | 'organization' | 'system'
  readonly userId: string | null
  readonly email: string | null
  readonly serviceId: string
  readonly label: string
  readonly lastFour: string
  readonly status: 'active' | 'invalid' | 'exhausted' | 'suspended' | 'revoked'
  readonly statusCause: 'possibly_leaked' | null
  readonly coolingUntil: Date | null
  readonly verdict: 'valid' | 'invalid' | 'valid_but_unusable' | 'unknown'
  readonly validatedAt: Date | null
  readonly lastUsedAt: Date | null
  readonly createdAt: Date
  readonly secretSince: Date
  readonly scopeNotes: readonly string[]
  readonly isSystemSecret: boolean
  readonly sameSecret: readonly SameSecret[]
}

export interface HygieneFilter {
  /** undefined: everywhere. */
  readonly organizationId?: string
  /** Only this user's own keys. */
  readonly userId?: string
}

/** More live keys than this are not looked at in one report. */
export const mostReported = 20_000

export const listForHygiene = async (executor: Executor, filter: HygieneFilter): Promise<HygieneRow[]> => {
  const { organizationId = null, userId = null } = filter
  const { rows } = await sql<HygieneRow>`
    SELECT k.organization_id AS "organizationId", g.name AS "organizationName", k.id, k.owner, k.user_id AS "userId", u.email,
      k.service_id AS "serviceId", k.label, k.last_four AS "lastFour", k.status, k.status_cause AS "statusCause",
      k.cooling_until AS "coolingUntil", k.verdict, k.validated_at AS "validatedAt", k.last_used_at AS "lastUsedAt",
      k.created_at AS "createdAt", v.created_at AS "secretSince", k.scope_notes AS "scopeNotes",
      k.is_system_secret AS "isSystemSecret", coalesce(s.keys, '[]') AS "sameSecret"
    FROM service_keys k
    JOIN organizations g ON g.id = k.organization_id
    JOIN service_key_versions v
      ON v.organization_id = k.organization_id AND v.service_key_id = k.id AND v.version = k.current_version
    LEFT JOIN users u ON u.id = k.user_id
    LEFT JOIN LATERAL (
      SELECT json_agg(json_build_object('owner', o.owner, 'userId', o.user_id, 'email', w.email, 'label', o.label,
               'serviceId', o.service_id) ORDER BY o.id) AS keys
      FROM service_keys o LEFT JOIN users w ON w.id = o.user_id
      WHERE o.organization_id = k.organization_id AND o.secret_fingerprint = k.secret_fingerprint AND o.id <> k.id
        AND o.revoked_at IS NULL) s ON true
    WHERE k.revoked_at IS NULL AND (${organizationId}::uuid IS NULL OR k.organization_id = ${organizationId}::uuid)
      AND (${userId}::uuid IS NULL OR k.user_id = ${userId}::uuid)
    ORDER BY k.organization_id, k.id
    LIMIT ${mostReported + 1}`.execute(executor)
  return rows
}
