import { disturb, type Exchange, type Refusal } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'
import { callModel, checkRoute, sendModels } from './openai.ts'
import { openAiErrorBody, openAiErrorOf } from './openai-errors.ts'
import { bearerOf, openAi, type OpenAiHost, refuse } from './openai-host.ts'

/** The gateway in front of Azure's models has errors of its own. */
const gatewayError = (status: number, code: string, message: string): Refusal => ({
  status,
  code,
  message,
  type: 'gateway',
})

const accessDenied = gatewayError(
  401,
  '401',
  'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.',
)
const limited = (seconds: number): Refusal => ({
  ...gatewayError(
    429,
    'RateLimitReached',
    `Requests to the ChatCompletions_Create Operation under Azure OpenAI API have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after ${seconds} seconds.`,
  ),
  headers: { 'retry-after': String(seconds), 'retry-after-ms': String(seconds * 1000) },
})

const host: OpenAiHost = {
  ...openAi,
  unknownModel: () =>
    gatewayError(
      404,
      'DeploymentNotFound',
      'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.',
    ),
  errorOf: (status, retryAfterSeconds) =>
    status === 429 ? limited(retryAfterSeconds ?? 20) : openAiErrorOf(status, retryAfterSeconds),
  errorBody: (refusal) =>
    refusal.type === 'gateway'
      ? { error: { code: refusal.code, message: refusal.message } }
      : openAiErrorBody(refusal),
  headers: (exchange) => ({
    'apim-request-id': exchange.requestId,
    'x-ms-region': 'East US',
    'x-request-id': exchange.requestId,
  }),
  modelHeaders: (exchange, inputTokens) => ({
    ...host.headers(exchange),
    'x-ratelimit-remaining-requests': '9999',
    'x-ratelimit-remaining-tokens': String(Math.max(0, 200_000 - inputTokens)),
  }),
}

const apiVersion = /^(?:\d{4}-\d{2}-\d{2}(?:-preview)?|v1|preview|latest)$/

/**
 * Azure OpenAI: the v1 API (`/openai/v1/…`, deployment in `model`), and the older `/openai/deployments/{deployment}/…`
 * with an api-version. Deployments are named like their models; `my-<model>` is one as well.
 */
export const handleAzureOpenAi = async (exchange: Exchange): Promise<void> => {
  const { path, query, request, state } = exchange
  const refused = (refusal: Refusal) => refuse(exchange, host, refusal)
  const [, deployment, operation] = /^\/openai\/deployments\/([^/]+)(\/.+)$/.exec(path) ?? []
  const target = deployment
    ? `/v1${operation}`
    : path.startsWith('/openai/v1/')
      ? path.slice('/openai'.length)
      : null
  const wrong = target === null ? ({ status: 404 } as const) : checkRoute(target, request.method ?? '')
  if (target === null || wrong)
    return refused(gatewayError(wrong?.status ?? 404, '404', 'Resource not found'))
  const version = query.get('api-version')
  if (
    deployment ? version === null || !apiVersion.test(version) : version !== null && !apiVersion.test(version)
  )
    return refused(gatewayError(404, '404', 'Resource not found'))
  // A key by either header; tokens of Entra are not simulated.
  const header = request.headers['api-key']
  const secret = typeof header === 'string' ? header : bearerOf(exchange)
  const used = secret === null ? null : state.keys.use('azure_openai', secret)
  if (secret === null || !used) return refused(accessDenied)
  if (await disturb(exchange, used.behaviour)) return
  const refusal = keyRefusal(used.behaviour, request.method === 'POST')
  if (refusal) return refused(refusal)
  if (request.method === 'GET') return sendModels(exchange, host, target)
  const named = deployment ? withModel(exchange, decodeURIComponent(deployment)) : exchange
  return callModel(deployed(named), secret, target, host)
}

/** The older API names the model in the path only. */
const withModel = (exchange: Exchange, model: string): Exchange => {
  if (!/^application\/json/i.test(exchange.request.headers['content-type'] ?? '')) return exchange
  try {
    const body = JSON.parse(exchange.body.toString('utf8')) as object
    return { ...exchange, body: Buffer.from(JSON.stringify({ ...body, model })) }
  } catch {
    return exchange
  }
}

const deployed = (exchange: Exchange): Exchange => {
  const text = exchange.body.toString('latin1')
  return text.includes('"my-')
    ? { ...exchange, body: Buffer.from(text.replace(/("model"\s*:\s*")my-/, '$1'), 'latin1') }
    : exchange
}

const keyRefusal = (behaviour: KeyBehaviour, isModelCall: boolean): Refusal | null => {
  if (behaviour.kind === 'revoked') return accessDenied
  if (behaviour.kind === 'forbidden')
    return gatewayError(403, 'AccessDenied', 'Access denied due to Virtual Network/Firewall rules.')
  if (behaviour.kind === 'failing') return openAiErrorOf(behaviour.status ?? 500)
  if (!isModelCall) return null
  if (behaviour.kind === 'no_quota')
    return gatewayError(
      behaviour.status ?? 429,
      'insufficient_quota',
      'You exceeded your current quota, please check your plan and billing details.',
    )
  return behaviour.kind === 'rate_limited' ? limited(behaviour.retryAfterSeconds ?? 20) : null
}
