import { readDirectives, type Directives } from './directives.ts'
import { vectorOf } from './embeddings.ts'
import { disturb, type Exchange, isRecord, type Refusal, sendJson, sendReply, shown } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'
import { cohereModels, findModel, type SimulatedModel } from './models.ts'
import { bearerOf } from './openai-host.ts'
import { lastUserText, measurePrompt, textOf } from './openai-messages.ts'
import {
  type Answer,
  answer,
  argumentPieces,
  asTools,
  type Question,
  type ToolCall,
  toolCallId,
} from './reply.ts'
import { digestOf, seededId, tokensOf } from './text.ts'
import { relevanceOf } from './retrieval.ts'

type Fields = Record<string, unknown>

/** Cohere's API version 2 (`chat`, `embed`, `rerank`), the check of a key, and the list of models. */
export const handleCohere = async (exchange: Exchange): Promise<void> => {
  const { path, request, state } = exchange
  const method = {
    '/v2/chat': 'POST',
    '/v2/embed': 'POST',
    '/v2/rerank': 'POST',
    '/v1/check-api-key': 'POST',
    '/v1/models': 'GET',
  }[path]
  if (!method || method !== request.method)
    return refuse(exchange, { status: 404, message: '404 page not found' })
  const secret = bearerOf(exchange)
  if (secret === null) return refuse(exchange, { status: 401, message: 'no api key supplied' })
  const used = state.keys.use('cohere', secret)
  if (!used) return refuse(exchange, { status: 401, message: 'invalid api token' })
  if (await disturb(exchange, used.behaviour)) return
  const refusal = keyRefusal(used.behaviour, path.startsWith('/v2/'))
  if (refusal) return refuse(exchange, refusal)
  if (path === '/v1/check-api-key')
    return sendJson(exchange, 200, { valid: true, organization_id: 'demo', owner_id: 'demo' })
  if (path === '/v1/models') return sendModels(exchange)
  const body = readBody(exchange)
  if ('status' in body) return refuse(exchange, body)
  exchange.entry.model = shown(body.value['model'])
  if (path === '/v2/chat') return chat(exchange, body.value)
  return path === '/v2/embed' ? embed(exchange, body.value) : rerank(exchange, body.value)
}

const refuse = (exchange: Exchange, { status, message, headers }: Refusal): void =>
  sendJson(exchange, status, { id: exchange.requestId, message }, headers)

const errorOf = (status: number, retryAfterSeconds?: number): Refusal => {
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

const keyRefusal = (behaviour: KeyBehaviour, isModelCall: boolean): Refusal | null => {
  if (behaviour.kind === 'revoked') return errorOf(401)
  if (behaviour.kind === 'forbidden') return errorOf(403)
  if (behaviour.kind === 'failing') return errorOf(behaviour.status ?? 503)
  if (!isModelCall) return null
  if (behaviour.kind === 'no_quota')
    return behaviour.status === 402 ? errorOf(402) : { status: 429, message: trialLimit }
  return behaviour.kind === 'rate_limited' ? errorOf(429, behaviour.retryAfterSeconds) : null
}

const readBody = ({ request, body }: Exchange): { value: Fields } | Refusal => {
  if (!/^application\/json/i.test(request.headers['content-type'] ?? ''))
    return { status: 415, message: 'unsupported media type' }
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (isRecord(value)) return { value }
  } catch {
    // The words are the same.
  }
  return { status: 400, message: 'invalid request: could not parse JSON body' }
}

const invalid = (message: string): Refusal => ({ status: 400, message: `invalid request: ${message}` })
const unknownField = (body: Fields, allowed: readonly string[]): Refusal | null => {
  const stranger = Object.keys(body).find((name) => !allowed.includes(name))
  return stranger
    ? { status: 422, message: `unknown field: parameter '${stranger}' is not a valid field` }
    : null
}
const unknownModel = (model: unknown): Refusal => ({
  status: 404,
  message: `model '${shown(model)}' not found, make sure the correct model ID was used and that you have access to the model.`,
})

const chatFields = [
  'model',
  'messages',
  'tools',
  'strict_tools',
  'documents',
  'citation_options',
  'response_format',
  'safety_mode',
  'max_tokens',
  'stop_sequences',
  'temperature',
  'seed',
  'frequency_penalty',
  'presence_penalty',
  'k',
  'p',
  'logprobs',
  'tool_choice',
  'thinking',
  'stream',
  'priority',
  'raw_prompting',
]

