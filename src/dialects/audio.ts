import { failure, type Outcome, success } from '../kit/fault.ts'
import { noUsage, type Usage } from '../metering/usage.ts'
import { type Length, lengthOf } from './audio-length.ts'
import type { Codec, ParsedRequest, RequestSource } from './dialect.ts'
import { errorShapes } from './errors.ts'
import {
  bodyWithModel,
  firstUnlisted,
  flagIn,
  type FormRequest,
  modelOf,
  readForm,
  textBytesOf,
  textMeasure,
} from './form.ts'
import { makeMediaTap } from './media-tap.ts'
import { countOf, isCount } from './reported.ts'
import { isObject } from './request.ts'

/** Transcriptions and translations. Shapes: https://platform.openai.com/docs/api-reference/audio */
interface AudioRequest extends FormRequest {
  readonly length: Length
}

/** One for each 100 ms. */
const audioTokensPerSecond = 10
/** Nobody speaks more in a second; a transcript of 16,000 tokens is the longest there is. */
const textTokensPerSecond = 12
const mostTextTokens = 16_000
const textTokensBeside = 256

const listed = new Set([
  'model',
  'file',
  'language',
  'prompt',
  'response_format',
  'temperature',
  'stream',
  'include',
  'timestamp_granularities',
  'chunking_strategy',
])

const parse = (source: RequestSource): Outcome<ParsedRequest> => {
  const read = readForm(source)
  if (!read.ok) return read
  const { modelPart, ...form } = read.value
  const model = modelOf(form)
  if (!model.ok) return model
  const streamed = flagIn(form, 'stream')
  if (!streamed.ok) return streamed
  const files = form.files.filter((part) => part.name === 'file')
  const [file] = files
  if (file === undefined || files.length > 1 || file.start === file.end)
    return failure('invalid_request', {
      message: 'file must be one recording that is not empty.',
      field: 'file',
    })
  const length = lengthOf(source.body.subarray(file.start, file.end))
  return success<AudioRequest>({
    endpoint: source.endpoint,
    body: source.body,
    contentType: source.contentType,
    model: model.value,
    streamed: streamed.value,
    maximumOutputTokens: Math.min(
      length.mostSeconds * textTokensPerSecond + textTokensBeside,
      mostTextTokens,
    ),
    producesOutput: false,
    choices: 1,
    input: textMeasure(textBytesOf(form, ['prompt'])),
    mostUnits: measures(length.mostSeconds),
    likelyUnits: measures(length.seconds),
    unpriced: firstUnlisted(form, listed),
    wantsUsageEvent: true,
    form,
    modelPart,
    length,
  })
}

/** Models charge by the one or by the other. */
const measures = (seconds: number) => ({
  audio_seconds: seconds,
  input_audio_tokens: seconds * audioTokensPerSecond,
})

/** `{type: 'tokens'}` or `{type: 'duration'}`; of the input tokens all are audio unless the details say otherwise. */
const usageFrom = (usage: Record<string, unknown>): Usage | null => {
  const { seconds, input_tokens: input, output_tokens: output } = usage
  if (usage.type === 'duration') return isSeconds(seconds) ? inSeconds(seconds) : null
  if (!isCount(input) || !isCount(output)) return null
  const details = usage.input_token_details as Record<string, unknown> | undefined | null
  const text = Math.min(countOf(details?.text_tokens), input)
  return { ...noUsage, input: text, output, units: { input_audio_tokens: input - text } }
}

const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= 10_000_000

const inSeconds = (seconds: number): Usage => ({ ...noUsage, units: { audio_seconds: Math.ceil(seconds) } })

const usageOfReply = (body: Buffer, contentType: string, request: AudioRequest): Usage | null => {
  const text = body.toString('utf8')
  if (!/^\s*application\/(?:[\w.+-]+\+)?json\b/i.test(contentType))
    return estimated(request, lastCue(text), body.length)
  try {
    const reply: unknown = JSON.parse(text)
    if (!isObject(reply)) return null
    const reported = isObject(reply.usage) ? usageFrom(reply.usage) : null
    if (reported !== null) return reported
    if (typeof reply.text !== 'string') return null
    const duration = Number(reply.duration ?? Number.NaN)
    // Whisper's own words; of a model that charges by tokens they are only a hint.
    if (isSeconds(duration) && !request.model.startsWith('gpt-')) return inSeconds(duration)
    return estimated(request, isSeconds(duration) ? duration : 0, Buffer.byteLength(reply.text))
  } catch {
    return null
  }
}

/** By the length of the recording, or of the subtitles where they go on for longer; four bytes of text a token. */
const estimated = ({ length }: AudioRequest, heardSeconds: number, textBytes: number): Usage => {
  const seconds = Math.ceil(length.isExact ? length.seconds : Math.max(length.seconds, heardSeconds))
  return { ...noUsage, output: Math.ceil(textBytes / 4), units: measures(seconds), estimated: true }
}

/** The end of the last subtitle, in seconds. SRT and WebVTT write `00:01:02,500 --> 00:01:04,000`, WebVTT also without hours. */
const lastCue = (text: string): number => {
  const at = text.lastIndexOf('-->')
  const end =
    at === -1 ? null : /^-->\s*(?:(\d{1,3}):)?(\d{2}):(\d{2})[.,]\d{3}/.exec(text.slice(at, at + 40))
  if (end === null) return 0
  return Number(end[1] ?? 0) * 3600 + Number(end[2]) * 60 + Number(end[3]) + 1
}

export const audioCodec: Codec = {
  parse,
  bodyFor: (request, { model }) => bodyWithModel(request, model),
  reply: 'json_or_text',
  makeTap: () =>
    makeMediaTap({
      done: ['transcript.text.done'],
      text: ['transcript.text.delta', 'transcript.text.segment'],
      expected: 1,
      usageOf: ({ usage }) => (isObject(usage) ? usageFrom(usage) : null),
      add: (a, b) => b ?? a,
    }),
  usageOf: ({ body, contentType }, request) => usageOfReply(body, contentType, request as AudioRequest),
  errorEvent: (fault, operationId) => `data: ${errorShapes.openai(fault, operationId)}\n\n`,
}
