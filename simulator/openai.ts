import { chunkEvents, completionBody, completionId, event, makeReply } from './chat-reply.ts'
import { type ChatRequest, readChat } from './chat-request.ts'
import { embed } from './embeddings.ts'
import {
  disturb,
  type Exchange,
  isRecord,
  neverAnswer,
  pause,
  type Refusal,
  sendEvents,
  sendHalf,
  sendJson,
  writeBytes,
  shown,
} from './exchange.ts'
import { openAiChatModels, openAiEmbeddingModels } from './models.ts'
import {
  incorrectKey,
  missingKey,
  openAiErrorBody,
  openAiErrorOf,
  openAiHeaders,
  openAiKeyRefusal,
  openAiModelHeaders,
  sendOpenAiError,
  unknownModel,
} from './openai-errors.ts'

/** OpenAI: chat completions, embeddings, models. */
export const handleOpenAi = async (exchange: Exchange): Promise<void> => {
  const refusal = checkRoute(exchange)
  if (refusal) return sendOpenAiError(exchange, refusal)
  const secret = bearerOf(exchange)
  if (secret === null) return sendOpenAiError(exchange, missingKey)
  const used = exchange.state.keys.use('openai', secret)
  if (!used) return sendOpenAiError(exchange, incorrectKey(secret))
  if (await disturb(exchange, used.behaviour)) return
  const keyRefusal = openAiKeyRefusal(used.behaviour, secret, exchange.request.method === 'POST')
  if (keyRefusal) return sendOpenAiError(exchange, keyRefusal)
  if (exchange.request.method === 'GET') return sendModels(exchange)
  const body = readJson(exchange)
  if ('status' in body) return sendOpenAiError(exchange, body)
  exchange.entry.model = shown(body.value['model'])
  if (exchange.path === '/v1/embeddings') return embed(exchange, body.value)
  return chat(exchange, secret, body.value)
}

const methods: Readonly<Record<string, string>> = {
  '/v1/chat/completions': 'POST',
  '/v1/embeddings': 'POST',
  '/v1/models': 'GET',
}

const checkRoute = ({ path, request }: Exchange): Refusal | null => {
  const method = path.startsWith('/v1/models/') ? 'GET' : methods[path]
  if (!method) return { status: 404, message: `Invalid URL (${request.method} ${path})` }
  if (method === request.method) return null
  return {
    status: 405,
    message: `Not allowed to ${request.method} on ${path}. (HINT: Perhaps you meant to use a different HTTP method?)`,
    headers: { allow: method },
  }
}

export const bearerOf = ({ request }: Exchange): string | null =>
  /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null

/** The body as a JSON object, or OpenAI's refusal. */
export const readJson = ({ request, body }: Exchange): { value: Record<string, unknown> } | Refusal => {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json(?:\s*;|$)/i.test(type))
    return {
      status: 400,
      message: `Unsupported content type: '${type}'. This API method only accepts 'application/json' requests, but you specified the header 'Content-Type: ${type}'. Please try again with a supported content type.`,
      code: 'unsupported_content_type',
    }
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (isRecord(value)) return { value }
  } catch {
    // Falls through: the service's words are the same.
  }
  return {
    status: 400,
    message:
      "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.",
  }
}

const sendModels = (exchange: Exchange): void => {
  const all = [
    ...openAiChatModels.flatMap((m) => (m.snapshot ? [m, { ...m, id: m.snapshot }] : [m])),
    ...openAiEmbeddingModels,
  ].map((m) => ({ id: m.id, object: 'model', created: m.created, owned_by: 'system' }))
  if (exchange.path === '/v1/models')
    return sendJson(exchange, 200, { object: 'list', data: all }, openAiHeaders(exchange))
  const id = decodeURIComponent(exchange.path.slice('/v1/models/'.length))
  const found = all.find((m) => m.id === id)
  if (found) return sendJson(exchange, 200, found, openAiHeaders(exchange))
  sendOpenAiError(exchange, {
    ...unknownModel(id),
    message: `The model '${id}' does not exist`,
    param: 'model',
  })
}

const chat = async (exchange: Exchange, secret: string, body: Record<string, unknown>): Promise<void> => {
  const request = readChat(body, { models: openAiChatModels, unknownModel, lenient: false })
  if ('status' in request) return sendOpenAiError(exchange, request)
  const { directives } = request
  exchange.entry.streamed = body['stream'] === true
  await pause(exchange, directives.waitMs ?? exchange.state.pacing.firstChunkMs)
  if (directives.error) {
    const { status, retryAfterSeconds } = directives.error
    return sendOpenAiError(exchange, openAiErrorOf(status, retryAfterSeconds))
  }
  const cached = exchange.state.cache.automatic(secret, request.model.id, request.promptTokens)
  if (directives.garbage) return sendGarbage(exchange)
  return body['stream'] === true ? stream(exchange, request, cached) : whole(exchange, request, cached)
}

/** Bytes that are no JSON and no events, in a reply that says it is. */
export const sendGarbage = async (exchange: Exchange): Promise<void> => {
  exchange.entry.status = 200
  const type = exchange.entry.streamed ? 'text/event-stream; charset=utf-8' : 'application/json'
  exchange.response.writeHead(200, { 'content-type': type })
  await writeBytes(exchange, Buffer.from('data: {"id": \xff\xfe, not json\n\n<html>', 'latin1'))
  exchange.response.end()
}

const commonOf = (exchange: Exchange, request: ChatRequest) => ({
  id: completionId(request, 'chatcmpl-'),
  created: Math.floor(exchange.state.now() / 1000),
  model: request.model.snapshot ?? request.model.id,
  service_tier: 'default',
  system_fingerprint: 'fp_simulated',
})

const whole = async (exchange: Exchange, request: ChatRequest, cached: number): Promise<void> => {
  const { directives, body } = request
  if (directives.endless) return neverAnswer(exchange)
  const reply = makeReply(request, cached, commonOf(exchange, request))
  const completion = completionBody(reply, body['logprobs'] === true, !directives.noUsage)
  if (directives.cutAfterChunks !== undefined) return sendHalf(exchange, completion)
  if (directives.slowMs) await pause(exchange, directives.slowMs)
  sendJson(exchange, 200, completion, openAiModelHeaders(exchange, request.promptCount))
}

const stream = async (exchange: Exchange, request: ChatRequest, cached: number): Promise<void> => {
  const { directives, body } = request
  const common = commonOf(exchange, request)
  const reply = makeReply(request, cached, common)
  const options = isRecord(body['stream_options']) ? body['stream_options'] : {}
  const reports = options['include_usage'] === true && !directives.noUsage
  // A stream that will report usage says `"usage": null` in every other chunk.
  const events = chunkEvents(reply, body['logprobs'] === true, reports ? { usage: null } : {})
  const usage = event({ object: 'chat.completion.chunk', ...common, choices: [], usage: reply.usage })
  await sendEvents(
    exchange,
    {
      headers: openAiModelHeaders(exchange, request.promptCount),
      opening: events.opening,
      chunks: events.chunks,
      more: events.more,
      closing: [...events.finish, ...(reports ? [usage] : []), 'data: [DONE]\n\n'],
      error: event(openAiErrorBody(openAiErrorOf(500))),
    },
    directives,
  )
}
