import type { Transaction } from 'kysely'
import { revokeTokensOf } from '../access/revoke-tokens.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { EventType } from '../contract/event-types.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import { revokeKeysOf } from '../keys/revoke-keys.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, fault, type Outcome } from '../kit/fault.ts'
import type { Log } from '../kit/log.ts'
import type { Vault } from '../vault/vault.ts'
import { emit } from '../webhooks/events.ts'
import { outcomeOf } from './outcome.ts'
import * as store from './store-deletion.ts'

/**
 * Deletion of a company: asked for by an owner, undone by an owner until its day, then for good. Its secrets become
 * unreadable, its tokens and keys are revoked, nobody is a member any more. Ledger, invoices, operations and the audit trail
 * stay, for those who have to account for them.
 */
export interface Deletions {
  /** `name`: the organisation's, typed by whoever asks. */
  scheduleDeletion(actor: Actor, organizationId: string, name: string): Promise<Outcome<void>>
  cancelDeletion(actor: Actor, organizationId: string): Promise<Outcome<void>>
  /** At once, within a change of the caller's: of the personal organisation of somebody whose account is deleted. */
  deleteIn(transaction: Transaction<Schema>, actor: Actor, organizationId: string, now: Date): Promise<void>
  /** Those whose day has come; how many. Safe to run anywhere, any number of times. */
  deleteDue(now: Date): Promise<number>
}

const nobody = { kind: 'operator', id: null } as const

export const makeDeletions = (parts: {
  readonly database: Database
  readonly epoch: Epoch
  readonly vault: Pick<Vault, 'shred'>
  readonly clock: Clock
  readonly log: Log
  readonly graceDays: number
}): Deletions => {
  const { database, epoch, vault, clock, log, graceDays } = parts

  const tell = async (
    t: Transaction<Schema>,
    actor: Actor,
    organizationId: string,
    type: Extract<EventType, `organization.${string}`>,
    after?: object,
  ): Promise<void> => {
    const subject = { kind: 'organization', id: organizationId }
    await recordAudit(t, { organizationId, actor, action: type, subject, after })
    await emit(t, { organizationId, type, data: { ...after }, at: clock() })
  }

  const deleteIn: Deletions['deleteIn'] = async (t, actor, organizationId, now) => {
    await revokeTokensOf(t, actor, { organizationId, userId: null }, now)
    await revokeKeysOf(t, actor, { organizationId, userId: null }, now)
    await vault.shred(t, organizationId, actor)
    const members = await store.dissolve(t, organizationId, now)
    await tell(t, actor, organizationId, 'organization.deleted', { members })
  }

  /** False: undone, or done by another process, meanwhile. */
  const deleteOne = (organizationId: string, now: Date): Promise<boolean> =>
    epoch.change(organizationId, async (t) => {
      const due = await store.lock(t, organizationId)
      if (!due?.deleteAt || due.deletedAt !== null || due.deleteAt > now) return false
      const actor = due.deletionBy === null ? nobody : ({ kind: 'user', id: due.deletionBy } as const)
      await deleteIn(t, actor, organizationId, now)
      return true
    })

  return {
    deleteIn,

    scheduleDeletion: (actor, organizationId, name) =>
      outcomeOf(() =>
        database.kysely.transaction().execute(async (t) => {
          const organization = await store.lock(t, organizationId)
          if (!organization) throw new FaultError(fault('not_found'))
          if (organization.kind !== 'company') throw new FaultError(onlyCompanies)
          if (organization.name !== name.trim())
            throw new FaultError(
              fault('invalid_request', {
                message: 'This is not the name of the organisation.',
                field: 'name',
              }),
            )
          if (organization.deleteAt !== null) throw new FaultError(fault('conflict', scheduledAlready))
          const deleteAt = new Date(clock().getTime() + graceDays * 24 * 3_600_000)
          await store.schedule(t, organizationId, { deleteAt, by: actor.id })
          await tell(t, actor, organizationId, 'organization.deletion_scheduled', {
            deleteAt: deleteAt.toISOString(),
          })
        }),
      ),

    cancelDeletion: (actor, organizationId) =>
      outcomeOf(() =>
        database.kysely.transaction().execute(async (t) => {
          const organization = await store.lock(t, organizationId)
          if (!organization?.deleteAt || organization.deletedAt !== null)
            throw new FaultError(fault('conflict', { message: 'The organisation is not to be deleted.' }))
          await store.schedule(t, organizationId, null)
          await tell(t, actor, organizationId, 'organization.deletion_cancelled')
        }),
      ),

    async deleteDue(now) {
      let count = 0
      for (const id of await store.listDue(database.kysely, now)) {
        try {
          if (await deleteOne(id, now)) count++
        } catch (error) {
          // One that cannot be deleted must not keep the others; it is tried again.
          log.error({ err: error, organizationId: id }, 'an organisation could not be deleted')
        }
      }
      return count
    },
  }
}

const onlyCompanies = fault('conflict', { message: 'Only companies are deleted.' })
const scheduledAlready = {
  message: 'The organisation is to be deleted already.',
  next: 'Wait for its day, or keep it.',
}
