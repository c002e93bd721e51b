import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Units, Usage } from '../metering/usage.ts'
import type { BodyChanges, Codec, EventKind, ParsedRequest, RequestSource, StreamTap } from './dialect.ts'
import { errorShapes } from './errors.ts'
import { audioBytesIn, measureInput } from './estimate.ts'
import { duplicateMember, readMembers, replaceMembers, withoutMember } from './json-members.ts'
import { chatUsage, usageOfChatReply, usageOfEmbeddings } from './openai-usage.ts'
import { parseReportedText } from './reported.ts'
import { isObject, parseObject, readCount, readFlag, readModel, readObject } from './request.ts'
import { dataOf } from './sse.ts'
import { unpricedInChat, unpricedInEmbeddings } from './unpriced.ts'

/** Chat completions and embeddings. Shapes: https://platform.openai.com/docs/api-reference */
interface OpenAiRequest extends ParsedRequest {
  readonly streamOptions: Readonly<Record<string, unknown>> | undefined
}

const parse = ({ endpoint, body }: RequestSource): Outcome<ParsedRequest> => {
  const object = parseObject(body)
  if (!object.ok) return object
  const parsed = object.value
  const model = readModel(parsed)
  if (!model.ok) return model
  const streamed = readFlag(parsed, 'stream')
  if (!streamed.ok) return streamed
  const streamOptions = readObject(parsed, 'stream_options')
  if (!streamOptions.ok) return streamOptions
  const limit = readLimit(parsed)
  if (!limit.ok) return limit
  const choices = readCount(parsed, 'n')
  if (!choices.ok) return choices
  const duplicate = duplicateMember(body, parsed)
  if (duplicate !== null) return failure('duplicate_field', { field: duplicate })
  const producesOutput = endpoint === 'chat_completions'
  const n = producesOutput ? (choices.value ?? 1) : 1
  return success<OpenAiRequest>({
    endpoint,
    body,
    contentType: 'application/json',
    model: model.value,
    streamed: streamed.value && producesOutput,
    streamOptions: streamOptions.value,
    maximumOutputTokens: limit.value === null ? null : limit.value * n,
    producesOutput,
    choices: n,
    input: measureInput(body, parsed),
    mostUnits: producesOutput ? mostUnits(parsed, n, limit.value) : null,
    unpriced: producesOutput ? unpricedInChat(parsed) : unpricedInEmbeddings(parsed),
    wantsUsageEvent: streamOptions.value?.include_usage === true,
  })
}

/**
 * Ten tokens a second of audio heard, at no less than 6 kbit/s (MP3 begins at 8) in base64; what a model says is part of
 * its output limit. https://platform.openai.com/docs/guides/audio
 */
const leastBase64PerAudioToken = 100
/** The most that models which speak write where nobody limits them. */
const mostSpokenTokens = 16_384

const mostUnits = (
  { messages, modalities }: Readonly<Record<string, unknown>>,
  choices: number,
  limit: number | null,
): Units | null => {
  const heard = Math.ceil(audioBytesIn(messages) / leastBase64PerAudioToken)
  const speaks = Array.isArray(modalities) && modalities.includes('audio')
  if (heard === 0 && !speaks) return null
  return {
    ...(heard > 0 && { input_audio_tokens: heard }),
    ...(speaks && { output_audio_tokens: (limit ?? mostSpokenTokens) * choices }),
  }
}

/** Services differ in which of the two names they obey, so the larger one counts. */
const readLimit = (parsed: Record<string, unknown>): Outcome<number | null> => {
  const [older, newer] = [readCount(parsed, 'max_tokens'), readCount(parsed, 'max_completion_tokens')]
  if (!older.ok) return older
  if (!newer.ok || older.value === null) return newer
  return success(Math.max(older.value, newer.value ?? 0))
}

const bodyFor = (request: ParsedRequest, changes: BodyChanges): Buffer => {
  const { streamOptions } = request as OpenAiRequest
  const values = new Map<string, unknown>()
  if (changes.model !== request.model) values.set('model', changes.model)
  if (changes.maximumOutputTokens !== null) values.set(changes.outputLimitField, changes.maximumOutputTokens)
  if (request.streamed && !request.wantsUsageEvent && !changes.noStreamOptions)
    values.set('stream_options', { ...streamOptions, include_usage: true })
  // Such a service reports usage unasked, and refuses to be asked.
  const body =
    changes.noStreamOptions && streamOptions !== undefined
      ? withoutMember(request.body, readMembers(request.body), 'stream_options')
      : request.body
  return values.size === 0 ? body : replaceMembers(body, readMembers(body), values)
}

const doneMark = Buffer.from('[DONE]')
const errorMark = Buffer.from('"error"')
const contentMark = Buffer.from('"delta"')
const dataMark = Buffer.from('data:')

/**
 * What makes an event more than content. A quote inside a JSON string is escaped, so the bytes `"usage"` never occur within
 * generated text. Every chunk of a stream that was asked for usage has `"usage":null`; only the one that is not null is parsed.
 */
const marks = /"usage"[: ]*\{|"error"|\[DONE\]/g
const usageReport = /"usage"[: ]*\{/

/** Asked for in rising order: where the first mark at or after an offset stands. */
const makeMarkCursor = (text: string) => {
  const find = (from: number): number => {
    marks.lastIndex = from
    return marks.exec(text)?.index ?? Number.POSITIVE_INFINITY
  }
  let at = find(0)
  return (from: number): number => {
    if (at < from) at = find(from)
    return at
  }
}

/** `data:` without a slice: the letters that differ from every other field name. */
const isData = (text: Buffer, at: number) => text[at] === 0x64 && text[at + 4] === 0x3a

const makeTap = (): StreamTap => {
  let usage: Usage | null = null

  const read = (event: Buffer): EventKind => {
    const data = dataOf(event)
    if (data === '[DONE]') return 'end'
    const chunk = parseReportedText(data)
    if (!isObject(chunk)) return 'other'
    if (chunk.error !== undefined && chunk.error !== null) return 'error'
    if (!isObject(chunk.usage)) return 'content'
    usage = chatUsage(chunk.usage)
    return Array.isArray(chunk.choices) && chunk.choices.length === 0 ? 'usage' : 'content'
  }

  const kindOf = (event: Buffer): EventKind => {
    if (event.indexOf(dataMark) !== 0) return event.includes(dataMark) ? read(event) : 'other'
    if (event.length < 24 && event.includes(doneMark)) return 'end'
    if (usageReport.test(event.toString('latin1'))) return read(event)
    return event.includes(errorMark) && !event.includes(contentMark) ? read(event) : 'content'
  }

  return {
    classify(text, ends) {
      // In one pass over the whole text, as a string: a Buffer's own search stops at every quote, and JSON is full of them.
      const nextMark = makeMarkCursor(text.toString('latin1'))
      let start = 0
      return ends.map((end) => {
        const isPlain = isData(text, start) && nextMark(start) >= end
        const kind = isPlain ? 'content' : kindOf(text.subarray(start, end))
        start = end
        return kind
      })
    },
    reported: () => usage,
  }
}

export const openaiCodec: Codec = {
  parse,
  bodyFor,
  reply: 'json',
  makeTap,
  usageOf: ({ body }, { endpoint }) =>
    endpoint === 'embeddings' ? usageOfEmbeddings(body) : usageOfChatReply(body),
  errorEvent: (fault, operationId) => `data: ${errorShapes.openai(fault, operationId)}\n\n`,
}
