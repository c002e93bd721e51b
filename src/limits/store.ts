import { type Kysely, sql, type Transaction } from 'kysely'
import { arrayOf, arrayOfText } from '../db/arrays.ts'
import type { Schema } from '../db/schema.ts'
import type { Statement, Unit } from '../db/writer.ts'
import { type RateLimits, type Subject, type SubjectKind, subjectText } from './rate-limits.ts'
import { type Charge, type Holder, type Window } from './window.ts'

/** The windows of a batch, and who may take from them. */
export interface WindowStore {
  readonly read: (unit: Unit, subjects: readonly Subject[]) => Promise<Locked>
  readonly write: (unit: Unit, windows: readonly { subject: Subject; window: Window }[]) => Promise<unknown>
}

export interface Locked {
  readonly windows: ReadonlyMap<string, Window>
  /** By the clock of the database, read after the locks were there. */
  readonly nowSeconds: number
  /** Processes whose lease holds. */
  readonly live: ReadonlySet<string>
}

/**
 * A crash of PostgreSQL itself may forget the charges of its last half second. They are no money, and nothing waits for
 * a disk.
 */
const commitSoon: Statement = { name: 'limits_commit_soon', text: 'SET LOCAL synchronous_commit = off' }

/** In one order, so that two processes with common subjects wait for each other and never deadlock. */
const lockWindows: Statement = {
  name: 'limits_lock',
  text: `
    SELECT organization_id, subject_kind, subject_id, charges, holders FROM rate_windows
    WHERE (organization_id, subject_kind, subject_id) IN (SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[]))
    ORDER BY organization_id, subject_kind, subject_id
    FOR NO KEY UPDATE`,
}

const insertWindows: Statement = {
  name: 'limits_insert',
  text: `
    INSERT INTO rate_windows (organization_id, subject_kind, subject_id)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[]) ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING`,
}

/** A statement of its own: within the locking one it could be from before the wait for the lock. */
const present: Statement = {
  name: 'limits_present',
  text: `
    SELECT extract(epoch FROM clock_timestamp())::float8 AS seconds,
      ARRAY(SELECT id::text FROM processes WHERE lease_until > now()) AS live`,
}

const updateWindows: Statement = {
  name: 'limits_update',
  text: `
    UPDATE rate_windows AS w SET charges = n.charges::jsonb, holders = n.holders::jsonb, updated_at = now()
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[])
      AS n (organization_id, subject_kind, subject_id, charges, holders)
    WHERE w.organization_id = n.organization_id AND w.subject_kind = n.subject_kind AND w.subject_id = n.subject_id`,
}

interface WindowRow {
  organization_id: string
  subject_kind: SubjectKind
  subject_id: string
  charges: Charge[]
  holders: Holder[]
}

const keysOf = (subjects: readonly Subject[]) => [
  arrayOf(subjects, (s) => s.organizationId),
  arrayOf(subjects, (s) => s.kind),
  arrayOf(subjects, (s) => s.id),
]

const read: WindowStore['read'] = async (unit, subjects) => {
  const keys = keysOf(subjects)
  void unit.send(commitSoon, []).catch(() => {})
  const ask = () =>
    Promise.all([
      unit.ask<WindowRow>(lockWindows, keys),
      unit.ask<{ seconds: number; live: string[] }>(present, []),
    ])
  let [rows, [now]] = await ask()
  if (rows.length < subjects.length) {
    void unit.send(insertWindows, keys).catch(() => {})
    ;[rows, [now]] = await ask()
  }
  const windows = new Map(
    rows.map(({ organization_id, subject_kind, subject_id, charges, holders }) => [
      subjectText({ organizationId: organization_id, kind: subject_kind, id: subject_id }),
      { charges, holders },
    ]),
  )
  return { windows, nowSeconds: now?.seconds ?? 0, live: new Set(now?.live) }
}

const write: WindowStore['write'] = (unit, windows) =>
  unit.send(updateWindows, [
    ...keysOf(windows.map(({ subject }) => subject)),
    arrayOfText(windows, ({ window }) => JSON.stringify(window.charges)),
    arrayOfText(windows, ({ window }) => JSON.stringify(window.holders)),
  ])

export const windowStore: WindowStore = { read, write }

type Executor = Kysely<Schema> | Transaction<Schema>

export const findLimits = async (
  executor: Executor,
  subjects: readonly Subject[],
): Promise<ReadonlyMap<string, RateLimits>> => {
  const { rows } = await sql<LimitRow>`
    SELECT organization_id, subject_kind, subject_id, requests_per_minute, tokens_per_minute, concurrent
    FROM rate_limits WHERE (organization_id, subject_kind, subject_id) IN (
      SELECT * FROM unnest(${subjects.map((s) => s.organizationId)}::uuid[], ${subjects.map((s) => s.kind)}::text[],
                           ${subjects.map((s) => s.id)}::uuid[]))`.execute(executor)
  return new Map(rows.map((row) => [subjectText(subjectFrom(row)), limitsFrom(row)]))
}

