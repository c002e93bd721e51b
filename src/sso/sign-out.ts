import type { Transaction } from 'kysely'
import { recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { SignOn } from '../identity/session.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { hashOf } from './attempt.ts'
import { addressesOf, type Connection, isOidc, isSaml, type SamlConnection } from './connection.ts'
import type { LogoutNotice } from './logout-token.ts'
import type { Oidc } from './oidc.ts'
import { problemTextOf, refused } from './person.ts'
import { readSamlLogout, type SamlParty, samlLogoutAnswerUrl } from './saml.ts'
import { readSignedQuery } from './saml-logout.ts'
import * as store from './store.ts'
import { endSessions, nameSession } from './store-sign-outs.ts'

/** Who signs out at the identity provider is signed out here, and the other way round where the connection asks for it. */
export interface SsoSignOuts {
  /** OIDC: what the provider says to us directly (back-channel logout). */
  receiveToken(o: { connectionId: string; token: string }): Promise<Outcome<void>>
  /** SAML: what it has the browser bring, in the query of an address. Gives where the browser goes on with our answer. */
  receiveRequest(o: { connectionId: string; baseUrl: string; query: string }): Promise<Outcome<string>>
  /** OIDC: where somebody who has signed out here goes to sign out there, too. Null: nowhere. */
  continueAt(connectionId: string | null, baseUrl: string): Promise<string | null>
  /** What the provider calls a session of theirs from now on. */
  renamed(sessionId: string, signOn: SignOn): Promise<void>
}

/** Longer than any word of a sign-out is believed. */
const rememberedMs = 20 * 60_000

export const makeSsoSignOuts = (parts: {
  database: Database
  oidc: Oidc
  partyOf: (connection: SamlConnection, baseUrl: string) => Promise<Outcome<SamlParty>>
  clock: Clock
}): SsoSignOuts => {
  const { database, oidc, partyOf, clock } = parts
  const { kysely } = database

  const endIn = async (t: Transaction<Schema>, connection: Connection, notice: LogoutNotice) => {
    const { organizationId } = connection
    for (const userId of await endSessions(t, connection, notice, clock()))
      await recordAudit(t, {
        organizationId,
        actor: { kind: 'gateway', id: null },
        action: 'session.ended_by_provider',
        subject: { kind: 'user', id: userId },
        after: { connection: connection.name },
      })
  }

  /** Each word once: one that was kept by somebody would end sessions that began since. */
  const end = (connection: Connection, notice: LogoutNotice): Promise<Outcome<void>> =>
    kysely.transaction().execute(async (t) => {
      const word = {
        hash: hashOf(`logout ${notice.id}`),
        expiresAt: new Date(clock().getTime() + rememberedMs),
      }
      if (!(await store.rememberAssertion(t, connection, word))) return repeated
      await endIn(t, connection, notice)
      return success(undefined)
    })

  /** For whoever sets the connection up. */
  const noted = async <T>(connection: Connection, outcome: Outcome<T>): Promise<Outcome<T>> => {
    if (!outcome.ok)
      await store.noteUse(kysely, connection, { at: clock(), problem: problemTextOf(outcome.fault) })
    return outcome
  }

  const ended = async (connection: Connection, notice: Outcome<LogoutNotice>): Promise<Outcome<void>> =>
    noted(connection, notice.ok ? await end(connection, notice.value) : notice)

  return {
    async receiveToken({ connectionId, token }) {
      const connection = await store.readConnection(kysely, connectionId)
      if (!connection?.enabled || !isOidc(connection)) return failure('not_found')
      return ended(connection, await oidc.readLogout(connection, token))
    },

    async receiveRequest({ connectionId, baseUrl, query }) {
      const connection = await store.readConnection(kysely, connectionId)
      if (!connection?.enabled || !isSaml(connection)) return failure('not_found')
      if (connection.provider.settings.signOutUrl === null) return failure('not_found')
      const signed = readSignedQuery(query)
      if (signed === null) return noted(connection, unsigned)
      const party = await partyOf(connection, baseUrl)
      if (!party.ok) return party
      const notice = await readSamlLogout(party.value, signed, clock())
      const done = await ended(connection, notice)
      if (!notice.ok) return notice
      if (!done.ok) return done
      const { relayState } = signed
      return success(await samlLogoutAnswerUrl(party.value, { id: notice.value.id, relayState }))
    },

    async continueAt(connectionId, baseUrl) {
      const connection = connectionId === null ? null : await store.readConnection(kysely, connectionId)
      if (!connection?.enabled || !isOidc(connection)) return null
      if (!connection.provider.settings.signsOutThere) return null
      const { postLogoutRedirectUri } = addressesOf(baseUrl, connection.id)
      const url = await noted(connection, await oidc.signOutUrl(connection, postLogoutRedirectUri))
      return url.ok ? url.value : null
    },

    async renamed(sessionId, { connectionId, session }) {
      if (session !== null) await nameSession(kysely, sessionId, connectionId, session)
    },
  }
}

const repeated = refused('This word of a sign-out was taken before.')
const unsigned = refused(
  'The logout request has no signature of its own in the address.',
  'Have the identity provider use the HTTP-Redirect binding for single logout, and sign it.',
)
