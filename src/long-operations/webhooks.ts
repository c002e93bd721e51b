import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Unit, Writer } from '../db/writer.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, must, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Outbound } from '../net/outbound.ts'
import type { SecretBinding, Vault } from '../vault/vault.ts'
import { type Loop, makeLoop } from './loop.ts'
import type { LongOperation, Owner } from './long-operation.ts'
import type { Timing } from './progress.ts'
import { newWebhookSecret, webhookHeaders } from './signature.ts'
import * as store from './store-webhooks.ts'

export type { Delivery, DeliveryState } from './store-webhooks.ts'

export interface WebhookSecretView {
  readonly lastFour: string
  readonly createdAt: Date
}

/** Callbacks to callers: signed, tried again, and never to an address that this process must not reach. */
export interface Webhooks {
  /** Whether an address that a caller names may be called, as far as its text tells; names are looked at again when they resolve. */
  check(url: string): Outcome<URL>
  /** A new secret in the place of the one there was, at once. It is never shown again. */
  newSecret(owner: Owner, actor: Actor): Promise<{ secret: string; view: WebhookSecretView }>
  secret(owner: Owner): Promise<WebhookSecretView | null>
  /** For other rooms that send webhooks of this owner's; one is made where there is none. */
  signingSecret(owner: Owner): Promise<Outcome<string>>
  deliveries(
    owner: Owner,
    filter: { operationId?: string },
    before: string | null,
    limit: number,
  ): Promise<store.Delivery[]>
  redeliver(owner: Owner, id: string): Promise<Outcome<store.Delivery>>
}

export interface WebhookParts {
  readonly database: Database
  readonly writer: Writer
  readonly vault: Vault
  readonly callbacks: Pick<Outbound, 'check' | 'request'>
  readonly clock: Clock
  readonly log: Log
  readonly timing: Timing
}

/** What one look for due deliveries takes; each runs by itself, so that a slow receiver delays no other. */
const portion = 50
const deliveryTimeoutMs = 10_000
const leaseMs = 2 * deliveryTimeoutMs
/** Of the receiver's reply only the status counts. */
const maximumReplyBytes = 64 * 1024

const bindingOf = ({ organizationId, userId }: Owner, id: string): SecretBinding => ({
  organizationId,
  owner: 'user',
  userId,
  serviceId: 'webhook',
  serviceKeyId: id,
  version: 1,
})

