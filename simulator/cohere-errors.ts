import { type Exchange, type Refusal, sendJson, shown } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'

type Fields = Record<string, unknown>

/** Cohere's errors: `{"id", "message"}`. */
export const refuse = (exchange: Exchange, { status, message, headers }: Refusal): void =>
  sendJson(exchange, status, { id: exchange.requestId, message }, headers)

export const errorOf = (status: number, retryAfterSeconds?: number): Refusal => {
  const messages: Readonly<Record<number, string>> = {
    401: 'invalid api token',
    402: 'Please add or update your payment method at https://dashboard.cohere.com/billing to continue',
    403: 'Unauthorized',
    429: 'Please wait and try again later',
    498: 'invalid token',
    499: 'request is cancelled',
    503: 'Service unavailable',
  }
  return {
    status,
    message: messages[status] ?? 'internal server error',
    ...(retryAfterSeconds !== undefined && { headers: { 'retry-after': String(retryAfterSeconds) } }),
  }
}

const trialLimit =
  "You are using a Trial key, which is limited to 1000 API calls / month. You can continue to use the Trial key for free or upgrade to a Production key with higher rate limits at 'https://dashboard.cohere.com/api-keys'. Contact us on 'https://discord.gg/XW44jPfYJu' or email us at support@cohere.com with any questions"

export const keyRefusal = (behaviour: KeyBehaviour, isModelCall: boolean): Refusal | null => {
  if (behaviour.kind === 'revoked') return errorOf(401)
  if (behaviour.kind === 'forbidden') return errorOf(403)
  if (behaviour.kind === 'failing') return errorOf(behaviour.status ?? 503)
  if (!isModelCall) return null
  if (behaviour.kind === 'no_quota')
    return behaviour.status === 402 ? errorOf(402) : { status: 429, message: trialLimit }
  return behaviour.kind === 'rate_limited' ? errorOf(429, behaviour.retryAfterSeconds) : null
}

export const invalid = (message: string): Refusal => ({ status: 400, message: `invalid request: ${message}` })
export const unknownField = (body: Fields, allowed: readonly string[]): Refusal | null => {
  const stranger = Object.keys(body).find((name) => !allowed.includes(name))
  return stranger
    ? { status: 422, message: `unknown field: parameter '${stranger}' is not a valid field` }
    : null
}
export const unknownModel = (model: unknown): Refusal => ({
  status: 404,
  message: `model '${shown(model)}' not found, make sure the correct model ID was used and that you have access to the model.`,
})
