import { handleMessages } from './anthropic.ts'
import { anthropicErrorOf, anthropicKeyRefusal, sendAnthropicError } from './anthropic-errors.ts'
import { chunkEvents, completionBody, completionId, event, makeReply } from './chat-reply.ts'
import { readChat } from './chat-request.ts'
import type { CompatibleService } from './compatible-service.ts'
import { disturb, type Exchange, isRecord, type Refusal, sendJson, sendReply } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'
import { callModel } from './openai.ts'
import { bearerOf, type OpenAiHost, readJson, refuse } from './openai-host.ts'

/** A service that speaks OpenAI's dialect in its own way. */
export const handleCompatible = async (exchange: Exchange, service: CompatibleService): Promise<void> => {
  const { request, state } = exchange
  const host = hostOf(service)
  if (isMessages(exchange.path, service)) return messages(exchange, service)
  const refused = (refusal: Refusal) => refuse(exchange, host, refusal)
  const path = pathOf(exchange.path, service)
  const proof = service.proof?.path
  const isProof = path === proof || path === '/models'
  const method = path === null ? null : isProof ? 'GET' : callsOf(service).includes(path) ? 'POST' : null
  if (path === null || method === null)
    return refused({ status: 404, message: 'Not Found', type: 'not_found' })
  if (method !== request.method)
    return refused({ status: 405, message: 'Method Not Allowed', headers: { allow: method } })
  if (path === '/models' && service.publicModels) return sendModels(exchange, service)
  const secret = bearerOf(exchange)
  const used = secret === null ? null : state.keys.use(service.name, secret)
  if (secret === null || !used) return refused(host.errorOf(401))
  if (await disturb(exchange, used.behaviour)) return
  const refusal = keyRefusal(used.behaviour, host, method === 'POST')
  if (refusal) return refused(refusal)
  if (path === proof) return sendJson(exchange, 200, service.proof?.reply)
  if (path === '/models') return sendModels(exchange, service)
  if (path !== '/chat/completions') return callModel(exchange, secret, `/v1${path}`, host)
  const body = readJson(exchange)
  if ('status' in body) return refused(body)
  return chat(exchange, secret, body.value, service, host)
}

const isMessages = (path: string, { messagesPath, prefix }: CompatibleService): boolean =>
  messagesPath !== undefined && (path === messagesPath || `${prefix}${path}` === messagesPath)

/** Anthropic's dialect, at its own path and with its own errors; the key as bearer or as Anthropic's header. */
const messages = async (exchange: Exchange, service: CompatibleService): Promise<void> => {
  const { request, state } = exchange
  const header = request.headers['x-api-key']
  const secret = typeof header === 'string' ? header : bearerOf(exchange)
  const used = secret === null ? null : state.keys.use(service.name, secret)
  if (secret === null || !used) return sendAnthropicError(exchange, anthropicErrorOf(401))
  if (await disturb(exchange, used.behaviour)) return
  const refusal = anthropicKeyRefusal(used.behaviour, true)
  if (refusal) return sendAnthropicError(exchange, refusal)
  const body = readJson(exchange)
  if ('status' in body) return sendAnthropicError(exchange, body)
  exchange.entry.model = String(body.value['model'])
  return handleMessages(exchange, secret, body.value, service.models)
}

/** The path after the version; the service's own prefix may be there or not. */
const pathOf = (path: string, { prefix, version }: CompatibleService): string | null => {
  const rest = prefix !== '' && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path
  return rest.startsWith(`${version}/`) ? rest.slice(version.length) : null
}

const mediaPaths = {
  image: '/images/generations',
  speech: '/audio/speech',
  transcription: '/audio/transcriptions',
  translation: '/audio/translations',
  moderation: '/moderations',
}

const callsOf = ({ embeddingModels, responses, mediaModels = {} }: CompatibleService): string[] => [
  '/chat/completions',
  ...(responses ? ['/responses'] : []),
  ...(embeddingModels ? ['/embeddings'] : []),
  ...Object.keys(mediaModels).map((medium) => mediaPaths[medium as keyof typeof mediaPaths]),
]

const hostOf = (service: CompatibleService): OpenAiHost => {
  const errorOf = (status: number, retryAfterSeconds?: number): Refusal => {
    const said = service.errors?.[status]
    const wait = retryAfterSeconds ?? (status === 429 ? 20 : undefined)
    return {
      status,
      message: status >= 500 ? 'Internal server error' : `Simulated error ${status}.`,
      ...(typeof said === 'string' ? { message: said } : said),
      ...(wait !== undefined && { headers: { 'retry-after': String(wait) } }),
    }
  }
  return {
    chatModels: service.models,
    embeddingModels: service.embeddingModels ?? [],
    mediaModels: service.mediaModels ?? {},
    rules: { lenient: true },
    unknownModel: (id) => ({
      status: 404,
      message: `The model \`${id}\` does not exist or you do not have access to it.`,
      code: 'model_not_found',
    }),
    errorOf,
    errorBody: service.errorBody,
    headers: (exchange) => ({ 'x-request-id': exchange.requestId }),
    modelHeaders: (exchange) => ({ 'x-request-id': exchange.requestId }),
  }
}

