import { checkSignature } from './aws-signature.ts'
import { type ConverseRequest, findBedrockModel, invalid, readConverse } from './bedrock-request.ts'
import { vectorOf } from './embeddings.ts'
import { eventStreamMessage } from './event-stream.ts'
import { disturb, type Exchange, isRecord, type Refusal, sendJson, sendReply, shown } from './exchange.ts'
import { demoAccessKeyId, type KeyBehaviour } from './keys.ts'
import { bedrockModels } from './models.ts'
import { bearerOf } from './openai-host.ts'
import { type Answer, answer, argumentPieces, toolCallId } from './reply.ts'
import { tokensOf } from './text.ts'

/** Amazon Bedrock: Converse, its stream, Titan embeddings, and the list of models (a host of its own in reality). */
export const handleBedrock = async (exchange: Exchange): Promise<void> => {
  const { path, request, state } = exchange
  const [, id, action] = /^\/model\/([^/]+)\/(converse|converse-stream|invoke)$/.exec(path) ?? []
  const expected = id ? 'POST' : path === '/foundation-models' ? 'GET' : null
  if (!expected || expected !== request.method)
    return refuse(exchange, { status: 404, type: 'UnknownOperationException', message: 'Unknown operation' })
  const proven = prove(exchange)
  if ('status' in proven) return refuse(exchange, proven)
  const used = state.keys.use('bedrock', proven.secret)
  if (!used) return refuse(exchange, invalidKey)
  if (await disturb(exchange, used.behaviour)) return
  const refusal = keyRefusal(used.behaviour, expected === 'POST')
  if (refusal) return refuse(exchange, refusal)
  if (!id || !action) return sendModels(exchange)
  const body = readBody(exchange)
  if ('status' in body) return refuse(exchange, body)
  const name = decodeURIComponent(id)
  exchange.entry.model = name
  if (action === 'invoke') return invoke(exchange, name, body.value)
  const model = findBedrockModel(name)
  if (!model) return refuse(exchange, invalid('The provided model identifier is invalid.'))
  const converse = readConverse(body.value, model, proven.secret, state.cache)
  if ('status' in converse) return refuse(exchange, converse)
  return reply(exchange, converse, action === 'converse-stream')
}

/** `{"message"}`, with the kind of error in a header. */
const refuse = (exchange: Exchange, { status, type, message, headers }: Refusal): void =>
  sendJson(
    exchange,
    status,
    { message },
    {
      'x-amzn-requestid': exchange.requestId,
      'x-amzn-errortype': type ?? 'InternalServerException',
      ...headers,
    },
  )

const invalidKey: Refusal = {
  status: 403,
  type: 'AccessDeniedException',
  message: 'Authentication failed: Please make sure your API Key is valid.',
}

/** A Bedrock API key as bearer, or a signature with an access key. */
const prove = (exchange: Exchange): { secret: string } | Refusal => {
  const bearer = bearerOf(exchange)
  if (bearer !== null) return { secret: bearer }
  if (exchange.request.headers.authorization === undefined)
    return {
      status: 403,
      type: 'MissingAuthenticationTokenException',
      message: 'Missing Authentication Token',
    }
  const secrets = exchange.state.keys.secretsOf('bedrock')
  const { request, body, state } = exchange
  const signed = checkSignature(
    {
      method: request.method ?? '',
      target: request.url ?? '/',
      headers: request.headers,
      body,
      nowMs: state.now(),
      service: 'bedrock',
    },
    (id) => secrets.find((secret) => demoAccessKeyId(secret) === id) ?? null,
  )
  return 'secret' in signed ? signed : { status: 403, ...signed }
}

const readBody = ({ request, body }: Exchange): { value: Record<string, unknown> } | Refusal => {
  if (!/^application\/json/i.test(request.headers['content-type'] ?? ''))
    return { status: 415, type: 'UnsupportedMediaTypeException', message: 'Unsupported content type' }
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (isRecord(value)) return { value }
  } catch {
    // The words are the same.
  }
  return { status: 400, type: 'SerializationException', message: 'The request body could not be read.' }
}