const checkChat = (body: Fields): Refusal | null => {
  const stranger = unknownField(body, chatFields)
  if (stranger) return stranger
  if (typeof body['model'] !== 'string') return invalid('model is required')
  const messages = body['messages']
  if (!Array.isArray(messages) || messages.length === 0)
    return invalid("at least one message must be provided in the 'messages' field")
  for (const [name, low, high] of [
    ['temperature', 0, 1],
    ['p', 0.01, 0.99],
    ['frequency_penalty', 0, 1],
    ['presence_penalty', 0, 1],
  ] as const) {
    const value = body[name]
    if (value !== undefined && (typeof value !== 'number' || value < low || value > high))
      return invalid(`${name} must be between ${low.toFixed(1)} and ${high.toFixed(1)} inclusive.`)
  }
  for (const [index, message] of messages.entries()) {
    const refusal = checkMessage(message, index)
    if (refusal) return refusal
  }
  const asked = messages.flatMap((m) =>
    Array.isArray(m.tool_calls) ? m.tool_calls.map((call: Fields) => call['id']) : [],
  )
  const stray = messages.find((m) => m.role === 'tool' && !asked.includes(m.tool_call_id))
  if (stray) return invalid(`tool call id ${shown(stray.tool_call_id)} not found in previous tool calls`)
  const tools = Array.isArray(body['tools']) ? body['tools'] : []
  if (tools.some((tool) => !isRecord(tool) || tool['type'] !== 'function' || !isRecord(tool['function'])))
    return invalid("all elements in tools must be of type 'function'")
  const choice = body['tool_choice']
  return choice === undefined || choice === 'REQUIRED' || choice === 'NONE'
    ? null
    : invalid("tool_choice must be one of 'REQUIRED' or 'NONE'")
}

const checkMessage = (message: unknown, index: number): Refusal | null => {
  if (!isRecord(message)) return invalid(`message at index ${index} is not an object`)
  const { role, content } = message
  if (!['user', 'assistant', 'system', 'developer', 'tool'].includes(shown(role)))
    return invalid(`unknown message role: '${shown(role)}'`)
  if (role === 'assistant' && (Array.isArray(message['tool_calls']) || message['tool_plan'] !== undefined))
    return null
  if (typeof content === 'string')
    return content === '' && role === 'user' ? invalid(`message at index ${index} must not be empty`) : null
  if (!Array.isArray(content) || content.length === 0)
    return invalid(`message at index ${index} must have content`)
  const kinds = ['text', 'image_url', 'document', 'thinking']
  const strange = content.find((part) => !isRecord(part) || !kinds.includes(shown(part['type'])))
  return strange === undefined ? null : invalid(`invalid content type in message at index ${index}`)
}

const chat = (exchange: Exchange, body: Fields): void | Promise<void> => {
  const refusal = checkChat(body)
  if (refusal) return refuse(exchange, refusal)
  const model = findModel(cohereModels, body['model'])
  if (!model) return refuse(exchange, unknownModel(body['model']))
  const messages = body['messages'] as Fields[]
  const directives = readDirectives(messages.map((m) => textOf(m['content'])).join('\n'))
  if ('unknown' in directives)
    return refuse(exchange, invalid(`the simulator does not know the directive “${directives.unknown}”.`))
  if (Number(body['max_tokens'] ?? 0) > model.outputTokens)
    return refuse(
      exchange,
      invalid(
        `max_tokens must be less than or equal to ${model.outputTokens}, the maximum output for this model - received ${shown(body['max_tokens'])}.`,
      ),
    )
  const { count } = measurePrompt(messages, body['tools'])
  const a = answer(questionOf(body, model, messages, directives))
  const finish_reason = {
    stop: 'COMPLETE',
    stop_sequence: 'STOP_SEQUENCE',
    length: 'MAX_TOKENS',
    tools: 'TOOL_CALL',
    refusal: 'ERROR_TOXIC',
  }[a.finish]
  // What is billed leaves out the service's own prompt around the caller's.
  const usage = {
    billed_units: { input_tokens: count - 3, output_tokens: a.outputTokens },
    tokens: { input_tokens: count + 60, output_tokens: a.outputTokens },
    cached_tokens: 0,
  }
  const reported = directives.noUsage ? {} : { usage }
  const id = seededId('', digestOf(JSON.stringify(body)), 32).toLowerCase()
  return sendReply(exchange, {
    directives,
    streamed: body['stream'] === true,
    fail: (status, retryAfterSeconds) => refuse(exchange, errorOf(status, retryAfterSeconds)),
    whole: () => ({ headers: {}, body: { id, message: messageOf(a), finish_reason, ...reported } }),
    stream: () => ({
      headers: {},
      opening: [
        event({
          type: 'message-start',
          id,
          delta: {
            message: { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] },
          },
        }),
      ],
      chunks: chunksOf(a),
      more: () =>
        event({ type: 'content-delta', index: 0, delta: { message: { content: { text: ' more' } } } }),
      closing: [
        event({ type: 'message-end', id, delta: { finish_reason, ...reported } }),
        'data: [DONE]\n\n',
      ],
      error: event({
        type: 'message-end',
        id,
        delta: { finish_reason: 'ERROR', error: 'internal server error' },
      }),
    }),
  })
}

