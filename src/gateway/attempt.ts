import { createSecretKey, type KeyObject } from 'node:crypto'
import { codecOf } from '../dialects/codecs.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import type { ServiceKey } from '../keys/keys.ts'
import { type Fault, failure, fault, type Outcome, success } from '../kit/fault.ts'
import type { Candidate } from '../routing/route.ts'
import { fillPath, wireModelOf } from '../services/address.ts'
import {
  type Cancellation,
  collect,
  type Exchange,
  isStream,
  type Started,
  startExchange,
} from './exchange.ts'
import { type FailedReply, faultFor, isJson, replyForCaller, retryAfterSeconds } from './failure.ts'
import type { AttemptRecord, Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'

export type AttemptResult =
  | { readonly kind: 'reply'; readonly exchange: Exchange }
  /** `reply` is what the service said, where the caller may see it; `final`: another key would be told the same. */
  | {
      readonly kind: 'failed'
      readonly final: boolean
      readonly fault: Fault
      readonly reply: FailedReply | null
    }

type Headers = Readonly<Record<string, string | string[] | undefined>>

const maximumErrorBytes = 64 * 1024
/** An error that drips must not keep the next key from being asked. */
const errorTimeoutMs = 2_000

/** Runs an operation once, on one service key. Everything that goes out is made here, from nothing. */
export const makeAttempt = (parts: GatewayParts) => {
  const { vault, outbound, catalogue, keys, limits, log } = parts
  // Opened once for each cached row and dropped with it. A KeyObject is off the heap: a heap snapshot holds the
  // secret only while an attempt is under way, as it did when each attempt opened it anew, at a ninth of all CPU.
  const opened = new WeakMap<ServiceKey, KeyObject>()

  const secretOf = (serviceKey: ServiceKey): Outcome<string> => {
    const known = opened.get(serviceKey)
    if (known !== undefined) return success(known.export().toString('utf8'))
    const secret = vault.open({ ...serviceKey, serviceKeyId: serviceKey.id }, serviceKey.sealed)
    if (secret.ok) opened.set(serviceKey, createSecretKey(secret.value, 'utf8'))
    return secret
  }

  const send = async (
    operation: Operation,
    candidate: Candidate,
    incoming: Headers,
    cancellation: Cancellation,
  ): Promise<Started> => {
    const { service, serviceKey } = candidate
    const secret = secretOf(serviceKey)
    if (!secret.ok) {
      log.error(
        { serviceKeyId: serviceKey.id, operationId: operation.id },
        'a stored secret failed its integrity check',
      )
      return secret
    }
    const request = requestOf(operation)
    const base = catalogue.baseUrlOf(service.id, serviceKey.baseUrl, serviceKey.settings)
    const url = base === null ? null : URL.parse(base + endpointPath(request, candidate))
    if (url === null) return failure('service_unreachable')
    const pool = outbound.poolOf(url.origin)
    if (!pool.ok) return pool
    const body = bodyOf(operation, candidate)
    const headers = headersFor(request, candidate, incoming)
    const credentials = { secret: secret.value, settings: serviceKey.settings, accessToken: null }
    const signed = service.authenticate(credentials, { method: 'POST', url, headers, body, at: new Date() })
    return startExchange(
      pool.value,
      {
        path: url.pathname + url.search,
        headers: Object.assign(headers, signed instanceof Promise ? await signed : signed),
        body,
        secret: Buffer.from(secret.value),
        firstByteTimeoutMs: limits.firstByteTimeoutMs,
        idleTimeoutMs: limits.idleTimeoutMs,
      },
      cancellation,
    )
  }

  return async (
    operation: Operation,
    candidate: Candidate,
    incoming: Headers,
    cancellation: Cancellation,
  ): Promise<AttemptResult> => {
    const startedMs = performance.now()
    const note = (outcome: AttemptRecord['outcome'], httpStatus: number | null) =>
      operation.attempts.push(attemptRecord(candidate, outcome, httpStatus, performance.now() - startedMs))

    const started = await send(operation, candidate, incoming, cancellation)
    if (cancellation.cancelled || cancellation.outOfTime) {
      note(cancellation.cancelled ? 'cancelled' : 'timeout', null)
      if (started.ok) started.exchange.abort()
      return { kind: 'failed', final: true, fault: fault('service_timeout'), reply: null }
    }
    if (!started.ok) {
      note(outcomeOf(started.fault), null)
      if (started.fault.code !== 'secret_unreadable') keys.report(candidate.serviceKey, { kind: 'service' })
      return { kind: 'failed', final: false, fault: started.fault, reply: null }
    }
    const { exchange } = started
    if (exchange.status < 300) {
      if (!isReply(requestOf(operation), exchange)) {
        exchange.abort()
        note('service', exchange.status)
        return { kind: 'failed', final: false, fault: fault('service_reply_invalid'), reply: null }
      }
      note('ok', exchange.status)
      keys.report(candidate.serviceKey, { kind: 'ok' })
      return { kind: 'reply', exchange }
    }

    const body = await collect(exchange, maximumErrorBytes, errorTimeoutMs)
    const text = body.ok && isPlain(exchange) ? body.value.toString('utf8') : ''
    const said = candidate.service.readFailure(exchange.status, text)
    note(said.kind === 'caller' || said.kind === 'account' ? 'refused' : said.kind, exchange.status)
    const retryAfter = retryAfterSeconds(exchange.headers, Date.now())
    keys.report(candidate.serviceKey, said, retryAfter)
    return {
      kind: 'failed',
      final: said.kind === 'caller',
      fault: faultFor(said, candidate, retryAfter),
      reply: replyForCaller(said, candidate, exchange, text),
    }
  }
}

/** No service answers an operation with anything else; a proxy on the way may, with a page or an empty 204. */
const isReply = ({ endpoint }: ParsedRequest, exchange: Exchange): boolean =>
  exchange.status === 200 &&
  isPlain(exchange) &&
  (isStream(exchange) || replyTypes[codecOf(endpoint).reply](exchange.headers))

const typeOf = (headers: Headers) => String(headers['content-type'] ?? '')
const replyTypes = {
  json: isJson,
  audio: (headers: Headers) => /^(?:audio\/|application\/octet-stream\b)/i.test(typeOf(headers)),
  json_or_text: (headers: Headers) => isJson(headers) || /^text\/(?:plain|vtt|srt)\b/i.test(typeOf(headers)),
} as const

/** We ask for no compression. */
const isPlain = ({ headers }: Exchange): boolean =>
  /^(?:identity)?$/i.test(String(headers['content-encoding'] ?? ''))

const endpointPath = ({ endpoint }: ParsedRequest, { service, serviceKey, model }: Candidate): string => {
  const path = service.endpoints[endpoint] ?? ''
  if (!path.includes('{')) return path
  const { settings } = serviceKey
  return fillPath(path, { ...settings, model: wireModelOf(service, model, settings) })
}

const requestOf = ({ request }: Operation): ParsedRequest => {
  if (request === null) throw new Error('an attempt needs a parsed request')
  return request
}

/** Nothing of the caller's goes along but what the service's own file names. */
const headersFor = (
  { contentType }: ParsedRequest,
  candidate: Candidate,
  incoming: Headers,
): Record<string, string> => {
  const headers: Record<string, string> = {
    'content-type': contentType,
    accept: '*/*',
    'accept-encoding': 'identity',
    'user-agent': 'aideon-keys',
  }
  for (const name of candidate.service.forwardedHeaders) {
    const value = incoming[name]
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}

const bodyOf = (operation: Operation, candidate: Candidate): Buffer => {
  const request = requestOf(operation)
  const { service, serviceKey, model } = candidate
  return codecOf(request.endpoint).bodyFor(request, {
    model: wireModelOf(service, model, serviceKey.settings),
    maximumOutputTokens:
      operation.outputLimit !== null && serviceKey.owner === 'system'
        ? Math.floor(operation.outputLimit / request.choices)
        : null,
    outputLimitField: service.outputLimitField,
    noStreamOptions: service.noStreamOptions === true,
  })
}

const attemptRecord = (
  candidate: Candidate,
  outcome: AttemptRecord['outcome'],
  httpStatus: number | null,
  durationMs: number,
): AttemptRecord => ({
  serviceId: candidate.service.id,
  model: candidate.model,
  keyOwner: candidate.serviceKey.owner,
  serviceKeyId: candidate.serviceKey.id,
  keyPriority: candidate.serviceKey.priority,
  reason: candidate.reason,
  outcome,
  httpStatus,
  durationMs: Math.round(durationMs),
})

const outcomeOf = (f: Fault): AttemptRecord['outcome'] => {
  if (f.code === 'service_timeout') return 'timeout'
  return f.code === 'secret_unreadable' ? 'unreadable' : 'unreachable'
}
