import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Directives } from './directives.ts'
import type { JournalEntry } from './journal.ts'
import type { KeyBehaviour, KeyRing, ServiceName } from './keys.ts'
import type { PromptCache } from './prompt-cache.ts'

/** Pauses of a reply that nothing else slows down. */
export interface Pacing {
  readonly firstChunkMs: number
  readonly chunkMs: number
}

/** What the services of one simulator share. */
export interface SimulatorState {
  readonly keys: KeyRing
  readonly cache: PromptCache
  readonly pacing: Pacing
  readonly midjourneyTasks: Map<string, MidjourneyTask>
  /** Uploaded files and batches of OpenAI, by id. */
  readonly stored: Map<string, StoredObject>
  /** Short-lived access tokens of Google Cloud → the service account they were issued for. */
  readonly accessTokens: Map<string, { readonly secret: string; readonly until: number }>
  readonly now: () => number
  /** Aborted, and followed by another one, to hurry what is under way. */
  hurry: AbortController
}

export interface MidjourneyTask {
  readonly id: string
  readonly owner: string
  readonly action: string
  readonly prompt: string
  readonly state: string | null
  readonly submittedAt: number
  readonly fails: boolean
}

/** Belongs to one account (secret). */
export interface StoredObject {
  readonly owner: string
  readonly value: Readonly<Record<string, unknown>>
  readonly content: Buffer | null
}

/** One request under way. */
export interface Exchange {
  readonly service: ServiceName
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Without the service's prefix. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Buffer
  readonly requestId: string
  readonly entry: JournalEntry
  readonly state: SimulatorState
  /** Aborted when the caller is gone. */
  readonly gone: AbortSignal
  /** Aborted when nothing of it is to wait any longer. */
  readonly hurried: AbortSignal
}

/** A refusal, before it has the shape of a service's error. */
export interface Refusal {
  readonly status: number
  readonly message: string
  readonly type?: string
  readonly param?: string | null
  readonly code?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value of a request in a message. */
export const shown = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')

export const sendJson = (
  exchange: Exchange,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void => {
  const text = Buffer.from(JSON.stringify(body))
  exchange.entry.status = status
  exchange.response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(text.length),
    ...headers,
  })
  exchange.entry.bytesSent += text.length
  exchange.response.end(text)
}

/** Bytes that are no JSON and no events, in a reply that says it is. */
export const sendGarbage = async (exchange: Exchange): Promise<void> => {
  exchange.entry.status = 200
  const type = exchange.entry.streamed ? 'text/event-stream; charset=utf-8' : 'application/json'
  exchange.response.writeHead(200, { 'content-type': type })
  await writeBytes(exchange, Buffer.from('data: {"id": \xff\xfe, not json\n\n<html>', 'latin1'))
  exchange.response.end()
}

/** Bytes that are no JSON, or JSON in a content type of its own. */
export const sendBytes = (
  exchange: Exchange,
  contentType: string,
  bytes: Buffer,
  headers: Readonly<Record<string, string>> = {},
): void => {
  exchange.entry.status = 200
  exchange.response.writeHead(200, {
    'content-type': contentType,
    'content-length': String(bytes.length),
    ...headers,
  })
  exchange.entry.bytesSent += bytes.length
  exchange.response.end(bytes)
}

/** Half of a reply, then a closed connection. */
export const sendHalf = async (exchange: Exchange, body: unknown): Promise<void> => {
  const text = Buffer.from(JSON.stringify(body))
  exchange.entry.status = 200
  exchange.response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': String(text.length),
  })
  await writeBytes(exchange, text.subarray(0, Math.floor(text.length / 2)))
  exchange.response.destroy()
}

/** Waits; returns early when the caller hangs up, or a test has waited for long enough. */
export const pause = ({ gone, hurried }: Exchange, delayMs: number): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const ends = [gone, hurried]
  if (ends.some(({ aborted }) => aborted)) return Promise.resolve()
  const finish = () => {
    clearTimeout(timer)
    for (const end of ends) end.removeEventListener('abort', finish)
    resolve()
  }
  const timer = setTimeout(finish, delayMs)
  for (const end of ends) end.addEventListener('abort', finish)
  return promise
}

/** Never answers: resolves when the caller gives up. */
export const neverAnswer = (exchange: Exchange): Promise<void> => pause(exchange, 2_147_000_000)

/** Writes with back-pressure; false once the caller is gone. */
export const writeBytes = async (exchange: Exchange, bytes: string | Buffer): Promise<boolean> => {
  if (exchange.gone.aborted) return false
  exchange.entry.bytesSent += Buffer.byteLength(bytes)
  if (exchange.response.write(bytes)) return true
  const { promise, resolve } = Promise.withResolvers<void>()
  exchange.response.once('drain', resolve)
  exchange.gone.addEventListener('abort', () => resolve(), { once: true })
  await promise
  return !exchange.gone.aborted
}

