import { type ExpressionBuilder, type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { CoolingModels, HealthAfterRecheck } from './health.ts'
import type { KeyReference, ServiceKey, ServiceKeyView } from './service-key.ts'

export type Executor = Kysely<Schema> | Transaction<Schema>

/** A row as the room works with it; never leaves it. */
export interface StoredKey extends ServiceKeyView {
  readonly suspendedStatus: 'active' | 'invalid' | 'exhausted' | null
  readonly fingerprint: Buffer
  readonly failedRechecks: number
}

export interface NewKeyRow extends KeyReference {
  readonly owner: 'user' | 'organization' | 'system'
  readonly userId: string | null
  readonly teamIds: readonly string[] | null
  readonly serviceId: string
  readonly label: string
  readonly priority: number | null
  readonly position: number
  readonly baseUrl: string | null
  readonly settings: Readonly<Record<string, string>>
  readonly lastFour: string
  readonly fingerprint: Buffer
  readonly createdBy: string | null
}

const viewColumns = [
  'k.organization_id as organizationId',
  'k.id',
  'k.owner',
  'k.user_id as userId',
  'k.team_ids as teamIds',
  'k.service_id as serviceId',
  'k.label',
  'k.priority',
  'k.position',
  'k.base_url as baseUrl',
  sql<Readonly<Record<string, string>>>`k.settings`.as('settings'),
  'k.status',
  'k.status_reason as statusReason',
  sql<'possibly_leaked' | null>`k.status_cause`.as('statusCause'),
  'k.scope_notes as scopeNotes',
  'k.cooling_until as coolingUntil',
  'k.suspected_at as suspectedAt',
  'k.verdict',
  'k.verdict_detail as verdictDetail',
  'k.validated_at as validatedAt',
  'k.last_four as lastFour',
  'k.current_version as version',
  'k.last_used_at as lastUsedAt',
  'k.created_at as createdAt',
] as const

export const storedColumns = [
  ...viewColumns,
  'k.suspended_status as suspendedStatus',
  'k.fingerprint',
  'k.failed_rechecks as failedRechecks',
] as const

export const sealedColumns = [
  'v.master_key_id as masterKeyId',
  'v.wrapped_key as wrappedKey',
  'v.sealed_secret as sealedSecret',
] as const

/** A column constraint keeps it within 1 to 3. */
export const withPriority = <Row extends { priority: number | null }>(row: Row) => ({
  ...row,
  priority: row.priority as 1 | 2 | 3 | null,
})

export interface KeyFilter {
  readonly organizationId: string
  readonly owners: readonly ('user' | 'organization' | 'system')[]
  /** Of the user keys, only this user's; in views also no key that is kept for teams of others. */
  readonly userId?: string
}

type KeyTable = { k: Schema['service_keys'] }
const inFilter = (filter: KeyFilter) => (eb: ExpressionBuilder<KeyTable, 'k'>) =>
  eb.and([
    eb('k.organization_id', '=', filter.organizationId),
    eb('k.owner', 'in', [...filter.owners]),
    eb('k.revoked_at', 'is', null),
    ...(filter.userId === undefined
      ? []
      : [eb.or([eb('k.user_id', 'is', null), eb('k.user_id', '=', filter.userId)])]),
  ])

const servesUser = (userId: string) =>
  sql<boolean>`(k.team_ids IS NULL OR EXISTS (
    SELECT FROM team_members m JOIN teams t ON t.organization_id = m.organization_id AND t.id = m.team_id
    WHERE m.organization_id = k.organization_id AND m.team_id = ANY (k.team_ids) AND m.user_id = ${userId}
      AND t.archived_at IS NULL))`

export const listViews = async (executor: Executor, filter: KeyFilter): Promise<ServiceKeyView[]> => {
  const rows = await executor
    .selectFrom('service_keys as k')
    .select(viewColumns)
    .where((eb) => inFilter(filter)(eb))
    .$if(filter.userId !== undefined, (query) => query.where(servesUser(filter.userId ?? '')))
    .orderBy('k.service_id')
    .orderBy(sql`k.priority NULLS FIRST`)
    .orderBy('k.position')
    .orderBy('k.id')
    .execute()
  return rows.map(withPriority)
}

export const listSealed = async (executor: Executor, filter: KeyFilter): Promise<ServiceKey[]> => {
  const rows = await executor
    .selectFrom('service_keys as k')
    .innerJoin('service_key_versions as v', (join) =>
      join
        .onRef('v.organization_id', '=', 'k.organization_id')
        .onRef('v.service_key_id', '=', 'k.id')
        .onRef('v.version', '=', 'k.current_version'),
    )
    .select([
      'k.organization_id as organizationId',
      'k.id',
      'k.owner',
      'k.user_id as userId',
      'k.team_ids as teamIds',
      'k.service_id as serviceId',
      'k.label',
      'k.priority',
      'k.position',
      'k.base_url as baseUrl',
      sql<Readonly<Record<string, string>>>`k.settings`.as('settings'),
      'k.status',
      'k.cooling_until as coolingUntil',
      sql<CoolingModels>`k.cooling_models`.as('coolingModels'),
      'k.suspected_at as suspectedAt',
      'k.failed_rechecks as failedRechecks',
      'k.verdict',
      'k.current_version as version',
      'v.created_at as versionSince',
      'k.last_four as lastFour',
      ...sealedColumns,
    ])
    .where((eb) => inFilter(filter)(eb as unknown as ExpressionBuilder<KeyTable, 'k'>))
    .orderBy(sql`k.priority NULLS FIRST`)
    .orderBy('k.position')
    .orderBy('k.id')
    .execute()
  return rows.map(({ masterKeyId, wrappedKey, sealedSecret, ...row }) => ({
    ...withPriority(row),
    sealed: { masterKeyId, wrappedKey, sealedSecret },
  }))
}

export const findStored = async (executor: Executor, key: KeyReference): Promise<StoredKey | undefined> => {
  const row = await executor
    .selectFrom('service_keys as k')
    .select(storedColumns)
    .where('k.organization_id', '=', key.organizationId)
    .where('k.id', '=', key.id)
    .executeTakeFirst()
  return row && withPriority(row)
}

/** Locks first and reads in a second statement, which sees what the lock waited for. */
export const lockStored = async (
  transaction: Transaction<Schema>,
  key: KeyReference,
): Promise<StoredKey | undefined> => {
  await transaction
    .selectFrom('service_keys')
    .select('id')
    .where('organization_id', '=', key.organizationId)
    .where('id', '=', key.id)
    .forUpdate()
    .execute()
  return findStored(transaction, key)
}

/** Live keys with this fingerprint and owner. */
export const holdsFingerprint = async (
  executor: Executor,
  wanted: Pick<NewKeyRow, 'organizationId' | 'userId' | 'serviceId' | 'fingerprint'>,
): Promise<boolean> => {
  const row = await executor
    .selectFrom('service_keys')
    .select('id')
    .where('organization_id', '=', wanted.organizationId)
    .where('service_id', '=', wanted.serviceId)
    .where(sql<boolean>`user_id IS NOT DISTINCT FROM ${wanted.userId}::uuid`)
    .where('fingerprint', '=', wanted.fingerprint)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined
}

export const insertKey = async (
  transaction: Transaction<Schema>,
  row: NewKeyRow,
  health: HealthAfterRecheck,
  now: Date,
): Promise<void> => {
  await transaction
    .insertInto('service_keys')
    .values({
      organization_id: row.organizationId,
      id: row.id,
      owner: row.owner,
      user_id: row.userId,
      team_ids: row.teamIds && [...row.teamIds],
      service_id: row.serviceId,
      label: row.label,
      priority: row.priority,
      position: row.position,
      base_url: row.baseUrl,
      settings: JSON.stringify(row.settings),
      last_four: row.lastFour,
      fingerprint: row.fingerprint,
      created_by: row.createdBy,
      created_at: now,
      ...healthColumns(health, now, false),
    })
    .execute()
}

/** What a validation call changes; a suspended key's status waits until it is restored. */
export const healthColumns = (health: HealthAfterRecheck, now: Date, suspended: boolean) => ({
  ...(suspended ? { suspended_status: health.status } : { status: health.status }),
  ...(health.statusReason === undefined || suspended ? {} : { status_reason: health.statusReason }),
  suspected_at: health.suspectedAt,
  failed_rechecks: health.failedRechecks,
  recheck_after: health.recheckAfter,
  ...(health.proven === undefined
    ? {}
    : { verdict: health.proven.verdict, verdict_detail: health.proven.detail, validated_at: now }),
})

export const updateKey = async (
  transaction: Transaction<Schema>,
  key: KeyReference,
  set: Partial<{
    label: string
    team_ids: string[] | null
    priority: number
    position: number
    status: 'active' | 'invalid' | 'exhausted' | 'suspended' | 'revoked'
    suspended_status: 'active' | 'invalid' | 'exhausted' | null
    status_reason: string | null
    status_cause: 'possibly_leaked' | null
    next_check_at: Date | null
    suspected_at: Date | null
    cooling_until: Date | null
    recheck_after: Date | null
    failed_rechecks: number
    verdict: 'valid' | 'invalid' | 'valid_but_unusable' | 'unknown'
    verdict_detail: string | null
    validated_at: Date
    last_four: string
    fingerprint: Buffer
    settings: string
    scope_notes: string[]
    secret_fingerprint: Buffer
    is_system_secret: boolean
    cooling_models: string
    current_version: number
    revoked_at: Date
  }>,
): Promise<void> => {
  await transaction
    .updateTable('service_keys')
    .set(set)
    .where('organization_id', '=', key.organizationId)
    .where('id', '=', key.id)
    .execute()
}

/** Whether each is a team of the organisation that is not archived. */
export const areTeams = async (
  executor: Executor,
  organizationId: string,
  teamIds: readonly string[],
): Promise<boolean> => {
  const found = await executor
    .selectFrom('teams')
    .select('id')
    .where('organization_id', '=', organizationId)
    .where('id', 'in', [...teamIds])
    .where('archived_at', 'is', null)
    .execute()
  return found.length === new Set(teamIds).size
}

/** Keys whose recheck is due, put off for this process: another one that asks now gets others. */
export const claimDue = async (kysely: Kysely<Schema>, now: Date, until: Date, limit: number) => {
  const due = await kysely
    .updateTable('service_keys as k')
    .set({ recheck_after: until })
    .where((eb) =>
      eb(
        eb.refTuple('k.organization_id', 'k.id'),
        'in',
        eb
          .selectFrom('service_keys as d')
          .select(['d.organization_id', 'd.id'])
          .where('d.recheck_after', '<=', now)
          .where('d.revoked_at', 'is', null)
          .where('d.status', '<>', 'suspended')
          .where((inner) =>
            inner.or([
              inner('d.suspected_at', 'is not', null),
              inner('d.status', 'in', ['invalid', 'exhausted']),
            ]),
          )
          .orderBy('d.recheck_after')
          .limit(limit)
          .forUpdate()
          .skipLocked()
          .$asTuple('organization_id', 'id'),
      ),
    )
    .returning(storedColumns)
    .execute()
  return due.map(withPriority) satisfies StoredKey[]
}

/** Live keys of users, in the order of ids like every other lock on several keys. */
export const lockUserKeys = async (transaction: Transaction<Schema>, organizationId: string) =>
  transaction
    .selectFrom('service_keys')
    .select(['id', 'user_id as userId', 'service_id as serviceId', 'status'])
    .where('organization_id', '=', organizationId)
    .where('owner', '=', 'user')
    .where('revoked_at', 'is', null)
    .orderBy('id')
    .forUpdate()
    .execute()

/** Live keys of one member, or all of an organisation. */
export const lockKeysOf = async (
  transaction: Transaction<Schema>,
  organizationId: string,
  userId: string | null,
) =>
  transaction
    .selectFrom('service_keys')
    .select(['id', 'status'])
    .where('organization_id', '=', organizationId)
    .where('revoked_at', 'is', null)
    .$if(userId !== null, (query) => query.where('owner', '=', 'user').where('user_id', '=', userId))
    .orderBy('id')
    .forUpdate()
    .execute()

export const suspendKeys = async (
  transaction: Transaction<Schema>,
  organizationId: string,
  ids: readonly string[],
): Promise<void> => {
  await sql`
    UPDATE service_keys SET suspended_status = status, status = 'suspended'
    WHERE organization_id = ${organizationId} AND id = ANY(${ids}::uuid[])`.execute(transaction)
}

export const restoreKeys = async (
  transaction: Transaction<Schema>,
  organizationId: string,
  ids: readonly string[],
): Promise<void> => {
  await sql`
    UPDATE service_keys SET status = suspended_status, suspended_status = NULL
    WHERE organization_id = ${organizationId} AND id = ANY(${ids}::uuid[])`.execute(transaction)
}

/** Behind the others of the same owner, service and priority. */
export const nextPosition = async (
  executor: Executor,
  key: Pick<NewKeyRow, 'organizationId' | 'owner' | 'userId' | 'serviceId' | 'priority'>,
): Promise<number> => {
  const { last } = await executor
    .selectFrom('service_keys')
    .select((eb) => eb.fn.max('position').as('last'))
    .where('organization_id', '=', key.organizationId)
    .where('owner', '=', key.owner)
    .where('service_id', '=', key.serviceId)
    .where('revoked_at', 'is', null)
    .where(sql<boolean>`user_id IS NOT DISTINCT FROM ${key.userId}::uuid`)
    .where(sql<boolean>`priority IS NOT DISTINCT FROM ${key.priority}::smallint`)
    .executeTakeFirstOrThrow()
  return last === null ? 0 : last + 1
}

/** Live system keys of a service, locked in the order of ids. */
export const lockSystemKeys = async (
  transaction: Transaction<Schema>,
  organizationId: string,
  serviceId: string,
) =>
  transaction
    .selectFrom('service_keys')
    .select(['id', 'priority', 'position'])
    .where('organization_id', '=', organizationId)
    .where('owner', '=', 'system')
    .where('service_id', '=', serviceId)
    .where('revoked_at', 'is', null)
    .orderBy('id')
    .forUpdate()
    .execute()
