import { createHmac } from 'node:crypto'
import { apiVersion, newStripeId, type StripeEvent, type StripeObject } from './stripe-objects.ts'

export interface WebhookEndpoint {
  readonly url: string
  readonly secret: string
}

export interface Delivery {
  readonly eventId: string
  readonly type: string
  /** null: no answer. */
  readonly status: number | null
}

export interface DeliveryOptions {
  readonly copies?: number
  /** Of the signature; now where it is left out. */
  readonly signedAt?: Date
  /** Forged with another one. */
  readonly secret?: string
  /** Changed after it was signed. */
  readonly body?: string
}

export interface Webhooks {
  readonly deliveries: readonly Delivery[]
  emit(type: string, object: StripeObject, request: StripeEvent['request']): void
  /** From now on events are kept back until `release`. */
  hold(): void
  /** Sends what was kept back; deliveries go out together. */
  release(options?: { order?: 'given' | 'reversed'; copies?: number; together?: boolean }): Promise<void>
  /** Forgets what was kept back, as an endpoint that was away for too long. */
  lose(): void
  deliver(event: StripeEvent, options?: DeliveryOptions): Promise<Delivery[]>
  listenAt(endpoint: WebhookEndpoint): void
  /** Resolves when nothing is on its way, retries included. */
  settled(): Promise<void>
}

/** `t=…,v1=…`: HMAC-SHA256 of `timestamp.body` with the endpoint's secret. */
export const signatureOf = (body: string, secret: string, at: Date): string => {
  const seconds = Math.floor(at.getTime() / 1000)
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
  return `t=${seconds},v1=${mac}`
}

/** Stripe tries for three days with growing pauses; here the pauses are given, and there is an end. */
export const makeWebhooks = (options: {
  endpoint: WebhookEndpoint | null
  events: StripeEvent[]
  now: () => number
  clock: () => Date
  retryAfterMs: readonly number[]
}): Webhooks => {
  const { events, now, clock, retryAfterMs } = options
  let endpoint = options.endpoint
  let held: StripeEvent[] | null = null
  const deliveries: Delivery[] = []
  const underWay = new Set<Promise<unknown>>()

  const track = <T>(work: Promise<T>): Promise<T> => {
    underWay.add(work)
    void work.finally(() => underWay.delete(work)).catch(() => {})
    return work
  }

  const post = async (event: StripeEvent, given: DeliveryOptions): Promise<Delivery> => {
    const body = JSON.stringify(event, null, 2)
    const record = (status: number | null): Delivery => {
      const delivery = { eventId: event.id, type: event.type, status }
      deliveries.push(delivery)
      return delivery
    }
    if (endpoint === null) return record(null)
    const signature = signatureOf(body, given.secret ?? endpoint.secret, given.signedAt ?? clock())
    try {
      const reply = await fetch(endpoint.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'stripe-signature': signature,
          'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        },
        body: given.body ?? body,
      })
      await reply.arrayBuffer()
      return record(reply.status)
    } catch {
      return record(null)
    }
  }

  const send = async (event: StripeEvent): Promise<void> => {
    for (const pauseMs of [0, ...retryAfterMs]) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      const { status } = await post(event, {})
      if (status !== null && status >= 200 && status < 300) return
    }
  }

  return {
    deliveries,
    emit(type, object, request) {
      const event: StripeEvent = {
        id: newStripeId('evt'),
        object: 'event',
        api_version: apiVersion,
        created: now(),
        // As it was at that moment, however it goes on.
        data: { object: structuredClone(object) },
        livemode: false,
        pending_webhooks: endpoint === null ? 0 : 1,
        request,
        type,
      }
      events.push(event)
      if (endpoint === null) return
      if (held) held.push(event)
      else void track(send(event))
    },
    hold() {
      held ??= []
    },
    async release({ order = 'given', copies = 1, together = true } = {}) {
      const kept = held ?? []
      held = null
      const ordered = order === 'reversed' ? kept.toReversed() : kept
      const sends = ordered.flatMap((event) => Array.from({ length: copies }, () => event))
      if (together) await Promise.all(sends.map((event) => track(send(event))))
      else for (const event of sends) await track(send(event))
    },
    lose() {
      held = null
    },
    deliver: (event, given = {}) =>
      Promise.all(Array.from({ length: given.copies ?? 1 }, () => track(post(event, given)))),
    listenAt(given) {
      endpoint = given
    },
    async settled() {
      while (underWay.size > 0) await Promise.allSettled(underWay)
    },
  }
}
