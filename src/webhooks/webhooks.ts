import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Alerts } from '../alerts/alerts.ts'
import type { EventType } from '../contract/event-types.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, must, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import { makeLoop } from '../long-operations/loop.ts'
import { usualTiming } from '../long-operations/progress.ts'
import {
  isWebhookSecret,
  newWebhookSecret,
  signatureOf,
  webhookHeaders,
} from '../long-operations/signature.ts'
import type { Outbound } from '../net/outbound.ts'
import type { SecretBinding, Vault } from '../vault/vault.ts'
import { type Attempt, afterAttempt, isGivenUp } from './after-attempt.ts'
import { payloadOf } from './events.ts'
import * as store from './store.ts'
import * as deliveries from './store-deliveries.ts'

export type { Delivery, Replay, StoredEvent } from './store-deliveries.ts'
export type { Endpoint, EndpointChange } from './store.ts'

/** Where the events of organisations are sent: docs/events.md. Other rooms write events with `emit` (events.ts). */
export interface Webhooks {
  endpoints(organizationId: string): Promise<store.Endpoint[]>
  endpoint(organizationId: string, id: string): Promise<Outcome<store.Endpoint>>
  /** The secret is returned here and never again. */
  create(actor: Actor, organizationId: string, wanted: NewEndpoint): Promise<Outcome<EndpointWithSecret>>
  change(
    actor: Actor,
    organizationId: string,
    id: string,
    change: Omit<store.EndpointChange, 'state'> & { readonly enabled?: boolean },
  ): Promise<Outcome<store.Endpoint>>
  remove(actor: Actor, organizationId: string, id: string): Promise<Outcome<void>>
  /** `secret`: one that the receiver knows already; left out: a new one. */
  renewSecret(
    actor: Actor,
    organizationId: string,
    id: string,
    secret?: string,
  ): Promise<Outcome<EndpointWithSecret>>
  /** The newest, for whoever has to compare it with one that they were given. */
  signingSecret(organizationId: string, id: string): Promise<Outcome<string>>
  /** Once, now; leaves nothing behind. */
  test(organizationId: string, id: string): Promise<Outcome<Attempt>>
  deliveries(
    filter: Parameters<typeof deliveries.pageOfDeliveries>[1],
    before: string | null,
    limit: number,
  ): Promise<deliveries.Delivery[]>
  redeliver(organizationId: string, id: string, eventId: string): Promise<Outcome<deliveries.Delivery>>
  replay(actor: Actor, organizationId: string, id: string, which: deliveries.Replay): Promise<Outcome<number>>
  events(
    filter: Parameters<typeof deliveries.pageOfEvents>[1],
    before: string | null,
    limit: number,
  ): Promise<deliveries.StoredEvent[]>
  start(): void
  /** Deliveries are due. */
  soon(): void
  close(): Promise<void>
}

export interface NewEndpoint {
  readonly url: string
  readonly description: string
  readonly types: readonly EventType[] | null
  /** Left out: a new one. */
  readonly secret?: string | undefined
}

export interface EndpointWithSecret {
  readonly endpoint: store.Endpoint
  readonly secret: string
}

export interface WebhookParts {
  readonly database: Database
  readonly vault: Vault
  readonly callbacks: Pick<Outbound, 'check' | 'request'>
  readonly alerts: Pick<Alerts, 'notify'>
  readonly clock: Clock
  readonly log: Log
  readonly tickMs?: number
  readonly deliveryMs?: readonly number[]
}

const portion = 50
/** A receiver that answers slowly has as many calls under way at once, in one process. */
const perEndpoint = 10
const deliveryTimeoutMs = 10_000
const leaseMs = 2 * deliveryTimeoutMs
/** Of the receiver's reply only the status counts. */
const maximumReplyBytes = 64 * 1024
const mostEndpoints = 20
const mostReplayed = 1000
const dayMs = 24 * 3600 * 1000
export const eventsKeptMs = 30 * dayMs
const sweepEveryMs = 3600 * 1000

