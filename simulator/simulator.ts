import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { handleAnthropic } from './anthropic.ts'
import { anthropicErrorOf, sendAnthropicError } from './anthropic-errors.ts'
import { type Exchange, isRecord, type Pacing, sendJson, type SimulatorState } from './exchange.ts'
import { type Journal, type JournalEntry, makeJournal } from './journal.ts'
import { demoSecret, type KeyBehaviour, makeKeyRing, type ServiceName, type SimulatedKey } from './keys.ts'
import { handleAzureOpenAi } from './azure-openai.ts'
import { handleBedrock } from './bedrock.ts'
import { handleCohere } from './cohere.ts'
import type { CompatibleName } from './compatible-service.ts'
import { compatibleServices } from './compatible-services.ts'
import { handleGemini } from './gemini.ts'
import { handleMidjourney } from './midjourney.ts'
import { handleOpenAi } from './openai.ts'
import { handleCompatible } from './openai-compatible.ts'
import { sendOpenAiError } from './openai-errors.ts'
import { handleOpenRouter } from './openrouter.ts'
import { makePromptCache } from './prompt-cache.ts'
import { handleRetrieval } from './retrieval.ts'
import { makeRotationStandIns, type RotationService, type RotationStandIns } from './rotation/stand-ins.ts'
import { handleVertex } from './vertex.ts'
import { handleVoice } from './voice.ts'
import { seededId } from './text.ts'

/**
 * Offline stand-ins of AI services (`serviceNames`) in one server, for the demo, tests and benches. No model runs here: replies are made from a hash of the request. Every reply says so in `x-simulator`.
 */
export interface Simulator {
  /** Without a trailing slash; a service's base URL is `${url}/openai` and so on. */
  readonly url: string
  journal(): JournalEntry[]
  clearJournal(): void
  /** Calls per secret since the start or the last reset. */
  counters(): Record<string, number>
  setKey(secret: string, behaviour: KeyBehaviour, service?: ServiceName): void
  removeKey(secret: string): void
  /** Whatever waits goes on at once, to its end: replies under way, and tasks of Midjourney. */
  hurry(): void
  /** The services' APIs for keys, at the same addresses: what they issue is accepted, what they take back refused. */
  readonly rotation: RotationStandIns
  close(): Promise<void>
}

export interface SimulatorOptions {
  /** 0 picks a free one. */
  readonly port?: number
  readonly host?: string
  readonly keys?: readonly SimulatedKey[]
  readonly pacing?: Partial<Pacing>
  /** Of the key-management APIs: tests let hours pass there. */
  readonly rotationNow?: () => number
}

/** OpenAI takes images of this size in all; Anthropic's limit is 32 MB, answered as such. */
const largestBodyBytes = 32 * 1024 * 1024

const compatible = Object.fromEntries(
  compatibleServices.map((service) => [
    service.name,
    (exchange: Exchange) => handleCompatible(exchange, service),
  ]),
) as Record<CompatibleName, (exchange: Exchange) => Promise<void>>

const services: Readonly<Record<ServiceName, (exchange: Exchange) => Promise<void>>> = {
  openai: handleOpenAi,
  anthropic: handleAnthropic,
  openrouter: handleOpenRouter,
  midjourney: handleMidjourney,
  gemini: handleGemini,
  vertex: handleVertex,
  azure_openai: handleAzureOpenAi,
  bedrock: handleBedrock,
  cohere: handleCohere,
  voyage: handleRetrieval,
  jina: handleRetrieval,
  elevenlabs: handleVoice,
  deepgram: handleVoice,
  assemblyai: handleVoice,
  ...compatible,
}

export const startSimulator = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const journal = makeJournal()
  const rotation = makeRotationStandIns(options.rotationNow)
  const state: SimulatorState = {
    keys: makeKeyRing(options.keys ?? [], rotation.secrets),
    cache: makePromptCache(Date.now),
    pacing: { firstChunkMs: 0, chunkMs: 0, ...options.pacing },
    midjourneyTasks: new Map(),
    stored: new Map(),
    accessTokens: new Map(),
    now: Date.now,
    hurry: new AbortController(),
  }
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    serve(request, response, state, journal, rotation).catch((error: unknown) => {
      // A defect of the simulator; visible to the caller as a failing service.
      console.error('simulator:', error)
      if (response.headersSent) response.destroy()
      else response.writeHead(500, { 'content-type': 'text/plain' }).end('simulator failed')
    })
  })
  await listen(server, options.port ?? 0, options.host ?? '127.0.0.1')
  const { address, port, family } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    journal: () => journal.entries(),
    clearJournal: () => journal.clear(),
    counters: () => state.keys.counters(),
    setKey: (secret, behaviour, service) => state.keys.set(secret, behaviour, service),
    removeKey: (secret) => state.keys.remove(secret),
    hurry: () => {
      state.hurry.abort()
      state.hurry = new AbortController()
      for (const [id, task] of state.midjourneyTasks)
        state.midjourneyTasks.set(id, { ...task, submittedAt: 0 })
    },
    rotation,
    close: () => close(server),
  }
}

const listen = (server: Server, port: number, host: string): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, host, () => {
    server.off('error', reject)
    resolve()
  })
  return promise
}

const close = (server: Server): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeAllConnections()
  return promise
}

