import type { PoolClient } from 'pg'
import type { Database } from '../db/database.ts'
import { newId } from '../kit/id.ts'
import { differenceOf, type Explanation, type Finding, type Found, type Run } from './run.ts'

const runColumns = `id, trigger, state, requested_by AS "requestedBy", requested_at AS "requestedAt", started_at AS "startedAt",
  finished_at AS "finishedAt", failure, checks, totals`

/** The new run, or the one under way: there is one at a time. */
export const requestRun = async (
  database: Database,
  run: Pick<Run, 'trigger' | 'requestedBy' | 'requestedAt'>,
): Promise<Run> => {
  for (;;) {
    const { rows } = await database.pool.query<Run>(
      `INSERT INTO reconciliation_runs (id, trigger, state, requested_by, requested_at) VALUES ($1, $2, 'waiting', $3, $4)
       ON CONFLICT DO NOTHING RETURNING ${runColumns}`,
      [newId(), run.trigger, run.requestedBy, run.requestedAt],
    )
    if (rows[0]) return rows[0]
    const under = await database.pool.query<Run>(
      `SELECT ${runColumns} FROM reconciliation_runs WHERE state IN ('waiting', 'running')`,
    )
    // It ended between the two statements: ask again.
    if (under.rows[0]) return under.rows[0]
  }
}

/** What is waiting, or was left by a process that died, for so long. */
export const claimRun = async (database: Database, now: Date, until: Date): Promise<Run | null> => {
  const { rows } = await database.pool.query<Run>(
    `UPDATE reconciliation_runs SET state = 'running', started_at = coalesce(started_at, $1), claimed_until = $2
     WHERE state = 'waiting' OR (state = 'running' AND claimed_until < $1) RETURNING ${runColumns}`,
    [now, until],
  )
  return rows[0] ?? null
}

export const keepClaim = async (database: Database, id: string, until: Date): Promise<void> => {
  await database.pool.query(
    `UPDATE reconciliation_runs SET claimed_until = $2 WHERE id = $1 AND state = 'running'`,
    [id, until],
  )
}

export const endRun = async (
  client: PoolClient,
  run: Pick<Run, 'id' | 'failure' | 'checks' | 'totals'>,
  at: Date,
): Promise<void> => {
  await client.query(
    `UPDATE reconciliation_runs SET state = CASE WHEN $2::text IS NULL THEN 'done' ELSE 'failed' END, failure = $2, checks = $3,
       totals = $4, finished_at = $5, claimed_until = NULL WHERE id = $1 AND state = 'running'`,
    [run.id, run.failure, JSON.stringify(run.checks), JSON.stringify(run.totals), at],
  )
}

export const listRuns = async (
  database: Database,
  filter: { id?: string; state?: Run['state']; isOk?: true; before: string | null; limit: number },
): Promise<Run[]> => {
  const { rows } = await database.pool.query<Run>(
    `SELECT ${runColumns} FROM reconciliation_runs
     WHERE ($1::uuid IS NULL OR id = $1) AND ($2::text IS NULL OR state = $2) AND ($3::uuid IS NULL OR id < $3)
       AND (NOT $4::boolean OR NOT EXISTS (
         SELECT FROM jsonb_array_elements(checks) AS c WHERE (c ->> 'unexplained')::int > 0))
     ORDER BY id DESC LIMIT $5`,
    [filter.id ?? null, filter.state ?? null, filter.before, filter.isOk ?? false, filter.limit],
  )
  return rows
}

interface ExplanationRow {
  check_id: string
  subject_kind: string
  subject_id: string
  difference: string | null
  message: string
  reason: string
  explained_by: string
  explained_at: Date
}

const explanationKey = (check: string, kind: string, id: string): string => `${check} ${kind} ${id}`

/** Explains a finding as long as it differs by as much, in the same way. */
export const explanations = async (
  client: PoolClient | Database['pool'],
): Promise<(found: Found) => Explanation | null> => {
  const { rows } = await client.query<ExplanationRow>('SELECT * FROM reconciliation_explanations')
  const known = new Map(
    rows.map((row) => [explanationKey(row.check_id, row.subject_kind, row.subject_id), row]),
  )
  return (found) => {
    const row = known.get(explanationKey(found.check, found.subject.kind, found.subject.id))
    const isSame =
      row?.difference === (differenceOf(found)?.toString() ?? null) && row.message === found.message
    return row && isSame ? { by: row.explained_by, at: row.explained_at, reason: row.reason } : null
  }
}

