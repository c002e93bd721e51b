import { type Directives, readDirectives } from './directives.ts'
import { type Exchange, type Refusal, sendBytes, sendJson, sendReply, shown } from './exchange.ts'
import { type Form, type OpenAiHost, refuse } from './openai-host.ts'
import {
  boolean,
  type Check,
  checkParameters,
  decimal,
  list,
  missing,
  nullable,
  oneOf,
  text,
} from './openai-params.ts'
import { composeText, digestOf, tokensOf } from './text.ts'

const voices = [
  'alloy',
  'ash',
  'ballad',
  'coral',
  'echo',
  'sage',
  'shimmer',
  'verse',
  'marin',
  'cedar',
  'fable',
  'onyx',
  'nova',
]

const speechParameters: Readonly<Record<string, Check>> = {
  input: text,
  model: text,
  voice: oneOf(...voices),
  instructions: text,
  response_format: oneOf('mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'),
  speed: decimal(0.25, 4),
  stream_format: oneOf('sse', 'audio'),
}

const contentTypes: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  opus: 'audio/ogg',
  aac: 'audio/aac',
  flac: 'audio/flac',
  wav: 'audio/wav',
  pcm: 'audio/pcm',
}

const unknownDirective = (name: string): Refusal => ({
  status: 400,
  message: `The simulator does not know the directive “${name}”.`,
})

/** Bytes that depend on the text: 200 for each token. */
const audioOf = (input: string): Buffer => {
  const seed = Buffer.from(digestOf(input), 'hex')
  return Buffer.concat(tokensOf(input).map((_, i) => Buffer.alloc(200, seed[i % seed.length])))
}

