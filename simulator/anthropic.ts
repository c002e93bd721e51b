import {
  anthropicErrorBody,
  anthropicErrorOf,
  anthropicHeaders,
  anthropicKeyRefusal,
  invalid,
  sendAnthropicError,
} from './anthropic-errors.ts'
import { handleBatches, isBatchPath } from './anthropic-batches.ts'
import { type MessagesRequest, readMessages } from './anthropic-request.ts'
import { countInput, type InputUsage, measureInput } from './anthropic-usage.ts'
import {
  disturb,
  type Exchange,
  isRecord,
  neverAnswer,
  pause,
  type Refusal,
  sendEvents,
  sendGarbage,
  sendHalf,
  sendJson,
  shown,
} from './exchange.ts'
import { anthropicModels, findModel, type SimulatedModel } from './models.ts'
import { bearerOf } from './openai-host.ts'
import { type Answer, answer, argumentPieces, toolCallId } from './reply.ts'
import { seededId, tokensOf } from './text.ts'

/** Anthropic: messages, their tokens, models. */
export const handleAnthropic = async (exchange: Exchange): Promise<void> => {
  const { request, path, state } = exchange
  const refuse = (refusal: Refusal) => sendAnthropicError(exchange, refusal)
  const isBatch = isBatchPath(path)
  const posts = path === '/v1/messages' || path === '/v1/messages/count_tokens'
  const method = posts ? 'POST' : /^\/v1\/models(?:\/|$)/.test(path) ? 'GET' : null
  if (!method && !isBatch) return refuse({ status: 404, message: 'Not Found' })
  if (method !== request.method && !isBatch)
    return refuse({ status: 405, message: 'Method Not Allowed', headers: { allow: method ?? '' } })
  const secret = secretOf(exchange)
  if (secret === null) return refuse({ status: 401, message: 'x-api-key header is required' })
  const used = state.keys.use('anthropic', secret)
  if (!used) return refuse(anthropicErrorOf(401))
  if (await disturb(exchange, used.behaviour)) return
  const refusal = checkVersion(exchange) ?? anthropicKeyRefusal(used.behaviour, method === 'POST')
  if (refusal) return refuse(refusal)
  if (isBatch) return handleBatches(exchange, secret)
  if (method === 'GET') return sendModels(exchange)
  const body = readJson(exchange)
  if ('status' in body) return refuse(body)
  exchange.entry.model = shown(body.value['model'])
  return path === '/v1/messages'
    ? handleMessages(exchange, secret, body.value)
    : countTokens(exchange, body.value)
}

/** The key comes as `x-api-key`, or as a bearer token from the official clients since their version 1. */
const secretOf = (exchange: Exchange): string | null => {
  const named = exchange.request.headers['x-api-key']
  return typeof named === 'string' ? named : bearerOf(exchange)
}

const versions = ['2023-01-01', '2023-06-01', '2026-10-21']

const checkVersion = ({ request }: Exchange): Refusal | null => {
  const version = request.headers['anthropic-version']
  if (version === undefined) return invalid('anthropic-version: header is required')
  return versions.includes(shown(version))
    ? null
    : invalid(`anthropic-version: "${shown(version)}" is not a valid version`)
}

const readJson = ({ request, body }: Exchange): { value: Record<string, unknown> } | Refusal => {
  if (!/^application\/json(?:\s*;|$)/i.test(request.headers['content-type'] ?? ''))
    return invalid('content-type: must be application/json')
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return isRecord(value) ? { value } : invalid('Input should be a valid dictionary')
  } catch {
    return invalid('The request body is not valid JSON: the body could not be parsed')
  }
}

const infoOf = (m: (typeof anthropicModels)[number]) => ({
  type: 'model',
  id: m.snapshot ?? m.id,
  display_name: m.name,
  created_at: new Date(m.created * 1000).toISOString(),
  capabilities: null,
  lifecycle: 'active',
  line: null,
  deprecated_at: null,
  retires_at: null,
  max_input_tokens: m.contextTokens,
  max_tokens: m.outputTokens,
})

