import { type ToldAction, toldActions } from '../audit/actions.ts'
import type { EventType } from '../contract/event-types.ts'

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
  const { actor, action, subject, reason } = entry
  const [before, after] =
    subject.kind === 'webhook_endpoint'
      ? [withHostOnly(entry.before), withHostOnly(entry.after)]
      : [entry.before, entry.after]
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
  return action in toldActions ? toldActions[action as ToldAction] : null
}

/** That a key is used again is a change like any other. */
const typeOfStatus = (status: string | undefined): EventType => {
  if (status === 'invalid') return 'key.invalid'
  return status === 'exhausted' ? 'key.exhausted' : 'key.changed'
}

/** With some receivers whoever knows the path may send: what one endpoint's is, the others are not told. */
const withHostOnly = (endpoint: unknown): unknown =>
  typeof endpoint === 'object' && endpoint !== null && 'url' in endpoint
    ? { ...endpoint, url: new URL(String(endpoint.url)).origin }
    : endpoint
