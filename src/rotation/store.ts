import { type Kysely, sql, type Transaction } from 'kysely'
import type { RotationState } from '../contract/rotation.ts'
import type { Schema } from '../db/schema.ts'
import { newId } from '../kit/id.ts'
import type { AttemptPatch, RotationAttempt } from './attempt.ts'
import type { RemoteKey } from './driver.ts'

export type Executor = Kysely<Schema> | Transaction<Schema>

export interface AttemptReference {
  readonly organizationId: string
  readonly id: string
}

const attemptColumns = [
  'a.organization_id as organizationId',
  'a.id',
  'a.service_key_id as serviceKeyId',
  'a.service_id as serviceId',
  'a.driver_id as driverId',
  'a.crash_class as crashClass',
  'a.mode',
  'a.trigger',
  sql<RotationState>`a.state`.as('state'),
  sql<RotationState | null>`a.resume_state`.as('resumeState'),
  'a.state_since as stateSince',
  'a.from_version as fromVersion',
  'a.to_version as toVersion',
  'a.tries',
  'a.failures',
  'a.name',
  sql<Readonly<Record<string, string>>>`a.prepared`.as('prepared'),
  'a.intended_at as intendedAt',
  'a.held_by as heldBy',
  'a.scope',
  sql<RemoteKey | null>`a.old_remote`.as('oldRemote'),
  sql<RemoteKey | null>`a.new_remote`.as('newRemote'),
  'a.old_is_gone as oldIsGone',
  'a.overlap_seconds as overlapSeconds',
  'a.promoted_at as promotedAt',
  'a.overlap_until as overlapUntil',
  'a.barrier_epoch as barrierEpoch',
  'a.drain_since as drainSince',
  'a.quiet_at as quietAt',
  'a.in_flight as inFlight',
  'a.message',
  'a.next_step as nextStep',
  'a.reason',
  'a.created_by as createdBy',
  'a.created_at as createdAt',
  'a.ended_at as endedAt',
  'a.next_at as nextAt',
  'a.reminders',
  'a.fence',
] as const

const columnOf: Record<keyof AttemptPatch, string> = {
  driverId: 'driver_id',
  crashClass: 'crash_class',
  mode: 'mode',
  trigger: 'trigger',
  state: 'state',
  resumeState: 'resume_state',
  stateSince: 'state_since',
  fromVersion: 'from_version',
  toVersion: 'to_version',
  tries: 'tries',
  failures: 'failures',
  name: 'name',
  prepared: 'prepared',
  intendedAt: 'intended_at',
  heldBy: 'held_by',
  scope: 'scope',
  oldRemote: 'old_remote',
  newRemote: 'new_remote',
  oldIsGone: 'old_is_gone',
  overlapSeconds: 'overlap_seconds',
  promotedAt: 'promoted_at',
  overlapUntil: 'overlap_until',
  barrierEpoch: 'barrier_epoch',
  drainSince: 'drain_since',
  quietAt: 'quiet_at',
  inFlight: 'in_flight',
  message: 'message',
  nextStep: 'next_step',
  reason: 'reason',
  createdBy: 'created_by',
  endedAt: 'ended_at',
  nextAt: 'next_at',
  reminders: 'reminders',
}
const asJson = new Set<string>(['prepared', 'oldRemote', 'newRemote'])

const setOf = (patch: AttemptPatch): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(patch).map(([name, value]) => [
      columnOf[name as keyof AttemptPatch],
      asJson.has(name) && value !== null ? JSON.stringify(value) : value,
    ]),
  )

export interface NewAttempt extends AttemptReference {
  readonly serviceKeyId: string
  readonly serviceId: string
  readonly driverId: string
  readonly crashClass: RotationAttempt['crashClass']
  readonly mode: RotationAttempt['mode']
  readonly trigger: RotationAttempt['trigger']
  readonly fromVersion: number
  readonly oldRemote: RemoteKey | null
  readonly overlapSeconds: number
  readonly reason: string | null
  readonly createdBy: string | null
  readonly now: Date
}

