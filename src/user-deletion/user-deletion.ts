import type { Transaction } from 'kysely'
import type { Alerts, Notice } from '../alerts/alerts.ts'
import type { AuditAction } from '../audit/actions.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Billing } from '../billing/billing.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { type Fault, FaultError, fault, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Organizations } from '../organizations/organizations.ts'
import * as store from './store.ts'

/**
 * Deletion of a person: asked for by themselves or by an administrator, undone until its day, then for good. Their personal
 * organisation is deleted as a company would be, they leave the others, every way to sign in ends, and nothing is left that
 * says who they were, but for the books and the audit trail.
 */
export interface UserDeletions {
  schedule(
    actor: Actor,
    userId: string,
    asked: { /** Typed by whoever asks for their own. */ email?: string; reason?: string },
  ): Promise<Outcome<{ deleteAt: Date }>>
  cancel(actor: Actor, userId: string): Promise<Outcome<void>>
  /** Those whose day has come; how many. Safe to run anywhere, any number of times. */
  deleteDue(now: Date): Promise<number>
}

export const makeUserDeletions = (parts: {
  readonly database: Database
  readonly epoch: Epoch
  readonly organizations: Pick<Organizations, 'deleteIn' | 'leaveIn'>
  readonly billing: Pick<Billing, 'change'>
  readonly alerts: Pick<Alerts, 'notify' | 'notifyIn'>
  readonly clock: Clock
  readonly log: Log
  readonly graceDays: number
}): UserDeletions => {
  const { database, epoch, organizations, billing, alerts, clock, log } = parts
  const { kysely } = database

  /** What is not paid for, or ends already, is no obstacle: neither is charged again. */
  const cancelSubscriptions = async (actor: Actor, userId: string, when: 'now' | 'period_end') => {
    for (const { organizationId } of await store.membershipsOf(kysely, userId)) {
      const change = { kind: 'cancel', when } as const
      const once = { idempotencyKey: `user-deletion:${clock().toISOString()}`, returnUrl: '' }
      const cancelled = await billing.change(actor, { organizationId, userId }, change, once)
      if (!cancelled.ok && cancelled.fault.code !== 'conflict' && cancelled.fault.code !== 'not_found')
        throw new FaultError(cancelled.fault)
    }
  }

  const deleteOne = async (userId: string, now: Date): Promise<boolean> => {
    const isDue = (person: store.Leaver | undefined): person is store.Leaver & { deleteAt: Date } =>
      person?.deletedAt === null && person.deleteAt !== null && person.deleteAt <= now
    const found = await kysely.transaction().execute((t) => store.lockPerson(t, userId))
    if (!isDue(found)) return false
    const actor: Actor =
      found.deletionBy === null ? { kind: 'operator', id: null } : { kind: 'user', id: found.deletionBy }
    await cancelSubscriptions(actor, userId, 'now')
    return epoch.change(null, async (t) => {
      const person = await store.lockPerson(t, userId)
      if (!isDue(person)) return false
      if (person.isPlatformAdministrator && (await store.isLastAdministrator(t, userId)))
        throw new FaultError(lastAdministrator)
      const memberships = await store.membershipsOf(t, userId)
      for (const { organizationId, kind } of memberships) {
        if (kind === 'personal') await organizations.deleteIn(t, actor, organizationId, now)
        else await organizations.leaveIn(t, actor, { organizationId, userId })
      }
      const personal = memberships.filter(({ kind }) => kind === 'personal')
      await store.eraseWords(t, { userId, personal: personal.map(({ organizationId }) => organizationId) })
      await store.erase(t, { ...person, userId }, now)
      const subject = { kind: 'user', id: userId }
      await recordAudit(t, { organizationId: platformOrganizationId, actor, action: 'user.deleted', subject })
      return true
    })
  }

  /** Once for each day that was set. */
  const tellStuck = async (userId: string, { message, next }: Fault): Promise<void> => {
    const told = await alerts.notify({
      audience: { kind: 'person', userId },
      kind: 'account_security',
      severity: 'warning',
      key: `user_deletion_stuck:${userId}`,
      title: 'Your account could not be deleted',
      text: `${message} ${next} It is tried again until then.`,
      path: '/security',
    })
    if (told > 0) log.warn({ userId }, 'a person could not be deleted; they are told why')
  }

  /** Twice: before the subscription ends, and with what was locked. */
  const check = async (
    t: Transaction<Schema>,
    userId: string,
    { email, deleteAt }: { email: string | undefined; deleteAt: Date },
  ): Promise<void> => {
    const person = await store.lockPerson(t, userId)
    if (!person || person.deletedAt !== null) throw new FaultError(fault('not_found'))
    if (email !== undefined && email.trim().toLowerCase() !== person.email.toLowerCase())
      throw new FaultError(otherEmail)
    if (person.deleteAt !== null) throw new FaultError(scheduledAlready)
    if (person.isPlatformAdministrator && (await store.isLastAdministrator(t, userId)))
      throw new FaultError(lastAdministrator)
    const alone = await store.ownedAlone(t, userId, deleteAt)
    if (alone.length > 0) throw new FaultError(ownsAlone(alone))
  }

  /** In the trail of where they have been for longest. */
  const audit = async (
    t: Transaction<Schema>,
    actor: Actor,
    userId: string,
    action: AuditAction,
    more: { reason?: string; after?: object } = {},
  ): Promise<void> => {
    const [membership] = await store.membershipsOf(t, userId)
    const organizationId = membership?.organizationId ?? platformOrganizationId
    await recordAudit(t, { organizationId, actor, action, subject: { kind: 'user', id: userId }, ...more })
  }

  return {
    schedule: (actor, userId, { email, reason }) =>
      beyondTenants(() =>
        outcomeOf(async () => {
          const deleteAt = new Date(clock().getTime() + parts.graceDays * 24 * 3_600_000)
          const asked = { email, deleteAt }
          await kysely.transaction().execute((t) => check(t, userId, asked))
          await cancelSubscriptions(actor, userId, 'period_end')
          await kysely.transaction().execute(async (t) => {
            await check(t, userId, asked)
            await store.schedule(t, userId, { deleteAt, by: actor.id })
            await audit(t, actor, userId, 'user.deletion_scheduled', { reason, after: { deleteAt } })
            await alerts.notifyIn(t, scheduledNotice(userId, deleteAt, actor.id === userId))
          })
          return { deleteAt }
        }),
      ),

    cancel: (actor, userId) =>
      beyondTenants(() =>
        outcomeOf(() =>
          kysely.transaction().execute(async (t) => {
            const person = await store.lockPerson(t, userId)
            if (!person || person.deletedAt !== null) throw new FaultError(fault('not_found'))
            if (person.deleteAt === null) throw new FaultError(notScheduled)
            await store.schedule(t, userId, null)
            await audit(t, actor, userId, 'user.deletion_cancelled')
          }),
        ),
      ),

    async deleteDue(now) {
      let count = 0
      for (const userId of await store.listDue(kysely, now)) {
        try {
          if (await deleteOne(userId, now)) count++
        } catch (error) {
          // One that cannot be deleted must not keep the others; it is tried again.
          if (error instanceof FaultError) await tellStuck(userId, error.fault)
          else log.error({ err: error, userId }, 'a person could not be deleted')
        }
      }
      return count
    },
  }
}

