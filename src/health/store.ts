import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Breaker } from './breaker.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

const columns = [
  'organization_id as organizationId',
  'subject',
  'subject_kind as kind',
  'state',
  'since',
  'probe_after as probeAfter',
  'openings',
  'probe_process as probeProcess',
  'probe_until as probeUntil',
] as const

/** Of one organization, or of all. */
export const openBreakers = async (executor: Executor, organizationId: string | null): Promise<Breaker[]> => {
  let query = executor.selectFrom('breakers').select(columns).where('state', '=', 'open')
  if (organizationId !== null) query = query.where('organization_id', '=', organizationId)
  return query.execute()
}

export const lockBreaker = async (
  transaction: Transaction<Schema>,
  organizationId: string,
  subject: string,
): Promise<Breaker | null> =>
  (await transaction
    .selectFrom('breakers')
    .select(columns)
    .where('organization_id', '=', organizationId)
    .where('subject', '=', subject)
    .forUpdate()
    .executeTakeFirst()) ?? null

/** False where another process was first with a new one. */
export const writeBreaker = async (
  transaction: Transaction<Schema>,
  breaker: Breaker,
  isNew: boolean,
): Promise<boolean> => {
  const row = {
    organization_id: breaker.organizationId,
    subject: breaker.subject,
    subject_kind: breaker.kind,
    state: breaker.state,
    since: breaker.since,
    probe_after: breaker.probeAfter,
    openings: breaker.openings,
    probe_process: breaker.probeProcess,
    probe_until: breaker.probeUntil,
  }
  if (isNew) {
    const inserted = await transaction
      .insertInto('breakers')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .returning('subject')
      .execute()
    return inserted.length > 0
  }
  await transaction
    .updateTable('breakers')
    .set(row)
    .where('organization_id', '=', breaker.organizationId)
    .where('subject', '=', breaker.subject)
    .execute()
  return true
}

/**
 * Chooses one process to probe: of any number that ask, the row lock lets one change the row, and the others find the
 * condition no longer true. A process whose lease in `processes` has ended is not waited for.
 */
export const claimProbe = async (
  executor: Executor,
  which: Pick<Breaker, 'organizationId' | 'subject'>,
  processId: string,
  now: Date,
  until: Date,
): Promise<boolean> => {
  const { rows } = await sql`
    UPDATE breakers AS b SET probe_process = ${processId}, probe_until = ${until}
    WHERE b.organization_id = ${which.organizationId} AND b.subject = ${which.subject}
      AND b.state = 'open' AND b.probe_after <= ${now}
      AND (b.probe_process IS NULL OR b.probe_until <= ${now}
        OR NOT EXISTS (SELECT FROM processes p WHERE p.id = b.probe_process AND p.lease_until > now()))
    RETURNING b.subject`.execute(executor)
  return rows.length > 0
}

export const releaseProbe = async (
  executor: Executor,
  which: Pick<Breaker, 'organizationId' | 'subject'>,
  processId: string,
): Promise<void> => {
  await executor
    .updateTable('breakers')
    .set({ probe_process: null, probe_until: null })
    .where('organization_id', '=', which.organizationId)
    .where('subject', '=', which.subject)
    .where('probe_process', '=', processId)
    .execute()
}

export interface Sample {
  readonly organizationId: string
  readonly subject: string
  readonly calls: number
  readonly failures: number
}

export const writeSamples = async (
  executor: Executor,
  processId: string,
  samples: readonly Sample[],
  now: Date,
): Promise<void> => {
  await sql`
    WITH gone AS (DELETE FROM health_samples WHERE at < ${now}::timestamptz - interval '10 minutes')
    INSERT INTO health_samples (organization_id, subject, process_id, calls, failures, at)
    SELECT s.organization_id, s.subject, ${processId}, s.calls, s.failures, ${now}
    FROM unnest(${samples.map((s) => s.organizationId)}::uuid[], ${samples.map((s) => s.subject)}::text[],
                ${samples.map((s) => s.calls)}::integer[], ${samples.map((s) => s.failures)}::integer[])
      AS s (organization_id, subject, calls, failures)
    ON CONFLICT (organization_id, subject, process_id)
    DO UPDATE SET calls = excluded.calls, failures = excluded.failures, at = excluded.at`.execute(executor)
}

/** Over all processes, by subject. */
export const readSamples = async (
  executor: Executor,
  organizationIds: readonly string[],
  since: Date,
): Promise<ReadonlyMap<string, { calls: number; failures: number }>> => {
  const { rows } = await sql<{ subject: string; calls: number; failures: number }>`
    SELECT subject, sum(calls)::integer AS calls, sum(failures)::integer AS failures FROM health_samples
    WHERE organization_id = ANY(${organizationIds}::uuid[]) AND at > ${since} GROUP BY subject`.execute(
    executor,
  )
  return new Map(rows.map(({ subject, calls, failures }) => [subject, { calls, failures }]))
}

export interface KeyRow {
  readonly organizationId: string
  readonly id: string
  readonly serviceId: string
  readonly owner: 'user' | 'organization' | 'system'
  readonly label: string
  readonly priority: number | null
  readonly status: 'active' | 'invalid' | 'exhausted' | 'suspended' | 'revoked'
  readonly statusReason: string | null
  readonly coolingUntil: Date | null
  readonly suspectedAt: Date | null
  readonly recheckAfter: Date | null
  readonly lastFour: string
}

const keyColumns = [
  'organization_id as organizationId',
  'id',
  'service_id as serviceId',
  'owner',
  'label',
  'priority',
  'status',
  'status_reason as statusReason',
  'cooling_until as coolingUntil',
  'suspected_at as suspectedAt',
  'recheck_after as recheckAfter',
  'last_four as lastFour',
] as const

/** Live keys of an organization; those of other users are not among them when a user is named. */
export const readKeys = async (
  executor: Executor,
  organizationId: string,
  userId: string | null,
): Promise<KeyRow[]> =>
  executor
    .selectFrom('service_keys')
    .select(keyColumns)
    .where('organization_id', '=', organizationId)
    .where('revoked_at', 'is', null)
    .where((eb) =>
      userId === null ? eb.val(true) : eb.or([eb('user_id', 'is', null), eb('user_id', '=', userId)]),
    )
    .orderBy('service_id')
    .orderBy(sql`priority NULLS FIRST`)
    .orderBy('position')
    .orderBy('id')
    .execute()

/** How many keys that are not the platform's there are, by service, and how many of them cannot be used. */
export const countOwnKeys = async (
  executor: Executor,
  platform: string,
  now: Date,
): Promise<ReadonlyMap<string, { total: number; attention: number; cooling: number }>> => {
  const { rows } = await sql<{ service_id: string; total: number; attention: number; cooling: number }>`
    SELECT service_id, count(*)::integer AS total,
      (count(*) FILTER (WHERE status IN ('invalid', 'exhausted') OR suspected_at IS NOT NULL))::integer AS attention,
      (count(*) FILTER (WHERE status = 'active' AND cooling_until > ${now}))::integer AS cooling
    FROM service_keys WHERE organization_id <> ${platform} AND revoked_at IS NULL GROUP BY service_id`.execute(
    executor,
  )
  return new Map(rows.map(({ service_id, ...counts }) => [service_id, counts]))
}
