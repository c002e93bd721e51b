import { failure, type Outcome, success } from '../kit/fault.ts'
import { noUsage, type Usage } from '../metering/usage.ts'
import type { Codec, ParsedRequest, RequestSource } from './dialect.ts'
import { errorShapes } from './errors.ts'
import { bodyWithModel, firstUnlisted, type FormRequest, modelOf, readForm, textMeasure } from './form.ts'
import { makeMediaTap } from './media-tap.ts'
import { isCount } from './reported.ts'
import { isObject } from './request.ts'

/** Speech. Shapes: https://platform.openai.com/docs/api-reference/audio/createSpeech */
interface SpeechRequest extends FormRequest {
  readonly characters: number
  readonly format: string
}

/**
 * OpenAI prices gpt-4o-mini-tts at about $0.015 a minute, which is 1,250 audio tokens, and people speak some 960 characters
 * in it.
 */
const tokensPerMinute = 1_250
const tokensPerCharacter = tokensPerMinute / 960
/** Four times slower than that, with pauses. */
const mostTokensPerCharacter = 6
const mostTokensBeside = 500

const listed = new Set([
  'model',
  'input',
  'voice',
  'instructions',
  'response_format',
  'speed',
  'stream_format',
])

const parse = (source: RequestSource): Outcome<ParsedRequest> => {
  const read = readForm(source)
  if (!read.ok) return read
  const { modelPart, ...form } = read.value
  const model = modelOf(form)
  if (!model.ok) return model
  const { input, instructions, voice, response_format: format, stream_format: streamFormat } = form.fields
  if (typeof input !== 'string')
    return failure('invalid_request', { message: 'input must be text.', field: 'input' })
  const characters = countCharacters(input)
  const told = typeof instructions === 'string' ? Buffer.byteLength(instructions) : 0
  return success<SpeechRequest>({
    endpoint: source.endpoint,
    body: source.body,
    contentType: 'application/json',
    model: model.value,
    streamed: streamFormat === 'sse',
    maximumOutputTokens: null,
    producesOutput: false,
    choices: 1,
    input: textMeasure(Buffer.byteLength(input) + told),
    mostUnits: {
      characters,
      output_audio_tokens: Math.ceil(characters * mostTokensPerCharacter) + mostTokensBeside,
    },
    likelyUnits: { characters, output_audio_tokens: Math.ceil(characters * tokensPerCharacter) },
    // A voice of the account is somebody's own.
    unpriced: voice !== undefined && typeof voice !== 'string' ? 'voice' : firstUnlisted(form, listed),
    wantsUsageEvent: true,
    form,
    modelPart,
    characters,
    format: typeof format === 'string' ? format : 'mp3',
  })
}

/** As people count them: a pair of surrogates is one. */
const countCharacters = (text: string): number => {
  let pairs = 0
  for (let at = 0; at < text.length; at++) if ((text.charCodeAt(at) & 0xfc00) === 0xd800) pairs++
  return text.length - pairs
}

/** 24 kHz, 16 bit, one channel, by the documents. */
const pcmBytesPerSecond = 48_000

/**
 * The request tells the characters exactly. Models that charge by tokens report none with plain audio, so theirs are an
 * estimate: by the length of the audio where its format shows it, else by that of the text.
 */
const usageOfAudio = (audio: Buffer, request: SpeechRequest): Usage => {
  const { characters, format, input } = request
  if (!request.model.startsWith('gpt-')) return { ...noUsage, units: { characters } }
  const isPlain = format === 'pcm' || format === 'wav'
  const tokens = isPlain
    ? (audio.length / pcmBytesPerSecond / 60) * tokensPerMinute
    : characters * tokensPerCharacter
  return {
    ...noUsage,
    input: Math.ceil(input.textBytes / 4),
    units: { characters, output_audio_tokens: Math.ceil(tokens) },
    estimated: true,
  }
}

const usageOfEvent = ({ usage }: Record<string, unknown>): Usage | null => {
  if (!isObject(usage) || !isCount(usage.input_tokens) || !isCount(usage.output_tokens)) return null
  return { ...noUsage, input: usage.input_tokens, units: { output_audio_tokens: usage.output_tokens } }
}

export const speechCodec: Codec = {
  parse,
  bodyFor: (request, { model }) => bodyWithModel(request, model),
  reply: 'audio',
  makeTap: () =>
    makeMediaTap({
      done: ['speech.audio.done'],
      expected: 1,
      usageOf: usageOfEvent,
      add: (a, b) => b ?? a,
    }),
  usageOf: ({ body }, request) => usageOfAudio(body, request as SpeechRequest),
  errorEvent: (fault, operationId) => `data: ${errorShapes.openai(fault, operationId)}\n\n`,
}
