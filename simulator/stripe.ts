import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { stripeEndpoints } from './stripe-api.ts'
import { checkoutPage, expireSession, type PageReply, portalPage } from './stripe-checkout.ts'
import { makeWebhooks, type WebhookEndpoint, type Webhooks } from './stripe-events.ts'
import {
  apiVersion,
  type CheckoutSession,
  type Dispute,
  find,
  newStripeId,
  type Refund,
  type StripeEvent,
  type StripeObject,
  type StripeState,
} from './stripe-objects.ts'
import { decodeForm, StripeRefusal, type Tree } from './stripe-params.ts'
import { chargeOf, closeDispute, failRefund, newCard, openDispute, refundCharge } from './stripe-payments.ts'

/**
 * A strict stand-in for Stripe that its official SDK talks to: test cards, Checkout and portal pages, off-session charges,
 * refunds, disputes, events by signed webhooks. No money moves. What it does not know it refuses.
 */
export interface StripeStandIn {
  readonly url: string
  readonly port: number
  readonly webhooks: Webhooks
  readonly events: readonly StripeEvent[]
  readonly state: StripeState
  /** Requests of the API as `POST /v1/refunds`. */
  readonly requests: readonly string[]
  /** What a person does on the hosted page. `card` null: leaves without paying. Gives where the page ended. */
  pay(
    checkoutUrl: string,
    card?: string,
    answer?: 'complete' | 'fail',
  ): Promise<{ status: number; location: string | null }>
  /** In Stripe's own dashboard, past our software. */
  refund(paymentIntentId: string, amount?: number, status?: Refund['status']): Refund
  failRefund(refundId: string): void
  dispute(paymentIntentId: string, options?: { amount?: number; isInquiry?: boolean }): Dispute
  closeDispute(disputeId: string, isWon: boolean): void
  expire(sessionId: string): void
  saveCard(customerId: string, number: string): string
  /** The next requests whose path contains the text fail so; `lost`: they are carried out and their answer is lost. */
  failNext(path: string, how: number | 'lost', count?: number): void
  /** Stripe keeps idempotency keys for a day. */
  forgetIdempotencyKeys(): void
  sessions(): CheckoutSession[]
  close(): Promise<void>
}

export interface StripeOptions {
  readonly secretKey: string
  readonly webhook?: WebhookEndpoint
  readonly clock?: () => Date
  readonly port?: number
  readonly host?: string
  readonly retryAfterMs?: readonly number[]
}

interface Answered {
  readonly status: number
  readonly body: string
}

interface Remembered {
  readonly request: string
  answered: Answered | null
}

interface Standing {
  readonly secretKey: string
  readonly state: StripeState
  readonly remembered: Map<string, Remembered>
  readonly failures: { path: string; how: number | 'lost'; left: number }[]
  readonly requests: string[]
  request: StripeEvent['request']
}

const largestBodyBytes = 1024 * 1024

