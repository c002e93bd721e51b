import type { TranscriptionModelV4Result } from '@ai-sdk/provider'
import { type Fields, onlyAs, refused } from './fields.ts'
import { formOf, json, modelParts, numberOf } from './media-call.ts'
import { malformed, type Notes } from './notes.ts'
import { readNumber, readOptionalText, readText } from './read.ts'
import type { TranslationRequest, Translated } from './translation.ts'
import { noteWarnings } from './warnings.ts'

/** https://platform.openai.com/docs/api-reference/audio/createSpeech */
const speechFields: Fields = {
  model: 'carried',
  input: 'carried',
  voice: (value) =>
    typeof value === 'string' ? 'carried' : refused('Voices of an account are at the service that has them.'),
  instructions: 'carried',
  response_format: 'carried',
  speed: 'carried',
  stream_format: onlyAs(['audio'], refused('Events of speech come from a service of this dialect only.')),
}

const speechTypes: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  opus: 'audio/ogg',
  aac: 'audio/aac',
  flac: 'audio/flac',
  wav: 'audio/wav',
  pcm: 'audio/pcm',
}

export const translateSpeech = async (request: TranslationRequest, notes: Notes): Promise<Translated> => {
  const { fields } = formOf(request, speechFields, notes)
  const text = readText(fields.input, 'input')
  const voice = readOptionalText(fields.voice, 'voice')
  const outputFormat = readOptionalText(fields.response_format, 'response_format') ?? 'mp3'
  const instructions = readOptionalText(fields.instructions, 'instructions')
  const speed = readNumber(fields.speed, 'speed')
  const model = await request.service.translation?.speech?.(modelParts(request))
  if (model === undefined) throw new Error('canTranslate says no')
  const result = await model.doGenerate({
    text,
    outputFormat,
    ...(voice === undefined ? {} : { voice }),
    ...(instructions === undefined ? {} : { instructions }),
    ...(speed === undefined ? {} : { speed }),
    abortSignal: request.signal,
  })
  noteWarnings(result.warnings, { outputFormat: 'response_format' }, notes)
  const audio =
    typeof result.audio === 'string' ? Buffer.from(result.audio, 'base64') : Buffer.from(result.audio)
  const contentType = soundTypeOf(audio) ?? speechTypes[outputFormat] ?? 'application/octet-stream'
  if (speechTypes[outputFormat] !== contentType) notes.list('response_format')
  return { contentType, body: audio }
}

/** What it is, whatever was asked for. */
const soundTypeOf = (audio: Buffer): string | null => {
  const start = audio.toString('latin1', 0, 4)
  if (start === 'RIFF') return 'audio/wav'
  if (start === 'OggS') return 'audio/ogg'
  if (start === 'fLaC') return 'audio/flac'
  if (start.startsWith('ID3')) return 'audio/mpeg'
  return null
}

/** https://platform.openai.com/docs/api-reference/audio/createTranscription */
const transcriptionFields: Fields = {
  model: 'carried',
  file: 'carried',
  language: 'carried',
  response_format: onlyAs(
    ['json', 'text', 'srt', 'verbose_json', 'vtt'],
    refused('Only json, text, srt, verbose_json and vtt are translated.'),
  ),
  timestamp_granularities: 'carried',
  stream: onlyAs([false, 'false'], refused('Transcripts come whole from this service.')),
  include: refused('This service gives no log probabilities.'),
  prompt: 'listed',
  temperature: (value) => (numberOf(value) === 0 ? 'carried' : 'listed'),
  chunking_strategy: 'listed',
}

const audioTypes: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  mpga: 'audio/mpeg',
  mpeg: 'audio/mpeg',
  wav: 'audio/wav',
  m4a: 'audio/mp4',
  mp4: 'audio/mp4',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  opus: 'audio/ogg',
  flac: 'audio/flac',
  webm: 'audio/webm',
}

export const translateTranscription = async (
  request: TranslationRequest,
  notes: Notes,
): Promise<Translated> => {
  const { fields, files } = formOf(request, transcriptionFields, notes)
  const file = files.find(({ name }) => name === 'file') ?? malformed('file', 'a recording')
  const language = readOptionalText(fields.language, 'language')
  const model = await request.service.translation?.transcription?.(modelParts(request))
  if (model === undefined) throw new Error('canTranslate says no')
  const extension = /\.([a-z0-9]+)$/i.exec(file.filename ?? '')?.[1]?.toLowerCase() ?? ''
  const result = await model.doGenerate({
    audio: new Uint8Array(request.body.subarray(file.start, file.end)),
    mediaType: audioTypes[extension] ?? 'audio/wav',
    providerOptions: language === undefined ? {} : languageFor(model.provider, language, notes),
    abortSignal: request.signal,
  })
  noteWarnings(result.warnings, {}, notes)
  return written(result, readOptionalText(fields.response_format, 'response_format') ?? 'json')
}

const languageFor = (provider: string, language: string, notes: Notes) => {
  const name = provider.split('.')[0] ?? ''
  switch (name) {
    case 'elevenlabs':
    case 'assemblyai':
      return { [name]: { languageCode: language } }
    case 'deepgram':
    case 'openai':
    case 'groq':
      return { [name]: { language } }
    default:
      notes.list('language')
      return {}
  }
}

const written = (result: TranscriptionModelV4Result, format: string): Translated => {
  const { text, language, durationInSeconds: seconds } = result
  const usage = seconds === undefined ? {} : { usage: { type: 'duration', seconds: Math.ceil(seconds) } }
  switch (format) {
    case 'text':
      return { contentType: 'text/plain; charset=utf-8', body: Buffer.from(`${text}\n`) }
    case 'srt':
      return { contentType: 'text/plain; charset=utf-8', body: Buffer.from(subtitles(result, ',')) }
    case 'vtt':
      return {
        contentType: 'text/vtt; charset=utf-8',
        body: Buffer.from(`WEBVTT\n\n${subtitles(result, '.')}`),
      }
    case 'verbose_json':
      return json({
        task: 'transcribe',
        language: language ?? '',
        duration: seconds ?? 0,
        text,
        ...timed(result),
        ...usage,
      })
    default:
      return json({ text, ...usage })
  }
}

const timed = ({ segments, words }: TranscriptionModelV4Result) => ({
  segments: segments.map(({ text, startSecond, endSecond }, id) => ({
    id,
    start: startSecond,
    end: endSecond,
    text,
  })),
  ...(words === undefined
    ? {}
    : {
        words: words.map(({ text, startSecond, endSecond }) => ({
          word: text,
          start: startSecond,
          end: endSecond,
        })),
      }),
})

const subtitles = (result: TranscriptionModelV4Result, separator: string): string => {
  const whole = { text: result.text, startSecond: 0, endSecond: result.durationInSeconds ?? 0 }
  const cues = result.segments.length === 0 ? [whole] : result.segments
  const at = (seconds: number) => new Date(seconds * 1000).toISOString().slice(11, 23).replace('.', separator)
  return cues
    .map(
      ({ text, startSecond, endSecond }, index) =>
        `${separator === ',' ? `${index + 1}\n` : ''}${at(startSecond)} --> ${at(endSecond)}\n${text.trim()}\n`,
    )
    .join('\n')
}
