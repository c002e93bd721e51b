import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { SignOn } from '../identity/session.ts'
import { newId } from '../kit/id.ts'
import { attemptSeconds, hashOf, newAttemptSecret, requestIdOf, stateOf, ticketSeconds } from './attempt.ts'
import {
  addressesOf,
  type Connection,
  isOidc,
  isSaml,
  problemOfAddress,
  type SamlConnection,
} from './connection.ts'
import type { Entrance } from './entrance.ts'
import type { Oidc } from './oidc.ts'
import { type NamedPerson, problemTextOf, refused } from './person.ts'
import { readSamlResponse, type SamlParty, samlRequestUrl, serviceProviderMetadata } from './saml.ts'
import * as store from './store.ts'

/** What a browser brings to the end of a sign-in: its own cookie's secret, and what came from the identity provider. */
export interface Answer {
  readonly connectionId: string
  readonly baseUrl: string
  readonly secret: string | null
  readonly answer:
    | { readonly kind: 'oidc'; readonly parameters: Readonly<Record<string, string>> }
    | { readonly kind: 'saml'; readonly ticket: string }
  /** Who is signed in in this browser, and the session that says so. */
  readonly signedInAs: { readonly userId: string; readonly sessionId: string } | null
}

/** Whose session may be opened; `tied` and `proved`: they have one already. */
export interface Admitted {
  readonly userId: string
  readonly organizationId: string
  readonly method: 'oidc' | 'saml'
  readonly signOn: SignOn
  readonly did: 'signed_in' | 'tied' | 'proved'
}

/** Of somebody who is signed in: ties them, or has them show anew who they are. */
export interface Errand {
  readonly purpose: 'link' | 'prove'
  readonly userId: string
  /** No other session goes on with it. */
  readonly sessionId: string
}

export interface SsoSignIns {
  /** The address to go to, and what only this browser may know, for its cookie. */
  begin(o: {
    connectionId: string
    baseUrl: string
    /** Or is made of the `Host` of the request. */
    isAddressConfigured: boolean
    /** Instead of signing anybody in. */
    errand?: Errand
  }): Promise<Outcome<{ url: string; secret: string; expiresAt: Date }>>
  finish(answer: Answer): Promise<Outcome<Admitted>>
  /**
   * What a SAML provider had the browser post, from its own site and so without a cookie of ours. It is judged, kept, and
   * changes nothing; the ticket is for a page of ours, which ends the sign-in in the browser that began it.
   */
  receive(o: {
    connectionId: string
    baseUrl: string
    response: string
  }): Promise<Outcome<{ ticket: string }>>
  /** Of a sign-in that began at the provider: whom the page has to name before somebody agrees. */
  preview(
    connectionId: string,
    ticket: string,
  ): Promise<{ mustConfirm: boolean; email: string | null; organization: string | null }>
  metadata(connectionId: string, baseUrl: string): Promise<string | null>
  sweep(): Promise<void>
}

/** Between our clock and theirs. */
const skewMs = 60_000
const expired = failure('sso_expired')