const sendModels = (exchange: Exchange): void => {
  const headers = { 'request-id': exchange.requestId }
  const id = decodeURIComponent(exchange.path.slice('/v1/models/'.length))
  if (id !== '') {
    const model = findModel(anthropicModels, id)
    return model
      ? sendJson(exchange, 200, infoOf(model), headers)
      : sendAnthropicError(exchange, { status: 404, message: `model: ${id}` })
  }
  const limit = Number(exchange.query.get('limit') ?? 20)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    return sendAnthropicError(exchange, invalid('limit: Input should be between 1 and 1000'))
  const data = anthropicModels.slice(0, limit).map(infoOf)
  const page = {
    data,
    has_more: data.length < anthropicModels.length,
    first_id: data[0]?.id,
    last_id: data.at(-1)?.id,
  }
  sendJson(exchange, 200, page, headers)
}

/** Takes what messages take but what only matters to a reply; costs nothing. */
const countTokens = (exchange: Exchange, body: Record<string, unknown>): void => {
  const unknown = Object.keys(body).find((name) => !countable.has(name))
  if (unknown !== undefined)
    return sendAnthropicError(exchange, invalid(`${unknown}: Extra inputs are not permitted`))
  const beta = exchange.request.headers['anthropic-beta'] !== undefined
  const request = readMessages({ ...body, max_tokens: 64_000 }, { beta, sampling: false })
  if ('status' in request) return sendAnthropicError(exchange, request)
  if (request.directives.error) {
    const { status, retryAfterSeconds } = request.directives.error
    return sendAnthropicError(exchange, anthropicErrorOf(status, retryAfterSeconds))
  }
  const counted = countInput(body, request.model)
  if (typeof counted !== 'number') return sendAnthropicError(exchange, counted)
  sendJson(exchange, 200, { input_tokens: counted }, { 'request-id': exchange.requestId })
}

const countable = new Set([
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'cache_control',
  'mcp_servers',
  'context_management',
  'speed',
])

/** A call of a Claude model, from whatever service it is reached through. */
export const handleMessages = async (
  exchange: Exchange,
  secret: string,
  body: Record<string, unknown>,
  models: readonly SimulatedModel[] = anthropicModels,
): Promise<void> => {
  const { headers } = exchange.request
  const request = readMessages(body, {
    beta: headers['anthropic-beta'] !== undefined,
    sampling: headers['anthropic-version'] !== '2026-10-21',
    models,
  })
  if ('status' in request) return sendAnthropicError(exchange, request)
  const { directives } = request
  exchange.entry.streamed = body['stream'] === true
  await pause(exchange, directives.waitMs ?? exchange.state.pacing.firstChunkMs)
  if (directives.error) {
    const { status, retryAfterSeconds } = directives.error
    return sendAnthropicError(exchange, anthropicErrorOf(status, retryAfterSeconds))
  }
  const input = measureInput(body, request.model, secret, exchange.state.cache)
  if ('status' in input) return sendAnthropicError(exchange, input)
  if (directives.garbage) return sendGarbage(exchange)
  return body['stream'] === true ? stream(exchange, request, input) : whole(exchange, request, input)
}

const stopReasons = {
  stop: 'end_turn',
  stop_sequence: 'stop_sequence',
  length: 'max_tokens',
  tools: 'tool_use',
  refusal: 'refusal',
} as const

const thought = 'This is a simulated thought: the question is read, the answer is a fixed function of it.'

type Block = Readonly<Record<string, unknown>>

const blocksOf = (a: Answer): Block[] => [
  ...(a.reasoningTokens > 0
    ? [
        {
          type: 'thinking',
          thinking: thought,
          signature: Buffer.from('simulated signature').toString('base64'),
        },
      ]
    : []),
  ...(a.pieces.length > 0 ? [{ type: 'text', text: a.pieces.join(''), citations: null }] : []),
  ...a.toolCalls.map((call) => ({
    type: 'tool_use',
    id: toolCallId('toolu_01', call),
    name: call.name,
    input: JSON.parse(call.argumentsText) as unknown,
    caller: { type: 'direct' },
  })),
]

const usageOf = (input: InputUsage, outputTokens: number) => ({
  ...input,
  output_tokens: outputTokens,
  service_tier: 'standard',
  inference_geo: 'not_available',
  server_tool_use: null,
  speed: null,
})

