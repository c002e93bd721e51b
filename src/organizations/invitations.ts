import type { Transaction } from 'kysely'
import type { Mail } from '../alerts/mail.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Role } from '../contract/permissions.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import type { Identity, OpenedSession, Origin } from '../identity/identity.ts'
import { generateSecretToken, hashOfSecretToken } from '../identity/secret-token.ts'
import { workIn } from '../identity/work-in.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { makeSsoDirectory } from '../sso/directory.ts'
import { emit } from '../webhooks/events.ts'
import { invitationLetter } from './invitation-letter.ts'
import { type makeMembers, requireMay } from './members.ts'
import { outcomeOf } from './outcome.ts'
import * as invitations from './store-invitations.ts'
import type { OrganizationStore } from './store.ts'
import { lockStandings } from './store-members.ts'

export type Invitation = invitations.InvitationRow
export type FoundInvitation = invitations.FoundInvitation

/** Where the link leads, and who sends it. */
export interface Sending {
  /** In front of the path, for the letter. */
  readonly baseUrl: string
  readonly inviter: string
}

export interface SentInvitation {
  readonly invitation: Invitation
  /** Null: mailed. Whoever takes a mailed link has shown that the address is theirs; one that was shown shows nothing. */
  readonly path: string | null
}

/**
 * Invitations to a company by e-mail address. Each has one link, of which only the hash is stored; sending it again makes
 * another one.
 */
export interface Invitations {
  /** Else the link is shown to whoever invites. */
  readonly invitationsAreMailed: boolean
  listInvitations(organizationId: string): Promise<Invitation[]>
  invite(
    actor: Actor,
    wanted: { organizationId: string; email: string; role: Role },
    sending: Sending,
  ): Promise<Outcome<SentInvitation>>
  resendInvitation(
    actor: Actor,
    which: { organizationId: string; id: string },
    sending: Sending,
  ): Promise<Outcome<SentInvitation>>
  withdrawInvitation(actor: Actor, which: { organizationId: string; id: string }): Promise<Outcome<void>>
  /** By its link. */
  readInvitation(token: string, origin: Origin): Promise<Outcome<FoundInvitation>>
  /** By somebody who is not signed in. Null: they had an account, and sign in as they always do. */
  acceptInvitation(
    taken: { token: string; name?: string; password?: string },
    origin: Origin,
  ): Promise<Outcome<OpenedSession | null>>
  /** By somebody who is, with the invited e-mail address; their session works there from then on. */
  joinByInvitation(
    who: { userId: string; email: string; sessionId: string },
    token: string,
  ): Promise<Outcome<void>>
}

export interface InvitationParts {
  readonly database: Database
  readonly epoch: Epoch
  readonly identity: Identity
  readonly mail: Mail
  readonly clock: Clock
  readonly store: OrganizationStore
  readonly joinIn: ReturnType<typeof makeMembers>['joinIn']
}

export const invitationSeconds = 7 * 24 * 3600
/** Letters are sent in somebody's name to whomever they say. */
const mostADay = 200
const secondsBetweenLetters = 60