export const makeSsoSignIns = (parts: {
  database: Database
  oidc: Oidc
  entrance: Entrance
  partyOf: (connection: SamlConnection, baseUrl: string) => Promise<Outcome<SamlParty>>
  clock: Clock
}): SsoSignIns => {
  const { database, oidc, entrance, partyOf, clock } = parts
  const { kysely } = database
  const after = (seconds: number) => new Date(clock().getTime() + seconds * 1000)

  const inUse = async (connectionId: string): Promise<Outcome<Connection>> => {
    const connection = await store.readConnection(kysely, connectionId)
    return connection?.enabled ? success(connection) : refused('There is no such company sign-in any more.')
  }

  /** Kept for whoever sets it up; a browser without its attempt is nobody's mistake there. */
  const noted = async <T>(connection: Connection, outcome: Outcome<T>): Promise<Outcome<T>> => {
    if (!outcome.ok && outcome.fault.code !== 'sso_expired')
      await store.noteUse(kysely, connection, { at: clock(), problem: problemTextOf(outcome.fault) })
    return outcome
  }

  const named = async (
    connection: Connection,
    { answer, secret, baseUrl }: Answer,
  ): Promise<Outcome<{ person: NamedPerson; attempt: store.Attempt }>> => {
    if (answer.kind === 'saml') {
      const by = { ticketHash: hashOf(answer.ticket) }
      const attempt = await store.useAttempt(kysely, connection, by, clock())
      if (!attempt?.result) return expired
      const isOwn = secret !== null && attempt.stateHash.equals(hashOf(requestIdOf(secret)))
      return attempt.purpose === 'unsolicited' || isOwn
        ? success({ person: attempt.result, attempt })
        : expired
    }
    if (secret === null || !isOidc(connection)) return expired
    const by = { stateHash: hashOf(stateOf(secret)) }
    const attempt = await store.useAttempt(kysely, connection, by, clock())
    if (!attempt) return expired
    const { redirectUri } = addressesOf(baseUrl, connection.id)
    const back = { redirectUri, parameters: answer.parameters }
    const person = await oidc.finish(connection, back, secret)
    return person.ok ? success({ person: person.value, attempt }) : person
  }

  const admitted = async (
    connection: Connection,
    person: NamedPerson,
    attempt: store.Attempt,
    signedInAs: Answer['signedInAs'],
  ): Promise<Outcome<Admitted>> => {
    const { organizationId, id: connectionId } = connection
    const signOn = { connectionId, session: person.session }
    const of = { organizationId, method: connection.provider.kind, signOn }
    if (attempt.purpose !== 'link' && attempt.purpose !== 'prove') {
      const userId = await entrance.admit(connection, person)
      return userId.ok ? success({ ...of, userId: userId.value, did: 'signed_in' }) : userId
    }
    const { userId, sessionId } = attempt
    if (userId === null || userId !== signedInAs?.userId || sessionId !== signedInAs.sessionId) return expired
    if (attempt.purpose === 'link') {
      const tied = await entrance.tie(connection, person, userId)
      return tied.ok ? success({ ...of, userId, did: 'tied' }) : tied
    }
    const known = await store.findIdentity(kysely, connection, person.subject)
    if (known?.userId !== userId) return refused('You signed in there as somebody else than here.')
    return isAfter(person.authenticatedAt, attempt.createdAt)
      ? success({ ...of, userId, did: 'proved' })
      : notAnew
  }

  /** Where the browser goes. */
  const urlOf = async (
    connection: Connection,
    baseUrl: string,
    secret: string,
    asksAnew: boolean,
  ): Promise<Outcome<string>> => {
    if (isOidc(connection))
      return oidc.begin(connection, addressesOf(baseUrl, connection.id).redirectUri, secret, asksAnew)
    if (!isSaml(connection)) return expired
    const party = await partyOf(connection, baseUrl)
    return party.ok ? success(await samlRequestUrl(party.value, secret, asksAnew)) : party
  }

  return {
    async begin({ connectionId, baseUrl, isAddressConfigured, errand }) {
      const found = await inUse(connectionId)
      if (!found.ok) return found
      const connection = found.value
      const unsure = isOidc(connection) ? null : problemOfAddress(baseUrl, isAddressConfigured)
      if (unsure) return noted(connection, unsure)
      const secret = newAttemptSecret()
      const url = await urlOf(connection, baseUrl, secret, errand?.purpose === 'prove')
      if (!url.ok) return noted(connection, url)
      const expiresAt = after(attemptSeconds)
      await store.insertAttempt(kysely, {
        organizationId: connection.organizationId,
        id: newId(),
        connectionId: connection.id,
        purpose: errand?.purpose ?? 'sign_in',
        userId: errand?.userId ?? null,
        sessionId: errand?.sessionId ?? null,
        stateHash: hashOf(isOidc(connection) ? stateOf(secret) : requestIdOf(secret)),
        result: null,
        ticketHash: null,
        createdAt: clock(),
        expiresAt,
      })
      return success({ url: url.value, secret, expiresAt })
    },

    async finish(answer) {
      const found = await inUse(answer.connectionId)
      if (!found.ok) return found
      const connection = found.value
      const who = await noted(connection, await named(connection, answer))
      if (!who.ok) return who
      const { person, attempt } = who.value
      const result = await noted(connection, await admitted(connection, person, attempt, answer.signedInAs))
      if (result.ok) await store.noteUse(kysely, connection, { at: clock(), problem: null })
      return result
    },

    async receive({ connectionId, baseUrl, response }) {
      const found = await inUse(connectionId)
      if (!found.ok) return found
      const connection = found.value
      if (!isSaml(connection)) return expired
      const party = await partyOf(connection, baseUrl)
      if (!party.ok) return noted(connection, party)
      const read = await readSamlResponse(party.value, response, clock())
      if (!read.ok) return noted(connection, read)
      const { person, inResponseTo, assertionHash, expiresAt } = read.value
      if (inResponseTo === null && !connection.provider.settings.allowUnsolicited)
        return noted(connection, refused('Sign-ins may not begin at the identity provider here.'))
      const ticket = newAttemptSecret()
      const kept = { result: person, ticketHash: hashOf(ticket), expiresAt: after(ticketSeconds) }
      const isTaken = await kysely.transaction().execute(async (t) => {
        const assertion = { hash: assertionHash, expiresAt }
        if (!(await store.rememberAssertion(t, connection, assertion))) return false
        if (inResponseTo !== null)
          return store.answerAttempt(t, connection, { ...kept, stateHash: hashOf(inResponseTo) }, clock())
        await store.insertAttempt(t, {
          ...kept,
          organizationId: connection.organizationId,
          id: newId(),
          connectionId: connection.id,
          purpose: 'unsolicited',
          userId: null,
          sessionId: null,
          stateHash: hashOf(newAttemptSecret()),
          createdAt: clock(),
        })
        return true
      })
      return isTaken ? success({ ticket }) : expired
    },

    async preview(connectionId, ticket) {
      const found = await inUse(connectionId)
      const attempt = found.ok ? await store.peekTicket(kysely, found.value, hashOf(ticket), clock()) : null
      if (!found.ok || attempt?.purpose !== 'unsolicited')
        return { mustConfirm: false, email: null, organization: null }
      const organization = await store.organizationName(kysely, found.value.organizationId)
      return { mustConfirm: true, email: attempt.result?.email ?? null, organization }
    },

    async metadata(connectionId, baseUrl) {
      const connection = await store.readConnection(kysely, connectionId)
      if (!connection || !isSaml(connection)) return null
      const { id, provider, ownCertificate } = connection
      return serviceProviderMetadata(addressesOf(baseUrl, id), provider.settings, ownCertificate)
    },

    sweep: () => store.sweep(kysely, clock()),
  }
}

const isAfter = (authenticatedAt: string | null, asked: Date): boolean =>
  authenticatedAt !== null && Date.parse(authenticatedAt) >= asked.getTime() - skewMs
const notAnew = refused(
  'The identity provider does not say that you have just shown it who you are.',
  'Whoever runs it can have it ask anew when it is asked to, and say when somebody signed in (auth_time, AuthnInstant).',
)
