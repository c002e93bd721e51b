import { type Kysely, sql, type Transaction } from 'kysely'
import type { Role } from '../contract/permissions.ts'
import type { Schema } from '../db/schema.ts'
import type { Connection } from './connection.ts'
import type { NamedPerson } from './person.ts'

export type Executor = Kysely<Schema> | Transaction<Schema>

interface ConnectionRow extends Omit<Connection, 'provider' | 'sealed'> {
  readonly kind: string
  readonly settings: unknown
  readonly masterKeyId: string | null
  readonly wrappedKey: Buffer | null
  readonly sealedSecret: Buffer | null
}

const columns = sql`organization_id AS "organizationId", id, kind, name, enabled, settings, joins_members AS "joinsMembers",
  default_role AS "defaultRole", role_rules AS "roleRules", version, secret_version AS "secretVersion",
  master_key_id AS "masterKeyId", wrapped_key AS "wrappedKey", sealed_secret AS "sealedSecret",
  own_certificate AS "ownCertificate", configured_at AS "configuredAt", last_used_at AS "lastUsedAt", problem,
  problem_at AS "problemAt"`

const connectionOf = (row: ConnectionRow): Connection => {
  const { kind, settings, masterKeyId, wrappedKey, sealedSecret, ...rest } = row
  const sealed = masterKeyId && wrappedKey && sealedSecret ? { masterKeyId, wrappedKey, sealedSecret } : null
  return { ...rest, sealed, provider: { kind, settings } as Connection['provider'] }
}

export const listConnections = async (executor: Executor, organizationId: string): Promise<Connection[]> => {
  const { rows } = await sql<ConnectionRow>`
    SELECT ${columns} FROM sso_connections WHERE organization_id = ${organizationId} ORDER BY name, id`.execute(
    executor,
  )
  return rows.map(connectionOf)
}

export const readConnection = async (executor: Executor, id: string): Promise<Connection | null> => {
  const { rows } = await sql<ConnectionRow>`
    SELECT ${columns} FROM sso_connections WHERE id = ${id}`.execute(executor)
  return rows[0] ? connectionOf(rows[0]) : null
}