/** False: one is under way. */
export const insertAttempt = async (transaction: Transaction<Schema>, row: NewAttempt): Promise<boolean> => {
  const inserted = await transaction
    .insertInto('rotation_attempts')
    .values({
      organization_id: row.organizationId,
      id: row.id,
      service_key_id: row.serviceKeyId,
      service_id: row.serviceId,
      driver_id: row.driverId,
      crash_class: row.crashClass,
      mode: row.mode,
      trigger: row.trigger,
      state: 'scheduled',
      state_since: row.now,
      from_version: row.fromVersion,
      old_remote: row.oldRemote === null ? null : JSON.stringify(row.oldRemote),
      overlap_seconds: row.overlapSeconds,
      reason: row.reason,
      created_by: row.createdBy,
      created_at: row.now,
      next_at: row.now,
    })
    .onConflict((oc) =>
      oc.columns(['organization_id', 'service_key_id']).where('ended_at', 'is', null).doNothing(),
    )
    .returning('id')
    .executeTakeFirst()
  return inserted !== undefined
}

export const insertStep = async (
  transaction: Transaction<Schema>,
  attempt: AttemptReference,
  step: {
    readonly state: RotationState
    readonly text: string
    readonly actor: string | null
    readonly at: Date
  },
): Promise<void> => {
  await transaction
    .insertInto('rotation_steps')
    .values({
      organization_id: attempt.organizationId,
      attempt_id: attempt.id,
      id: newId(),
      at: step.at,
      state: step.state,
      text: step.text,
      actor: step.actor,
    })
    .execute()
}

const attempts = (executor: Executor) => executor.selectFrom('rotation_attempts as a').select(attemptColumns)

export const findAttempt = (executor: Executor, id: string): Promise<RotationAttempt | undefined> =>
  attempts(executor).where('a.id', '=', id).executeTakeFirst()

export const findActive = (
  executor: Executor,
  key: { readonly organizationId: string; readonly id: string },
): Promise<RotationAttempt | undefined> =>
  attempts(executor)
    .where('a.organization_id', '=', key.organizationId)
    .where('a.service_key_id', '=', key.id)
    .where('a.ended_at', 'is', null)
    .executeTakeFirst()

export interface AttemptFilter {
  readonly organizationId?: string | undefined
  readonly serviceKeyIds?: readonly string[] | undefined
  readonly state?: 'open' | 'needs_person' | 'over' | undefined
  readonly limit: number
}

const personStates = ['asked', 'confirming', 'needs_human'] as const

export const listAttempts = (executor: Executor, filter: AttemptFilter): Promise<RotationAttempt[]> => {
  let query = attempts(executor)
  if (filter.organizationId !== undefined)
    query = query.where('a.organization_id', '=', filter.organizationId)
  if (filter.serviceKeyIds !== undefined)
    query = query.where('a.service_key_id', '=', sql<string>`ANY(${[...filter.serviceKeyIds]}::uuid[])`)
  if (filter.state === 'open') query = query.where('a.ended_at', 'is', null)
  if (filter.state === 'over') query = query.where('a.ended_at', 'is not', null)
  if (filter.state === 'needs_person') query = query.where('a.state', 'in', [...personStates])
  return query.orderBy('a.created_at', 'desc').orderBy('a.id', 'desc').limit(filter.limit).execute()
}

/** Others that are between preparation and their end in the same lane of system keys. */
export const keysUnderWay = async (
  executor: Executor,
  organizationId: string,
  exceptAttemptId: string,
): Promise<ReadonlySet<string>> => {
  const rows = await executor
    .selectFrom('rotation_attempts')
    .select('service_key_id')
    .where('organization_id', '=', organizationId)
    .where('ended_at', 'is', null)
    .where('id', '<>', exceptAttemptId)
    .where('state', 'not in', ['scheduled', 'asked', 'confirming', 'needs_human'])
    .execute()
  return new Set(rows.map((row) => row.service_key_id))
}