export const makeWebhooks = (parts: WebhookParts) => {
  const { database, writer, vault, callbacks, clock, log, timing } = parts
  const { kysely } = database

  const sealedFor = async (owner: Owner) => {
    const secret = newWebhookSecret()
    const id = newId()
    const view: WebhookSecretView = { lastFour: secret.slice(-4), createdAt: clock() }
    const sealed = await vault.seal(bindingOf(owner, id), secret)
    return sealed.ok ? success({ secret, view, stored: { id, ...view, ...sealed.value } }) : sealed
  }

  const newSecret = async (owner: Owner, actor: Actor) => {
    const { secret, view, stored } = must(await sealedFor(owner))
    await kysely.transaction().execute(async (transaction) => {
      await store.saveSecret(transaction, owner, stored, false)
      await recordAudit(transaction, {
        organizationId: owner.organizationId,
        actor,
        action: 'webhook_secret.created',
        subject: { kind: 'webhook_secret', id: owner.userId },
        after: { lastFour: view.lastFour },
      })
    })
    return { secret, view }
  }

  /** A receiver that has no secret yet gets signatures too; whoever wants to check them makes a secret of their own. */
  const secretFor = async (owner: Owner): Promise<Outcome<string>> => {
    const stored = await store.secretOf(kysely, owner)
    if (stored) return vault.open(bindingOf(owner, stored.id), stored)
    const sealed = await sealedFor(owner)
    if (!sealed.ok) return sealed
    await store.saveSecret(kysely, owner, sealed.value.stored, true)
    const made = await store.secretOf(kysely, owner)
    return made ? vault.open(bindingOf(owner, made.id), made) : failure('internal')
  }

  const deliver = async (delivery: store.Delivery): Promise<void> => {
    const { id, url, payload } = delivery
    const secret = await secretFor(delivery)
    const body = payload ?? ''
    const reply = secret.ok
      ? await callbacks.request({
          method: 'POST',
          url,
          headers: webhookHeaders(secret.value, id, Math.floor(clock().getTime() / 1000), body),
          body,
          timeoutMs: deliveryTimeoutMs,
          maximumBytes: maximumReplyBytes,
        })
      : secret
    const after = afterAttempt(delivery, reply.ok ? reply.value.status : null, timing, clock())
    const lastFault = reply.ok ? null : reply.fault.code
    await writer.transact(async (unit) => store.write(unit, { ...after, lastFault }))
  }

  const loop: Loop = makeLoop({
    everyMs: timing.tickMs,
    name: 'webhooks',
    log,
    work: async () => {
      // Nothing can be signed; the attempts are kept for when it can.
      if (vault.problem() !== null) return false
      const due = await writer.transact((unit) => store.claimDue(unit, leaseMs, clock(), portion))
      await Promise.all(
        due.map((delivery) =>
          deliver(delivery).catch((error: unknown) =>
            log.warn({ err: error, deliveryId: delivery.id }, 'a webhook delivery could not be made'),
          ),
        ),
      )
      return due.length === portion
    },
  })

  return {
    start: loop.start,
    soon: loop.soon,
    stop: loop.stop,
    check: (url: string): Outcome<URL> => {
      const checked = callbacks.check(url)
      return checked.ok
        ? checked
        : failure('unsafe_address', {
            message: 'A webhook goes to public https addresses, and to private ones that the operator lists.',
            next: 'Use a public https address, or ask the operator to add this one to AIDEON_WEBHOOK_ADDRESSES.',
          })
    },
    newSecret,
    signingSecret: secretFor,
    secret: async (owner: Owner): Promise<WebhookSecretView | null> => {
      const stored = await store.secretOf(kysely, owner)
      return stored && { lastFour: stored.lastFour, createdAt: stored.createdAt }
    },
    deliveries: (owner: Owner, filter: { operationId?: string }, before: string | null, limit: number) =>
      store.page(kysely, owner, filter, before, limit),
    redeliver: async (owner: Owner, id: string): Promise<Outcome<store.Delivery>> => {
      const found = await store.redeliver(kysely, owner, id, clock())
      loop.soon()
      return found ? success(found) : failure('not_found')
    },
    /** In the transaction that changes the operation. */
    announce: (unit: Unit, operation: LongOperation, event: string, payload: string): void => {
      const { organizationId, userId, webhookUrl } = operation
      if (webhookUrl === null) return
      const createdAt = clock()
      const of = { organizationId, userId, operationId: operation.id, url: webhookUrl }
      store.enqueue(unit, { ...of, id: newId(createdAt.getTime()), event, payload, createdAt })
    },
    forget: (before: Date) => store.forget(kysely, before),
  }
}

/** Any 2xx is a receipt. Everything else is tried again, ever more rarely, until the list is at its end. */
export const afterAttempt = (
  delivery: store.Delivery,
  status: number | null,
  timing: Pick<Timing, 'deliveryMs'>,
  now: Date,
): store.Delivery => {
  const done = { ...delivery, lastStatus: status, endedAt: now }
  if (status !== null && status >= 200 && status < 300) return { ...done, state: 'delivered' }
  const waitMs = timing.deliveryMs[delivery.attempts - 1]
  if (waitMs === undefined) return { ...done, state: 'failed' }
  return {
    ...done,
    state: 'pending',
    endedAt: null,
    nextAttemptAt: new Date(now.getTime() + waitMs),
  }
}
