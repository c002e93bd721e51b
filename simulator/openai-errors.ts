import { type Exchange, type Refusal, sendJson } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'

/** OpenAI's error replies: `{"error": {message, type, param, code}}`. */
export const sendOpenAiError = (exchange: Exchange, refusal: Refusal): void =>
  sendJson(exchange, refusal.status, openAiErrorBody(refusal), {
    ...openAiHeaders(exchange),
    ...refusal.headers,
  })

export const openAiErrorBody = (refusal: Refusal) => ({
  error: {
    message: refusal.message,
    type: refusal.type ?? 'invalid_request_error',
    param: refusal.param ?? null,
    code: refusal.code ?? null,
  },
})

export const openAiHeaders = (exchange: Exchange): Record<string, string> => ({
  'x-request-id': exchange.requestId,
  'openai-version': '2020-10-01',
})

/** Headers of a reply that a model made. */
export const openAiModelHeaders = (exchange: Exchange, inputTokens: number): Record<string, string> => ({
  ...openAiHeaders(exchange),
  'openai-organization': 'org-demo',
  'openai-processing-ms': '12',
  'x-ratelimit-limit-requests': '10000',
  'x-ratelimit-limit-tokens': '200000',
  'x-ratelimit-remaining-requests': '9999',
  'x-ratelimit-remaining-tokens': String(Math.max(0, 200_000 - inputTokens)),
  'x-ratelimit-reset-requests': '6ms',
  'x-ratelimit-reset-tokens': `${Math.ceil(inputTokens * 0.3)}ms`,
})

const hidden = (secret: string): string =>
  secret.length > 12 ? `${secret.slice(0, 8)}${'*'.repeat(12)}${secret.slice(-4)}` : '*'.repeat(secret.length)

export const incorrectKey = (secret: string): Refusal => ({
  status: 401,
  message: `Incorrect API key provided: ${hidden(secret)}. You can find your API key at https://platform.openai.com/account/api-keys.`,
  code: 'invalid_api_key',
})

export const missingKey: Refusal = {
  status: 401,
  message:
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the API from your browser and are prompted for a username and password. You can obtain an API key from https://platform.openai.com/account/api-keys.",
}

export const unknownModel = (id: string): Refusal => ({
  status: 404,
  message: `The model \`${id}\` does not exist or you do not have access to it.`,
  code: 'model_not_found',
})

const insufficientQuota: Refusal = {
  status: 429,
  message:
    'You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.',
  type: 'insufficient_quota',
  code: 'insufficient_quota',
}

const rateLimited = (retryAfterSeconds: number): Refusal => ({
  status: 429,
  message: `Rate limit reached in organization org-demo on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in ${retryAfterSeconds}s. Visit https://platform.openai.com/account/rate-limits to learn more.`,
  type: 'requests',
  code: 'rate_limit_exceeded',
  headers: {
    'retry-after': String(retryAfterSeconds),
    'retry-after-ms': String(retryAfterSeconds * 1000),
    'x-ratelimit-limit-requests': '3',
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': `${retryAfterSeconds}s`,
  },
})

/** An error of this status in OpenAI's words. */
export const openAiErrorOf = (status: number, retryAfterSeconds?: number): Refusal => {
  if (status === 429) return rateLimited(retryAfterSeconds ?? 20)
  const wait =
    retryAfterSeconds === undefined ? {} : { headers: { 'retry-after': String(retryAfterSeconds) } }
  if (status === 401) return { status, message: 'Incorrect API key provided.', code: 'invalid_api_key' }
  if (status === 403)
    return { status, message: 'You have insufficient permissions for this operation.', code: null }
  if (status === 503)
    return {
      status,
      message: 'The engine is currently overloaded, please try again later',
      type: 'server_error',
      ...wait,
    }
  if (status >= 500)
    return {
      status,
      message: 'The server had an error while processing your request. Sorry about that!',
      type: 'server_error',
      ...wait,
    }
  return { status, message: `Simulated error ${status}.`, ...wait }
}

/** What OpenAI answers with a key in this state, or null when the call goes on. */
export const openAiKeyRefusal = (
  behaviour: KeyBehaviour,
  secret: string,
  isModelCall: boolean,
): Refusal | null => {
  if (behaviour.kind === 'revoked') return incorrectKey(secret)
  if (behaviour.kind === 'forbidden')
    return {
      status: 403,
      message:
        "You have insufficient permissions for this operation. Missing scopes: model.request. Check that you have the correct role in your organization (Reader, Writer, Owner) and project (Member, Owner), and if you're using a restricted API key, that it has the necessary scopes.",
    }
  if (behaviour.kind === 'failing') return openAiErrorOf(behaviour.status ?? 500)
  if (!isModelCall) return null
  if (behaviour.kind === 'no_quota') return { ...insufficientQuota, status: behaviour.status ?? 429 }
  return behaviour.kind === 'rate_limited' ? rateLimited(behaviour.retryAfterSeconds ?? 20) : null
}
