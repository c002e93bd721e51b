import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { RemoteKey } from './driver.ts'
import type { AttemptReference, Executor } from './store.ts'

/**
 * intended: it may exist, and is looked for until that is known. left_to_person: somebody was told to delete it.
 */
export type RemoteState = 'intended' | 'exists' | 'in_use' | 'deleted' | 'absent' | 'left_to_person'

export interface RemoteRow extends AttemptReference {
  readonly name: string
  readonly remote: RemoteKey | null
  readonly state: RemoteState
  readonly prepared: Readonly<Record<string, string>>
  readonly intendedAt: Date
  readonly at: Date
  readonly lookAgainAt: Date | null
}

const columns = [
  'r.organization_id as organizationId',
  'r.attempt_id as id',
  'r.name',
  sql<RemoteKey | null>`r.remote`.as('remote'),
  'r.state',
  sql<Readonly<Record<string, string>>>`r.prepared`.as('prepared'),
  'r.intended_at as intendedAt',
  'r.at',
  'r.look_again_at as lookAgainAt',
] as const

export const listRemotes = (executor: Executor, attempt: AttemptReference): Promise<RemoteRow[]> =>
  executor
    .selectFrom('rotation_remotes as r')
    .select(columns)
    .where('r.organization_id', '=', attempt.organizationId)
    .where('r.attempt_id', '=', attempt.id)
    .orderBy('r.intended_at')
    .orderBy('r.name')
    .execute()

export const insertRemote = async (
  transaction: Transaction<Schema>,
  attempt: AttemptReference,
  name: string,
  prepared: Readonly<Record<string, string>>,
  now: Date,
): Promise<void> => {
  await transaction
    .insertInto('rotation_remotes')
    .values({
      organization_id: attempt.organizationId,
      attempt_id: attempt.id,
      name,
      state: 'intended',
      prepared: JSON.stringify(prepared),
      intended_at: now,
      at: now,
    })
    .execute()
}

export const writeRemote = async (
  executor: Executor,
  attempt: AttemptReference,
  name: string,
  set: {
    readonly state: RemoteState
    readonly remote?: RemoteKey | null
    readonly lookAgainAt?: Date | null
    readonly at: Date
  },
): Promise<void> => {
  await executor
    .updateTable('rotation_remotes')
    .set({
      state: set.state,
      at: set.at,
      ...(set.remote === undefined
        ? {}
        : { remote: set.remote === null ? null : JSON.stringify(set.remote) }),
      look_again_at: set.lookAgainAt ?? null,
    })
    .where('organization_id', '=', attempt.organizationId)
    .where('attempt_id', '=', attempt.id)
    .where('name', '=', name)
    .execute()
}

/** Put off for this process: another one that looks now gets others. */
export const claimLookAgain = async (
  kysely: Kysely<Schema>,
  now: Date,
  until: Date,
  limit: number,
): Promise<RemoteRow[]> => {
  const { rows } = await sql<{ organization_id: string; attempt_id: string; name: string }>`
    UPDATE rotation_remotes r SET look_again_at = ${until}
    FROM (
      SELECT organization_id, attempt_id, name FROM rotation_remotes
      WHERE look_again_at <= ${now} ORDER BY look_again_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE r.organization_id = due.organization_id AND r.attempt_id = due.attempt_id AND r.name = due.name
    RETURNING r.organization_id, r.attempt_id, r.name`.execute(kysely)
  if (rows.length === 0) return []
  return kysely
    .selectFrom('rotation_remotes as r')
    .select(columns)
    .where(
      sql<boolean>`(r.attempt_id, r.name) IN (SELECT * FROM unnest(${rows.map((row) => row.attempt_id)}::uuid[], ${rows.map((row) => row.name)}::text[]))`,
    )
    .execute()
}
