import { type Kysely, sql, type Transaction } from 'kysely'
import type { RequestState } from '../contract/requests.ts'
import type { Schema } from '../db/schema.ts'
import type { AccessRequest, NewRequest } from './requests.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

const columns = sql`
  r.organization_id AS "organizationId", r.id, r.user_id AS "userId", coalesce(user_email(r.user_id::text), '') AS email,
  coalesce((SELECT u.name FROM users u WHERE u.id = r.user_id), '') AS name,
  r.kind, r.service_id AS "serviceId", r.model, r.reason, r.state, r.granted_by AS "grantedBy", r.answer,
  user_email(r.decided_by::text) AS "decidedByEmail", r.created_at AS "createdAt", r.decided_at AS "decidedAt"`

/** Kept until the transaction ends. */
export const isMember = async (t: Transaction<Schema>, organizationId: string, userId: string) => {
  const { rows } = await sql`
    SELECT 1 FROM memberships WHERE organization_id = ${organizationId} AND user_id = ${userId} FOR KEY SHARE`.execute(
    t,
  )
  return rows.length > 0
}

/** False: the same is asked for already. */
export const insert = async (t: Transaction<Schema>, id: string, at: Date, wanted: NewRequest) => {
  const { organizationId, userId, kind, serviceId, model, reason } = wanted
  const { rows } = await sql`
    INSERT INTO access_requests (organization_id, id, user_id, kind, service_id, model, reason, created_at)
    VALUES (${organizationId}, ${id}, ${userId}, ${kind}, ${serviceId}, ${model}, ${reason}, ${at})
    ON CONFLICT DO NOTHING RETURNING id`.execute(t)
  return rows.length > 0
}

export const countOpen = async (executor: Executor, organizationId: string, userId: string) => {
  const { rows } = await sql<{ open: bigint }>`
    SELECT count(*) AS open FROM access_requests
    WHERE organization_id = ${organizationId} AND user_id = ${userId} AND state = 'open'`.execute(executor)
  return Number(rows[0]?.open ?? 0n)
}

export const find = async (
  executor: Executor,
  which: { readonly organizationId: string; readonly id: string },
): Promise<AccessRequest | undefined> => {
  const { rows } = await sql<AccessRequest>`
    SELECT ${columns} FROM access_requests r
    WHERE r.organization_id = ${which.organizationId} AND r.id = ${which.id}`.execute(executor)
  return rows[0]
}

export interface RequestFilter {
  readonly organizationId: string
  readonly userId?: string
  readonly state?: RequestState | undefined
}

export const list = async (
  executor: Executor,
  { organizationId, userId, state }: RequestFilter,
  page: { readonly before: string | null; readonly limit: number },
): Promise<AccessRequest[]> => {
  const { rows } = await sql<AccessRequest>`
    SELECT ${columns} FROM access_requests r
    WHERE r.organization_id = ${organizationId}
      AND (${userId ?? null}::uuid IS NULL OR r.user_id = ${userId ?? null}::uuid)
      AND (${state ?? null}::text IS NULL OR r.state = ${state ?? null})
      AND (${page.before}::uuid IS NULL OR r.id < ${page.before}::uuid)
    ORDER BY r.id DESC LIMIT ${page.limit}`.execute(executor)
  return rows
}

/** False: somebody else has answered meanwhile. */
export const decide = async (
  t: Transaction<Schema>,
  which: { readonly organizationId: string; readonly id: string },
  to: {
    readonly state: 'approved' | 'declined' | 'withdrawn'
    readonly grantedBy: AccessRequest['grantedBy']
    readonly answer: string | null
    readonly decidedBy: string | null
    readonly at: Date
  },
): Promise<boolean> => {
  const { rows } = await sql`
    UPDATE access_requests SET state = ${to.state}, granted_by = ${to.grantedBy}, answer = ${to.answer},
      decided_by = ${to.decidedBy}, decided_at = ${to.at}
    WHERE organization_id = ${which.organizationId} AND id = ${which.id} AND state = 'open' RETURNING id`.execute(
    t,
  )
  return rows.length > 0
}

/** Members whose role may decide, those who run the organisation first. */
export const deciders = async (executor: Executor, organizationId: string, roles: readonly string[]) => {
  const { rows } = await sql<{ name: string; email: string }>`
    SELECT u.name, u.email FROM memberships m JOIN users u ON u.id = m.user_id
    WHERE m.organization_id = ${organizationId} AND m.role = ANY(${[...roles]}::text[])
      AND m.suspended_at IS NULL AND u.suspended_at IS NULL AND u.kind = 'person'
    ORDER BY m.created_at LIMIT 20`.execute(executor)
  return rows
}
