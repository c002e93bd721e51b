import type { Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { FaultError, fault } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { redactSecrets } from '../kit/redact.ts'
import { eventOfAudit } from '../webhooks/events-of-audit.ts'
import { emit } from '../webhooks/events.ts'
import type { AuditAction } from './actions.ts'

export interface Actor {
  readonly kind: 'user' | 'platform_token' | 'operator' | 'gateway'
  readonly id: string | null
  /** The access token that the request came with; null and undefined: none. */
  readonly token?: ActingToken | null
}

export interface ActingToken {
  readonly id: string
  readonly scopes: readonly string[]
  readonly expiresAt: Date | null
}

export interface AuditEntry {
  readonly organizationId: string
  readonly actor: Actor
  readonly action: AuditAction
  readonly subject: { readonly kind: string; readonly id: string }
  /** Anything that has a JSON form; null and undefined: there was nothing. */
  readonly before?: unknown
  readonly after?: unknown
  readonly reason?: string
}

/**
 * In the transaction of the change it tells of: neither is ever there without the other. Rows cannot be changed or
 * deleted afterwards (a trigger refuses), so an entry that looks as if it held a secret, be it as a name that
 * somebody entered, takes the change back.
 */
export const recordAudit = async (transaction: Transaction<Schema>, entry: AuditEntry): Promise<void> => {
  const before = jsonOf(entry.before)
  const after = jsonOf(entry.after)
  for (const text of [before, after, entry.reason, entry.action, entry.subject.id, entry.actor.id]) {
    if (text && redactSecrets(text) !== text) throw new FaultError(wouldHoldSecret)
  }
  await transaction
    .insertInto('audit_entries')
    .values({
      organization_id: entry.organizationId,
      id: newId(),
      actor_kind: entry.actor.kind,
      actor_id: entry.actor.id,
      action: entry.action,
      subject_kind: entry.subject.kind,
      subject_id: entry.subject.id,
      before,
      after,
      reason: entry.reason ?? null,
      access_token_id: entry.actor.token?.id ?? null,
    })
    .execute()
  const event = eventOfAudit(entry)
  if (event !== null) await emit(transaction, { organizationId: entry.organizationId, ...event })
}

const jsonOf = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value)

const wouldHoldSecret = fault('invalid_request', {
  message: 'Something in this change looks like a secret, and the audit trail must not hold one.',
  next: 'Take it out of names, labels and reasons.',
})
