import { sql, type Transaction } from 'kysely'
import type { EventType } from '../contract/event-types.ts'
import type { Schema } from '../db/schema.ts'
import { FaultError, fault } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { redactSecrets } from '../kit/redact.ts'

export interface NewEvent {
  readonly organizationId: string
  readonly type: EventType
  /** Anything that has a JSON form, without secrets: it leaves the house. */
  readonly data: Readonly<Record<string, unknown>>
  readonly at?: Date
}

/** The bytes that every delivery and every replay of an event sends. */
export const payloadOf = (id: string, type: EventType, at: Date, data: NewEvent['data']): string =>
  JSON.stringify({ id, type, timestamp: at.toISOString(), data })

/**
 * In the transaction of what it tells of: neither is ever there without the other. Each endpoint that wants the type now
 * gets a delivery; one that is made later can have it replayed.
 */
export const emit = async (transaction: Transaction<Schema>, event: NewEvent): Promise<string> => {
  const { organizationId, type, data } = event
  const at = event.at ?? new Date()
  const id = newId(at.getTime())
  const payload = payloadOf(id, type, at, data)
  if (redactSecrets(payload) !== payload) throw new FaultError(wouldHoldSecret)
  await sql`
    WITH event AS (
      INSERT INTO events (organization_id, id, type, payload, created_at)
      VALUES (${organizationId}, ${id}, ${type}, ${payload}, ${at}) RETURNING organization_id, id
    )
    INSERT INTO event_deliveries (organization_id, endpoint_id, event_id, next_attempt_at)
    SELECT e.organization_id, e.id, event.id, ${at}::timestamptz
    FROM event JOIN webhook_endpoints e ON e.organization_id = event.organization_id
    WHERE e.state = 'enabled' AND e.removed_at IS NULL AND (e.types IS NULL OR ${type} = ANY (e.types))`.execute(
    transaction,
  )
  return id
}

const wouldHoldSecret = fault('invalid_request', {
  message: 'Something in this change looks like a secret, and events must not tell one.',
  next: 'Take it out of names, labels and reasons.',
})
