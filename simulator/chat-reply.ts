import type { ChatRequest } from './chat-request.ts'
import { type Answer, answer, argumentPieces, type ToolCall, toolCallId } from './reply.ts'
import { seededId } from './text.ts'

export interface ChatUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: { readonly cached_tokens: number; readonly audio_tokens: number }
  readonly completion_tokens_details: Readonly<Record<string, number>>
}

/** The dialect's way to write one reply; services that copied it add fields of their own. */
export interface ChatReply {
  readonly answers: readonly Answer[]
  readonly usage: ChatUsage
  /** Fields of every chunk and of the completion. */
  readonly common: Readonly<Record<string, unknown>>
  readonly choice: (answer: Answer) => Readonly<Record<string, unknown>>
}

export const makeReply = (
  request: ChatRequest,
  cachedTokens: number,
  common: Readonly<Record<string, unknown>>,
): ChatReply => {
  const answers = Array.from({ length: request.choices }, (_, index) => answer(request.question(index)))
  const sum = (read: (a: Answer) => number) => answers.reduce((total, a) => total + read(a), 0)
  const completion = sum((a) => a.outputTokens)
  return {
    answers,
    usage: {
      prompt_tokens: request.promptCount,
      completion_tokens: completion,
      total_tokens: request.promptCount + completion,
      prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: sum((a) => a.reasoningTokens),
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    common,
    choice: () => ({}),
  }
}

export const completionId = (request: ChatRequest, prefix: string): string =>
  seededId(prefix, request.question(0).seed, 29)

const finishReasons = {
  stop: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  tools: 'tool_calls',
  refusal: 'content_filter',
} as const
export const finishReasonOf = (a: Answer): string => finishReasons[a.finish]

const callOf = (call: ToolCall) => ({
  id: toolCallId('call_', call),
  type: 'function',
  function: { name: call.name, arguments: call.argumentsText },
})

const logprobOf = (token: string) => ({
  token,
  logprob: -0.05,
  bytes: [...Buffer.from(token)],
  top_logprobs: [],
})
export const logprobsOf = (wanted: boolean, pieces: readonly string[]) =>
  wanted ? { content: pieces.map(logprobOf), refusal: null } : null

export const completionBody = (reply: ChatReply, wantsLogprobs: boolean, withUsage: boolean) => ({
  object: 'chat.completion',
  ...reply.common,
  choices: reply.answers.map((a, index) => ({
    index,
    message: {
      role: 'assistant',
      content: a.toolCalls.length > 0 ? null : a.pieces.join(''),
      ...(a.toolCalls.length > 0 && { tool_calls: a.toolCalls.map(callOf) }),
      refusal: null,
      annotations: [],
    },
    logprobs: logprobsOf(wantsLogprobs, a.pieces),
    finish_reason: finishReasonOf(a),
    ...reply.choice(a),
  })),
  ...(withUsage && { usage: reply.usage }),
})

export const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`

/** Chunks of a stream: role first, content piece by piece (choices interleaved), then the finish of each choice. */
export const chunkEvents = (
  reply: ChatReply,
  wantsLogprobs: boolean,
  extra: Readonly<Record<string, unknown>>,
) => {
  const chunk = (index: number, delta: unknown, finish: string | null, logprobs: unknown = null) =>
    event({
      object: 'chat.completion.chunk',
      ...reply.common,
      choices: [{ index, delta, logprobs, finish_reason: finish }],
      ...extra,
    })
  const piece = (index: number, text: string) =>
    chunk(index, { content: text }, null, logprobsOf(wantsLogprobs, [text]))
  return {
    opening: reply.answers.map((a, index) => {
      const content = a.toolCalls.length > 0 ? null : ''
      return chunk(index, { role: 'assistant', content, refusal: null }, null)
    }),
    chunks: interleave(
      reply.answers.map((a, index) => [
        ...a.pieces.map((text) => piece(index, text)),
        ...a.toolCalls.flatMap((call, at) =>
          toolEvents(call, at).map((d) => chunk(index, { tool_calls: [d] }, null)),
        ),
      ]),
    ),
    more: (n: number) => piece(0, n % 12 === 11 ? '\n' : ' more'),
    finish: reply.answers.map((a, index) => chunk(index, {}, finishReasonOf(a))),
  }
}

const toolEvents = (call: ToolCall, index: number) => [
  { index, id: toolCallId('call_', call), type: 'function', function: { name: call.name, arguments: '' } },
  ...argumentPieces(call.argumentsText).map((text) => ({ index, function: { arguments: text } })),
]

/** The services send the choices of `n` > 1 in turn. */
const interleave = (lists: readonly string[][]): string[] => {
  const longest = Math.max(0, ...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat()
}
