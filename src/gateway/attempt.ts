import { codecOf } from '../dialects/codecs.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { type Fault, type FaultCode, fault, faults } from '../kit/fault.ts'
import type { HealthOutcome } from '../health/health.ts'
import { secondsUntilRefilled } from '../health/limit-headers.ts'
import type { Candidate } from '../routing/route.ts'
import { type Cancellation, collect, type Exchange, isStream } from './exchange.ts'
import { type FailedReply, faultFor, isJson, replyForCaller, retryAfterSeconds } from './failure.ts'
import { type AttemptRecord, type Operation, requestOf } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { sharedService } from '../routing/shared-service.ts'
import { makeSend } from './send.ts'

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
  const { keys, health } = parts
  const send = makeSend(parts)

  return async (
    operation: Operation,
    candidate: Candidate,
    incoming: Headers,
    cancellation: Cancellation,
  ): Promise<AttemptResult> => {
    const startedMs = performance.now()
    const note = (outcome: AttemptRecord['outcome'], httpStatus: number | null) =>
      operation.attempts.push(attemptRecord(candidate, outcome, httpStatus, performance.now() - startedMs))

    const report = (outcome: HealthOutcome) => {
      const { serviceKey } = candidate
      health.report(sharedService(serviceKey), serviceKey.id, outcome, serviceKey.organizationId)
    }
    const started = await send(operation, candidate, incoming, cancellation)
    if (cancellation.cancelled || cancellation.outOfTime) {
      note(cancellation.cancelled ? 'cancelled' : 'timeout', null)
      report('unknown')
      if (started.ok) started.exchange.abort()
      return { kind: 'failed', final: true, fault: fault('service_timeout'), reply: null }
    }
    if (!started.ok) {
      const outcome = outcomeOf(started.fault)
      note(outcome, null)
      report(outcome === 'timeout' || outcome === 'unreachable' ? 'failure' : 'unknown')
      // A secret that could not be exchanged for a token is refused like any other.
      if (outcome === 'unauthorized') keys.report(candidate.serviceKey, { kind: 'unauthorized' })
      return { kind: 'failed', final: false, fault: started.fault, reply: null }
    }
    const { exchange } = started
    if (exchange.status < 300) {
      if (!isReply(requestOf(operation), exchange)) {
        exchange.abort()
        note('service', exchange.status)
        report('failure')
        return { kind: 'failed', final: false, fault: fault('service_reply_invalid'), reply: null }
      }
      note('ok', exchange.status)
      report('ok')
      keys.report(candidate.serviceKey, { kind: 'ok' })
      const waitSeconds = secondsUntilRefilled(exchange.headers, new Date())
      if (waitSeconds !== null)
        keys.report(candidate.serviceKey, { kind: 'spent' }, waitSeconds, candidate.model)
      return { kind: 'reply', exchange }
    }

    const body = await collect(exchange, maximumErrorBytes, errorTimeoutMs)
    const text = body.ok && isPlain(exchange) ? body.value.toString('utf8') : ''
    const said = candidate.service.readFailure(exchange.status, text)
    note(said.kind === 'caller' || said.kind === 'account' ? 'refused' : said.kind, exchange.status)
    report(said.kind === 'service' ? 'failure' : 'ok')
    const retryAfter = retryAfterSeconds(exchange.headers, Date.now())
    keys.report(candidate.serviceKey, said, retryAfter, candidate.model)
    return {
      kind: 'failed',
      final: said.kind === 'caller',
      fault: faultFor(said, candidate, retryAfter),
      reply: replyForCaller(operation, said, candidate, exchange, text),
    }
  }
}

/** No service answers an operation with anything else; a proxy on the way may, with a page or an empty 204. */
const isReply = ({ endpoint }: ParsedRequest, exchange: Exchange): boolean =>
  (exchange.status === 200 || endpoint === 'raw') &&
  isPlain(exchange) &&
  (isStream(exchange) || replyTypes[codecOf(endpoint).reply](exchange.headers))

const typeOf = (headers: Headers) => String(headers['content-type'] ?? '')
const replyTypes = {
  json: isJson,
  audio: (headers: Headers) => /^(?:audio\/|application\/octet-stream\b)/i.test(typeOf(headers)),
  any: () => true,
  json_or_text: (headers: Headers) => isJson(headers) || /^text\/(?:plain|vtt|srt)\b/i.test(typeOf(headers)),
} as const

/** We ask for no compression. */
const isPlain = ({ headers }: Exchange): boolean =>
  /^(?:identity)?$/i.test(String(headers['content-encoding'] ?? ''))

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

const outcomes: Partial<Record<FaultCode, AttemptRecord['outcome']>> = {
  service_timeout: 'timeout',
  secret_unreadable: 'unreadable',
  service_unreachable: 'unreachable',
  unsafe_address: 'unreachable',
  service_key_refused: 'unauthorized',
}

/** `refused`: not sent at all, because a translation could not carry the request over. */
const outcomeOf = ({ code }: Fault): AttemptRecord['outcome'] =>
  outcomes[code] ?? (faults[code].blame === 'service' ? 'service' : 'refused')
