import { type Kysely, sql, type Transaction } from 'kysely'
import { type Role, roles } from '../contract/permissions.ts'
import type { Schema } from '../db/schema.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

export interface InvitationRow {
  readonly organizationId: string
  readonly id: string
  readonly email: string
  readonly role: Role
  readonly invitedByName: string | null
  readonly createdAt: Date
  readonly sentAt: Date
  readonly mailedAt: Date | null
  readonly mailFault: string | null
  readonly expiresAt: Date
}

const columns = sql`
  i.organization_id AS "organizationId", i.id, i.email, i.role, u.name AS "invitedByName", i.created_at AS "createdAt",
  i.sent_at AS "sentAt", i.mailed_at AS "mailedAt", i.mail_fault AS "mailFault", i.expires_at AS "expiresAt"`
const unanswered = sql`i.accepted_at IS NULL AND i.withdrawn_at IS NULL`

/** Newest first. Locked for a change where there is a transaction. */
export const listOpen = async (executor: Executor, organizationId: string): Promise<InvitationRow[]> => {
  const { rows } = await sql<InvitationRow>`
    SELECT ${columns} FROM invitations i LEFT JOIN users u ON u.id = i.invited_by
    WHERE i.organization_id = ${organizationId} AND ${unanswered} ORDER BY i.id DESC`.execute(executor)
  return rows
}

export const lockOpen = async (
  t: Transaction<Schema>,
  organizationId: string,
  which: { id: string } | { email: string },
): Promise<InvitationRow | undefined> => {
  const condition = 'id' in which ? sql`i.id = ${which.id}` : sql`lower(i.email) = lower(${which.email})`
  const { rows } = await sql<InvitationRow>`
    SELECT ${columns} FROM invitations i LEFT JOIN users u ON u.id = i.invited_by
    WHERE i.organization_id = ${organizationId} AND ${condition} AND ${unanswered} FOR UPDATE OF i`.execute(t)
  return rows[0]
}

/** What somebody offered who may not offer it any more. */
export const withdrawInvitationsOf = async (
  t: Transaction<Schema>,
  inviter: { organizationId: string; userId: string },
  isOver: (role: Role) => boolean,
  now: Date,
): Promise<void> => {
  await t
    .updateTable('invitations')
    .set({ withdrawn_at: now })
    .where('organization_id', '=', inviter.organizationId)
    .where('invited_by', '=', inviter.userId)
    .where('accepted_at', 'is', null)
    .where('withdrawn_at', 'is', null)
    .where('role', 'in', [...roles.filter(isOver), ''] as Role[])
    .execute()
}

export interface FoundInvitation extends InvitationRow {
  readonly organizationName: string
  /** Whose e-mail address it is, if anybody's; and whether they can work anywhere. */
  readonly userId: string | null
  readonly isActive: boolean
}

/** By the token's hash, as long as it can be taken: it rests while whoever sent it is suspended by the platform. */
export const findByToken = async (
  executor: Executor,
  tokenHash: Buffer,
  now: Date,
): Promise<FoundInvitation | undefined> => {
  const { rows } = await sql<FoundInvitation>`
    SELECT ${columns}, o.name AS "organizationName", e.id AS "userId",
      EXISTS (SELECT FROM memberships m WHERE m.user_id = e.id AND m.suspended_at IS NULL) AS "isActive"
    FROM invitations i
    JOIN organizations o ON o.id = i.organization_id AND o.deleted_at IS NULL
    LEFT JOIN users u ON u.id = i.invited_by
    LEFT JOIN users e ON lower(e.email) = lower(i.email)
    WHERE i.token_hash = ${tokenHash} AND i.expires_at > ${now} AND ${unanswered}
      AND u.suspended_at IS NULL`.execute(executor)
  return rows[0]
}

/** In the last day, answered or not. */
export const countSince = async (
  executor: Executor,
  organizationId: string,
  since: Date,
): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int AS count FROM invitations
    WHERE organization_id = ${organizationId} AND created_at > ${since}`.execute(executor)
  return rows[0]?.count ?? 0
}

export const isMemberByEmail = async (
  executor: Executor,
  organizationId: string,
  email: string,
): Promise<boolean> => {
  const { rows } = await sql`
    SELECT FROM memberships m JOIN users u ON u.id = m.user_id
    WHERE m.organization_id = ${organizationId} AND lower(u.email) = lower(${email})`.execute(executor)
  return rows.length > 0
}

export const insert = async (
  t: Transaction<Schema>,
  row: {
    organizationId: string
    id: string
    email: string
    role: Role
    tokenHash: Buffer
    invitedBy: string | null
    at: Date
    expiresAt: Date
  },
): Promise<void> => {
  await t
    .insertInto('invitations')
    .values({
      organization_id: row.organizationId,
      id: row.id,
      email: row.email,
      role: row.role,
      token_hash: row.tokenHash,
      invited_by: row.invitedBy,
      created_at: row.at,
      sent_at: row.at,
      expires_at: row.expiresAt,
    })
    .execute()
}

export const update = async (
  executor: Executor,
  { organizationId, id }: { organizationId: string; id: string },
  set: Partial<{
    token_hash: Buffer
    sent_at: Date
    mailed_at: Date | null
    mail_fault: string | null
    expires_at: Date
    accepted_at: Date
    accepted_by: string
    withdrawn_at: Date
  }>,
): Promise<void> => {
  await executor
    .updateTable('invitations')
    .set(set)
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .execute()
}
