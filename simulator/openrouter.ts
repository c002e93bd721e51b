import { chunkEvents, completionBody, completionId, event, finishReasonOf, makeReply } from './chat-reply.ts'
import { type ChatRequest, readChat } from './chat-request.ts'
import {
  disturb,
  type Exchange,
  neverAnswer,
  pause,
  type Refusal,
  sendEvents,
  sendGarbage,
  sendHalf,
  sendJson,
  shown,
} from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'
import { openRouterModels } from './models.ts'
import { bearerOf, readJson } from './openai-host.ts'
import type { Answer } from './reply.ts'

/** OpenRouter: OpenAI's dialect, its own errors (`{"error": {code, message}}`), usage in every stream. */
export const handleOpenRouter = async (exchange: Exchange): Promise<void> => {
  const { path, request } = exchange
  const method = { '/v1/chat/completions': 'POST', '/v1/key': 'GET', '/v1/models': 'GET' }[path]
  if (!method) return refuse(exchange, { status: 404, message: 'Not Found' })
  if (method !== request.method)
    return refuse(exchange, { status: 405, message: 'Method Not Allowed', headers: { allow: method } })
  // The list of models is public at OpenRouter; it proves no key.
  if (path === '/v1/models') return sendModels(exchange)
  const secret = bearerOf(exchange)
  if (secret === null) return refuse(exchange, { status: 401, message: 'Missing Authentication header' })
  const used = exchange.state.keys.use('openrouter', secret)
  if (!used) return refuse(exchange, { status: 401, message: 'User not found.' })
  if (await disturb(exchange, used.behaviour)) return
  const refusal = refusalFor(used.behaviour, path)
  if (refusal) return refuse(exchange, refusal)
  if (path === '/v1/key') return sendKey(exchange, secret, used.behaviour, used.calls)
  const body = readJson(exchange)
  if ('status' in body) return refuse(exchange, body)
  exchange.entry.model = shown(body.value['model'])
  return chat(exchange, secret, body.value)
}

const refuse = (exchange: Exchange, { status, message, headers }: Refusal): void =>
  sendJson(exchange, status, { error: { message, code: status } }, headers)

const errorOf = (status: number, retryAfterSeconds?: number): Refusal => {
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  const messages: Readonly<Record<number, string>> = {
    401: 'User not found.',
    402: 'Insufficient credits. Add more using https://openrouter.ai/settings/credits',
    403: 'Forbidden',
    429: 'Rate limit exceeded: free-models-per-min.',
    502: 'Provider returned error',
    503: 'No available model provider that meets your routing requirements',
  }
  return { status, message: messages[status] ?? 'Internal Server Error', headers }
}

const refusalFor = (behaviour: KeyBehaviour, path: string): Refusal | null => {
  if (behaviour.kind === 'revoked') return errorOf(401)
  if (behaviour.kind === 'forbidden') return errorOf(403)
  if (behaviour.kind === 'failing') return errorOf(behaviour.status ?? 502)
  if (path === '/v1/key') return null
  if (behaviour.kind === 'no_quota') return errorOf(behaviour.status ?? 402)
  return behaviour.kind === 'rate_limited' ? errorOf(429, behaviour.retryAfterSeconds ?? 20) : null
}

const sendModels = (exchange: Exchange): void =>
  sendJson(exchange, 200, {
    data: openRouterModels.map((m) => ({
      id: m.id,
      name: m.name,
      created: m.created,
      context_length: m.contextTokens,
      architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] },
      top_provider: {
        context_length: m.contextTokens,
        max_completion_tokens: m.outputTokens,
        is_moderated: false,
      },
    })),
  })

