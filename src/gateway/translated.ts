import { type Fault, failure, fault } from '../kit/fault.ts'
import { redactSecrets } from '../kit/redact.ts'
import type { Candidate } from '../routing/route.ts'
import { wireModelOf } from '../services/address.ts'
import { translate, type TranslationResult } from '../translation/translation.ts'
import type { Dispatch } from './dispatch.ts'
import { type Cancellation, type Exchange, type Started, startExchange } from './exchange.ts'
import { type Operation, requestOf } from './operation.ts'
import type { GatewayParts } from './parts.ts'

/** Headers in which the AI SDK's packages put the credential they were not given. */
const credentialHeaders = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'xi-api-key',
  'cookie',
])

/**
 * Serves an operation at a service that speaks another dialect. What comes back is an exchange in the caller's dialect,
 * so that relay, tap and receipt are those of any other operation.
 */
export const makeTranslated =
  (parts: GatewayParts, dispatch: Dispatch) =>
  async (
    operation: Operation,
    candidate: Candidate,
    baseUrl: string,
    maximumOutputTokens: number | null,
    cancellation: Cancellation,
  ): Promise<Started> => {
    const { service, serviceKey, model } = candidate
    const request = requestOf(operation)
    const stop = new AbortController()
    const guarded = makeGuardedFetch(parts, candidate, baseUrl, dispatch, cancellation, stop.signal)
    cancellation.onCancel(() => stop.abort())
    const result = await translate({
      endpoint: request.endpoint,
      body: request.body,
      contentType: request.contentType,
      streamed: request.streamed,
      wantsUsageEvent: request.wantsUsageEvent,
      service,
      model: wireModelOf(service, model, serviceKey.settings),
      requestedModel: request.model,
      baseUrl,
      settings: serviceKey.settings,
      maximumOutputTokens,
      operationId: operation.id,
      fetch: guarded.fetch,
      signal: stop.signal,
      maximumBytes: parts.limits.maximumReplyBytes,
    })
    // The calls of the translation registered their own; whichever is left, the whole of it ends now.
    cancellation.onCancel(() => stop.abort())
    return startedFrom(operation, result, guarded.failed(), stop, guarded.redact)
  }

const noBytes = Buffer.alloc(0)

/** The only network a translation has: our dispatch, with the service's own credentials and no others. */
const makeGuardedFetch = (
  { outbound, limits }: GatewayParts,
  { service, serviceKey }: Candidate,
  baseUrl: string,
  dispatch: Dispatch,
  cancellation: Cancellation,
  stopped: AbortSignal,
) => {
  let failed: Fault | null = null
  let redact: Exchange['redact'] = (said) => redactSecrets(said)
  const { origin } = new URL(baseUrl)

  const fetchPublic = async (url: URL, method: string): Promise<Started> => {
    const connections =
      method === 'GET' ? outbound.connectionsTo(url.origin) : failure('service_reply_invalid')
    if (!connections.ok) return connections
    const { firstByteTimeoutMs, idleTimeoutMs } = limits
    const headers = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'aideon-keys' }
    const request = { method, path: url.pathname + url.search, headers, body: noBytes, secret: noBytes }
    return startExchange(connections.value, { ...request, firstByteTimeoutMs, idleTimeoutMs }, cancellation)
  }

  const fetch: typeof globalThis.fetch = async (input, init) => {
    const asked = new Request(input, init)
    const url = new URL(asked.url)
    const headers = Object.fromEntries([...asked.headers].filter(([name]) => !credentialHeaders.has(name)))
    const body = Buffer.from(await asked.arrayBuffer())
    const unsigned = {
      method: asked.method,
      url,
      headers: { ...headers, 'accept-encoding': 'identity', 'user-agent': 'aideon-keys' },
      body,
    }
    // A reply may name any address (of a finished image): the service's credentials go to the service alone.
    const isTheirs = url.origin === origin || service.credentialHosts?.test(url.host) === true
    const started = isTheirs
      ? await dispatch(service, serviceKey, unsigned, cancellation)
      : await fetchPublic(url, asked.method)
    if (!started.ok) {
      failed = started.fault
      throw new TypeError('the service could not be reached')
    }
    if (isTheirs) redact = started.exchange.redact
    // Whoever reads its body may be waiting for a byte that never comes.
    stopped.addEventListener('abort', () => started.exchange.abort(), { once: true })
    return responseOf(started.exchange)
  }
  return { fetch, failed: () => failed, redact: (said: string) => redact(said) }
}

const bufferedBytes = 64 * 1024

const responseOf = (exchange: Exchange): Response => {
  const headers = Object.entries(exchange.headers).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : [],
  )
  // Statuses that have no body may not be given one.
  const body = [204, 205, 304].includes(exchange.status) ? null : readableOf(exchange)
  return new Response(body, { status: exchange.status, headers })
}

const readableOf = (exchange: Exchange): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>(
    {
      start(controller) {
        exchange.read(
          (chunk) => {
            controller.enqueue(chunk)
            if ((controller.desiredSize ?? 0) <= 0) exchange.pause()
          },
          (failed) => {
            if (failed === null) controller.close()
            else controller.error(new StreamFault(failed))
          },
        )
      },
      pull: () => exchange.resume(),
      cancel: () => exchange.abort(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: bufferedBytes }),
  )

/** Carries a fault of the connection through the translation's own errors. */
class StreamFault extends Error {
  readonly fault: Fault
  constructor(failed: Fault) {
    super(failed.code)
    this.fault = failed
  }
}

const startedFrom = (
  operation: Operation,
  result: TranslationResult,
  connection: Fault | null,
  stop: AbortController,
  redact: Exchange['redact'],
): Started => {
  switch (result.kind) {
    case 'reply':
      operation.notCarried = result.notCarried
      return {
        ok: true,
        exchange: exchangeOf(
          200,
          { 'content-type': result.contentType },
          result.body,
          stop,
          redact,
          result.usageUnknown,
        ),
      }
    case 'refused':
      return { ok: false, fault: result.fault }
    case 'failed':
      if (result.status === null)
        return connection === null ? failure('service_error') : { ok: false, fault: connection }
      return {
        ok: true,
        exchange: exchangeOf(result.status, result.headers, Buffer.from(result.body), stop, redact),
      }
  }
}

/** A translation's result as the relay reads replies. */
const exchangeOf = (
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Buffer | AsyncIterable<Buffer>,
  stop: AbortController,
  redact: Exchange['redact'],
  usageUnknown: () => boolean = () => false,
): Exchange => {
  let resumed: PromiseWithResolvers<void> | null = null
  const pump = async (onChunk: (chunk: Buffer) => void) => {
    for await (const chunk of Buffer.isBuffer(body) ? [body] : body) {
      if (stop.signal.aborted) return
      if (chunk.length > 0) onChunk(chunk)
      await resumed?.promise
    }
  }
  return {
    status,
    headers,
    usageUnknown,
    read(onChunk, onEnd) {
      pump(onChunk).then(
        () => onEnd(stop.signal.aborted ? fault('service_unreachable') : null),
        (error: unknown) => onEnd(error instanceof StreamFault ? error.fault : fault('stream_interrupted')),
      )
    },
    pause() {
      resumed ??= Promise.withResolvers()
    },
    resume() {
      resumed?.resolve()
      resumed = null
    },
    abort() {
      stop.abort()
      resumed?.resolve()
    },
    redact,
  }
}