const questionOf = (
  body: Fields,
  model: SimulatedModel,
  messages: readonly Fields[],
  directives: Directives,
): Question => {
  const format = isRecord(body['response_format']) ? body['response_format'] : {}
  const asksJson = format['type'] === 'json_object'
  const thinks = model.reasoning && !(isRecord(body['thinking']) && body['thinking']['type'] === 'disabled')
  const { stream: _stream, ...asked } = body
  return {
    model: model.id,
    seed: digestOf(JSON.stringify(asked)),
    prompt: lastUserText(messages),
    directives,
    tools: asTools(body['tools'], (tool) =>
      isRecord(tool['function'])
        ? { name: shown(tool['function']['name']), schema: tool['function']['parameters'] }
        : null,
    ),
    toolChoice:
      body['tool_choice'] === 'NONE' ? 'none' : body['tool_choice'] === 'REQUIRED' ? 'required' : 'auto',
    parallelTools: true,
    lastIsToolResult: messages.at(-1)?.['role'] === 'tool',
    schema: asksJson
      ? (format['json_schema'] ?? { type: 'object', properties: { answer: { type: 'string' } } })
      : undefined,
    stops: Array.isArray(body['stop_sequences']) ? body['stop_sequences'].map(String) : [],
    outputLimit: typeof body['max_tokens'] === 'number' ? body['max_tokens'] : model.outputTokens,
    reasoningTokens: thinks ? 64 : 0,
  }
}

const thought = 'A simulated thought.'
const callOf = (call: ToolCall, argumentsText = call.argumentsText) => ({
  id: toolCallId(`${call.name}_`, call),
  type: 'function',
  function: { name: call.name, arguments: argumentsText },
})

const messageOf = (a: Answer) => ({
  role: 'assistant',
  ...(a.toolCalls.length > 0 && {
    tool_plan: 'I will call the tools.',
    tool_calls: a.toolCalls.map((call) => callOf(call)),
  }),
  ...(a.toolCalls.length === 0 && {
    content: [
      ...(a.reasoningTokens > 0 ? [{ type: 'thinking', thinking: thought }] : []),
      { type: 'text', text: a.pieces.join('') },
    ],
  }),
})

const event = (data: { readonly type: string } & Fields): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

const chunksOf = (a: Answer): string[] => {
  const content = (type: string, index: number, value?: Fields) =>
    event({ type, index, ...(value && { delta: { message: { content: value } } }) })
  const calls = a.toolCalls.flatMap((call, index) => [
    event({ type: 'tool-call-start', index, delta: { message: { tool_calls: callOf(call, '') } } }),
    ...argumentPieces(call.argumentsText).map((text) =>
      event({
        type: 'tool-call-delta',
        index,
        delta: { message: { tool_calls: { function: { arguments: text } } } },
      }),
    ),
    event({ type: 'tool-call-end', index }),
  ])
  const plan =
    a.toolCalls.length > 0
      ? [event({ type: 'tool-plan-delta', delta: { message: { tool_plan: 'I will call the tools.' } } })]
      : []
  const thinking =
    a.reasoningTokens > 0
      ? [
          content('content-start', 0, { type: 'thinking', thinking: '' }) +
            content('content-delta', 0, { thinking: thought }) +
            content('content-end', 0),
        ]
      : []
  const at = thinking.length
  const text = a.pieces.map(
    (piece, i) =>
      (i === 0 ? content('content-start', at, { type: 'text', text: '' }) : '') +
      content('content-delta', at, { text: piece }) +
      (i === a.pieces.length - 1 ? content('content-end', at) : ''),
  )
  return [...thinking, ...plan, ...calls, ...text]
}

