import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Checkpoint, Link } from './chain.ts'

/** What an organization's chain still has for a place. */
export interface Backlog {
  readonly organizationId: string
  readonly sequence: bigint
  readonly checkpointSequence: bigint
}

export interface StreamState {
  readonly sink: string
  readonly failures: number
  readonly failingSince: Date | null
  readonly lastFault: string | null
  readonly nextAttemptAt: Date
  readonly lastDeliveredAt: Date | null
  readonly behind: bigint
  readonly oldestWaitingAt: Date | null
}

export const declareStreams = async ({ pool }: Database, sinks: readonly string[]): Promise<void> => {
  await pool.query('INSERT INTO audit_streams (sink) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [
    sinks,
  ])
}

/**
 * The lease of a place, taken or prolonged; null: another process has it, or the next attempt is not due. By the database's
 * clock alone.
 */
export const holdStream = async (
  { pool }: Database,
  sink: string,
  holder: string,
  leaseSeconds: number,
): Promise<{ failures: number } | null> => {
  const { rows } = await pool.query<{ failures: number }>(
    `UPDATE audit_streams SET holder = $2, held_until = now() + make_interval(secs => $3)
     WHERE sink = $1 AND (holder = $2 OR held_until <= now()) AND next_attempt_at <= now() RETURNING failures`,
    [sink, holder, leaseSeconds],
  )
  return rows[0] ?? null
}

export const releaseStream = async ({ pool }: Database, sink: string, holder: string): Promise<void> => {
  await pool.query(
    `UPDATE audit_streams SET holder = NULL, held_until = '-infinity' WHERE sink = $1 AND holder = $2`,
    [sink, holder],
  )
}

/** Chains that have more than was delivered, beginning after one of them. */
export const readBacklogs = async (
  { pool }: Database,
  sink: string,
  after: string | null,
  limit: number,
): Promise<Backlog[]> => {
  const { rows } = await pool.query<Backlog>(
    `SELECT h.organization_id AS "organizationId", coalesce(p.sequence, 0) AS sequence,
       coalesce(p.checkpoint_sequence, 0) AS "checkpointSequence"
     FROM audit_heads h LEFT JOIN audit_stream_positions p ON p.organization_id = h.organization_id AND p.sink = $1
     WHERE h.sequence > coalesce(p.sequence, 0) OR EXISTS (SELECT FROM audit_checkpoints c
       WHERE c.organization_id = h.organization_id AND c.sequence > coalesce(p.checkpoint_sequence, 0)
         AND c.sequence <= coalesce(p.sequence, 0))
     ORDER BY coalesce(h.organization_id <= $3, true), h.organization_id LIMIT $2`,
    [sink, limit, after],
  )
  return rows
}

export const readLinksAfter = async (
  { pool }: Database,
  { organizationId, sequence }: Backlog,
  limit: number,
): Promise<Link[]> => {
  const { rows } = await pool.query<Link>(
    `SELECT organization_id AS "organizationId", sequence, text, previous_hash AS "previousHash", hash
     FROM audit_links WHERE organization_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`,
    [organizationId, sequence, limit],
  )
  return rows
}

/** Of links that were delivered. */
export const readCheckpointsAfter = async (
  { pool }: Database,
  { organizationId, sequence, checkpointSequence }: Backlog,
  limit: number,
): Promise<Checkpoint[]> => {
  const { rows } = await pool.query<Checkpoint>(
    `SELECT organization_id AS "organizationId", sequence, hash, at, signing_key_id AS "signingKeyId", signature
     FROM audit_checkpoints WHERE organization_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4`,
    [organizationId, checkpointSequence, sequence, limit],
  )
  return rows
}

/** Never back: of two processes that delivered the same, the one that was slower changes nothing. */
export const advance = async (
  { kysely }: Database,
  sink: string,
  { organizationId, sequence, checkpointSequence }: Backlog,
): Promise<void> => {
  await kysely
    .insertInto('audit_stream_positions')
    .values({ organization_id: organizationId, sink, sequence, checkpoint_sequence: checkpointSequence })
    .onConflict((conflict) =>
      conflict.columns(['organization_id', 'sink']).doUpdateSet({
        sequence: sql`greatest(audit_stream_positions.sequence, excluded.sequence)`,
        checkpoint_sequence: sql`greatest(audit_stream_positions.checkpoint_sequence, excluded.checkpoint_sequence)`,
      }),
    )
    .execute()
}

export const noteDelivered = async ({ pool }: Database, sink: string): Promise<void> => {
  await pool.query(
    `UPDATE audit_streams SET failures = 0, failing_since = NULL, last_fault = NULL, last_delivered_at = now() WHERE sink = $1`,
    [sink],
  )
}

export const noteFailure = async (
  { pool }: Database,
  sink: string,
  fault: string,
  waitMs: number,
): Promise<void> => {
  await pool.query(
    `UPDATE audit_streams SET failures = failures + 1, failing_since = coalesce(failing_since, now()), last_fault = $2,
       next_attempt_at = now() + make_interval(secs => $3::float8 / 1000) WHERE sink = $1`,
    [sink, fault, waitMs],
  )
}

export const readStreams = async ({ pool }: Database, sinks: readonly string[]): Promise<StreamState[]> => {
  const { rows } = await pool.query<StreamState>(
    `SELECT s.sink, s.failures, s.failing_since AS "failingSince", s.last_fault AS "lastFault",
       s.next_attempt_at AS "nextAttemptAt", s.last_delivered_at AS "lastDeliveredAt", lag.behind, lag."oldestWaitingAt"
     FROM audit_streams s, LATERAL (
       SELECT coalesce(sum(h.sequence - coalesce(p.sequence, 0)), 0)::bigint AS behind, min(e.at) AS "oldestWaitingAt"
       FROM audit_heads h
       LEFT JOIN audit_stream_positions p ON p.organization_id = h.organization_id AND p.sink = s.sink
       LEFT JOIN audit_links l ON l.organization_id = h.organization_id AND l.sequence = coalesce(p.sequence, 0) + 1
       LEFT JOIN audit_entries e ON e.organization_id = l.organization_id AND e.id = l.entry_id
       WHERE h.sequence > coalesce(p.sequence, 0)) AS lag
     WHERE s.sink = ANY($1) ORDER BY array_position($1, s.sink)`,
    [sinks],
  )
  return rows
}
