import { type Exchange, type Refusal, sendJson } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'

/** https://cloud.google.com/apis/design/errors#error_model */
const statuses: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

const messages: Readonly<Record<number, string>> = {
  401: 'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.',
  403: 'The caller does not have permission',
  429: 'Resource has been exhausted (e.g. check quota).',
  500: 'An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting',
  503: 'The model is overloaded. Please try again later.',
  504: 'Deadline expired before operation could complete.',
}

/** `{"error": {code, message, status, details?}}`, of the Gemini API and of Vertex AI. */
export type GeminiRefusal = Refusal & { readonly details?: readonly object[]; readonly word?: string }

export const geminiErrorBody = (refusal: GeminiRefusal) => ({
  error: {
    code: refusal.status,
    message: refusal.message,
    status: refusal.word ?? statuses[refusal.status] ?? (refusal.status >= 500 ? 'INTERNAL' : 'UNKNOWN'),
    ...(refusal.details && { details: refusal.details }),
  },
})

export const sendGeminiError = (exchange: Exchange, refusal: GeminiRefusal): void =>
  sendJson(exchange, refusal.status, geminiErrorBody(refusal), {
    'content-type': 'application/json; charset=UTF-8',
    ...refusal.headers,
  })

export const invalid = (message: string): GeminiRefusal => ({ status: 400, message })

/** The wait is in the body; there is no `retry-after`. */
const retryInfo = (seconds: number) => ({
  '@type': 'type.googleapis.com/google.rpc.RetryInfo',
  retryDelay: `${seconds}s`,
})

export const geminiErrorOf = (status: number, retryAfterSeconds?: number): GeminiRefusal => {
  const message =
    messages[status] ?? (status >= 500 ? 'Internal error encountered.' : `Simulated error ${status}.`)
  const wait = retryAfterSeconds ?? (status === 429 ? 20 : undefined)
  return { status, message, ...(wait !== undefined && { details: [retryInfo(wait)] }) }
}

export const keyNotValid: GeminiRefusal = {
  status: 400,
  message: 'API key not valid. Please pass a valid API key.',
  details: [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'API_KEY_INVALID',
      domain: 'googleapis.com',
      metadata: { service: 'generativelanguage.googleapis.com' },
    },
    {
      '@type': 'type.googleapis.com/google.rpc.LocalizedMessage',
      locale: 'en-US',
      message: 'API key not valid. Please pass a valid API key.',
    },
  ],
}

export const noKey: GeminiRefusal = {
  status: 403,
  message:
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
}

const quotaExceeded = (perDay: boolean, seconds: number): GeminiRefusal => ({
  status: 429,
  message: `You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\nPlease retry in ${seconds}s.`,
  details: [
    {
      '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
      violations: [
        {
          quotaMetric: 'generativelanguage.googleapis.com/generate_content_free_tier_requests',
          quotaId: `GenerateRequestsPer${perDay ? 'Day' : 'Minute'}PerProjectPerModel-FreeTier`,
          quotaDimensions: { location: 'global', model: 'gemini-2.5-flash' },
          quotaValue: perDay ? '250' : '10',
        },
      ],
    },
    retryInfo(seconds),
  ],
})

/** What Google answers with a key in this state, or null when the call goes on. */
export const geminiKeyRefusal = (behaviour: KeyBehaviour, isModelCall: boolean): GeminiRefusal | null => {
  if (behaviour.kind === 'revoked') return keyNotValid
  if (behaviour.kind === 'forbidden') return geminiErrorOf(403)
  if (behaviour.kind === 'failing') return geminiErrorOf(behaviour.status ?? 503)
  if (!isModelCall) return null
  if (behaviour.kind === 'no_quota') return quotaExceeded(true, 3600)
  return behaviour.kind === 'rate_limited' ? quotaExceeded(false, behaviour.retryAfterSeconds ?? 20) : null
}
