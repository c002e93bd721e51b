import { errorOf, invalid, refuse, unknownField, unknownModel } from './cohere-errors.ts'
import { type Directives, readDirectives } from './directives.ts'
import { type Exchange, isRecord, type Refusal, sendReply, shown } from './exchange.ts'
import { cohereModels, findModel, type SimulatedModel } from './models.ts'
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
import { digestOf, seededId } from './text.ts'

type Fields = Record<string, unknown>

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

export const chat = (exchange: Exchange, body: Fields): void | Promise<void> => {
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