const keyRefusal = (behaviour: KeyBehaviour, host: OpenAiHost, isModelCall: boolean): Refusal | null => {
  if (behaviour.kind === 'revoked') return host.errorOf(401)
  if (behaviour.kind === 'forbidden') return host.errorOf(403)
  if (behaviour.kind === 'failing') return host.errorOf(behaviour.status ?? 503)
  if (!isModelCall) return null
  if (behaviour.kind === 'no_quota')
    return { ...host.errorOf(402), ...(behaviour.status && { status: behaviour.status }) }
  return behaviour.kind === 'rate_limited' ? host.errorOf(429, behaviour.retryAfterSeconds) : null
}

const sendModels = (exchange: Exchange, service: CompatibleService): void => {
  const data = [...service.models, ...(service.embeddingModels ?? [])].map((m) => ({
    id: m.id,
    object: 'model',
    created: m.created,
    owned_by: service.name,
  }))
  // Together answers with the array itself.
  sendJson(exchange, 200, service.name === 'together' ? data : { object: 'list', data })
}

const chat = async (
  exchange: Exchange,
  secret: string,
  body: Record<string, unknown>,
  service: CompatibleService,
  host: OpenAiHost,
): Promise<void> => {
  const refused = (refusal: Refusal) => refuse(exchange, host, refusal)
  exchange.entry.model = String(body['model'])
  const unwanted = Object.keys(body).find((name) => service.refuses?.includes(name))
  if (unwanted !== undefined) return refused({ status: 422, message: unwanted })
  const own = Object.keys(body).filter((name) => service.accepts?.includes(name))
  const known = Object.fromEntries(Object.entries(body).filter(([name]) => !own.includes(name)))
  if (service.imagesAsText) known['messages'] = withImageObjects(known['messages'])
  const { lenient } = service
  // What OpenAI's own models do not take together is nothing to these.
  const request = readChat(known, {
    models: service.models,
    unknownModel: host.unknownModel,
    lenient,
    anyCombination: true,
  })
  if ('status' in request) return refused(request)
  const cached = exchange.state.cache.automatic(secret, request.model.id, request.promptTokens)
  const common = {
    id: completionId(request, 'chatcmpl-'),
    created: Math.floor(exchange.state.now() / 1000),
    model: request.model.id,
    ...service.extra,
  }
  const made = makeReply(request, cached, common)
  const usage = service.usage?.(made.usage) ?? made.usage
  const { directives } = request
  const headers = host.modelHeaders(exchange, request.promptCount)
  const asked = isRecord(body['stream_options']) && body['stream_options']['include_usage'] === true
  return sendReply(exchange, {
    directives,
    streamed: body['stream'] === true,
    fail: (status, retryAfterSeconds) => refused(host.errorOf(status, retryAfterSeconds)),
    whole: () => {
      const { usage: _usage, ...completion } = completionBody(made, false, false) as Record<string, unknown>
      return { body: directives.noUsage ? completion : { ...completion, usage }, headers }
    },
    stream: () => {
      const reports = !directives.noUsage && (service.streamUsage !== 'asked' || asked)
      const events = chunkEvents(made, false, reports && service.streamUsage === 'each' ? { usage } : {})
      const last = event({ object: 'chat.completion.chunk', ...common, choices: [], usage })
      return {
        headers,
        opening: events.opening,
        chunks: events.chunks,
        more: events.more,
        closing: [
          ...(reports && service.streamUsage === 'last' ? withUsage(events.finish, usage) : events.finish),
          ...(reports && service.streamUsage === 'asked' ? [last] : []),
          'data: [DONE]\n\n',
        ],
        error: event(host.errorBody(host.errorOf(500))),
      }
    },
  })
}

const withImageObjects = (messages: unknown): unknown =>
  Array.isArray(messages)
    ? messages.map((message) =>
        isRecord(message) && Array.isArray(message['content'])
          ? { ...message, content: message['content'].map(withImageObject) }
          : message,
      )
    : messages

const withImageObject = (part: unknown): unknown =>
  isRecord(part) && typeof part['image_url'] === 'string'
    ? { ...part, image_url: { url: part['image_url'] } }
    : part

/** In the chunk that finishes the last choice. */
const withUsage = (finish: readonly string[], usage: object): string[] =>
  finish.map((text, index) =>
    index === finish.length - 1
      ? event({ ...(JSON.parse(text.slice('data: '.length)) as object), usage })
      : text,
  )
