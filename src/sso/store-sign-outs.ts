import { sql } from 'kysely'
import type { Connection } from './connection.ts'
import type { Executor } from './store.ts'

/** Whom an identity provider has signed out. One of both at least. */
export interface SignedOut {
  readonly subject: string | null
  /** What it calls their sessions there; none: all of them. */
  readonly sessions: readonly string[]
}

/**
 * Ends what the connection opened for them, and sign-ins that wait for their second factor. A session of which the provider
 * never said what it calls it ends with any of its person's. Gives whose sessions ended.
 */
export const endSessions = async (
  executor: Executor,
  { organizationId, id }: Pick<Connection, 'organizationId' | 'id'>,
  { subject, sessions }: SignedOut,
  now: Date,
): Promise<string[]> => {
  const person = sql`user_id IN (SELECT user_id FROM sso_identities
    WHERE organization_id = ${organizationId} AND connection_id = ${id} AND subject = ${subject})`
  const named = sql`sso_session = ANY (${[...sessions]}::text[])`
  const which =
    subject === null
      ? named
      : sessions.length === 0
        ? person
        : sql`${person} AND (sso_session IS NULL OR ${named})`
  await sql`DELETE FROM pending_sign_ins WHERE sso_connection_id = ${id} AND ${which}`.execute(executor)
  const { rows } = await sql<{ userId: string }>`
    UPDATE sessions SET revoked_at = ${now}
    WHERE sso_connection_id = ${id} AND revoked_at IS NULL AND expires_at > ${now} AND ${which}
    RETURNING user_id AS "userId"`.execute(executor)
  return [...new Set(rows.map(({ userId }) => userId))]
}

/** Of a connection that lets nobody in any more. */
export const endAllSessions = async (
  executor: Executor,
  { id }: Pick<Connection, 'id'>,
  now: Date,
): Promise<void> => {
  await sql`DELETE FROM pending_sign_ins WHERE sso_connection_id = ${id}`.execute(executor)
  await sql`UPDATE sessions SET revoked_at = ${now}
    WHERE sso_connection_id = ${id} AND revoked_at IS NULL`.execute(executor)
}

/** A proof may have begun another session there. */
export const nameSession = async (
  executor: Executor,
  sessionId: string,
  connectionId: string,
  name: string,
): Promise<void> => {
  await sql`UPDATE sessions SET sso_session = ${name}
    WHERE id = ${sessionId} AND sso_connection_id = ${connectionId}`.execute(executor)
}
