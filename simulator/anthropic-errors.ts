import { type Exchange, type Refusal, sendJson } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'

const types: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

const messages: Readonly<Record<number, string>> = {
  401: 'invalid x-api-key',
  402: 'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
  403: 'Your API key does not have permission to use the specified resource.',
  413: 'Request exceeds the maximum size',
  429: "This request would exceed your organization's rate limit of 50 requests per minute.",
  529: 'Overloaded',
}

const typeOf = (status: number): string =>
  types[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error')

/** Anthropic's error replies: `{"type": "error", "error": {type, message}, "request_id"}`. */
export const sendAnthropicError = (exchange: Exchange, refusal: Refusal): void =>
  sendJson(exchange, refusal.status, anthropicErrorBody(refusal, exchange.requestId), {
    'request-id': exchange.requestId,
    ...refusal.headers,
  })

export const anthropicErrorBody = (refusal: Refusal, requestId: string) => ({
  type: 'error',
  error: { type: refusal.type ?? typeOf(refusal.status), message: refusal.message },
  request_id: requestId,
})

export const anthropicErrorOf = (status: number, retryAfterSeconds?: number): Refusal => {
  const message = messages[status] ?? (status >= 500 ? 'Internal server error' : `Simulated error ${status}.`)
  const wait = retryAfterSeconds ?? (status === 429 ? 20 : undefined)
  return { status, message, headers: wait === undefined ? {} : { 'retry-after': String(wait) } }
}

export const invalid = (message: string): Refusal => ({ status: 400, message })

export const anthropicKeyRefusal = (behaviour: KeyBehaviour, isModelCall: boolean): Refusal | null => {
  if (behaviour.kind === 'revoked') return anthropicErrorOf(401)
  if (behaviour.kind === 'forbidden') return anthropicErrorOf(403)
  if (behaviour.kind === 'failing') return anthropicErrorOf(behaviour.status ?? 529)
  if (!isModelCall) return null
  // An empty balance is a 400 for most accounts, a 402 for newer ones.
  if (behaviour.kind === 'no_quota')
    return { ...anthropicErrorOf(behaviour.status ?? 400), message: messages[402] ?? '' }
  return behaviour.kind === 'rate_limited' ? anthropicErrorOf(429, behaviour.retryAfterSeconds) : null
}

/** Headers of a reply that a model made. */
export const anthropicHeaders = (exchange: Exchange, inputTokens: number): Record<string, string> => {
  const reset = new Date(Math.ceil(exchange.state.now() / 60_000) * 60_000)
    .toISOString()
    .replace('.000Z', 'Z')
  const limit = (name: string, most: number, left: number) => ({
    [`anthropic-ratelimit-${name}-limit`]: String(most),
    [`anthropic-ratelimit-${name}-remaining`]: String(Math.max(0, left)),
    [`anthropic-ratelimit-${name}-reset`]: reset,
  })
  return {
    'request-id': exchange.requestId,
    'anthropic-organization-id': '00000000-demo-demo-demo-000000000000',
    ...limit('requests', 4000, 3999),
    ...limit('input-tokens', 2_000_000, 2_000_000 - inputTokens),
    ...limit('output-tokens', 400_000, 400_000),
    ...limit('tokens', 2_400_000, 2_400_000 - inputTokens),
  }
}