export const sendSpeech = (
  exchange: Exchange,
  body: Record<string, unknown>,
  host: OpenAiHost,
): void | Promise<void> => {
  const refused = (refusal: Refusal) => refuse(exchange, host, refusal)
  for (const name of ['model', 'input', 'voice']) if (body[name] === undefined) return refused(missing(name))
  const refusal = checkParameters(body, speechParameters, false)
  if (refusal) return refused(refusal)
  const model = shown(body['model'])
  if (!host.mediaModels.speech?.includes(model)) return refused(host.unknownModel(model))
  const input = shown(body['input'])
  if (input === '' || input.length > 4096)
    return refused({
      status: 400,
      message: `[{'type': 'string_too_${input === '' ? 'short' : 'long'}', 'loc': ('body', 'input'), 'msg': 'String should have at ${input === '' ? 'least 1 character' : 'most 4096 characters'}'}]`,
    })
  const directives = readDirectives(input)
  if ('unknown' in directives) return refused(unknownDirective(directives.unknown))
  if (directives.error)
    return refused(host.errorOf(directives.error.status, directives.error.retryAfterSeconds))
  const bytes = audioOf(input)
  const headers = host.headers(exchange)
  if (body['stream_format'] !== 'sse')
    return sendBytes(
      exchange,
      contentTypes[shown(body['response_format'] ?? 'mp3')] ?? 'audio/mpeg',
      bytes,
      headers,
    )
  if (model.startsWith('tts-1'))
    return refused({
      status: 400,
      message: `The model '${model}' does not support 'stream_format': 'sse'.`,
      param: 'stream_format',
    })
  const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`
  const inputTokens = tokensOf(input).length
  const usage = {
    input_tokens: inputTokens,
    output_tokens: bytes.length / 20,
    total_tokens: inputTokens + bytes.length / 20,
  }
  return sendReply(exchange, {
    directives,
    streamed: true,
    fail: (status) => refused(host.errorOf(status)),
    whole: () => ({ body: {}, headers }),
    stream: () => ({
      headers,
      opening: [],
      chunks: tokensOf(input).map((_, i) =>
        event({
          type: 'speech.audio.delta',
          audio: bytes.subarray(i * 200, (i + 1) * 200).toString('base64'),
        }),
      ),
      more: () => event({ type: 'speech.audio.delta', audio: 'AAAA' }),
      closing: [event({ type: 'speech.audio.done', ...(directives.noUsage ? {} : { usage }) })],
      error: event({ type: 'error', ...(host.errorBody(host.errorOf(500)) as object) }),
    }),
  })
}

const translationParameters: Readonly<Record<string, Check>> = {
  model: text,
  prompt: (v, name) => (typeof v === 'number' ? null : text(v, name)),
  response_format: oneOf('json', 'text', 'srt', 'verbose_json', 'vtt'),
  temperature: decimal(0, 1),
}
const transcriptionParameters: Readonly<Record<string, Check>> = {
  ...translationParameters,
  chunking_strategy: nullable(text),
  include: list,
  language: text,
  stream: nullable(boolean),
  timestamp_granularities: list,
}

/** A tenth of a second for every kilobyte, at least one second: the audio itself is not read. */
const secondsOf = (bytes: number): number => Math.max(1, Math.round(bytes / 10_240))

/** Transcriptions and translations. Directives are read from `prompt`. */
export const transcribe = (
  exchange: Exchange,
  form: Form,
  host: OpenAiHost,
  path: string,
): void | Promise<void> => {
  const refused = (refusal: Refusal) => refuse(exchange, host, refusal)
  const translates = path.endsWith('/translations')
  const { fields, files } = form
  const file = files.find((candidate) => candidate.field === 'file')
  if (!file) return refused(missing('file'))
  const refusal =
    fields['model'] === undefined
      ? missing('model')
      : checkParameters(fields, translates ? translationParameters : transcriptionParameters, false)
  if (refusal) return refused(refusal)
  const model = shown(fields['model'])
  if (!host.mediaModels[translates ? 'translation' : 'transcription']?.includes(model))
    return refused(host.unknownModel(model))
  if (!/\.(?:flac|m4a|mp3|mp4|mpeg|mpga|oga|ogg|wav|webm)$/i.test(file.name))
    return refused({
      status: 400,
      message:
        "Invalid file format. Supported formats: ['flac', 'm4a', 'mp3', 'mp4', 'mpeg', 'mpga', 'oga', 'ogg', 'wav', 'webm']",
    })
  const format = shown(fields['response_format'] ?? 'json')
  const newer = model.startsWith('gpt-')
  if (newer && !['json', 'text'].includes(format))
    return refused({
      status: 400,
      message: `response_format '${format}' is not compatible with model '${model}'. Use 'json' or 'text' instead.`,
      param: 'response_format',
      code: 'unsupported_value',
    })
  const directives = readDirectives(shown(fields['prompt'] ?? ''))
  if ('unknown' in directives) return refused(unknownDirective(directives.unknown))
  const said =
    directives.say ??
    composeText({
      seed: digestOf(file.bytes.toString('latin1')),
      model,
      prompt: '',
      tokens: directives.tokens ?? 30,
    })
  const seconds = secondsOf(file.bytes.length)
  const usage = directives.noUsage ? {} : { usage: usageOf(newer, seconds, said) }
  const headers = host.headers(exchange)
  if (directives.error)
    return refused(host.errorOf(directives.error.status, directives.error.retryAfterSeconds))
  // The older model cannot stream; the parameter is ignored.
  if (fields['stream'] === true && newer) return streamTranscript(exchange, host, said, usage, directives)
  if (format === 'json') return sendJson(exchange, 200, { text: said, ...usage }, headers)
  if (format === 'verbose_json')
    return sendJson(
      exchange,
      200,
      {
        task: translates ? 'translate' : 'transcribe',
        language: 'english',
        duration: seconds,
        text: said,
        segments: [],
        ...usage,
      },
      headers,
    )
  const cue = `00:00:00.000 --> 00:00:${String(Math.min(59, seconds)).padStart(2, '0')}.000\n${said}\n`
  const plain =
    format === 'text'
      ? `${said}\n`
      : format === 'vtt'
        ? `WEBVTT\n\n${cue}`
        : `1\n${cue.replaceAll('.000', ',000')}`
  sendBytes(exchange, 'text/plain; charset=utf-8', Buffer.from(plain), headers)
}

const usageOf = (newer: boolean, seconds: number, said: string): object => {
  if (!newer) return { type: 'duration', seconds }
  const input = seconds * 10
  const output = tokensOf(said).length
  return {
    type: 'tokens',
    input_tokens: input,
    input_token_details: { text_tokens: 0, audio_tokens: input },
    output_tokens: output,
    total_tokens: input + output,
  }
}

const streamTranscript = (
  exchange: Exchange,
  host: OpenAiHost,
  said: string,
  usage: object,
  directives: Directives,
): Promise<void> => {
  const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`
  const headers = host.headers(exchange)
  return sendReply(exchange, {
    directives,
    streamed: true,
    fail: (status) => refuse(exchange, host, host.errorOf(status)),
    whole: () => ({ body: {}, headers }),
    stream: () => ({
      headers,
      opening: [],
      chunks: tokensOf(said).map((delta) => event({ type: 'transcript.text.delta', delta })),
      more: () => event({ type: 'transcript.text.delta', delta: ' more' }),
      closing: [event({ type: 'transcript.text.done', text: said, ...usage }), 'data: [DONE]\n\n'],
      error: event({ type: 'error', ...(host.errorBody(host.errorOf(500)) as object) }),
    }),
  })
}
