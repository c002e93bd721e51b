import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { RotationAttempt } from './attempt.ts'
import type { Executor } from './store.ts'

export interface Drain {
  readonly attemptId: string
  readonly serviceKeyId: string
  readonly version: number
  readonly barrierEpoch: bigint
}

/** Everything that was given out before has a smaller epoch. */
export const readEpoch = async (executor: Executor): Promise<bigint> =>
  (await executor.selectFrom('configuration_epoch').select('epoch').executeTakeFirstOrThrow()).epoch

/** Live processes that have not dropped what they knew before that epoch. */
export const countLagging = async (executor: Executor, epoch: bigint): Promise<number> => {
  const { lagging } = await executor
    .selectFrom('processes')
    .select((eb) => eb.fn.countAll<bigint>().as('lagging'))
    .where('lease_until', '>', sql<Date>`clock_timestamp()`)
    .where('acknowledged_epoch', '<', epoch)
    .executeTakeFirstOrThrow()
  return Number(lagging)
}

export const openDrain = async (
  transaction: Transaction<Schema>,
  attempt: Pick<RotationAttempt, 'organizationId' | 'id' | 'serviceKeyId'>,
  version: number,
  barrierEpoch: bigint,
): Promise<void> => {
  await closeDrain(transaction, attempt.id)
  await transaction
    .insertInto('key_version_drains')
    .values({
      attempt_id: attempt.id,
      organization_id: attempt.organizationId,
      service_key_id: attempt.serviceKeyId,
      version,
      barrier_epoch: barrierEpoch,
    })
    .execute()
}

export const closeDrain = async (executor: Executor, attemptId: string): Promise<void> => {
  await executor.deleteFrom('key_version_drains').where('attempt_id', '=', attemptId).execute()
}

export const listDrains = (kysely: Kysely<Schema>): Promise<Drain[]> =>
  kysely
    .selectFrom('key_version_drains')
    .select([
      'attempt_id as attemptId',
      'service_key_id as serviceKeyId',
      'version',
      'barrier_epoch as barrierEpoch',
    ])
    .execute()

export const reportUses = async (
  kysely: Kysely<Schema>,
  processId: string,
  counts: readonly { readonly attemptId: string; readonly inFlight: number }[],
): Promise<void> => {
  await sql`
    INSERT INTO key_version_uses (attempt_id, process_id, in_flight, reported_at)
    SELECT d.attempt_id, ${processId}::uuid, u.in_flight, clock_timestamp()
    FROM unnest(${counts.map((count) => count.attemptId)}::uuid[], ${counts.map((count) => count.inFlight)}::int[])
      AS u (attempt_id, in_flight)
    JOIN key_version_drains d ON d.attempt_id = u.attempt_id
    ON CONFLICT (attempt_id, process_id)
      DO UPDATE SET in_flight = excluded.in_flight, reported_at = excluded.reported_at`.execute(kysely)
}

/**
 * What the processes have said. `silent`: live ones that were there when the drain began and have not answered. What a
 * process claimed that has said nothing for two leases is not believed any more: it is dead.
 */
export const readUses = async (
  executor: Executor,
  attemptId: string,
): Promise<{ silent: number; inFlight: number }> => {
  const { rows } = await sql<{ silent: number; in_flight: number }>`
    SELECT
      (SELECT count(*) FROM processes p, key_version_drains d
       WHERE d.attempt_id = ${attemptId}::uuid AND p.started_at <= d.since AND p.lease_until > clock_timestamp()
         AND NOT EXISTS (SELECT FROM key_version_uses u WHERE u.attempt_id = d.attempt_id AND u.process_id = p.id)
      )::int AS silent,
      (SELECT coalesce(sum(u.in_flight), 0) FROM key_version_uses u LEFT JOIN processes p ON p.id = u.process_id
       WHERE u.attempt_id = ${attemptId}::uuid
         AND (p.lease_until > clock_timestamp() OR u.reported_at > clock_timestamp() - interval '10 seconds')
      )::int AS in_flight`.execute(executor)
  return { silent: rows[0]?.silent ?? 0, inFlight: rows[0]?.in_flight ?? 0 }
}

/** Tasks, videos and batches that were begun with the key until then, and go on at the service. */
export const countLongOperations = async (
  executor: Executor,
  serviceKeyId: string,
  begunUntil: Date,
): Promise<number> => {
  const { open } = await executor
    .selectFrom('long_operations')
    .select((eb) => eb.fn.countAll<bigint>().as('open'))
    .where('service_key_id', '=', serviceKeyId)
    .where('ended_at', 'is', null)
    .where('submitted_at', '<=', begunUntil)
    .executeTakeFirstOrThrow()
  return Number(open)
}