/** The attempt that is due longest, for this worker alone until the lease ends: nobody else has its fence. */
export const claimDue = async (
  kysely: Kysely<Schema>,
  worker: string,
  now: Date,
  leaseMs: number,
): Promise<RotationAttempt | undefined> => {
  const claimed = await sql<{ id: string }>`
    UPDATE rotation_attempts AS a
    SET fence = a.fence + 1, worker = ${worker}::uuid,
        lease_until = clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond'
    FROM (
      SELECT organization_id, id FROM rotation_attempts
      WHERE ended_at IS NULL AND next_at <= ${now} AND (lease_until IS NULL OR lease_until < clock_timestamp())
      ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE a.organization_id = due.organization_id AND a.id = due.id
    RETURNING a.id`.execute(kysely)
  const [row] = claimed.rows
  return row && findAttempt(kysely, row.id)
}

/** False: somebody else has gone on with it. */
export const renewLease = async (
  kysely: Kysely<Schema>,
  { organizationId, id, fence }: RotationAttempt,
  leaseMs: number,
): Promise<boolean> => {
  const renewed = await kysely
    .updateTable('rotation_attempts')
    .set({ lease_until: sql<Date>`clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond'` })
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .where('fence', '=', fence)
    .returning('id')
    .executeTakeFirst()
  return renewed !== undefined
}

export const releaseLease = async (kysely: Kysely<Schema>, attempt: RotationAttempt): Promise<void> => {
  await kysely
    .updateTable('rotation_attempts')
    .set({ lease_until: null, worker: null })
    .where('organization_id', '=', attempt.organizationId)
    .where('id', '=', attempt.id)
    .where('fence', '=', attempt.fence)
    .execute()
}

/** Only under the fence it was read with; undefined: overtaken, and nothing was written. */
export const changeAttempt = async (
  transaction: Transaction<Schema>,
  { organizationId, id, fence }: Pick<RotationAttempt, 'organizationId' | 'id' | 'fence'>,
  patch: AttemptPatch,
): Promise<RotationAttempt | undefined> => {
  const changed = await transaction
    .updateTable('rotation_attempts')
    .set(setOf(patch))
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .where('fence', '=', fence)
    .returning('id')
    .executeTakeFirst()
  return changed && findAttempt(transaction, id)
}

/** Takes it out of a worker's hands. The milliseconds for which a call of that worker may still be under way. */
export const seize = async (
  transaction: Transaction<Schema>,
  id: string,
): Promise<{ attempt: RotationAttempt; busyMs: number } | undefined> => {
  const seized = await sql<{ busy: number }>`
    WITH before AS (
      SELECT organization_id, id, lease_until FROM rotation_attempts WHERE id = ${id}::uuid FOR UPDATE
    )
    UPDATE rotation_attempts a SET fence = a.fence + 1, lease_until = NULL, worker = NULL
    FROM before b WHERE a.organization_id = b.organization_id AND a.id = b.id
    RETURNING greatest(0, extract(epoch FROM (b.lease_until - clock_timestamp())) * 1000)::float8 AS busy`.execute(
    transaction,
  )
  const attempt = seized.rows[0] && (await findAttempt(transaction, id))
  return attempt && { attempt, busyMs: seized.rows[0]?.busy ?? 0 }
}

export const listSteps = (executor: Executor, attempt: AttemptReference) =>
  executor
    .selectFrom('rotation_steps')
    .select(['at', sql<RotationState>`state`.as('state'), 'text', 'actor'])
    .where('organization_id', '=', attempt.organizationId)
    .where('attempt_id', '=', attempt.id)
    .orderBy('id')
    .execute()

/** Waiting for a person since long enough to be told again. */
export const listWaiting = (executor: Executor): Promise<RotationAttempt[]> =>
  attempts(executor)
    .where('a.ended_at', 'is', null)
    .where('a.state', 'in', [...personStates])
    .execute()

/** Of each key the end of its last rotation, and since when attempts have failed. */
export const lastEnds = async (executor: Executor) => {
  const rows = await sql<{ service_key_id: string; state: RotationState; ended_at: Date }>`
    SELECT DISTINCT ON (organization_id, service_key_id) service_key_id, state, ended_at
    FROM rotation_attempts WHERE ended_at IS NOT NULL
    ORDER BY organization_id, service_key_id, ended_at DESC`.execute(executor)
  return new Map(rows.rows.map((row) => [row.service_key_id, { state: row.state, endedAt: row.ended_at }]))
}
