import { type Exchange, isRecord, sendReply } from './exchange.ts'
import { openAi, type OpenAiHost, refuse } from './openai-host.ts'
import { readResponse, type ResponseRequest } from './openai-responses-request.ts'
import { type Answer, answer, argumentPieces, type ToolCall, toolCallId } from './reply.ts'
import { seededId, tokensOf } from './text.ts'

/** The Responses API. Nothing is stored, so a response cannot be continued by its id. */
export const respond = async (
  exchange: Exchange,
  secret: string,
  body: Record<string, unknown>,
  host: OpenAiHost = openAi,
): Promise<void> => {
  const request = readResponse(body, host)
  if ('status' in request) return refuse(exchange, host, request)
  const { previous_response_id: previous } = body
  if (typeof previous === 'string')
    return refuse(exchange, host, {
      status: 400,
      message: `Previous response with id '${previous}' not found.`,
      param: 'previous_response_id',
      code: 'previous_response_not_found',
    })
  const cached = exchange.state.cache.automatic(secret, request.model.id, request.promptTokens)
  const a = answer(request.question)
  const response = responseOf(exchange, request, a, cached)
  const headers = host.modelHeaders(exchange, request.promptCount)
  return sendReply(exchange, {
    directives: request.directives,
    streamed: body['stream'] === true,
    fail: (status, retryAfterSeconds) => refuse(exchange, host, host.errorOf(status, retryAfterSeconds)),
    whole: () => ({ body: response, headers }),
    stream: () => ({ headers, ...eventsOf(response, request) }),
  })
}

type Item = Readonly<Record<string, unknown>>

const outputOf = (a: Answer, seed: string): Item[] => [
  ...(a.reasoningTokens > 0
    ? [
        {
          id: seededId('rs_', seed, 48),
          type: 'reasoning',
          summary: [{ type: 'summary_text', text: summary }],
        },
      ]
    : []),
  ...(a.finish === 'refusal'
    ? [messageOf(seed, 'completed', { type: 'refusal', refusal: refusalText })]
    : []),
  ...(a.pieces.length > 0
    ? [
        messageOf(seed, a.finish === 'length' ? 'incomplete' : 'completed', {
          type: 'output_text',
          annotations: [],
          logprobs: [],
          text: a.pieces.join(''),
        }),
      ]
    : []),
  ...a.toolCalls.map(callOf),
]

const summary = 'A simulated thought in a few words.'
const refusalText = 'I cannot help with that. (Simulated.)'

const messageOf = (seed: string, status: string, part: Item): Item => ({
  id: seededId('msg_', seed, 48),
  type: 'message',
  status,
  role: 'assistant',
  content: [part],
})

const callOf = (call: ToolCall): Item => ({
  id: toolCallId('fc_', call),
  type: 'function_call',
  status: 'completed',
  call_id: toolCallId('call_', call),
  name: call.name,
  arguments: call.argumentsText,
})