export const makeWebhooks = (parts: WebhookParts): Webhooks => {
  const { database, vault, callbacks, alerts, clock, log } = parts
  const { kysely } = database
  const waitsMs = parts.deliveryMs ?? usualTiming.deliveryMs
  let sweptAt = 0

  const found = async (organizationId: string, id: string): Promise<Outcome<store.Endpoint>> => {
    const endpoint = await store.findEndpoint(kysely, organizationId, id)
    return endpoint ? success(endpoint) : failure('not_found')
  }

  const checked = (url: string): Outcome<URL> => {
    const outcome = callbacks.check(url)
    return outcome.ok ? outcome : failure('unsafe_address', unsafe)
  }

  /** The newest first; both sign for a while, so that a receiver can change over when it likes. */
  const secretsOf = async (organizationId: string, id: string): Promise<Outcome<string[]>> => {
    const secrets: string[] = []
    for (const stored of await store.secretsOf(kysely, organizationId, id, clock())) {
      const opened = await vault.open(bindingOf(organizationId, id, stored.version), stored)
      if (!opened.ok) return opened
      secrets.push(opened.value)
    }
    return secrets.length > 0 ? success(secrets) : failure('secret_unreadable')
  }

  const send = async (to: {
    organizationId: string
    endpointId: string
    url: string
    eventId: string
    payload: string
  }): Promise<Attempt> => {
    const secrets = await secretsOf(to.organizationId, to.endpointId)
    if (!secrets.ok) return { isDelivered: false, status: null, fault: secrets.fault.code }
    const [newest = '', ...former] = secrets.value
    const at = Math.floor(clock().getTime() / 1000)
    const headers = webhookHeaders(newest, to.eventId, at, to.payload)
    const signatures = former.map((secret) => signatureOf(secret, to.eventId, at, to.payload))
    const reply = await callbacks.request({
      method: 'POST',
      url: to.url,
      headers: {
        ...headers,
        'webhook-signature': [headers['webhook-signature'], ...signatures].join(' '),
        'user-agent': 'aideon-keys',
      },
      body: to.payload,
      timeoutMs: deliveryTimeoutMs,
      maximumBytes: maximumReplyBytes,
    })
    if (!reply.ok) return { isDelivered: false, status: null, fault: reply.fault.code }
    const { status } = reply.value
    return { isDelivered: status >= 200 && status < 300, status, fault: null }
  }

  const deliver = async (delivery: deliveries.DueDelivery): Promise<void> => {
    const attempt = await send(delivery)
    const now = clock()
    const endpoint = { organizationId: delivery.organizationId, id: delivery.endpointId }
    await deliveries.writeDelivery(
      kysely,
      delivery,
      attempt,
      afterAttempt(delivery.attempts, attempt, waitsMs, now),
    )
    const standing = await store.countAttempt(kysely, endpoint, attempt.isDelivered, now)
    if (standing && isGivenUp(standing, now)) await giveUp(endpoint, delivery.url)
  }

  const giveUp = async (endpoint: { organizationId: string; id: string }, url: string): Promise<void> => {
    const isOurs = await kysely.transaction().execute(async (transaction) => {
      if (!(await store.giveUpEndpoint(transaction, endpoint))) return false
      await deliveries.endPending(transaction, endpoint, clock(), 'endpoint_failing')
      await recordAudit(transaction, {
        organizationId: endpoint.organizationId,
        actor: { kind: 'gateway', id: null },
        action: 'webhook_endpoint.disabled',
        subject: { kind: 'webhook_endpoint', id: endpoint.id },
        after: { state: 'failing' },
      })
      return true
    })
    if (isOurs)
      await alerts.notify({
        audience: { kind: 'organization_administrators', organizationId: endpoint.organizationId },
        kind: 'webhook_disabled',
        severity: 'warning',
        key: `webhook_disabled:${endpoint.id}:${clock().toISOString().slice(0, 10)}`,
        title: 'A webhook is switched off: nothing has reached it for three days',
        text: `Events are not sent to ${new URL(url).host} any more. When it answers again, switch it on and replay what it missed.`,
        path: '/webhooks',
      })
  }

  const loop = makeLoop({
    everyMs: parts.tickMs ?? usualTiming.tickMs,
    name: 'events',
    log,
    work: async () => {
      const now = clock()
      if (now.getTime() - sweptAt > sweepEveryMs) {
        sweptAt = now.getTime()
        await deliveries.forgetEvents(kysely, new Date(now.getTime() - eventsKeptMs))
      }
      // Nothing can be signed; the attempts are kept for when it can.
      if (vault.problem() !== null) return false
      const due = await deliveries.claimDue(kysely, leaseMs, now, portion, perEndpoint)
      await Promise.all(
        due.map((delivery) =>
          deliver(delivery).catch((error: unknown) =>
            log.warn({ err: error, eventId: delivery.eventId }, 'an event could not be delivered'),
          ),
        ),
      )
      return due.length > 0
    },
  })

  const audit = (actor: Actor, endpoint: { organizationId: string; id: string }) => ({
    organizationId: endpoint.organizationId,
    actor,
    subject: { kind: 'webhook_endpoint', id: endpoint.id },
  })

  const newSecret = async (
    transaction: Transaction<Schema>,
    endpoint: { organizationId: string; id: string },
    version: number,
    secret = newWebhookSecret(),
  ): Promise<string> => {
    const binding = bindingOf(endpoint.organizationId, endpoint.id, version)
    const sealed = must(await vault.seal(binding, secret, transaction))
    const at = clock()
    const stored = { ...sealed, version, lastFour: secret.slice(-4) }
    await store.insertSecret(transaction, endpoint, stored, at, new Date(at.getTime() + dayMs))
    return secret
  }

  return {
    endpoints: (organizationId) => store.listEndpoints(kysely, organizationId),
    endpoint: found,

    async create(actor, organizationId, { secret: given, ...wanted }) {
      const safe = checked(wanted.url)
      if (!safe.ok) return safe
      if (given !== undefined && !isWebhookSecret(given)) return noSecret
      if ((await store.listEndpoints(kysely, organizationId)).length >= mostEndpoints)
        return failure('conflict', { message: `There are ${mostEndpoints} endpoints already.` })
      const endpoint = { organizationId, id: newId(clock().getTime()) }
      const secret = await kysely.transaction().execute(async (transaction) => {
        // Before it is there: the others are told of it, and it is not told of itself.
        await recordAudit(transaction, {
          ...audit(actor, endpoint),
          action: 'webhook_endpoint.created',
          after: { ...wanted },
        })
        await store.insertEndpoint(transaction, {
          ...endpoint,
          ...wanted,
          createdBy: actor.kind === 'user' ? actor.id : null,
          createdAt: clock(),
        })
        return newSecret(transaction, endpoint, 1, given)
      })
      return success({ endpoint: must(await found(organizationId, endpoint.id)), secret })
    },

    async change(actor, organizationId, id, { enabled, ...more }) {
      const safe = more.url === undefined ? null : checked(more.url)
      if (safe?.ok === false) return safe
      const changed = await kysely.transaction().execute(async (transaction) => {
        const before = await store.findEndpoint(transaction, organizationId, id, true)
        if (before === null) return null
        const state =
          enabled === undefined ? {} : { state: enabled ? ('enabled' as const) : ('disabled' as const) }
        await store.changeEndpoint(transaction, before, { ...more, ...state })
        if (enabled === false) await deliveries.endPending(transaction, before, clock(), 'endpoint_disabled')
        await recordAudit(transaction, {
          ...audit(actor, before),
          action: 'webhook_endpoint.changed',
          before: tellable(before),
          after: tellable({ ...before, ...more, ...state }),
        })
        return before
      })
      return changed === null ? failure('not_found') : found(organizationId, id)
    },

    async remove(actor, organizationId, id) {
      const removed = await kysely.transaction().execute(async (transaction) => {
        const before = await store.findEndpoint(transaction, organizationId, id, true)
        if (before === null) return false
        await deliveries.endPending(transaction, before, clock(), 'endpoint_removed')
        await store.removeEndpoint(transaction, before, clock())
        await recordAudit(transaction, {
          ...audit(actor, before),
          action: 'webhook_endpoint.removed',
          before: tellable(before),
        })
        return true
      })
      return removed ? success(undefined) : failure('not_found')
    },

    async signingSecret(organizationId, id) {
      const secrets = await secretsOf(organizationId, id)
      return secrets.ok ? success(secrets.value[0] ?? '') : secrets
    },

    async renewSecret(actor, organizationId, id, given) {
      if (given !== undefined && !isWebhookSecret(given)) return noSecret
      const secret = await kysely.transaction().execute(async (transaction) => {
        const endpoint = await store.findEndpoint(transaction, organizationId, id, true)
        if (endpoint === null) return null
        const version = (await store.newestVersion(transaction, organizationId, id)) + 1
        const made = await newSecret(transaction, endpoint, version, given)
        await recordAudit(transaction, {
          ...audit(actor, endpoint),
          action: 'webhook_endpoint.secret_renewed',
          after: { version },
        })
        return made
      })
      if (secret === null) return failure('not_found')
      return success({ endpoint: must(await found(organizationId, id)), secret })
    },

    async test(organizationId, id) {
      const endpoint = await found(organizationId, id)
      if (!endpoint.ok) return endpoint
      const at = clock()
      const eventId = newId(at.getTime())
      const payload = payloadOf(eventId, 'webhook.test', at, { endpointId: id })
      return success(
        await send({ organizationId, endpointId: id, url: endpoint.value.url, eventId, payload }),
      )
    },

    deliveries: (filter, before, limit) => deliveries.pageOfDeliveries(kysely, filter, before, limit),

    async redeliver(organizationId, id, eventId) {
      const endpoint = await found(organizationId, id)
      if (!endpoint.ok) return endpoint
      if (endpoint.value.state !== 'enabled') return switchedOff
      await deliveries.replay(kysely, endpoint.value, { eventId }, clock(), 1)
      loop.soon()
      const filter = { organizationId, endpointId: id, eventId }
      const [delivery] = await deliveries.pageOfDeliveries(kysely, filter, null, 1)
      return delivery ? success(delivery) : failure('not_found')
    },

    async replay(actor, organizationId, id, which) {
      if (which.until !== null && which.until < which.since)
        return failure('invalid_request', { field: 'until', message: 'The time ends before it begins.' })
      const endpoint = await found(organizationId, id)
      if (!endpoint.ok) return endpoint
      if (endpoint.value.state !== 'enabled') return switchedOff
      const count = await kysely.transaction().execute(async (transaction) => {
        const replayed = await deliveries.replay(transaction, endpoint.value, which, clock(), mostReplayed)
        await recordAudit(transaction, {
          ...audit(actor, endpoint.value),
          action: 'webhook_endpoint.replayed',
          after: { ...which, deliveries: replayed },
        })
        return replayed
      })
      loop.soon()
      return success(count)
    },

    events: (filter, before, limit) => deliveries.pageOfEvents(kysely, filter, before, limit),
    start: () => beyondTenants(loop.start),
    soon: loop.soon,
    close: () => loop.stop(),
  }
}

const bindingOf = (organizationId: string, endpointId: string, version: number): SecretBinding => ({
  organizationId,
  owner: 'organization',
  userId: null,
  serviceId: 'webhook endpoint',
  serviceKeyId: endpointId,
  version,
})

/** For the audit trail: without failures, which nobody changed. */
const tellable = ({
  url,
  description,
  types,
  state,
}: Pick<store.Endpoint, 'url' | 'description' | 'types' | 'state'>) => ({
  url,
  description,
  types,
  state,
})

const noSecret = failure('invalid_request', {
  field: 'secret',
  message: 'A secret of a webhook is whsec_ and the base64 of 24 to 64 bytes.',
})
const switchedOff = failure('conflict', {
  message: 'This endpoint is switched off.',
  next: 'Switch it on first.',
})

const unsafe = {
  field: 'url',
  message: 'A webhook goes to public https addresses, and to private ones that the operator lists.',
  next: 'Use a public https address, or ask the operator to add this one to AIDEON_WEBHOOK_ADDRESSES.',
}
