import { parseObject } from '../dialects/request.ts'
import { type Fault, FaultError, fault } from '../kit/fault.ts'
import { services } from '../services/registry.ts'
import type { Endpoint, KeySettings, Service, Translation } from '../services/service.ts'
import { type Unsuccessful, unsuccessful } from './failure.ts'
import { makeNotes, type Notes, refuse } from './notes.ts'
import type { Json } from './read.ts'

export interface TranslationRequest {
  readonly endpoint: Endpoint
  readonly body: Buffer
  readonly contentType: string
  readonly streamed: boolean
  readonly wantsUsageEvent: boolean
  readonly service: Service
  /** The service's own name. */
  readonly model: string
  /** As the caller wrote it. */
  readonly requestedModel: string
  readonly baseUrl: string
  readonly settings: KeySettings
  /** Of ours, where the caller left it open or asked for more than is set aside. */
  readonly maximumOutputTokens: number | null
  readonly operationId: string
  /** Adds credentials, guards and timeouts. */
  readonly fetch: typeof globalThis.fetch
  readonly signal: AbortSignal
  readonly maximumBytes: number
}

/** A reply in the caller's dialect, as a service that speaks it would send it. */
export interface Translated {
  readonly contentType: string
  /** An iterable that throws is a stream that broke. */
  readonly body: Buffer | AsyncIterable<Buffer>
  /**
   * Once the body has ended: the service reported no usage. What the reply says of it then, in dialects that cannot say
   * nothing, is an estimate.
   */
  readonly usageUnknown?: () => boolean
}

export type TranslationResult =
  | ({ readonly kind: 'reply'; readonly notCarried: readonly string[] } & Translated)
  | Unsuccessful

/** What of a service's models an endpoint runs on. */
const modelKinds: Readonly<Partial<Record<Endpoint, keyof Translation>>> = {
  chat_completions: 'language',
  responses: 'language',
  messages: 'language',
  generate_content: 'language',
  stream_generate_content: 'language',
  embeddings: 'embedding',
  embed_content: 'embedding',
  batch_embed_contents: 'embedding',
  image_generations: 'image',
  image_edits: 'image',
  speech: 'speech',
  transcriptions: 'transcription',
  rerank: 'reranking',
}

export const canTranslate = (endpoint: Endpoint, { translation }: Service): boolean => {
  const kind = modelKinds[endpoint]
  return kind !== undefined && translation?.[kind] !== undefined
}

/** Serves a request at a service that does not speak its dialect. */
export const translate = async (request: TranslationRequest): Promise<TranslationResult> => {
  const notes = makeNotes()
  let hasSent = false
  const fetch: typeof globalThis.fetch = (input, init) => {
    hasSent = true
    return request.fetch(input, init)
  }
  try {
    const reply = await run({ ...request, fetch }, notes)
    return { kind: 'reply', notCarried: [...notes.listed], ...reply }
  } catch (error) {
    const result = unsuccessful(error)
    // What ends before anything was sent is no failure of the service: its package refuses the request.
    const refused: TranslationResult =
      result.kind === 'failed' && !hasSent && !request.signal.aborted
        ? {
            kind: 'refused',
            fault: fault('not_translatable', { message: 'Its dialect cannot express this.' }),
          }
        : result
    return refused.kind === 'refused' && refused.fault.code === 'not_translatable'
      ? { kind: 'refused', fault: explained(refused.fault, request) }
      : refused
  }
}

/** Why a request could not be served so; null: it would be sent. Nothing is. */
export const whyNotTranslated = async (
  request: Omit<TranslationRequest, 'fetch' | 'signal'>,
): Promise<Fault | null> => {
  const stop = new AbortController()
  const fetch = () => {
    stop.abort()
    return Promise.reject(new TypeError('Nothing is sent.'))
  }
  const result = await translate({ ...request, fetch, signal: stop.signal })
  return result.kind === 'refused' ? result.fault : null
}

/** What, where to, why, and what to do about it. Whoever refuses deep within knows the part, but not the service. */
const explained = (refusal: Fault, { service, endpoint }: TranslationRequest): Fault => {
  const { field, message } = refusal
  const what = field === undefined ? 'This request' : `“${field}”`
  const why = message
    .replaceAll('This service', service.name)
    .replaceAll('this service', service.name)
    .replaceAll('The service’s', `${service.name}’s`)
  const speakers = services.filter((other) => other.endpoints[endpoint] !== undefined)
  const named = speakers
    .slice(0, mostNamed)
    .map(({ name }) => name)
    .join(', ')
  const change = field === undefined ? 'Ask in other words' : `Leave “${field}” out or change it`
  return {
    ...refusal,
    message: `${what} cannot be carried over to ${service.name}. ${why}`,
    next: `${change}, or use a model of a service that speaks this dialect itself (${named}).`,
  }
}
const mostNamed = 3

const run = async (request: TranslationRequest, notes: Notes): Promise<Translated> => {
  switch (modelKinds[request.endpoint]) {
    case 'language':
      return (await import('./chat.ts')).translateChat(request, bodyOf(request), notes)
    case 'embedding':
      return (await import('./embeddings.ts')).translateEmbeddings(request, bodyOf(request), notes)
    case 'image':
      return (await import('./images.ts')).translateImages(request, notes)
    case 'speech':
      return (await import('./audio.ts')).translateSpeech(request, notes)
    case 'transcription':
      return (await import('./audio.ts')).translateTranscription(request, notes)
    case 'reranking':
      return (await import('./rerank.ts')).translateRerank(request, notes)
    case undefined:
      return refuse('model', 'This endpoint is served only by services that speak it.')
  }
}

const bodyOf = ({ body }: TranslationRequest): Json => {
  const object = parseObject(body)
  if (!object.ok) throw new FaultError(object.fault)
  return object.value
}