export const startStripe = async (options: StripeOptions): Promise<StripeStandIn> => {
  const clock = options.clock ?? (() => new Date())
  const now = () => Math.floor(clock().getTime() / 1000)
  const events: StripeEvent[] = []
  const webhooks = makeWebhooks({
    endpoint: options.webhook ?? null,
    events,
    now,
    clock,
    retryAfterMs: options.retryAfterMs ?? [50, 200],
  })
  let url = ''
  const state = newState({
    now,
    url: () => url,
    events,
    emit: (type, object) => webhooks.emit(type, object, standing.request),
  })
  const standing: Standing = {
    secretKey: options.secretKey,
    state,
    remembered: new Map(),
    failures: [],
    requests: [],
    request: { id: null, idempotency_key: null },
  }
  const server = createServer((request, response) => {
    serve(standing, request, response).catch((error: unknown) => {
      console.error('stripe stand-in:', error)
      response.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const { address, family, port } = server.address() as AddressInfo
  url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  return { ...commands(standing), url, port, webhooks, close: () => close(server, webhooks) }
}

const newState = (
  fixed: Pick<StripeState, 'now' | 'url' | 'events'> & {
    emit: (type: string, object: StripeObject) => void
  },
): StripeState => ({
  ...fixed,
  customers: new Map(),
  paymentMethods: new Map(),
  behaviours: new Map(),
  paymentIntents: new Map(),
  charges: new Map(),
  refunds: new Map(),
  disputes: new Map(),
  sessions: new Map(),
  orders: new Map(),
  portals: new Map(),
})

const close = async (server: Server, webhooks: Webhooks): Promise<void> => {
  await webhooks.settled()
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeAllConnections()
  await promise
}

const commands = (standing: Standing) => {
  const { state } = standing
  return {
    state,
    events: state.events,
    requests: standing.requests,
    async pay(checkoutUrl: string, card = '4242424242424242', answer?: 'complete' | 'fail') {
      const post = (form: Record<string, string>) =>
        fetch(checkoutUrl, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' })
      let reply = await post({ card })
      if (answer) {
        await reply.arrayBuffer()
        reply = await post({ answer })
      }
      await reply.arrayBuffer()
      return { status: reply.status, location: reply.headers.get('location') }
    },
    refund(intentId: string, amount?: number, status?: Refund['status']) {
      const charge = chargeOf(state, find(state.paymentIntents, 'payment_intent', intentId))
      return refundCharge(state, charge, {
        amount,
        reason: null,
        metadata: {},
        status: status ?? 'succeeded',
      })
    },
    failRefund: (refundId: string) => failRefund(state, refundId),
    dispute: (intentId: string, o?: { amount?: number; isInquiry?: boolean }) =>
      openDispute(state, intentId, o),
    closeDispute: (disputeId: string, isWon: boolean) => closeDispute(state, disputeId, isWon),
    expire: (sessionId: string) => expireSession(state, find(state.sessions, 'checkout.session', sessionId)),
    saveCard(customerId: string, number: string) {
      const card = newCard(state, number, customerId)
      if (!card) throw new Error(`No test card: ${number}`)
      find(state.customers, 'customer', customerId).invoice_settings.default_payment_method = card.id
      return card.id
    },
    failNext(path: string, how: number | 'lost', count = 1) {
      standing.failures.push({ path, how, left: count })
    },
    forgetIdempotencyKeys: () => standing.remembered.clear(),
    sessions: () => [...state.sessions.values()],
  }
}

const serve = async (
  standing: Standing,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const url = new URL(request.url ?? '/', 'http://stripe')
  const body = await readBody(request)
  const [, kind, id] = /^\/(c\/pay|p\/session)\/([A-Za-z0-9_]+)$/.exec(url.pathname) ?? []
  if (kind === undefined || id === undefined) return serveApi(standing, request, response, url, body)
  standing.request = { id: null, idempotency_key: null }
  const form = request.method === 'POST' ? Object.fromEntries(new URLSearchParams(body)) : null
  sendPage(response, pageFor(standing.state, kind, id, form))
}

const pageFor = (
  state: StripeState,
  kind: string,
  id: string,
  form: Readonly<Record<string, string>> | null,
): PageReply => {
  try {
    return kind === 'c/pay' ? checkoutPage(state, id, form) : portalPage(state, id, form)
  } catch (error) {
    if (error instanceof StripeRefusal) return { kind: 'html', status: error.status, html: error.message }
    throw error
  }
}

const sendPage = (response: ServerResponse, reply: PageReply): void => {
  if (reply.kind === 'redirect') response.writeHead(303, { location: reply.location }).end()
  else response.writeHead(reply.status, { 'content-type': 'text/html; charset=utf-8' }).end(reply.html)
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length
    if (bytes > largestBodyBytes) throw new Error('body too large')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const serveApi = async (
  standing: Standing,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  body: string,
): Promise<void> => {
  const line = `${request.method} ${url.pathname}`
  standing.requests.push(line)
  const requestId = newStripeId('req')
  const failure = standing.failures.find(({ path, left }) => left > 0 && line.includes(path))
  if (failure) failure.left -= 1
  if (failure && failure.how !== 'lost')
    return sendApi(
      response,
      requestId,
      apiError(failure.how, { type: 'api_error', message: 'Stripe is away.' }),
    )
  const answered = answerOf(standing, request, url, body, requestId)
  if (failure) {
    request.socket.destroy()
    return
  }
  sendApi(response, requestId, answered.answer, answered.isReplayed ? { 'idempotent-replayed': 'true' } : {})
}

const sendApi = (
  response: ServerResponse,
  requestId: string,
  answer: Answered,
  more: Record<string, string> = {},
): void => {
  response
    .writeHead(answer.status, {
      'content-type': 'application/json',
      'request-id': requestId,
      'stripe-version': apiVersion,
      ...more,
    })
    .end(answer.body)
}

const apiError = (status: number, error: unknown): Answered => ({ status, body: JSON.stringify({ error }) })

/** Synchronous from here: no two requests meet in the middle. */
const answerOf = (
  standing: Standing,
  request: IncomingMessage,
  url: URL,
  body: string,
  requestId: string,
): { answer: Answered; isReplayed: boolean } => {
  const key = request.headers['idempotency-key']
  try {
    checkHeaders(standing, request)
    if (typeof key !== 'string' || request.method !== 'POST')
      return { answer: run(standing, request.method ?? '', url, body, requestId, null), isReplayed: false }
    const asked = `${url.pathname}\n${body}`
    const before = standing.remembered.get(key)
    if (before && before.request !== asked)
      throw new StripeRefusal(400, {
        type: 'idempotency_error',
        message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      })
    if (before?.answered) return { answer: before.answered, isReplayed: true }
    const answer = run(standing, 'POST', url, body, requestId, key)
    // What was refused before anything was done is not kept.
    if (answer.status < 400 || answer.status === 402)
      standing.remembered.set(key, { request: asked, answered: answer })
    return { answer, isReplayed: false }
  } catch (error) {
    if (error instanceof StripeRefusal)
      return { answer: apiError(error.status, error.body), isReplayed: false }
    throw error
  }
}

const checkHeaders = ({ secretKey }: Standing, request: IncomingMessage): void => {
  const { authorization, 'stripe-version': version, 'content-type': type } = request.headers
  const fail = (status: number, message: string): never => {
    throw new StripeRefusal(status, { type: 'invalid_request_error', message })
  }
  if (authorization === undefined) fail(401, 'You did not provide an API key.')
  if (authorization !== `Bearer ${secretKey}`)
    fail(401, `Invalid API Key provided: ****${String(authorization).slice(-4)}`)
  if (version !== apiVersion) fail(400, `Invalid Stripe API version: ${String(version)}`)
  if (request.method === 'POST' && !String(type).startsWith('application/x-www-form-urlencoded'))
    fail(400, `Invalid request (check that your POST content type is application/x-www-form-urlencoded).`)
}

const run = (
  standing: Standing,
  method: string,
  url: URL,
  body: string,
  requestId: string,
  key: string | null,
): Answered => {
  standing.request = { id: requestId, idempotency_key: key }
  try {
    for (const { method: own, path, run: act } of stripeEndpoints) {
      const match = own === method ? path.exec(url.pathname) : null
      if (!match) continue
      const tree: { [name: string]: Tree } = decodeForm(method === 'POST' ? body : url.search.slice(1))
      return { status: 200, body: JSON.stringify(act(standing.state, tree, match[1] ?? '')) }
    }
    throw new StripeRefusal(404, {
      type: 'invalid_request_error',
      message: `Unrecognized request URL (${method}: ${url.pathname}).`,
    })
  } catch (error) {
    if (error instanceof StripeRefusal) return apiError(error.status, error.body)
    throw error
  }
}