const serve = async (
  request: IncomingMessage,
  response: ServerResponse,
  state: SimulatorState,
  journal: Journal,
  rotation: RotationStandIns,
) => {
  response.setHeader('x-simulator', 'aideon-keys')
  const url = new URL(request.url ?? '/', 'http://simulator')
  const [, prefix = '', rest = ''] = /^\/([^/]*)(\/.*)?$/.exec(url.pathname) ?? []
  if (prefix === '_simulator') return control(request, response, rest, state, journal)
  if (rotation.serves(prefix, request.method ?? '', rest || '/'))
    return rotation.answer(prefix as RotationService, rest || '/', request, response, await readBody(request))
  const entry = openEntry(request, prefix, journal)
  const gone = follow(response, entry)
  const body = await readBody(request)
  entry.body = body.subarray(0, 65_536).toString('utf8')
  Object.assign(entry, { bodyBytes: body.length })
  const requestId =
    prefix === 'anthropic'
      ? seededId('req_01', `${entry.number}`, 22)
      : seededId('req_', `${entry.number}`, 32).toLowerCase()
  const service = prefix as ServiceName
  const exchange = {
    service,
    request,
    response,
    path: rest,
    query: url.searchParams,
    body,
    requestId,
    entry,
    state,
    gone,
    hurried: state.hurry.signal,
  }
  const handle = Object.hasOwn(services, prefix) ? services[service] : undefined
  if (!handle)
    return sendJson(exchange, 404, {
      error: `The simulator serves ${Object.keys(services)
        .map((s) => `/${s}`)
        .join(', ')}.`,
    })
  if (body.length > largestBodyBytes) return refuseLarge(exchange)
  await handle(exchange)
}

const openEntry = (request: IncomingMessage, service: string, journal: Journal): JournalEntry => {
  const headers = Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values]) => [name, (values ?? []).join(', ')]),
  )
  return journal.open({
    service,
    method: request.method ?? '',
    path: request.url ?? '',
    headers,
    credential: credentialOf(headers),
    body: null,
    bodyBytes: 0,
    model: null,
    streamed: false,
    status: null,
    bytesSent: 0,
    chunksSent: 0,
    clientHungUp: false,
    complete: false,
    durationMs: null,
  })
}

const credentialHeaders = ['x-api-key', 'x-goog-api-key', 'api-key', 'xi-api-key', 'mj-api-secret']

/** The secret as received: a header of its own, or `Authorization` with or without a scheme; of AWS, the access key's id. */
const credentialOf = (headers: Readonly<Record<string, string>>): string | null => {
  const name = credentialHeaders.find((header) => headers[header] !== undefined)
  if (name !== undefined) return headers[name] ?? null
  const authorization = headers['authorization']
  if (authorization === undefined) return null
  return (
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\//.exec(authorization)?.[1] ??
    /^(?:Bearer|Token|Key) (.*)$/.exec(authorization)?.[1] ??
    authorization
  )
}

/** Notes how the exchange ends; the signal aborts when nobody is there to write to any more. */
const follow = (response: ServerResponse, entry: JournalEntry): AbortSignal => {
  const gone = new AbortController()
  const begun = performance.now()
  let cutHere = false
  const destroy = response.destroy.bind(response)
  response.destroy = (error) => {
    cutHere = true
    return destroy(error)
  }
  response.once('close', () => {
    entry.complete = response.writableFinished
    entry.clientHungUp = !response.writableFinished && !cutHere
    entry.durationMs = Math.round(performance.now() - begun)
    gone.abort()
  })
  return gone.signal
}

/** Reads to the end even what is refused, as the services do. */
const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size <= largestBodyBytes) chunks.push(chunk)
      else chunks.splice(0, chunks.length, Buffer.alloc(largestBodyBytes + 1))
    }
  } catch {
    // The caller left in the middle of its request; `gone` tells.
  }
  return Buffer.concat(chunks)
}

const refuseLarge = (exchange: Exchange): void => {
  if (exchange.service === 'anthropic') return sendAnthropicError(exchange, anthropicErrorOf(413))
  sendOpenAiError(exchange, { status: 413, message: 'Request too large.', code: 'request_too_large' })
}

/** The simulator's own endpoints: journal, counters, keys. */
const control = async (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  state: SimulatorState,
  journal: Journal,
) => {
  const body = await readBody(request)
  const reply = (status: number, value: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  const route = `${request.method} ${path}`
  if (route === 'GET /journal') return reply(200, journal.entries())
  if (route === 'GET /counters') return reply(200, state.keys.counters())
  if (route === 'DELETE /journal') {
    journal.clear()
    state.keys.resetCounters()
    return reply(200, {})
  }
  if (route !== 'PUT /keys') return reply(404, { error: 'GET or DELETE /journal, GET /counters, PUT /keys' })
  const value: unknown = JSON.parse(body.toString('utf8'))
  if (!isRecord(value) || typeof value['secret'] !== 'string' || !isRecord(value['behaviour']))
    return reply(400, { error: 'Send {"secret": "…", "behaviour": {"kind": "ok"}}.' })
  state.keys.set(
    value['secret'],
    value['behaviour'] as unknown as KeyBehaviour,
    value['service'] as ServiceName | undefined,
  )
  return reply(200, {})
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: 'string' }, host: { type: 'string' }, 'chunk-ms': { type: 'string' } },
  })
  const names = Object.keys(services) as ServiceName[]
  const keys = names.map((service) => ({ service, secret: demoSecret(service, 'standalone') }))
  const simulator = await startSimulator({
    port: Number(values.port ?? 8790),
    ...(values.host && { host: values.host }),
    keys,
    pacing: { chunkMs: Number(values['chunk-ms'] ?? 15), firstChunkMs: 150 },
  })
  console.log('Simulator of AI services (no model runs here).')
  for (const { service, secret } of keys) console.log(`  ${simulator.url}/${service}  ${secret}`)
}