const embed = (exchange: Exchange, body: Fields): void => {
  const refusal =
    unknownField(body, [
      'model',
      'input_type',
      'texts',
      'images',
      'inputs',
      'max_tokens',
      'output_dimension',
      'embedding_types',
      'truncate',
      'priority',
    ]) ??
    (typeof body['model'] === 'string' ? null : invalid('model is required')) ??
    (body['input_type'] === undefined
      ? invalid('valid input_type must be provided with the provided model')
      : null)
  if (refusal) return refuse(exchange, refusal)
  const model = shown(body['model'])
  const full = { 'embed-v4.0': 1536, 'embed-english-v3.0': 1024, 'embed-multilingual-v3.0': 1024 }[model]
  if (!full) return refuse(exchange, unknownModel(model))
  const texts = Array.isArray(body['texts']) ? body['texts'].map(shown) : []
  if (texts.length === 0 || texts.length > 96)
    return refuse(
      exchange,
      invalid('at most 96 texts can be embedded in one call, and at least one must be given'),
    )
  const directives = readDirectives(texts.join('\n'))
  if (!('unknown' in directives) && directives.error)
    return refuse(exchange, errorOf(directives.error.status, directives.error.retryAfterSeconds))
  const dimensions = Number(body['output_dimension'] ?? full)
  const types = Array.isArray(body['embedding_types']) ? body['embedding_types'].map(shown) : ['float']
  if (types.some((type) => type !== 'float'))
    return refuse(exchange, invalid('the simulator knows embedding type float only'))
  const tokens = texts.reduce((sum, text) => sum + tokensOf(text).length, 0)
  sendJson(exchange, 200, {
    id: exchange.requestId,
    embeddings: { float: texts.map((text) => vectorOf(model, text, dimensions)) },
    texts,
    meta: { api_version: { version: '2' }, billed_units: { input_tokens: tokens } },
    response_type: 'embeddings_by_type',
  })
}

const rerank = (exchange: Exchange, body: Fields): void => {
  const refusal =
    unknownField(body, ['model', 'query', 'documents', 'top_n', 'max_tokens_per_doc', 'priority']) ??
    (typeof body['model'] === 'string' ? null : invalid('model is required')) ??
    (typeof body['query'] === 'string' && body['query'] !== '' ? null : invalid('query must be specified'))
  if (refusal) return refuse(exchange, refusal)
  const model = shown(body['model'])
  if (!['rerank-v3.5', 'rerank-v4.0-pro', 'rerank-v4.0-fast', 'rerank-english-v3.0'].includes(model))
    return refuse(exchange, unknownModel(model))
  const documents = body['documents']
  if (
    !Array.isArray(documents) ||
    documents.length === 0 ||
    documents.some((text) => typeof text !== 'string')
  )
    return refuse(exchange, invalid('list of documents must not be empty and hold strings'))
  const query = shown(body['query'])
  const directives = readDirectives(query)
  if (!('unknown' in directives) && directives.error)
    return refuse(exchange, errorOf(directives.error.status, directives.error.retryAfterSeconds))
  sendJson(exchange, 200, {
    id: exchange.requestId,
    results: relevanceOf(query, documents.map(shown)).slice(0, Number(body['top_n'] ?? documents.length)),
    meta: {
      api_version: { version: '2' },
      billed_units: { search_units: Math.ceil(documents.length / 100) },
    },
  })
}

const sendModels = (exchange: Exchange): void =>
  sendJson(exchange, 200, {
    models: cohereModels.map((m) => ({
      name: m.id,
      endpoints: ['chat'],
      finetuned: false,
      context_length: m.contextTokens,
      default_endpoints: [],
      features: ['tools'],
    })),
  })