const types: Readonly<Record<number, readonly [type: string, message: string]>> = {
  400: ['ValidationException', 'The request is not valid.'],
  403: ['AccessDeniedException', "You don't have access to the model with the specified model ID."],
  404: [
    'ResourceNotFoundException',
    'Could not resolve the foundation model from the provided model identifier.',
  ],
  408: ['ModelTimeoutException', 'The model took too long to process the request.'],
  424: ['ModelErrorException', 'The model returned an error.'],
  429: ['ThrottlingException', 'Too many requests, please wait before trying again.'],
  500: [
    'InternalServerException',
    'The system encountered an unexpected error during processing. Try your request again.',
  ],
  503: ['ServiceUnavailableException', 'Bedrock is unable to process your request.'],
}

const errorOf = (status: number): Refusal => {
  const [type, message] = types[status] ?? types[status >= 500 ? 500 : 400] ?? ['InternalServerException', '']
  return { status, type, message }
}

const keyRefusal = (behaviour: KeyBehaviour, isModelCall: boolean): Refusal | null => {
  if (behaviour.kind === 'revoked') return invalidKey
  if (behaviour.kind === 'forbidden') return errorOf(403)
  if (behaviour.kind === 'failing') return errorOf(behaviour.status ?? 503)
  if (!isModelCall) return null
  if (behaviour.kind === 'no_quota')
    return { ...errorOf(429), message: 'Too many tokens per day, please wait before trying again.' }
  return behaviour.kind === 'rate_limited' ? errorOf(429) : null
}

const stopReasons = {
  stop: 'end_turn',
  stop_sequence: 'stop_sequence',
  length: 'max_tokens',
  tools: 'tool_use',
  refusal: 'guardrail_intervened',
} as const

const thought = 'A simulated thought.'
const thoughtSignature = Buffer.from('simulated signature').toString('base64')

const reply = (exchange: Exchange, request: ConverseRequest, streamed: boolean): Promise<void> => {
  const a = answer(request.question)
  const headers = { 'x-amzn-requestid': exchange.requestId }
  return sendReply(exchange, {
    directives: request.directives,
    streamed,
    fail: (status) => refuse(exchange, errorOf(status)),
    whole: () => ({
      headers,
      body: {
        output: { message: { role: 'assistant', content: contentOf(a) } },
        stopReason: stopReasons[a.finish],
        metrics: { latencyMs: 12 },
        ...(request.directives.noUsage ? {} : { usage: usageOf(request, a) }),
      },
    }),
    stream: () => ({
      headers: { ...headers, 'content-type': 'application/vnd.amazon.eventstream' },
      opening: [event('messageStart', { role: 'assistant' })],
      chunks: chunksOf(a),
      more: () => event('contentBlockDelta', { contentBlockIndex: 0, delta: { text: ' more' } }),
      closing: [
        event('messageStop', { stopReason: stopReasons[a.finish] }),
        event('metadata', {
          metrics: { latencyMs: 12 },
          ...(request.directives.noUsage ? {} : { usage: usageOf(request, a) }),
        }),
      ],
      error: eventStreamMessage(
        {
          ':exception-type': 'modelStreamErrorException',
          ':content-type': 'application/json',
          ':message-type': 'exception',
        },
        JSON.stringify({ message: 'The model returned an error during streaming.' }),
      ),
    }),
  })
}

const usageOf = ({ usage }: ConverseRequest, a: Answer) => ({
  inputTokens: usage.input_tokens,
  outputTokens: a.outputTokens,
  totalTokens:
    usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens + a.outputTokens,
  cacheReadInputTokens: usage.cache_read_input_tokens,
  cacheWriteInputTokens: usage.cache_creation_input_tokens,
})