export const insertExplanation = async (
  client: PoolClient,
  finding: Finding,
  explanation: Explanation,
): Promise<void> => {
  await client.query(
    `INSERT INTO reconciliation_explanations
       (check_id, subject_kind, subject_id, difference, message, reason, explained_by, explained_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (check_id, subject_kind, subject_id) DO UPDATE SET difference = excluded.difference,
       message = excluded.message, reason = excluded.reason, explained_by = excluded.explained_by, explained_at = excluded.explained_at`,
    [
      finding.check,
      finding.subject.kind,
      finding.subject.id,
      finding.difference === null ? null : String(finding.difference),
      finding.message,
      explanation.reason,
      explanation.by,
      explanation.at,
    ],
  )
}

/** First seen when the same was found of the same subject in the runs before. */
export const insertFindings = async (
  client: PoolClient,
  runId: string,
  findings: readonly Found[],
  at: Date,
): Promise<void> => {
  for (const found of findings) {
    const difference = differenceOf(found)
    await client.query(
      `INSERT INTO reconciliation_findings (run_id, id, check_id, organization_id, account_id, subject_kind, subject_id, message,
         unit, expected, found, difference, is_tolerated, first_seen_at)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
         coalesce((SELECT min(f.first_seen_at) FROM reconciliation_findings f
           WHERE f.check_id = $3 AND f.subject_kind = $6 AND f.subject_id = $7 AND f.message = $8), $14)`,
      [
        runId,
        newId(),
        found.check,
        found.organizationId,
        found.accountId,
        found.subject.kind,
        found.subject.id,
        found.message,
        found.unit,
        found.expected === null ? null : String(found.expected),
        found.found === null ? null : String(found.found),
        difference === null ? null : String(difference),
        found.isTolerated ?? false,
        at,
      ],
    )
  }
}

interface FindingRow {
  run_id: string
  id: string
  check_id: Found['check']
  organization_id: string | null
  account_id: string | null
  user_id: string | null
  subject_kind: Found['subject']['kind']
  subject_id: string
  message: string
  unit: Found['unit']
  expected: string | null
  found: string | null
  difference: string | null
  is_tolerated: boolean
  first_seen_at: Date
  reason: string | null
  explained_by: string | null
  explained_at: Date | null
}

const whole = (text: string | null): bigint | null => (text === null ? null : BigInt(text))

const findingFrom = (row: FindingRow): Finding => ({
  id: row.id,
  runId: row.run_id,
  check: row.check_id,
  organizationId: row.organization_id,
  accountId: row.account_id,
  userId: row.user_id,
  subject: { kind: row.subject_kind, id: row.subject_id },
  message: row.message,
  unit: row.unit,
  expected: whole(row.expected),
  found: whole(row.found),
  difference: whole(row.difference),
  isTolerated: row.is_tolerated,
  explanation:
    row.reason === null || row.explained_by === null || row.explained_at === null
      ? null
      : { by: row.explained_by, at: row.explained_at, reason: row.reason },
  firstSeenAt: row.first_seen_at,
})

export const listFindings = async (
  client: PoolClient | Database['pool'],
  filter: {
    runId?: string
    id?: string
    check?: string | undefined
    explained?: boolean | undefined
    after: string | null
    limit: number
  },
): Promise<Finding[]> => {
  const { rows } = await client.query<FindingRow>(
    `SELECT f.*, a.user_id, e.reason, e.explained_by, e.explained_at
     FROM reconciliation_findings f
     LEFT JOIN credit_accounts a ON a.organization_id = f.organization_id AND a.id = f.account_id
     LEFT JOIN reconciliation_explanations e ON e.check_id = f.check_id AND e.subject_kind = f.subject_kind
       AND e.subject_id = f.subject_id AND e.message = f.message AND e.difference IS NOT DISTINCT FROM f.difference
     WHERE ($1::uuid IS NULL OR f.run_id = $1) AND ($2::uuid IS NULL OR f.id = $2) AND ($3::text IS NULL OR f.check_id = $3)
       AND ($4::boolean IS NULL OR (f.is_tolerated OR e.reason IS NOT NULL) = $4) AND ($5::uuid IS NULL OR f.id > $5)
     ORDER BY f.id LIMIT $6`,
    [
      filter.runId ?? null,
      filter.id ?? null,
      filter.check ?? null,
      filter.explained ?? null,
      filter.after,
      filter.limit,
    ],
  )
  return rows.map(findingFrom)
}

/** One more of a check's differences is explained. */
export const countExplained = async (client: PoolClient, runId: string, check: string): Promise<void> => {
  await client.query(
    `UPDATE reconciliation_runs r SET checks = (
       SELECT jsonb_agg(CASE WHEN c.value ->> 'check' <> $2 THEN c.value ELSE c.value || jsonb_build_object(
         'unexplained', greatest((c.value ->> 'unexplained')::int - 1, 0), 'explained', (c.value ->> 'explained')::int + 1) END
         ORDER BY c.ordinality)
       FROM jsonb_array_elements(r.checks) WITH ORDINALITY AS c)
     WHERE id = $1 AND jsonb_array_length(checks) > 0`,
    [runId, check],
  )
}
