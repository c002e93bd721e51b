import { sql } from 'kysely'
import type { Schedule } from './schedule.ts'
import type { Executor } from './store.ts'

export interface ScheduleRow extends Schedule {
  readonly organizationId: string
  readonly serviceId: string
  readonly serviceKeyId: string | null
}

export const listSchedules = (executor: Executor): Promise<ScheduleRow[]> =>
  executor
    .selectFrom('rotation_schedules')
    .select([
      'organization_id as organizationId',
      'service_id as serviceId',
      'service_key_id as serviceKeyId',
      'every_days as everyDays',
      'overlap_seconds as overlapSeconds',
    ])
    .execute()

export const saveSchedule = async (executor: Executor, row: ScheduleRow, now: Date): Promise<void> => {
  await sql`
    INSERT INTO rotation_schedules (organization_id, service_id, service_key_id, every_days, overlap_seconds, updated_at)
    VALUES (${row.organizationId}, ${row.serviceId}, ${row.serviceKeyId}, ${row.everyDays}, ${row.overlapSeconds}, ${now})
    ON CONFLICT (organization_id, service_id, coalesce(service_key_id, '00000000-0000-0000-0000-000000000000'))
    DO UPDATE SET every_days = excluded.every_days, overlap_seconds = excluded.overlap_seconds,
      updated_at = excluded.updated_at`.execute(executor)
}

export const listMaximumAges = (executor: Executor) =>
  executor
    .selectFrom('organizations')
    .select(['id as organizationId', 'name as organizationName', 'maximum_key_age_days as maximumAgeDays'])
    .execute()

export const saveMaximumAge = async (
  executor: Executor,
  organizationId: string,
  maximumAgeDays: number | null,
): Promise<boolean> => {
  const saved = await executor
    .updateTable('organizations')
    .set({ maximum_key_age_days: maximumAgeDays })
    .where('id', '=', organizationId)
    .returning('id')
    .executeTakeFirst()
  return saved !== undefined
}

export interface RotatableKey {
  readonly organizationId: string
  readonly organizationName: string
  readonly maximumAgeDays: number | null
  readonly id: string
  readonly owner: 'user' | 'organization' | 'system'
  readonly userId: string | null
  readonly serviceId: string
  readonly label: string
  readonly lastFour: string
  readonly priority: 1 | 2 | 3 | null
  readonly status: string
  readonly version: number
  readonly versionSince: Date
}

/** Every key that is not revoked, with how old its current version is. */
export const listRotatable = async (
  executor: Executor,
  of: {
    readonly organizationId?: string
    readonly userId?: string
    readonly owners?: readonly RotatableKey['owner'][]
    readonly id?: string
    /** Also those that are revoked. */
    readonly revoked?: boolean
  } = {},
): Promise<RotatableKey[]> => {
  const { rows } = await sql<RotatableKey>`
    SELECT k.organization_id AS "organizationId", o.name AS "organizationName",
      LEAST(o.maximum_key_age_days, (o.allowed_uses->>'maximumKeyAgeDays')::integer) AS "maximumAgeDays",
      k.id, k.owner, k.user_id AS "userId", k.service_id AS "serviceId",
      k.label, k.last_four AS "lastFour", k.priority, k.status, k.current_version AS version,
      coalesce(v.created_at, k.created_at) AS "versionSince"
    FROM service_keys k
    JOIN organizations o ON o.id = k.organization_id
    LEFT JOIN service_key_versions v
      ON v.organization_id = k.organization_id AND v.service_key_id = k.id AND v.version = k.current_version
    WHERE (k.revoked_at IS NULL OR ${of.revoked ?? false})
      AND (${of.organizationId ?? null}::uuid IS NULL OR k.organization_id = ${of.organizationId ?? null}::uuid)
      AND (${of.userId ?? null}::uuid IS NULL OR k.user_id = ${of.userId ?? null}::uuid)
      AND (${of.id ?? null}::uuid IS NULL OR k.id = ${of.id ?? null}::uuid)
      AND k.owner = ANY(${[...(of.owners ?? ['user', 'organization', 'system'])]}::text[])
    ORDER BY k.organization_id, k.service_id, k.priority NULLS FIRST, k.position, k.id`.execute(executor)
  return rows
}