/** Of all subjects of one kind in an organization, by id. */
export const listLimits = async (
  executor: Executor,
  organizationId: string,
  kind: SubjectKind,
): Promise<ReadonlyMap<string, RateLimits>> => {
  const { rows } = await sql<LimitRow>`
    SELECT organization_id, subject_kind, subject_id, requests_per_minute, tokens_per_minute, concurrent
    FROM rate_limits WHERE organization_id = ${organizationId} AND subject_kind = ${kind}`.execute(executor)
  return new Map(rows.map((row) => [row.subject_id, limitsFrom(row)]))
}

/** More than these would be set by a program, which has its own list. */
const listedMaximum = 10_000

export const listAllLimits = async (
  executor: Executor,
  kind: SubjectKind,
): Promise<(Subject & { limits: RateLimits })[]> => {
  const { rows } = await sql<LimitRow>`
    SELECT organization_id, subject_kind, subject_id, requests_per_minute, tokens_per_minute, concurrent
    FROM rate_limits WHERE subject_kind = ${kind} ORDER BY organization_id, subject_id
    LIMIT ${listedMaximum}`.execute(executor)
  return rows.map((row) => ({ ...subjectFrom(row), limits: limitsFrom(row) }))
}

export const listTokenLimits = async (
  executor: Executor,
  organizationId: string,
  userId: string,
): Promise<ReadonlyMap<string, RateLimits>> => {
  const { rows } = await sql<LimitRow>`
    SELECT l.organization_id, l.subject_kind, l.subject_id, l.requests_per_minute, l.tokens_per_minute, l.concurrent
    FROM rate_limits l JOIN access_tokens t ON t.organization_id = l.organization_id AND t.id = l.subject_id
    WHERE l.organization_id = ${organizationId} AND l.subject_kind = 'access_token' AND t.user_id = ${userId}
      AND t.revoked_at IS NULL`.execute(executor)
  return new Map(rows.map((row) => [row.subject_id, limitsFrom(row)]))
}

export const storeLimits = async (
  transaction: Transaction<Schema>,
  { organizationId, kind, id }: Subject,
  limits: RateLimits | null,
): Promise<void> => {
  if (limits === null) {
    await sql`
      DELETE FROM rate_limits
      WHERE organization_id = ${organizationId} AND subject_kind = ${kind} AND subject_id = ${id}`.execute(
      transaction,
    )
    return
  }
  const { requestsPerMinute, tokensPerMinute, concurrent } = limits
  await sql`
    INSERT INTO rate_limits (organization_id, subject_kind, subject_id, requests_per_minute, tokens_per_minute, concurrent)
    VALUES (${organizationId}, ${kind}, ${id}, ${requestsPerMinute}, ${tokensPerMinute}, ${concurrent})
    ON CONFLICT (organization_id, subject_kind, subject_id) DO UPDATE SET
      requests_per_minute = excluded.requests_per_minute, tokens_per_minute = excluded.tokens_per_minute,
      concurrent = excluded.concurrent, changed_at = now()`.execute(transaction)
}

const subjectExists: Record<SubjectKind, (s: Subject & { userId?: string }) => ReturnType<typeof sql>> = {
  access_token: ({ organizationId, id, userId }) => sql`
    SELECT 1 FROM access_tokens WHERE organization_id = ${organizationId} AND id = ${id} AND revoked_at IS NULL
      AND (${userId ?? null}::uuid IS NULL OR user_id = ${userId ?? null}::uuid)`,
  user: ({ organizationId, id }) =>
    sql`SELECT 1 FROM memberships WHERE organization_id = ${organizationId} AND user_id = ${id}`,
  service_key: ({ organizationId, id }) => sql`
    SELECT 1 FROM service_keys WHERE organization_id = ${organizationId} AND id = ${id} AND revoked_at IS NULL`,
  key_member: ({ organizationId, id }) => sql`
    SELECT 1 FROM service_keys WHERE organization_id = ${organizationId} AND id = ${id} AND owner = 'organization'
      AND revoked_at IS NULL`,
}

/** `userId`: only that user's own token. */
export const exists = async (executor: Executor, subject: Subject & { userId?: string }): Promise<boolean> =>
  (await subjectExists[subject.kind](subject).execute(executor)).rows.length > 0

/** Windows of whom nobody has asked anything for a day. */
export const sweepWindows = async (executor: Executor): Promise<void> => {
  await sql`DELETE FROM rate_windows WHERE updated_at < now() - interval '1 day'`.execute(executor)
}

interface LimitRow {
  organization_id: string
  subject_kind: SubjectKind
  subject_id: string
  requests_per_minute: number | null
  tokens_per_minute: bigint | null
  concurrent: number | null
}

const subjectFrom = (row: LimitRow): Subject => ({
  organizationId: row.organization_id,
  kind: row.subject_kind,
  id: row.subject_id,
})

const limitsFrom = (row: LimitRow): RateLimits => ({
  requestsPerMinute: row.requests_per_minute,
  tokensPerMinute: row.tokens_per_minute === null ? null : Number(row.tokens_per_minute),
  concurrent: row.concurrent,
})
