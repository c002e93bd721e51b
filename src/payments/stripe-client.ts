import { Stripe } from 'stripe'
import type { Outbound } from '../net/outbound.ts'

/** Stripe answers far below this; a list of 100 events is about half a megabyte. */
const largestReplyBytes = 8 * 1024 * 1024
const timeoutMs = 20_000

export interface StripeAccount {
  /** `sk_…`, or a restricted `rk_…`. */
  readonly secretKey: string
  /** `whsec_…` of the webhook endpoint. */
  readonly webhookSecret: string
  /** null: Stripe's own. */
  readonly apiUrl: string | null
}

/** Keys name their mode; objects of one do not exist in the other. */
export const modeOf = ({ secretKey }: StripeAccount): 'test' | 'live' =>
  /^[sr]k_live_/.test(secretKey) ? 'live' : 'test'

/**
 * The official SDK, whose only network is ours: the address is checked as every other, no redirect is followed, and the
 * reply has a limit. It repeats what failed on the way, under one idempotency key.
 */
export const makeStripeClient = (account: StripeAccount, outbound: Outbound): Stripe => {
  const api = account.apiUrl === null ? null : new URL(account.apiUrl)
  return new Stripe(account.secretKey, {
    httpClient: Stripe.createFetchHttpClient(fetchThrough(outbound)),
    maxNetworkRetries: 2,
    timeout: timeoutMs,
    // Timings of earlier requests are nobody's business.
    telemetry: false,
    ...(api
      ? {
          host: api.hostname,
          port: Number(api.port) || (api.protocol === 'https:' ? 443 : 80),
          protocol: api.protocol === 'https:' ? ('https' as const) : ('http' as const),
        }
      : {}),
  })
}

const fetchThrough =
  (outbound: Outbound): typeof globalThis.fetch =>
  async (input, init) => {
    const reply = await outbound.request({
      method: init?.method ?? 'GET',
      url: input instanceof Request ? input.url : input.toString(),
      headers: Object.fromEntries(new Headers(init?.headers)),
      ...(typeof init?.body === 'string' && init.body !== '' ? { body: init.body } : {}),
      timeoutMs,
      maximumBytes: largestReplyBytes,
    })
    if (!reply.ok) throw Object.assign(new TypeError(reply.fault.message), { code: reply.fault.code })
    return new Response(reply.value.body, { status: reply.value.status, headers: reply.value.headers })
  }

/** What an error of the SDK may tell: never the request or the reply, which name people and cards. */
export const toldBy = (error: unknown): { type: string; code: string | null; requestId: string | null } => {
  const { type, code, requestId } = error as { type?: unknown; code?: unknown; requestId?: unknown }
  const textOf = (value: unknown) => (typeof value === 'string' ? value : null)
  return { type: textOf(type) ?? 'Error', code: textOf(code), requestId: textOf(requestId) }
}

/** Whether the same request may succeed later. */
export const isPassingTrouble = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeConnectionError ||
  error instanceof Stripe.errors.StripeRateLimitError ||
  error instanceof Stripe.errors.StripeAPIError ||
  (error instanceof Stripe.errors.StripeError && (error.statusCode === 409 || (error.statusCode ?? 0) >= 500))