/** Whoever else would store this id waits. */
export const lockId = async (executor: Executor, id: string): Promise<void> => {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`sso connection ${id}`}, 0))`.execute(executor)
}

/** Locked until the transaction ends. */
export const lockConnection = async (
  executor: Executor,
  organizationId: string,
  id: string,
): Promise<Connection | null> => {
  const { rows } = await sql<ConnectionRow>`
    SELECT ${columns} FROM sso_connections WHERE organization_id = ${organizationId} AND id = ${id} FOR UPDATE`.execute(
    executor,
  )
  return rows[0] ? connectionOf(rows[0]) : null
}

export type WrittenConnection = Omit<Connection, 'lastUsedAt' | 'problem' | 'problemAt'>

export const putConnection = async (executor: Executor, row: WrittenConnection, at: Date): Promise<void> => {
  const { provider, sealed } = row
  const columnsOfRow = {
    name: row.name,
    enabled: row.enabled,
    settings: JSON.stringify(provider.settings),
    joins_members: row.joinsMembers,
    default_role: row.defaultRole,
    role_rules: JSON.stringify(row.roleRules),
    version: row.version,
    secret_version: row.secretVersion,
    master_key_id: sealed?.masterKeyId ?? null,
    wrapped_key: sealed?.wrappedKey ?? null,
    sealed_secret: sealed?.sealedSecret ?? null,
    own_certificate: row.ownCertificate,
    configured_at: row.configuredAt,
    updated_at: at,
    problem: null,
    problem_at: null,
  }
  await executor
    .insertInto('sso_connections')
    .values({
      ...columnsOfRow,
      organization_id: row.organizationId,
      id: row.id,
      kind: provider.kind,
      created_at: at,
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'id']).doUpdateSet(columnsOfRow))
    .execute()
}

export const deleteConnection = async (
  executor: Executor,
  organizationId: string,
  id: string,
): Promise<void> => {
  await executor
    .deleteFrom('sso_connections')
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .execute()
}

export const noteUse = async (
  executor: Executor,
  { organizationId, id }: Pick<Connection, 'organizationId' | 'id'>,
  use: { at: Date; problem: string | null },
): Promise<void> => {
  await executor
    .updateTable('sso_connections')
    .set(
      use.problem === null
        ? { last_used_at: use.at, problem: null, problem_at: null }
        : { problem: use.problem, problem_at: use.at },
    )
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .execute()
}

export interface Attempt {
  readonly organizationId: string
  readonly id: string
  readonly connectionId: string
  readonly purpose: 'sign_in' | 'link' | 'unsolicited' | 'prove'
  readonly userId: string | null
  readonly sessionId: string | null
  readonly stateHash: Buffer
  readonly result: NamedPerson | null
  readonly createdAt: Date
}

const attemptColumns = sql`organization_id AS "organizationId", id, connection_id AS "connectionId", purpose,
  user_id AS "userId", session_id AS "sessionId", state_hash AS "stateHash", result, created_at AS "createdAt"`

export const insertAttempt = async (
  executor: Executor,
  attempt: Attempt & { ticketHash: Buffer | null; expiresAt: Date },
): Promise<void> => {
  await executor
    .insertInto('sso_attempts')
    .values({
      organization_id: attempt.organizationId,
      id: attempt.id,
      connection_id: attempt.connectionId,
      purpose: attempt.purpose,
      state_hash: attempt.stateHash,
      user_id: attempt.userId,
      session_id: attempt.sessionId,
      result: attempt.result === null ? null : JSON.stringify(attempt.result),
      ticket_hash: attempt.ticketHash,
      created_at: attempt.createdAt,
      expires_at: attempt.expiresAt,
    })
    .execute()
}

/** Of two simultaneous answers one finds the attempt. */
export const useAttempt = async (
  executor: Executor,
  connection: Pick<Connection, 'organizationId' | 'id'>,
  by: { stateHash: Buffer } | { ticketHash: Buffer },
  now: Date,
): Promise<Attempt | null> => {
  const which = 'stateHash' in by ? sql`state_hash = ${by.stateHash}` : sql`ticket_hash = ${by.ticketHash}`
  const { rows } = await sql<Attempt>`
    UPDATE sso_attempts SET used_at = ${now}
    WHERE organization_id = ${connection.organizationId} AND connection_id = ${connection.id} AND ${which}
      AND used_at IS NULL AND expires_at > ${now}
    RETURNING ${attemptColumns}`.execute(executor)
  return rows[0] ?? null
}

export const peekTicket = async (
  executor: Executor,
  connection: Pick<Connection, 'organizationId' | 'id'>,
  ticketHash: Buffer,
  now: Date,
): Promise<Attempt | null> => {
  const { rows } = await sql<Attempt>`
    SELECT ${attemptColumns} FROM sso_attempts
    WHERE organization_id = ${connection.organizationId} AND connection_id = ${connection.id}
      AND ticket_hash = ${ticketHash} AND used_at IS NULL AND expires_at > ${now}`.execute(executor)
  return rows[0] ?? null
}

/** The answer to a request that waits for one; false: there is none, or it was answered. */
export const answerAttempt = async (
  executor: Executor,
  connection: Pick<Connection, 'organizationId' | 'id'>,
  answer: { stateHash: Buffer; result: NamedPerson; ticketHash: Buffer; expiresAt: Date },
  now: Date,
): Promise<boolean> => {
  const result = await executor
    .updateTable('sso_attempts')
    .set({
      result: JSON.stringify(answer.result),
      ticket_hash: answer.ticketHash,
      expires_at: answer.expiresAt,
    })
    .where('organization_id', '=', connection.organizationId)
    .where('connection_id', '=', connection.id)
    .where('state_hash', '=', answer.stateHash)
    .where('purpose', '<>', 'unsolicited')
    .where('ticket_hash', 'is', null)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}

/** False: it was taken before. */
export const rememberAssertion = async (
  executor: Executor,
  { organizationId, id }: Pick<Connection, 'organizationId' | 'id'>,
  assertion: { hash: Buffer; expiresAt: Date },
): Promise<boolean> => {
  const result = await executor
    .insertInto('sso_assertions')
    .values({
      organization_id: organizationId,
      connection_id: id,
      assertion_hash: assertion.hash,
      expires_at: assertion.expiresAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return Number(result.numInsertedOrUpdatedRows) === 1
}

export interface KnownUser {
  readonly id: string
  readonly kind: string
  readonly suspendedAt: Date | null
  /** In the organisation of the connection; null: none. */
  readonly role: Role | null
  readonly memberSuspendedAt: Date | null
}

const userOf = (organizationId: string) => sql`
  SELECT u.id, u.kind, u.suspended_at AS "suspendedAt", m.role, m.suspended_at AS "memberSuspendedAt"
  FROM users u LEFT JOIN memberships m ON m.user_id = u.id AND m.organization_id = ${organizationId}`

export const findUserByEmail = async (
  executor: Executor,
  organizationId: string,
  email: string,
): Promise<KnownUser | null> => {
  const { rows } = await sql<KnownUser>`
    ${userOf(organizationId)} WHERE lower(u.email) = ${email.toLowerCase()}`.execute(executor)
  return rows[0] ?? null
}

export const findUser = async (
  executor: Executor,
  organizationId: string,
  id: string,
): Promise<KnownUser | null> => {
  const { rows } = await sql<KnownUser>`${userOf(organizationId)} WHERE u.id = ${id}`.execute(executor)
  return rows[0] ?? null
}

/** Stays what it is until the transaction ends. */
export const lockRole = async (
  t: Transaction<Schema>,
  organizationId: string,
  userId: string,
): Promise<Role | null> => {
  const { rows } = await sql<{ role: Role }>`
    SELECT role FROM memberships WHERE organization_id = ${organizationId} AND user_id = ${userId} FOR SHARE`.execute(
    t,
  )
  return rows[0]?.role ?? null
}

export const findIdentity = async (
  executor: Executor,
  { organizationId, id }: Pick<Connection, 'organizationId' | 'id'>,
  subject: string,
): Promise<{ userId: string; tiedBySelf: boolean } | null> => {
  const row = await executor
    .selectFrom('sso_identities')
    .select(['user_id as userId', 'tied_by_self as tiedBySelf'])
    .where('organization_id', '=', organizationId)
    .where('connection_id', '=', id)
    .where('subject', '=', subject)
    .executeTakeFirst()
  return row ?? null
}

export interface OwnConnection {
  readonly connectionId: string
  readonly kind: 'oidc' | 'saml'
  readonly name: string
  readonly email: string | null
  readonly tiedBySelf: boolean
  readonly lastUsedAt: Date | null
}

/** With the subject that was used last, where there are several. */
export const listOwnConnections = async (
  executor: Executor,
  organizationId: string,
  userId: string,
): Promise<OwnConnection[]> => {
  const { rows } = await sql<OwnConnection>`
    SELECT DISTINCT ON (c.name, c.id) c.id AS "connectionId", c.kind, c.name, i.email,
      coalesce(i.tied_by_self, false) AS "tiedBySelf", i.last_used_at AS "lastUsedAt"
    FROM sso_connections c
    LEFT JOIN sso_identities i
      ON i.organization_id = c.organization_id AND i.connection_id = c.id AND i.user_id = ${userId}
    WHERE c.organization_id = ${organizationId} AND c.enabled
    ORDER BY c.name, c.id, i.last_used_at DESC NULLS LAST`.execute(executor)
  return rows
}

export const putIdentity = async (
  executor: Executor,
  { organizationId, id }: Pick<Connection, 'organizationId' | 'id'>,
  identity: { subject: string; userId: string; email: string; at: Date; tiedBySelf: boolean },
): Promise<void> => {
  await executor
    .insertInto('sso_identities')
    .values({
      organization_id: organizationId,
      connection_id: id,
      subject: identity.subject,
      user_id: identity.userId,
      email: identity.email,
      tied_by_self: identity.tiedBySelf,
      created_at: identity.at,
      last_used_at: identity.at,
    })
    .onConflict((conflict) =>
      conflict.columns(['organization_id', 'connection_id', 'subject']).doUpdateSet({
        email: identity.email,
        last_used_at: identity.at,
        user_id: identity.userId,
        tied_by_self: identity.tiedBySelf,
      }),
    )
    .execute()
}

export const forgetIdentities = async (
  executor: Executor,
  { organizationId, id }: Pick<Connection, 'organizationId' | 'id'>,
): Promise<void> => {
  await executor
    .deleteFrom('sso_identities')
    .where('organization_id', '=', organizationId)
    .where('connection_id', '=', id)
    .execute()
}

/** Owners tie themselves again. */
export const forgetOwners = async (
  executor: Executor,
  { organizationId, id }: Pick<Connection, 'organizationId' | 'id'>,
): Promise<void> => {
  await executor
    .deleteFrom('sso_identities')
    .where('organization_id', '=', organizationId)
    .where('connection_id', '=', id)
    .where('user_id', 'in', (e) =>
      e
        .selectFrom('memberships')
        .select('user_id')
        .where('organization_id', '=', organizationId)
        .where('role', '=', 'owner'),
    )
    .execute()
}

export const isOwner = async (
  executor: Executor,
  organizationId: string,
  userId: string,
): Promise<boolean> => {
  const row = await executor
    .selectFrom('memberships')
    .select('role')
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row?.role === 'owner'
}

export const organizationName = async (executor: Executor, id: string): Promise<string | null> => {
  const row = await executor
    .selectFrom('organizations')
    .select('name')
    .where('id', '=', id)
    .executeTakeFirst()
  return row?.name ?? null
}

export const sweep = async (executor: Executor, now: Date): Promise<void> => {
  await executor.deleteFrom('sso_attempts').where('expires_at', '<', now).execute()
  await executor.deleteFrom('sso_assertions').where('expires_at', '<', now).execute()
}
