import type { EventType } from '../contract/event-types.ts'

/** What an entry of the audit trail is an event of. Members, teams, policies and requests emit theirs themselves. */
const typeOfAction: Readonly<Record<string, EventType>> = {
  'organization.created': 'organization.created',
  'organization.changed': 'organization.changed',
  'service_key.add': 'key.added',
  'service_key.rename': 'key.changed',
  'service_key.renamed': 'key.changed',
  'service_key.reorder': 'key.changed',
  'service_key.set_priority': 'key.changed',
  'service_key.change_settings': 'key.changed',
  'service_key.replace': 'key.replaced',
  'service_key.revoke': 'key.revoked',
  'service_key.quarantine': 'key.changed',
  'rotation.done': 'key.rotated',
  'access_token.created': 'access_token.created',
  'access_token.revoked': 'access_token.revoked',
  'service_account.created': 'service_account.created',
  'service_account.removed': 'service_account.removed',
  'budget.created': 'budget.created',
  'budget.changed': 'budget.changed',
  'budget.archived': 'budget.archived',
  'auto_top_up.changed': 'billing.changed',
  'subscription.collection_changed': 'billing.changed',
  'central_billing.changed': 'billing.changed',
  'host_application.created': 'provisioning.changed',
  'host_application.changed': 'provisioning.changed',
  'host_application.removed': 'provisioning.changed',
}

interface Entry {
  readonly actor: {
    readonly kind: string
    readonly id: string | null
    readonly token?: { id: string } | null
  }
  readonly action: string
  readonly subject: { readonly kind: string; readonly id: string }
  readonly before?: unknown
  readonly after?: unknown
  readonly reason?: string
}

/** Null: of no interest outside. */
export const eventOfAudit = (
  entry: Entry,
): { readonly type: EventType; readonly data: Record<string, unknown> } | null => {
  const type = typeOf(entry)
  if (type === null) return null
  const { actor, action, subject, before, after, reason } = entry
  return {
    type,
    data: {
      action,
      subject,
      actor: { kind: actor.kind, id: actor.id, accessTokenId: actor.token?.id ?? null },
      before: before ?? null,
      after: after ?? null,
      reason: reason ?? null,
    },
  }
}

const typeOf = ({ action, after }: Entry): EventType | null => {
  if (action === 'service_key.status_change')
    return typeOfStatus((after as { status?: string } | null)?.status)
  if (action.startsWith('sso_')) return 'sso.changed'
  return typeOfAction[action] ?? null
}

/** That a key is used again is a change like any other. */
const typeOfStatus = (status: string | undefined): EventType => {
  if (status === 'invalid') return 'key.invalid'
  return status === 'exhausted' ? 'key.exhausted' : 'key.changed'
}