export const makeInvitations = (parts: InvitationParts): Invitations => {
  const { database, epoch, identity, mail, clock, store, joinIn } = parts
  const { kysely } = database
  const sso = makeSsoDirectory(database)
  const after = (seconds: number) => new Date(clock().getTime() + seconds * 1000)

  /** After the commit: a letter about an invitation that is not there would be worse than one that is not sent. */
  const send = async (
    invitation: Invitation,
    token: string,
    { baseUrl, inviter }: Sending,
  ): Promise<SentInvitation> => {
    const path = `/invitation#${token}`
    if (!mail.isAvailable) return { invitation, path }
    const organization = await store.read(invitation.organizationId)
    const sent = await mail.send({
      id: `${invitation.id}.${invitation.sentAt.getTime()}`,
      to: invitation.email,
      ...invitationLetter({
        organization: organization?.name ?? '',
        inviter,
        role: invitation.role,
        link: baseUrl + path,
        expiresAt: invitation.expiresAt,
      }),
    })
    const told =
      sent.kind === 'sent'
        ? { mailedAt: clock(), mailFault: null }
        : { mailedAt: null, mailFault: sent.fault }
    await invitations.update(kysely, invitation, { mailed_at: told.mailedAt, mail_fault: told.mailFault })
    return { invitation: { ...invitation, ...told }, path: null }
  }

  const changed = <T>(work: (t: Transaction<Schema>) => Promise<T>): Promise<Outcome<T>> =>
    outcomeOf(() => kysely.transaction().execute(work))

  const requireMayInvite = async (
    t: Transaction<Schema>,
    actor: Actor,
    organizationId: string,
    role: Role,
  ): Promise<void> => requireMay(await lockStandings(t, organizationId, [actor.id as string]), actor, role)

  const requireRoom = async (
    t: Transaction<Schema>,
    { organizationId, email }: { organizationId: string; email: string },
  ): Promise<void> => {
    // Locked: two who invite the same address come one after the other.
    const organization = await store.readForChange(t, organizationId)
    if (organization?.kind !== 'company') throw new FaultError(onlyCompanies)
    if (await invitations.isMemberByEmail(t, organizationId, email))
      throw new FaultError(fault('conflict', { message: 'This is a member already.', field: 'email' }))
    if ((await invitations.countSince(t, organizationId, after(-24 * 3600))) >= mostADay)
      throw new FaultError(
        fault('rate_limited', {
          message: `An organisation invites ${mostADay} people a day at most.`,
          retryAfterSeconds: 3600,
        }),
      )
    const open = await invitations.lockOpen(t, organizationId, { email })
    if (open && open.expiresAt > clock()) throw new FaultError(invitedAlready)
    if (open) await invitations.update(t, open, { withdrawn_at: clock() })
  }

  const take = async (
    t: Transaction<Schema>,
    found: FoundInvitation,
    user: { id: string } | { name: string; passwordHash: string },
  ): Promise<string> => {
    const { organizationId, role, email } = found
    const open = await invitations.lockOpen(t, organizationId, found)
    if (!open || open.sentAt.getTime() !== found.sentAt.getTime()) throw new FaultError(fault('invalid_link'))
    const who = 'id' in user ? { userId: user.id } : { person: { email, ...user } }
    const actor = 'id' in user ? ({ kind: 'user', id: user.id } as const) : null
    const { userId } = await joinIn(t, actor, { organizationId, who, role, source: 'invitation' })
    await invitations.update(t, open, { accepted_at: clock(), accepted_by: userId })
    return userId
  }

  return {
    invitationsAreMailed: mail.isAvailable,
    listInvitations: (organizationId) => invitations.listOpen(kysely, organizationId),

    async invite(actor, { organizationId, email, role }, sending) {
      const token = generateSecretToken()
      const inserted = await changed(async (t) => {
        await requireMayInvite(t, actor, organizationId, role)
        await requireRoom(t, { organizationId, email })
        const id = newId()
        await invitations.insert(t, {
          organizationId,
          id,
          email,
          role,
          tokenHash: hashOfSecretToken(token),
          invitedBy: actor.id,
          at: clock(),
          expiresAt: after(invitationSeconds),
        })
        await recordAudit(t, {
          organizationId,
          actor,
          action: 'invitation.created',
          subject: { kind: 'invitation', id },
          after: { email, role },
        })
        await emit(t, {
          organizationId,
          type: 'member.invited',
          data: { invitationId: id, email, role },
          at: clock(),
        })
        return (await invitations.lockOpen(t, organizationId, { id })) as Invitation
      })
      return inserted.ok ? success(await send(inserted.value, token, sending)) : inserted
    },

    async resendInvitation(actor, { organizationId, id }, sending) {
      const token = generateSecretToken()
      const renewed = await changed(async (t) => {
        const open = await invitations.lockOpen(t, organizationId, { id })
        if (!open) throw new FaultError(fault('not_found'))
        await requireMayInvite(t, actor, organizationId, open.role)
        const waited = (clock().getTime() - open.sentAt.getTime()) / 1000
        if (waited < secondsBetweenLetters)
          throw new FaultError(
            fault('rate_limited', { retryAfterSeconds: Math.ceil(secondsBetweenLetters - waited) }),
          )
        await invitations.update(t, open, {
          token_hash: hashOfSecretToken(token),
          sent_at: clock(),
          mailed_at: null,
          mail_fault: null,
          expires_at: after(invitationSeconds),
        })
        const subject = { kind: 'invitation', id }
        await recordAudit(t, { organizationId, actor, action: 'invitation.sent_again', subject })
        return (await invitations.lockOpen(t, organizationId, { id })) as Invitation
      })
      return renewed.ok ? success(await send(renewed.value, token, sending)) : renewed
    },

    withdrawInvitation: (actor, { organizationId, id }) =>
      changed(async (t) => {
        const open = await invitations.lockOpen(t, organizationId, { id })
        if (!open) throw new FaultError(fault('not_found'))
        await requireMayInvite(t, actor, organizationId, open.role)
        await invitations.update(t, open, { withdrawn_at: clock() })
        const { email, role } = open
        await recordAudit(t, {
          organizationId,
          actor,
          action: 'invitation.withdrawn',
          subject: { kind: 'invitation', id },
          before: { email, role },
        })
        const data = { invitationId: id, email }
        await emit(t, { organizationId, type: 'member.invitation_withdrawn', data, at: clock() })
      }),

    async readInvitation(token, origin) {
      const allowed = await identity.countLinkAttempt(origin.address)
      if (!allowed.ok) return allowed
      const found = await invitations.findByToken(kysely, hashOfSecretToken(token), clock())
      return found ? success(found) : failure('invalid_link')
    },

    async acceptInvitation({ token, name, password }, origin) {
      const read = await this.readInvitation(token, origin)
      if (!read.ok) return read
      const found = read.value
      // Who can sign in does: a link that somebody was shown must not open an account that is another's.
      if (found.isActive) return failure('conflict', signInFirst)
      if (found.userId !== null) {
        const id = found.userId
        const joined = await outcomeOf(() =>
          epoch.change(found.organizationId, (t) => take(t, found, { id })),
        )
        return joined.ok ? success(null) : joined
      }
      // Who must come by their company's sign-in is made a member there, and takes this when signed in.
      if (await sso.isEnforced(found.email)) return failure('sso_required')
      if (name === undefined || password === undefined)
        return failure('invalid_request', { field: name === undefined ? 'name' : 'password' })
      const passwordHash = await identity.hashPassword(password, { email: found.email, name })
      if (!passwordHash.ok) return passwordHash
      return outcomeOf(() =>
        epoch.change(found.organizationId, async (t) => {
          const userId = await take(t, found, { name, passwordHash: passwordHash.value })
          return identity.openSession(t, userId, origin)
        }),
      )
    },

    // Of another organisation than the session's.
    joinByInvitation: (who, token) =>
      beyondTenants(async () => {
        const found = await invitations.findByToken(kysely, hashOfSecretToken(token), clock())
        if (!found) return failure('invalid_link')
        if (found.email.toLowerCase() !== who.email.toLowerCase())
          return failure('forbidden', {
            message: 'This invitation is to another e-mail address than the one you are signed in with.',
            next: 'Sign in with the invited e-mail address.',
          })
        return outcomeOf(() =>
          epoch.change(found.organizationId, async (t) => {
            await take(t, found, { id: who.userId })
            await workIn(t, { ...who, organizationId: found.organizationId })
          }),
        )
      }),
  }
}

const onlyCompanies = fault('conflict', {
  message: 'A personal organisation has one member.',
  next: 'Make a company, then invite people to it.',
})
const invitedAlready = fault('conflict', {
  message: 'This e-mail address has an open invitation.',
  next: 'Send it again, or withdraw it first.',
  field: 'email',
})
const signInFirst = {
  message: 'There is an account with this e-mail address.',
  next: 'Sign in with it, then open the link again.',
}
