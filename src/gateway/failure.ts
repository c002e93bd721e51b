import { errorShapes } from '../dialects/errors.ts'
import { type Fault, fault } from '../kit/fault.ts'
import type { Candidate } from '../routing/route.ts'
import { readAnyError } from '../services/error-reply.ts'
import type { KeyFailure } from '../services/service.ts'
import type { Exchange } from './exchange.ts'
import type { Operation } from './operation.ts'

/** An unsuccessful reply of a service, redacted, as the caller may see it. */
export interface FailedReply {
  readonly status: number
  readonly headers: Exchange['headers']
  readonly body: string
}

/**
 * A service's own words, where they are the caller's business: not what it says of a key that is not the caller's (its
 * account, its limits), nor a refusal of the key, which would be taken for one of the access token, nor a proxy's page.
 */
export const replyForCaller = (
  operation: Operation,
  said: KeyFailure,
  candidate: Candidate,
  exchange: Exchange,
  text: string,
): FailedReply | null => {
  const aboutKey = said.kind === 'limited' || said.kind === 'exhausted' || said.kind === 'account'
  if (said.kind === 'unauthorized' || (aboutKey && candidate.serviceKey.owner === 'system')) return null
  if (exchange.status < 400 || text === '' || !isJson(exchange.headers)) return null
  if (candidate.via === 'translation') return inDialect(operation, candidate, said, exchange, text)
  const { status, headers, redact } = exchange
  return { status, headers: mapped(headers, redact), body: redact(text) }
}

/** The words of a service that speaks another dialect, in the shape that the caller's client reads. */
const inDialect = (
  { id, target }: Operation,
  candidate: Candidate,
  said: KeyFailure,
  { status, headers, redact }: Exchange,
  text: string,
): FailedReply | null => {
  const { message } = readAnyError(text)
  if (message === '') return null
  const { code } = faultFor(said, candidate, undefined)
  const told = fault(code, { message: `${candidate.service.name}: ${redact(message)}` })
  const retryAfter = headers['retry-after']
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(typeof retryAfter === 'string' && { 'retry-after': retryAfter }),
    },
    body: errorShapes[target.dialect](told, id, status),
  }
}

const mapped = (headers: Exchange['headers'], change: (value: string) => string): Exchange['headers'] =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, change(value)]] : [],
    ),
  )

export const isJson = (headers: Exchange['headers']): boolean =>
  /^application\/(?:[\w.+-]+\+)?json\b/i.test(String(headers['content-type'] ?? ''))

/** A service may say anything; callers' clients wait for as long as they are told. */
const longestRetryAfterSeconds = 86_400

/** Seconds or an HTTP date (RFC 9110 §10.2.3). */
export const retryAfterSeconds = (headers: Exchange['headers'], now: number): number | undefined => {
  const value = headers['retry-after']
  if (typeof value !== 'string') return undefined
  const seconds = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000
  if (Number.isNaN(seconds)) return undefined
  return Math.min(longestRetryAfterSeconds, Math.max(0, Math.ceil(seconds)))
}

const whose = { user: 'your', organization: 'your organisation’s', system: 'the platform’s' } as const

export const faultFor = (said: KeyFailure, candidate: Candidate, retryAfter: number | undefined): Fault => {
  const { name } = candidate.service
  const { owner } = candidate.serviceKey
  switch (said.kind) {
    case 'unauthorized':
      return fault('service_key_refused', { message: `${name} refused ${whose[owner]} key.` })
    case 'exhausted':
      // 402 is for callers who can do something about it.
      return fault(owner === 'system' ? 'service_error' : 'service_key_exhausted', {
        message: `At ${name}, ${whose[owner]} key has no quota left.`,
      })
    case 'limited':
      return fault('service_overloaded', {
        message: `${name} limits ${whose[owner]} key.`,
        ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }),
      })
    case 'service':
      return fault('service_error', { message: `${name} answered with an error.` })
    case 'account':
      return fault('service_refused', {
        message: `At ${name}, the account of ${whose[owner]} key has no access to this model, or too low limits.`,
        next: 'Ask for another model or a smaller reply, or use another key.',
      })
    case 'caller':
      return fault(said.fault ?? 'service_refused')
  }
}
