import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
} from '@ai-sdk/provider'
import { estimateInputTokens, measureInput } from '../dialects/estimate.ts'
import { FaultError, fault } from '../kit/fault.ts'
import type { Endpoint } from '../services/service.ts'
import type { Call } from './call.ts'
import type { About, Encoder, StreamEncoder } from './encoder.ts'
import { fromChatCompletions } from './from-chat-completions.ts'
import { fromGemini } from './from-gemini.ts'
import { fromMessages } from './from-messages.ts'
import { fromResponses } from './from-responses.ts'
import { malformedReply } from './failure.ts'
import { limitFetch } from './model-fetch.ts'
import type { Notes } from './notes.ts'
import { callOptions } from './options.ts'
import { blocksOf, finishOf, isAboutTheReply, makePieces } from './pieces.ts'
import type { Json } from './read.ts'
import { toChatCompletions } from './to-chat-completions.ts'
import { toGemini } from './to-gemini.ts'
import { toMessages } from './to-messages.ts'
import { toResponses } from './to-responses.ts'
import type { TranslationRequest, Translated } from './translation.ts'
import { noteWarnings, warningNames } from './warnings.ts'

interface ChatSide {
  readonly decode: (body: Json, notes: Notes) => Call
  readonly encoder: Encoder
  readonly names: Readonly<Record<string, string>>
}

const gemini: ChatSide = { decode: fromGemini, encoder: toGemini, names: warningNames.gemini }

export const chatSides: Readonly<Partial<Record<Endpoint, ChatSide>>> = {
  chat_completions: {
    decode: fromChatCompletions,
    encoder: toChatCompletions,
    names: warningNames.chat_completions,
  },
  responses: { decode: fromResponses, encoder: toResponses, names: warningNames.responses },
  messages: { decode: fromMessages, encoder: toMessages, names: warningNames.messages },
  generate_content: gemini,
  stream_generate_content: gemini,
}

export const translateChat = async (
  request: TranslationRequest,
  body: Json,
  notes: Notes,
): Promise<Translated> => {
  const side = chatSides[request.endpoint]
  const language = request.service.translation?.language
  if (side === undefined || language === undefined) throw new Error('canTranslate says no')
  const call = side.decode(body, notes)
  const limit = outputLimit(request, call)
  const model = await language({
    model: request.model,
    baseUrl: request.baseUrl,
    settings: request.settings,
    fetch: limitFetch(request.fetch, {
      maximumBytes: request.maximumBytes,
      outputTokens: limit,
      signal: request.signal,
    }),
  })
  const options = {
    ...(await callOptions(call, model, limit, side.names, notes)),
    abortSignal: request.signal,
  }
  const about = aboutOf(request, body, call)
  return request.streamed
    ? stream(model, options, side, about, request.signal, notes)
    : whole(model, options, side, about, notes)
}

/** Ours never widens what the caller asked for. */
const outputLimit = ({ maximumOutputTokens }: TranslationRequest, { settings }: Call): number | null => {
  const asked = settings.maxOutputTokens ?? null
  if (maximumOutputTokens === null || asked === null) return asked ?? maximumOutputTokens
  return Math.min(asked, maximumOutputTokens)
}

const aboutOf = (request: TranslationRequest, body: Json, call: Call): About => ({
  id: request.operationId.replaceAll('-', ''),
  model: request.requestedModel,
  createdSeconds: Math.floor(Date.now() / 1000),
  wishes: call.wishes,
  wantsUsageEvent: request.wantsUsageEvent,
  estimatedInputTokens: estimateInputTokens(measureInput(request.body, body)),
  request: body,
})

const whole = async (
  model: LanguageModelV4,
  options: LanguageModelV4CallOptions,
  { encoder, names }: ChatSide,
  about: About,
  notes: Notes,
): Promise<Translated> => {
  const result = await model.doGenerate(options)
  noteWarnings(result.warnings, names, notes)
  const blocks = blocksOf(result.content)
  // Neither words nor a reason: an error under a success's status, which the SDK reads as an empty reply.
  if (blocks.length === 0 && hasNoEnd(result.finishReason)) throw malformedReply('The service sent no reply.')
  const hasCalls = blocks.some(({ block }) => block.type === 'call')
  const finish = finishOf(result.finishReason, result.usage, result.providerMetadata, hasCalls)
  const reply = encoder.whole({ blocks, finish }, about)
  return {
    contentType: 'application/json',
    body: Buffer.from(JSON.stringify(reply)),
    usageUnknown: () => finish.usage === null,
  }
}

const stream = async (
  model: LanguageModelV4,
  options: LanguageModelV4CallOptions,
  { encoder, names }: ChatSide,
  about: About,
  signal: AbortSignal,
  notes: Notes,
): Promise<Translated> => {
  const result = await model.doStream(options)
  const reader = result.stream.getReader()
  try {
    const first = await firstContent(reader, names, notes)
    let usageUnknown = true
    const toEnd = encoder.makeStream(about)
    const watched: StreamEncoder = {
      ...toEnd,
      end(finish) {
        usageUnknown = finish.usage === null
        return toEnd.end(finish)
      },
    }
    return {
      contentType: 'text/event-stream; charset=utf-8',
      body: eventsOf(first, reader, watched, signal),
      usageUnknown: () => usageUnknown,
    }
  } catch (error) {
    void reader.cancel(error).catch(() => {})
    throw error
  }
}

type Reader = ReadableStreamDefaultReader<LanguageModelV4StreamPart>

/**
 * Nothing is sent before the service has begun to answer: until then another key or service can still be asked, and
 * what the model left out is known for the header.
 */
const firstContent = async (
  reader: Reader,
  names: ChatSide['names'],
  notes: Notes,
): Promise<LanguageModelV4StreamPart> => {
  for (;;) {
    const { value: part } = await reader.read()
    if (part === undefined) throw cut()
    if (part.type === 'stream-start') noteWarnings(part.warnings, names, notes)
    else if (part.type === 'error') throw part.error
    else if (!isAboutTheReply(part)) return part
  }
}

const hasNoEnd = ({ unified, raw }: LanguageModelV4FinishReason): boolean =>
  unified === 'other' && raw === undefined

const cut = () => new FaultError(fault('stream_interrupted'))

async function* eventsOf(
  first: LanguageModelV4StreamPart,
  reader: Reader,
  encoder: StreamEncoder,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const pieces = makePieces()
  try {
    let waiting = encoder.begin()
    for (
      let part: LanguageModelV4StreamPart | undefined = first;
      part !== undefined;
      part = (await reader.read()).value
    ) {
      signal.throwIfAborted()
      if (part.type === 'error') throw part.error instanceof Error ? part.error : cut()
      if (part.type === 'finish') {
        // The SDK makes an end of its own where a service's stream just stops.
        const { finishReason: reason } = part
        if (hasNoEnd(reason)) throw cut()
        const finish = finishOf(reason, part.usage, part.providerMetadata, pieces.hasCalls())
        const last = pieces.finish().map((piece) => encoder.piece(piece))
        yield Buffer.from(waiting + last.join('') + encoder.end(finish))
        return
      }
      const text =
        waiting +
        pieces
          .take(part)
          .map((piece) => encoder.piece(piece))
          .join('')
      waiting = ''
      if (text !== '') yield Buffer.from(text)
    }
    throw cut()
  } finally {
    void reader.cancel().catch(() => {})
  }
}