const messageOf = (request: MessagesRequest, model: SimulatedModel) => ({
  id: seededId('msg_01', request.question.seed, 22),
  type: 'message',
  role: 'assistant',
  model: model.snapshot ?? model.id,
  container: null,
  diagnostics: null,
  stop_details: null,
})

const details = (a: Answer) =>
  a.reasoningTokens > 0
    ? { output_tokens_details: { thinking_tokens: a.reasoningTokens } }
    : { output_tokens_details: null }

const inputCount = (input: InputUsage): number =>
  input.input_tokens + input.cache_creation_input_tokens + input.cache_read_input_tokens

const whole = async (exchange: Exchange, request: MessagesRequest, input: InputUsage): Promise<void> => {
  const { directives, model } = request
  if (directives.endless) return neverAnswer(exchange)
  const a = answer(request.question)
  const message = {
    ...messageOf(request, model),
    content: blocksOf(a),
    stop_reason: stopReasons[a.finish],
    stop_sequence: a.stopSequence,
    ...(!directives.noUsage && { usage: { ...usageOf(input, a.outputTokens), ...details(a) } }),
  }
  if (directives.cutAfterChunks !== undefined) return sendHalf(exchange, message)
  if (directives.slowMs) await pause(exchange, directives.slowMs)
  sendJson(exchange, 200, message, anthropicHeaders(exchange, inputCount(input)))
}

const event = (data: { readonly type: string } & Block): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

const blockEvents = (block: Block, index: number): { start: string; deltas: string[]; stop: string } => {
  const delta = (value: Block) => event({ type: 'content_block_delta', index, delta: value })
  const start = (value: Block) => event({ type: 'content_block_start', index, content_block: value })
  const stop = event({ type: 'content_block_stop', index })
  if (block['type'] === 'text') {
    const deltas = tokensOf(shown(block['text'])).map((text) => delta({ type: 'text_delta', text }))
    return { start: start({ ...block, text: '' }), deltas, stop }
  }
  if (block['type'] === 'thinking') {
    const deltas = tokensOf(thought).map((thinking) => delta({ type: 'thinking_delta', thinking }))
    deltas.push(delta({ type: 'signature_delta', signature: block['signature'] }))
    return { start: start({ ...block, thinking: '', signature: '' }), deltas, stop }
  }
  const pieces = ['', ...argumentPieces(JSON.stringify(block['input']))]
  const deltas = pieces.map((text) => delta({ type: 'input_json_delta', partial_json: text }))
  return { start: start({ ...block, input: {} }), deltas, stop }
}

/** One chunk per delta: a block's start travels with its first delta, its stop with the last. */
const chunksOf = (blocks: readonly Block[]): string[] =>
  blocks.flatMap((block, index) => {
    const { start, deltas, stop } = blockEvents(block, index)
    return deltas.map((delta, i) => (i === 0 ? start : '') + delta + (i === deltas.length - 1 ? stop : ''))
  })

const stream = async (exchange: Exchange, request: MessagesRequest, input: InputUsage): Promise<void> => {
  const { directives, model } = request
  const a = answer(request.question)
  const reports = !directives.noUsage
  const begun = { ...messageOf(request, model), content: [], stop_reason: null, stop_sequence: null }
  const opening = {
    ...begun,
    ...(reports && {
      usage: { ...usageOf(input, Math.min(1, a.outputTokens)), output_tokens_details: null },
    }),
  }
  const delta = {
    stop_reason: stopReasons[a.finish],
    stop_sequence: a.stopSequence,
    stop_details: null,
    container: null,
  }
  const { cache_creation: _split, ...counts } = input
  const usage = { ...counts, output_tokens: a.outputTokens, server_tool_use: null, ...details(a) }
  await sendEvents(
    exchange,
    {
      headers: { 'cache-control': 'no-cache', ...anthropicHeaders(exchange, inputCount(input)) },
      opening: [event({ type: 'message_start', message: opening }), event({ type: 'ping' })],
      chunks: chunksOf(blocksOf(a)),
      more: () =>
        event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: ' more' } }),
      closing: [
        event({ type: 'message_delta', delta, ...(reports && { usage }) }),
        event({ type: 'message_stop' }),
      ],
      error: `event: error\ndata: ${JSON.stringify(anthropicErrorBody(anthropicErrorOf(529), exchange.requestId))}\n\n`,
    },
    directives,
  )
}
