import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { startAfresh } from '../identity/start-afresh.ts'
import type { Members } from '../organizations/members.ts'
import { outcomeOf } from '../organizations/outcome.ts'
import type { Connection } from './connection.ts'
import { domainOfEmail } from './domain.ts'
import type { Domains } from './domains.ts'
import { followsRules, type NamedPerson, refused, roleOf } from './person.ts'
import * as store from './store.ts'

export interface Entrance {
  /**
   * The user whom an identity provider names, made a member where they are none. Whose subject is known is that user; everybody
   * else is found by an e-mail address of a domain that the organisation has proved to be its own.
   */
  admit(connection: Connection, person: NamedPerson): Promise<Outcome<string>>
  /** Ties a user who is signed in, and is a member, to whom they are at the provider. */
  tie(connection: Connection, person: NamedPerson, userId: string): Promise<Outcome<void>>
}

const gateway: Actor = { kind: 'gateway', id: null }

export const makeEntrance = (parts: {
  database: Database
  domains: Domains
  members: Pick<Members, 'join' | 'changeRole'>
  clock: Clock
}): Entrance => {
  const { database, domains, members, clock } = parts
  const { kysely } = database

  const identityRow = (person: NamedPerson, userId: string, tiedBySelf: boolean) => ({
    subject: person.subject,
    userId,
    email: person.email,
    tiedBySelf,
    at: clock(),
  })

  const tieIn = async (
    t: Transaction<Schema>,
    actor: Actor,
    connection: Connection,
    person: NamedPerson,
    userId: string,
  ): Promise<void> => {
    await store.putIdentity(t, connection, identityRow(person, userId, actor.kind === 'user'))
    await recordAudit(t, {
      organizationId: connection.organizationId,
      actor,
      action: 'sso_identity.tied',
      subject: { kind: 'user', id: userId },
      after: { connection: connection.name, email: person.email },
    })
  }

  const mayBeFound = async (connection: Connection, person: NamedPerson): Promise<Outcome<void>> => {
    const domain = domainOfEmail(person.email)
    if (domain !== null && (await domains.isHeldBy(connection.organizationId, domain)))
      return success(undefined)
    return refused(
      `${domain ?? 'The domain of the e-mail address'} is not a verified domain of this organisation.`,
      'An administrator of the organisation can verify it under Single sign-on.',
    )
  }

  const join = async (
    connection: Connection,
    person: NamedPerson,
    user: store.KnownUser | null,
    isFoundByEmail: boolean,
  ): Promise<Outcome<string>> => {
    if (!connection.joinsMembers)
      return refused('You are not a member of this organisation.', 'Ask an administrator to invite you.')
    const joined = await members.join(
      gateway,
      {
        organizationId: connection.organizationId,
        who: user ? { userId: user.id } : { person: { email: person.email, name: person.name } },
        role: roleOf(connection, person.groups),
        source: 'sso',
      },
      {
        reason: `Signed in at ${connection.name}`,
        also: async (t, userId) => {
          if (user && isFoundByEmail)
            await startAfresh(t, gateway, { organizationId: connection.organizationId, userId }, clock())
          await tieIn(t, gateway, connection, person, userId)
        },
      },
    )
    return joined.ok ? success(joined.value.userId) : joined
  }

  const follow = async (connection: Connection, person: NamedPerson, user: store.KnownUser) => {
    const role = roleOf(connection, person.groups)
    if (!followsRules(connection, user.role) || user.role === role) return success(undefined)
    const member = { organizationId: connection.organizationId, userId: user.id, role }
    return members.changeRole(gateway, member, {
      reason: `Groups at ${connection.name}`,
      // Looked at again then: an owner follows no group.
      forbids: (now) => (now === user.role ? null : fault('conflict')),
    })
  }

  const admitOnce = async (connection: Connection, person: NamedPerson): Promise<Outcome<string>> => {
    const { organizationId } = connection
    const known = await store.findIdentity(kysely, connection, person.subject)
    if (!known) {
      const allowed = await mayBeFound(connection, person)
      if (!allowed.ok) return allowed
    }
    const user = known
      ? await store.findUser(kysely, organizationId, known.userId)
      : await store.findUserByEmail(kysely, organizationId, person.email)
    const problem = user && problemOf(user)
    if (problem) return problem
    if (!user || user.role === null) return join(connection, person, user, !known)
    // Whoever sets the connection up decides what it says; only owners themselves say that it speaks for them.
    if (user.role === 'owner' && !known?.tiedBySelf) return ownersTie
    const followed = await follow(connection, person, user)
    if (!followed.ok) return followed
    return outcomeOf(() =>
      kysely.transaction().execute(async (t) => {
        const isOwner = (await store.lockRole(t, organizationId, user.id)) === 'owner'
        if (isOwner && !known?.tiedBySelf) throw new FaultError(fault('conflict'))
        if (known) await store.putIdentity(t, connection, identityRow(person, user.id, known.tiedBySelf))
        else await tieIn(t, gateway, connection, person, user.id)
        return user.id
      }),
    )
  }

  return {
    async admit(connection, person) {
      const admitted = await admitOnce(connection, person)
      // Somebody's two first sign-ins at once, or a role that was changed meanwhile: the second finds what the first has made.
      return !admitted.ok && admitted.fault.code === 'conflict' ? admitOnce(connection, person) : admitted
    },

    async tie(connection, person, userId) {
      const user = await store.findUser(kysely, connection.organizationId, userId)
      if (!user || user.role === null || problemOf(user) !== null) return failure('not_found')
      const known = await store.findIdentity(kysely, connection, person.subject)
      if (known && known.userId !== userId)
        return refused('Somebody else here is tied to this account at the identity provider.')
      await kysely
        .transaction()
        .execute((t) => tieIn(t, { kind: 'user', id: userId }, connection, person, userId))
      return success(undefined)
    },
  }
}

const ownersTie = refused(
  'Owners are not found by their e-mail address.',
  'Sign in here in another way, and tie your account to the company sign-in under Security.',
)

const problemOf = (user: store.KnownUser) => {
  if (user.kind !== 'person') return refused('This is the address of a service account.')
  if (user.suspendedAt !== null || user.memberSuspendedAt !== null) return failure('user_suspended')
  return null
}