type Piece = string | Buffer

/** A server-sent event stream: what comes before the content, the content chunk by chunk, and what ends it. */
export interface EventStream {
  /** May name another content type, for streams that are no server-sent events. */
  readonly headers: Readonly<Record<string, string>>
  readonly opening: readonly Piece[]
  /** One per token or piece; `directives` count these. */
  readonly chunks: readonly Piece[]
  /** Makes the next chunk of an endless stream. */
  readonly more: (index: number) => Piece
  readonly closing: readonly Piece[]
  /** The service's way to report an error inside a stream. */
  readonly error: Piece
}

export const sendEvents = async (
  exchange: Exchange,
  stream: EventStream,
  directives: Directives,
): Promise<void> => {
  exchange.entry.status = 200
  exchange.response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...stream.headers })
  exchange.response.flushHeaders()
  for (const event of stream.opening) await writeBytes(exchange, event)
  const ended = await sendChunks(exchange, stream, directives)
  if (!ended) return
  for (const event of stream.closing) await writeBytes(exchange, event)
  exchange.response.end()
}

/** True when the stream should be closed as usual. */
const sendChunks = async (
  exchange: Exchange,
  stream: EventStream,
  directives: Directives,
): Promise<boolean> => {
  const delayMs = Math.max(directives.slowMs ?? exchange.state.pacing.chunkMs, directives.endless ? 5 : 0)
  for (let index = 0; directives.endless || index < stream.chunks.length; index += 1) {
    if (await interrupts(exchange, stream, directives, index)) return false
    if (delayMs > 0) await pause(exchange, delayMs)
    if (!(await writeBytes(exchange, stream.chunks[index] ?? stream.more(index)))) return false
    exchange.entry.chunksSent += 1
  }
  return !(await interrupts(exchange, stream, directives, stream.chunks.length))
}

const interrupts = async (
  exchange: Exchange,
  stream: EventStream,
  directives: Directives,
  index: number,
): Promise<boolean> => {
  const reached = (limit: number | undefined) =>
    limit !== undefined &&
    (index === limit || (!directives.endless && index === stream.chunks.length && limit > index))
  if (reached(directives.silenceAfterChunks)) {
    await neverAnswer(exchange)
    return true
  }
  if (reached(directives.streamErrorAfterChunks)) {
    await writeBytes(exchange, stream.error)
    exchange.response.end()
    return true
  }
  if (!reached(directives.cutAfterChunks)) return false
  // What was written must reach the caller before the connection dies.
  await pause(exchange, 10)
  exchange.response.destroy()
  return true
}

/**
 * What a key's behaviour or a directive does to any call, whatever the service. True: the exchange is over.
 * Behaviours that need the service's own words are left to `refusalFor`.
 */
export const disturb = async (exchange: Exchange, behaviour: KeyBehaviour): Promise<boolean> => {
  if (behaviour.kind === 'slow') await pause(exchange, behaviour.delayMs)
  if (behaviour.kind === 'timeout') await neverAnswer(exchange)
  if (behaviour.kind === 'timeout' || behaviour.kind === 'reset') exchange.response.destroy()
  return exchange.response.destroyed || exchange.gone.aborted
}

/** A reply of a model, as a service writes it. */
export interface ModelReply {
  readonly directives: Directives
  readonly streamed: boolean
  /** An error of this status in the service's words. */
  readonly fail: (status: number, retryAfterSeconds?: number) => void
  readonly whole: () => { readonly body: unknown; readonly headers: Readonly<Record<string, string>> }
  readonly stream: () => EventStream
}

/** Sends it, and does to it what the directives ask. */
export const sendReply = async (exchange: Exchange, reply: ModelReply): Promise<void> => {
  const { directives } = reply
  exchange.entry.streamed = reply.streamed
  await pause(exchange, directives.waitMs ?? exchange.state.pacing.firstChunkMs)
  if (directives.error) return reply.fail(directives.error.status, directives.error.retryAfterSeconds)
  if (directives.garbage) return sendGarbage(exchange)
  if (reply.streamed) return sendEvents(exchange, reply.stream(), directives)
  if (directives.endless) return neverAnswer(exchange)
  const { body, headers } = reply.whole()
  if (directives.cutAfterChunks !== undefined) return sendHalf(exchange, body)
  if (directives.slowMs) await pause(exchange, directives.slowMs)
  sendJson(exchange, 200, body, headers)
}