const outcomeOf = async <T>(work: () => Promise<T>): Promise<Outcome<T>> => {
  try {
    return success(await work())
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    throw error
  }
}

const scheduledNotice = (userId: string, deleteAt: Date, isOwn: boolean): Notice => {
  const day = deleteAt.toISOString().slice(0, 10)
  return {
    audience: { kind: 'person', userId },
    kind: 'account_security',
    severity: 'critical',
    key: `user_deletion:${deleteAt.toISOString()}`,
    title: `Your account will be deleted on ${day}`,
    text: `${isOwn ? 'You asked for it' : 'An administrator of this installation asked for it'}, or somebody who was signed in as you. Until ${day} everything works as before: sign in to keep the account.`,
    path: '/security',
  }
}

const ownsAlone = (companies: readonly string[]): Fault =>
  fault('conflict', {
    message: `There would be no owner left of ${companies.join(', ')}.`,
    next: 'Make another member an owner there, or delete the company, first.',
  })
const lastAdministrator = fault('conflict', {
  message: 'This is the last platform administrator.',
  next: 'Make another user a platform administrator first.',
})
const otherEmail = fault('invalid_request', {
  message: 'This is not the e-mail address of the account.',
  field: 'email',
})
const scheduledAlready = fault('conflict', {
  message: 'The account is to be deleted already.',
  next: 'Wait for its day, or keep it.',
})
const notScheduled = fault('conflict', { message: 'The account is not to be deleted.' })
