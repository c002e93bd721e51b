import { type EventStream, type Exchange, sendReply, shown } from './exchange.ts'
import { signature } from './gemini-contents.ts'
import { geminiErrorBody, geminiErrorOf, sendGeminiError } from './gemini-errors.ts'
import type { GeminiRequest } from './gemini-request.ts'
import { type Answer, answer, toolCallId } from './reply.ts'
import { seededId } from './text.ts'

const finishReasons = {
  stop: 'STOP',
  stop_sequence: 'STOP',
  length: 'MAX_TOKENS',
  tools: 'STOP',
  refusal: 'SAFETY',
} as const

const thought = '**Simulated thought**\n\nThe question is read, the answer is a fixed function of it.'

type Part = Readonly<Record<string, unknown>>

/** Parts in the order in which a stream sends them: thoughts, text, then each call whole. */
const partsOf = (request: GeminiRequest, a: Answer): Part[] => [
  ...(a.reasoningTokens > 0 && request.includeThoughts ? [{ text: thought, thought: true }] : []),
  ...a.pieces.map((text) => ({ text })),
  ...a.toolCalls.map((call, index) => ({
    functionCall: {
      id: toolCallId('call_', call),
      name: call.name,
      args: JSON.parse(call.argumentsText) as unknown,
    },
    // Only the first of parallel calls carries one.
    ...(index === 0 && request.model.signatures && { thoughtSignature: signature }),
  })),
]

/** Adjacent pieces of text are one part in a whole reply. */
const joined = (parts: readonly Part[]): Part[] => {
  const out: Part[] = []
  for (const part of parts) {
    const last = out.at(-1)
    const plain = typeof part['text'] === 'string' && part['thought'] === undefined
    if (plain && last && typeof last['text'] === 'string' && last['thought'] === undefined)
      out[out.length - 1] = { text: last['text'] + shown(part['text']) }
    else out.push(part)
  }
  return out
}

export const generate = (
  exchange: Exchange,
  request: GeminiRequest,
  account: string,
  how: { readonly streamed: boolean; readonly events: boolean; readonly vertex: boolean },
): Promise<void> => {
  const { directives, model, promptCount, question } = request
  const a = answer(question)
  const cached = exchange.state.cache.automatic(account, model.id, request.promptTokens)
  const usage = (outputTokens: number) =>
    directives.noUsage
      ? {}
      : {
          usageMetadata: {
            promptTokenCount: promptCount,
            ...(outputTokens > 0 && { candidatesTokenCount: outputTokens }),
            totalTokenCount: promptCount + outputTokens + a.reasoningTokens,
            ...(cached > 0 && {
              cachedContentTokenCount: cached,
              cacheTokensDetails: [{ modality: 'TEXT', tokenCount: cached }],
            }),
            promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptCount }],
            ...(a.reasoningTokens > 0 && { thoughtsTokenCount: a.reasoningTokens }),
            ...(how.vertex && { trafficType: 'ON_DEMAND' }),
          },
        }
  const about = { modelVersion: model.id, responseId: seededId('', question.seed, 22) }
  const visible = a.outputTokens - a.reasoningTokens
  const reply = (parts: readonly Part[], finish: boolean, outputTokens: number) => ({
    candidates: [
      {
        ...(parts.length > 0 && { content: { role: 'model', parts } }),
        ...(finish && { finishReason: finishReasons[a.finish] }),
        index: 0,
      },
    ],
    ...usage(outputTokens),
    ...about,
  })
  const headers = { 'content-type': 'application/json; charset=UTF-8', 'server-timing': 'gfet4t7; dur=12' }
  return sendReply(exchange, {
    directives,
    streamed: how.streamed,
    fail: (status, retryAfterSeconds) => sendGeminiError(exchange, geminiErrorOf(status, retryAfterSeconds)),
    whole: () => ({ body: reply(joined(partsOf(request, a)), true, visible), headers }),
    stream: () => {
      const parts = partsOf(request, a)
      const chunks = parts.map((part, i) =>
        reply([part], i === parts.length - 1, i === parts.length - 1 ? visible : Math.min(i + 1, visible)),
      )
      const all = chunks.length > 0 ? chunks : [reply([], true, visible)]
      const more = reply([{ text: ' more' }], false, visible)
      return how.events ? asEvents(all, more) : asArray(all, more)
    },
  })
}

/** Server-sent events end with the connection: there is no last event that says so. */
const asEvents = (chunks: readonly object[], more: object): EventStream => {
  const event = (data: unknown) => `data: ${JSON.stringify(data)}\r\n\r\n`
  return {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
    opening: [],
    chunks: chunks.map(event),
    more: () => event(more),
    closing: [],
    error: event(geminiErrorBody(geminiErrorOf(503))),
  }
}

/** Without `alt=sse`, a stream is a JSON array that arrives element by element. */
const asArray = (chunks: readonly object[], more: object): EventStream => {
  const element = (data: object, index: number) =>
    (index === 0 ? '[' : ',\r\n') + JSON.stringify(data, null, 2)
  return {
    headers: { 'content-type': 'application/json; charset=UTF-8' },
    opening: [],
    chunks: chunks.map(element),
    more: (index) => element(more, index),
    closing: ['\n]\n'],
    error: `,\r\n${JSON.stringify(geminiErrorBody(geminiErrorOf(503)))}\n]\n`,
  }
}
