import type { KeyObject } from 'node:crypto'
import { codecs } from '../dialects/codecs.ts'
import type { ServiceKey } from '../keys/keys.ts'
import { type Fault, fault, type Outcome, statusOf } from '../kit/fault.ts'
import { redactSecrets } from '../kit/redact.ts'
import type { Candidate } from '../routing/route.ts'
import type { KeyFailure } from '../services/service.ts'
import { type Cancellation, collect, type Exchange, startExchange } from './exchange.ts'
import type { AttemptRecord, Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'

/** An unsuccessful reply of a service, redacted, as the caller may see it. */
export interface FailedReply {
  readonly status: number
  readonly headers: Exchange['headers']
  readonly body: string
}

export type AttemptResult =
  | { readonly kind: 'reply'; readonly exchange: Exchange }
  /** `reply` is what the service said, if it said anything; `final`: another key would be told the same. */
  | {
      readonly kind: 'failed'
      readonly final: boolean
      readonly fault: Fault
      readonly reply: FailedReply | null
    }

type Headers = Readonly<Record<string, string | string[] | undefined>>

const maximumErrorBytes = 64 * 1024

/** Runs an operation once, on one service key. Everything that goes out is made here, from nothing. */
export const makeAttempt = (parts: GatewayParts) => {
  const { vault, outbound, catalogue, keys, limits, log } = parts
  // Unwrapped data keys live as long as the cached row they came with; the secret itself is opened for each attempt.
  const dataKeys = new WeakMap<ServiceKey, KeyObject>()

  const secretOf = (serviceKey: ServiceKey): Outcome<string> => {
    const binding = { ...serviceKey, serviceKeyId: serviceKey.id }
    let dataKey = dataKeys.get(serviceKey)
    if (dataKey === undefined) {
      const unwrapped = vault.unwrap(binding, serviceKey.sealed)
      if (!unwrapped.ok) return unwrapped
      dataKey = unwrapped.value
      dataKeys.set(serviceKey, dataKey)
    }
    return vault.openWith(dataKey, binding, serviceKey.sealed)
  }

  const send = async (
    operation: Operation,
    candidate: Candidate,
    incoming: Headers,
    cancellation: Cancellation,
  ) => {
    const { service, serviceKey } = candidate
    const secret = secretOf(serviceKey)
    if (!secret.ok) {
      log.error(
        { serviceKeyId: serviceKey.id, operationId: operation.id },
        'a stored secret failed its integrity check',
      )
      return { ok: false as const, fault: secret.fault, secret: '' }
    }
    const base = catalogue.baseUrlOf(service.id, serviceKey.baseUrl)
    const url = base === null ? null : URL.parse(base + endpointPath(operation, candidate))
    if (url === null) return { ok: false as const, fault: fault('service_unreachable'), secret: '' }
    const pool = outbound.poolOf(url.origin)
    if (!pool.ok) return { ok: false as const, fault: pool.fault, secret: '' }
    const started = await startExchange(
      pool.value,
      {
        path: url.pathname + url.search,
        headers: headersFor(candidate, secret.value, incoming),
        body: bodyOf(operation, candidate),
        firstByteTimeoutMs: limits.firstByteTimeoutMs,
        idleTimeoutMs: limits.idleTimeoutMs,
      },
      cancellation,
    )
    return { ...started, secret: secret.value }
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
      note('ok', exchange.status)
      keys.report(candidate.serviceKey, { kind: 'ok' })
      return { kind: 'reply', exchange }
    }

    const body = await collect(exchange, maximumErrorBytes)
    const text = body.ok ? body.value.toString('utf8') : ''
    const said = candidate.service.readFailure(exchange.status, text)
    note(said.kind === 'caller' ? 'refused' : said.kind, exchange.status)
    const retryAfterSeconds = retryAfter(exchange.headers)
    keys.report(candidate.serviceKey, said, retryAfterSeconds)
    return {
      kind: 'failed',
      final: said.kind === 'caller',
      fault: faultFor(said, candidate, retryAfterSeconds),
      reply: {
        status: exchange.status,
        headers: exchange.headers,
        body: redactSecrets(text, [started.secret]),
      },
    }
  }
}

const endpointPath = (operation: Operation, candidate: Candidate): string => {
  const { target } = operation
  return target.kind === 'operation' ? (candidate.service.endpoints[target.endpoint] ?? '') : ''
}

/** Nothing of the caller's goes along but what the service's own file names. */
const headersFor = (candidate: Candidate, secret: string, incoming: Headers): Record<string, string> => {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: '*/*',
    'accept-encoding': 'identity',
    'user-agent': 'aideon-keys',
  }
  for (const name of candidate.service.forwardedHeaders) {
    const value = incoming[name]
    if (typeof value === 'string') headers[name] = value
  }
  return Object.assign(headers, candidate.service.authenticate(secret))
}

const bodyOf = (operation: Operation, candidate: Candidate): Buffer => {
  const { request, target } = operation
  if (request === null) throw new Error('an attempt needs a parsed request')
  return codecs[target.dialect].bodyFor(request, {
    model: candidate.model,
    maximumOutputTokens:
      operation.outputLimit !== null && candidate.serviceKey.owner === 'system'
        ? Math.floor(operation.outputLimit / request.choices)
        : null,
    outputLimitField: candidate.service.outputLimitField,
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

/** Seconds or an HTTP date (RFC 9110 §10.2.3). */
const retryAfter = (headers: Headers): number | undefined => {
  const value = headers['retry-after']
  if (typeof value !== 'string') return undefined
  const seconds = Number(value)
  if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds))
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000))
}

const faultFor = (said: KeyFailure, candidate: Candidate, retryAfterSeconds: number | undefined): Fault => {
  const { name } = candidate.service
  const whose =
    candidate.serviceKey.owner === 'user'
      ? 'your'
      : candidate.serviceKey.owner === 'organization'
        ? 'your organisation’s'
        : 'the platform’s'
  switch (said.kind) {
    case 'unauthorized':
      return fault('service_key_refused', { message: `${name} refused ${whose} key.` })
    case 'exhausted':
      return fault('service_key_exhausted', { message: `At ${name}, ${whose} key has no quota left.` })
    case 'limited':
      return fault('service_overloaded', {
        message: `${name} limits ${whose} key.`,
        ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      })
    case 'service':
      return fault('service_error', { message: `${name} answered with an error.` })
    case 'caller':
      return fault(said.fault ?? 'service_refused')
  }
}

/** A service's own refusal goes to the caller as it came, but for what only concerns the key and would mislead. */
export const mayRelay = (reply: FailedReply, failed: Fault): boolean =>
  failed.code !== 'service_key_refused' && reply.body !== '' && reply.status >= 400

export const statusOfFailure = (reply: FailedReply | null, failed: Fault): number =>
  reply !== null && mayRelay(reply, failed) ? reply.status : statusOf(failed)