const responseOf = (exchange: Exchange, request: ResponseRequest, a: Answer, cached: number) => {
  const { body, model, directives, question } = request
  const created = Math.floor(exchange.state.now() / 1000)
  const incomplete = a.finish === 'length'
  return {
    id: seededId('resp_', question.seed, 48),
    object: 'response',
    created_at: created,
    status: incomplete ? 'incomplete' : 'completed',
    background: false,
    completed_at: incomplete ? null : created,
    error: null,
    incomplete_details: incomplete ? { reason: 'max_output_tokens' } : null,
    instructions: body['instructions'] ?? null,
    max_output_tokens: body['max_output_tokens'] ?? null,
    max_tool_calls: body['max_tool_calls'] ?? null,
    model: model.snapshot ?? model.id,
    output: outputOf(a, question.seed),
    parallel_tool_calls: body['parallel_tool_calls'] ?? true,
    previous_response_id: null,
    prompt_cache_key: body['prompt_cache_key'] ?? null,
    reasoning: {
      effort: isRecord(body['reasoning'])
        ? (body['reasoning']['effort'] ?? null)
        : model.reasoning
          ? 'medium'
          : null,
      summary: null,
    },
    safety_identifier: null,
    service_tier: 'default',
    store: body['store'] ?? true,
    temperature: body['temperature'] ?? 1,
    text: body['text'] ?? { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: body['tools'] ?? [],
    top_logprobs: 0,
    top_p: body['top_p'] ?? 1,
    truncation: body['truncation'] ?? 'disabled',
    usage: directives.noUsage
      ? null
      : {
          input_tokens: request.promptCount,
          input_tokens_details: { cached_tokens: cached, cache_write_tokens: 0 },
          output_tokens: a.outputTokens,
          output_tokens_details: { reasoning_tokens: a.reasoningTokens },
          total_tokens: request.promptCount + a.outputTokens,
        },
    user: null,
    metadata: body['metadata'] ?? {},
  }
}

type ResponseBody = ReturnType<typeof responseOf>
/** Writes an event; the sequence number is counted where it is sent. */
type Write = (type: string, fields: Item) => string

const eventsOf = (response: ResponseBody, request: ResponseRequest) => {
  let sequence = 0
  const write: Write = (type, fields) => {
    const data = JSON.stringify({ type, sequence_number: sequence++, ...fields })
    return `event: ${type}\ndata: ${data}\n\n`
  }
  const begun = {
    ...response,
    status: 'in_progress',
    completed_at: null,
    incomplete_details: null,
    output: [],
    usage: null,
  }
  const opening = [
    write('response.created', { response: begun }),
    write('response.in_progress', { response: begun }),
  ]
  const chunks = response.output.flatMap((item, index) => itemEvents(write, item, index, request))
  const closing = [write(`response.${response.status}`, { response })]
  return {
    opening,
    chunks,
    more: () =>
      write('response.output_text.delta', {
        item_id: 'msg_more',
        output_index: 0,
        content_index: 0,
        delta: ' more',
        logprobs: [],
      }),
    closing,
    error: `event: error\ndata: ${JSON.stringify({ type: 'error', code: 'server_error', message: 'The server had an error while processing your request. Sorry about that!', param: null, sequence_number: 99_999 })}\n\n`,
  }
}

/** One chunk per delta: what begins an item travels with its first delta, what ends it with the last. */
const itemEvents = (write: Write, item: Item, index: number, request: ResponseRequest): string[] => {
  const place = { item_id: item['id'], output_index: index }
  const added = (begun: Item) => write('response.output_item.added', { output_index: index, item: begun })
  const done = () => write('response.output_item.done', { output_index: index, item })
  if (item['type'] === 'reasoning') return [reasoningEvents(write, item, place, added, done)]
  if (item['type'] === 'function_call') {
    const text = String(item['arguments'])
    const start = added({ ...item, status: 'in_progress', arguments: '' })
    const deltas = argumentPieces(text).map((delta) =>
      write('response.function_call_arguments.delta', { ...place, delta }),
    )
    const end =
      write('response.function_call_arguments.done', { ...place, name: item['name'], arguments: text }) +
      done()
    return spread(start, deltas, end)
  }
  const part = (item['content'] as Item[])[0] ?? {}
  const at = { ...place, content_index: 0 }
  const isText = part['type'] === 'output_text'
  const kind = isText ? 'output_text' : 'refusal'
  const text = String(part['text'] ?? part['refusal'])
  const extra = isText ? { logprobs: [] } : {}
  const start =
    added({ ...item, status: 'in_progress', content: [] }) +
    write('response.content_part.added', { ...at, part: { ...part, [isText ? 'text' : 'refusal']: '' } })
  const pieces = request.directives.hugeBytes === undefined ? tokensOf(text) : [text]
  const deltas = pieces.map((delta) => write(`response.${kind}.delta`, { ...at, delta, ...extra }))
  const end =
    write(`response.${kind}.done`, { ...at, [isText ? 'text' : 'refusal']: text, ...extra }) +
    write('response.content_part.done', { ...at, part }) +
    done()
  return spread(start, deltas, end)
}

const reasoningEvents = (
  write: Write,
  item: Item,
  place: Item,
  added: (begun: Item) => string,
  done: () => string,
): string => {
  const at = { ...place, summary_index: 0 }
  const part = { type: 'summary_text', text: summary }
  return [
    added({ ...item, summary: [] }),
    write('response.reasoning_summary_part.added', { ...at, part: { ...part, text: '' } }),
    write('response.reasoning_summary_text.delta', { ...at, delta: summary }),
    write('response.reasoning_summary_text.done', { ...at, text: summary }),
    write('response.reasoning_summary_part.done', { ...at, part }),
    done(),
  ].join('')
}

const spread = (start: string, deltas: readonly string[], end: string): string[] =>
  deltas.length === 0
    ? [start + end]
    : deltas.map((delta, i) => (i === 0 ? start : '') + delta + (i === deltas.length - 1 ? end : ''))