const sendKey = (exchange: Exchange, secret: string, behaviour: KeyBehaviour, calls: number): void => {
  const empty = behaviour.kind === 'no_quota'
  const spent = empty ? 100 : Math.min(99, calls * 0.01)
  sendJson(exchange, 200, {
    data: {
      label: `${secret.slice(0, 12)}...${secret.slice(-3)}`,
      limit: 100,
      limit_remaining: 100 - spent,
      limit_reset: null,
      usage: spent,
      usage_daily: spent,
      usage_weekly: spent,
      usage_monthly: spent,
      byok_usage: 0,
      byok_usage_daily: 0,
      byok_usage_weekly: 0,
      byok_usage_monthly: 0,
      include_byok_in_limit: false,
      is_free_tier: false,
      is_management_key: false,
      is_provisioning_key: false,
      creator_user_id: 'user_demo',
      expires_at: null,
      rate_limit: { requests: -1, interval: '10s', note: 'This field is deprecated and safe to ignore.' },
    },
  })
}

const unknownModel = (id: string): Refusal => ({ status: 400, message: `${id} is not a valid model ID` })

const chat = async (exchange: Exchange, secret: string, body: Record<string, unknown>): Promise<void> => {
  const request = readChat(body, { models: openRouterModels, unknownModel, lenient: true })
  if ('status' in request) return refuse(exchange, request)
  const { directives } = request
  exchange.entry.streamed = body['stream'] === true
  await pause(exchange, directives.waitMs ?? exchange.state.pacing.firstChunkMs)
  if (directives.error)
    return refuse(exchange, errorOf(directives.error.status, directives.error.retryAfterSeconds))
  if (directives.garbage) return sendGarbage(exchange)
  const cached = exchange.state.cache.automatic(secret, request.model.id, request.promptTokens)
  return body['stream'] === true ? stream(exchange, request, cached) : whole(exchange, request, cached)
}

/** The reply with the fields that OpenRouter adds. The cost is made up: a hundred-thousandth of a dollar per token. */
const replyOf = (exchange: Exchange, request: ChatRequest, cached: number) => {
  const common = {
    id: completionId(request, 'gen-'),
    provider: openRouterModels.find((m) => m.id === request.model.id)?.provider ?? 'OpenAI',
    model: request.model.id,
    created: Math.floor(exchange.state.now() / 1000),
  }
  const reply = makeReply(request, cached, common)
  const cost = Math.round(reply.usage.total_tokens) / 100_000
  const usage = { ...reply.usage, cost, is_byok: false, cost_details: { upstream_inference_cost: null } }
  return { ...reply, usage, choice: (a: Answer) => ({ native_finish_reason: finishReasonOf(a) }) }
}

const whole = async (exchange: Exchange, request: ChatRequest, cached: number): Promise<void> => {
  const { directives, body } = request
  if (directives.endless) return neverAnswer(exchange)
  const completion = completionBody(
    replyOf(exchange, request, cached),
    body['logprobs'] === true,
    !directives.noUsage,
  )
  if (directives.cutAfterChunks !== undefined) return sendHalf(exchange, completion)
  if (directives.slowMs) await pause(exchange, directives.slowMs)
  sendJson(exchange, 200, completion)
}

const stream = async (exchange: Exchange, request: ChatRequest, cached: number): Promise<void> => {
  const reply = replyOf(exchange, request, cached)
  const events = chunkEvents(reply, request.body['logprobs'] === true, {})
  // Usage comes last whether it was asked for or not, in a chunk that still has a (blank) choice.
  const choices = [
    {
      index: 0,
      delta: { role: 'assistant', content: '' },
      finish_reason: null,
      native_finish_reason: null,
      logprobs: null,
    },
  ]
  const usage = event({ object: 'chat.completion.chunk', ...reply.common, choices, usage: reply.usage })
  const failed = [{ index: 0, delta: { content: '' }, finish_reason: 'error' }]
  const error = { code: 502, message: 'Provider disconnected unexpectedly' }
  await sendEvents(
    exchange,
    {
      headers: {},
      // Comments keep the connection alive while a provider is found.
      opening: [': OPENROUTER PROCESSING\n\n', ...events.opening],
      chunks: events.chunks,
      more: events.more,
      closing: [...events.finish, ...(request.directives.noUsage ? [] : [usage]), 'data: [DONE]\n\n'],
      error: event({ object: 'chat.completion.chunk', ...reply.common, error, choices: failed }),
    },
    request.directives,
  )
}
