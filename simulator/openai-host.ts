import type { ChatRules } from './chat-request.ts'
import { type Exchange, isRecord, type Refusal, sendJson } from './exchange.ts'
import {
  type EmbeddingModel,
  openAiChatModels,
  openAiEmbeddingModels,
  type SimulatedModel,
} from './models.ts'
import {
  openAiErrorBody,
  openAiErrorOf,
  openAiHeaders,
  openAiModelHeaders,
  unknownModel,
} from './openai-errors.ts'

/** A service that speaks OpenAI's dialect, and how it differs from OpenAI. */
export interface OpenAiHost {
  readonly chatModels: readonly SimulatedModel[]
  readonly embeddingModels: readonly EmbeddingModel[]
  /** Speech, transcription, image and moderation models by what they do. */
  readonly mediaModels: Readonly<Partial<Record<Medium, readonly string[]>>>
  readonly rules: Omit<ChatRules, 'models' | 'unknownModel'>
  readonly unknownModel: (id: string) => Refusal
  /** An error of this status in the service's words. */
  readonly errorOf: (status: number, retryAfterSeconds?: number) => Refusal
  readonly errorBody: (refusal: Refusal) => unknown
  /** Headers of every reply. */
  readonly headers: (exchange: Exchange) => Readonly<Record<string, string>>
  /** Headers of a reply that a model made. */
  readonly modelHeaders: (exchange: Exchange, inputTokens: number) => Readonly<Record<string, string>>
}

export type Medium = 'image' | 'speech' | 'transcription' | 'translation' | 'moderation'

export const refuse = (exchange: Exchange, host: OpenAiHost, refusal: Refusal): void =>
  sendJson(exchange, refusal.status, host.errorBody(refusal), {
    ...host.headers(exchange),
    ...refusal.headers,
  })

const transcription = ['whisper-1', 'gpt-4o-transcribe', 'gpt-4o-mini-transcribe']

export const openAi: OpenAiHost = {
  chatModels: openAiChatModels,
  embeddingModels: openAiEmbeddingModels,
  mediaModels: {
    image: ['gpt-image-1', 'gpt-image-1-mini', 'gpt-image-1.5', 'gpt-image-2', 'dall-e-3', 'dall-e-2'],
    speech: ['tts-1', 'tts-1-hd', 'gpt-4o-mini-tts'],
    transcription,
    translation: ['whisper-1'],
    moderation: ['omni-moderation-latest', 'omni-moderation-2024-09-26', 'text-moderation-latest'],
  },
  rules: { lenient: false },
  unknownModel,
  errorOf: openAiErrorOf,
  errorBody: openAiErrorBody,
  headers: openAiHeaders,
  modelHeaders: openAiModelHeaders,
}

export const bearerOf = ({ request }: Exchange): string | null =>
  /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null

const unsupportedType = (type: string, expected: string): Refusal => ({
  status: 400,
  message: `Unsupported content type: '${type}'. This API method only accepts '${expected}' requests, but you specified the header 'Content-Type: ${type}'. Please try again with a supported content type.`,
  code: 'unsupported_content_type',
})

/** The body as a JSON object, or OpenAI's refusal. */
export const readJson = ({ request, body }: Exchange): { value: Record<string, unknown> } | Refusal => {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json(?:\s*;|$)/i.test(type)) return unsupportedType(type, 'application/json')
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (isRecord(value)) return { value }
  } catch {
    // Falls through: the service's words are the same.
  }
  return {
    status: 400,
    message:
      "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.",
  }
}

export interface Form {
  /** Every field; `name[]` collects under `name`. */
  readonly fields: Record<string, unknown>
  readonly files: readonly { readonly field: string; readonly name: string; readonly bytes: Buffer }[]
}

/** A multipart body; text fields that say a number or a truth value become one, as the service reads them. */
export const readForm = async ({ request, body }: Exchange): Promise<Form | Refusal> => {
  const type = request.headers['content-type'] ?? ''
  if (!/^multipart\/form-data\s*;/i.test(type)) return unsupportedType(type, 'multipart/form-data')
  try {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
    const fields: Record<string, unknown> = {}
    const files: { field: string; name: string; bytes: Buffer }[] = []
    for (const [key, value] of form) {
      const field = key.replace(/\[\]$/, '')
      if (typeof value === 'string')
        fields[field] = field === key ? scalar(value) : [fields[field] ?? [], value].flat()
      else files.push({ field, name: value.name, bytes: Buffer.from(await value.arrayBuffer()) })
    }
    return { fields, files }
  } catch {
    return { status: 400, message: 'Could not parse multipart form' }
  }
}

const scalar = (text: string): unknown => {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text)
  return text === 'true' ? true : text === 'false' ? false : text
}