const contentOf = (a: Answer): object[] => [
  ...(a.reasoningTokens > 0
    ? [{ reasoningContent: { reasoningText: { text: thought, signature: thoughtSignature } } }]
    : []),
  ...(a.pieces.length > 0 ? [{ text: a.pieces.join('') }] : []),
  ...a.toolCalls.map((call) => ({
    toolUse: {
      toolUseId: toolCallId('tooluse_', call),
      name: call.name,
      input: JSON.parse(call.argumentsText) as unknown,
    },
  })),
]

const event = (type: string, data: object): Buffer =>
  eventStreamMessage(
    { ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' },
    JSON.stringify({ ...data, p: 'abcdefgh' }),
  )

/** One chunk per delta. A block of text has no start. */
const chunksOf = (a: Answer): Buffer[] => {
  const blocks: { start: object | null; deltas: object[] }[] = []
  if (a.reasoningTokens > 0)
    blocks.push({
      start: null,
      deltas: [
        { reasoningContent: { text: thought } },
        { reasoningContent: { signature: thoughtSignature } },
      ],
    })
  if (a.pieces.length > 0) blocks.push({ start: null, deltas: a.pieces.map((text) => ({ text })) })
  for (const call of a.toolCalls)
    blocks.push({
      start: { toolUse: { toolUseId: toolCallId('tooluse_', call), name: call.name } },
      deltas: argumentPieces(call.argumentsText).map((input) => ({ toolUse: { input } })),
    })
  return blocks.flatMap(({ start, deltas }, contentBlockIndex) =>
    deltas.map((delta, i) =>
      Buffer.concat([
        ...(i === 0 && start ? [event('contentBlockStart', { contentBlockIndex, start })] : []),
        event('contentBlockDelta', { contentBlockIndex, delta }),
        ...(i === deltas.length - 1 ? [event('contentBlockStop', { contentBlockIndex })] : []),
      ]),
    ),
  )
}

/** Titan's embeddings: the one model that is invoked here. */
const invoke = (exchange: Exchange, model: string, body: Record<string, unknown>): void => {
  if (model !== 'amazon.titan-embed-text-v2:0')
    return refuse(exchange, invalid('The provided model identifier is invalid.'))
  const stranger = Object.keys(body).find(
    (name) => !['inputText', 'dimensions', 'normalize', 'embeddingTypes'].includes(name),
  )
  if (stranger)
    return refuse(
      exchange,
      invalid(
        `Malformed input request: #: extraneous key [${stranger}] is not permitted, please reformat your input and try again.`,
      ),
    )
  const text = body['inputText']
  if (typeof text !== 'string' || text === '')
    return refuse(
      exchange,
      invalid(
        'Malformed input request: #: required key [inputText] not found, please reformat your input and try again.',
      ),
    )
  const dimensions = Number(body['dimensions'] ?? 1024)
  if (![256, 512, 1024].includes(dimensions))
    return refuse(
      exchange,
      invalid(
        `Malformed input request: #/dimensions: ${shown(body['dimensions'])} is not a valid enum value, please reformat your input and try again.`,
      ),
    )
  const tokens = tokensOf(text).length
  sendJson(
    exchange,
    200,
    { embedding: vectorOf(model, text, dimensions), inputTextTokenCount: tokens },
    { 'x-amzn-bedrock-input-token-count': String(tokens) },
  )
}

const sendModels = (exchange: Exchange): void =>
  sendJson(exchange, 200, {
    modelSummaries: bedrockModels.map((m) => ({
      modelId: m.id,
      modelArn: `arn:aws:bedrock:us-east-1::foundation-model/${m.id}`,
      modelName: m.id,
      providerName: m.id.startsWith('anthropic') ? 'Anthropic' : 'Amazon',
      inputModalities: ['TEXT', 'IMAGE'],
      outputModalities: ['TEXT'],
      responseStreamingSupported: true,
      inferenceTypesSupported: ['ON_DEMAND'],
      modelLifecycle: { status: 'ACTIVE' },
    })),
  })
