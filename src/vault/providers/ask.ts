import { type Outcome, success } from '../../kit/fault.ts'
import type { OutboundReply } from '../../net/outbound.ts'
import type { ProviderParts } from '../provider.ts'
import { misconfigured, unreachable } from './faults.ts'

export interface Surroundings extends ProviderParts {
  /** Of one try. */
  readonly timeoutMs?: number
  /** Before the second try. */
  readonly pauseMs?: number
}

export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** {} where it is no JSON object. */
  readonly json: Readonly<Record<string, unknown>>
}

const defaultTimeoutMs = 4_000
const defaultPauseMs = 200
const longestPauseMs = 2_000
const largestReplyBytes = 256 * 1024

/** Nothing is changed by asking twice: wrapping again gives other bytes for the same key. */
const isTransient = (answer: Answer): boolean =>
  answer.status === 429 || answer.status === 412 || answer.status >= 500

/** One question, and a second time where the first failed for a reason that passes. */
export const ask = async (
  surroundings: Surroundings,
  where: string,
  question: Question,
  transient: (answer: Answer) => boolean = isTransient,
): Promise<Outcome<Answer>> => {
  const first = await once(surroundings, question)
  if (first.ok && !transient(first.value)) return first
  if (!first.ok && !passing.has(first.fault.code)) return explained(first, where)
  await new Promise((resolve) => setTimeout(resolve, pauseOf(surroundings, first)))
  return explained(await once(surroundings, question), where)
}

const passing = new Set(['service_unreachable', 'service_timeout'])

const pauseOf = ({ pauseMs = defaultPauseMs }: Surroundings, first: Outcome<Answer>): number => {
  const wanted = first.ok ? Number(first.value.headers['retry-after']) * 1000 : Number.NaN
  return wanted > pauseMs ? Math.min(wanted, longestPauseMs) : pauseMs
}

const once = async (
  { transport, timeoutMs = defaultTimeoutMs }: Surroundings,
  { method, url, headers = {}, body }: Question,
): Promise<Outcome<Answer>> => {
  const reply = await transport.request({
    method,
    url,
    headers,
    ...(body === undefined ? {} : { body }),
    timeoutMs,
    maximumBytes: largestReplyBytes,
  })
  return reply.ok ? success(answerOf(reply.value)) : reply
}

const answerOf = ({ status, headers, body }: OutboundReply): Answer => ({
  status,
  headers,
  text: body,
  json: recordOf(parsed(body)),
})

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}

export const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null

const explained = (outcome: Outcome<Answer>, where: string): Outcome<Answer> => {
  if (outcome.ok) return outcome
  const { code, message } = outcome.fault
  if (code === 'unsafe_address')
    return misconfigured(
      `The address of ${where} is refused. ${message}`,
      'List a private address in AIDEON_MASTER_KEY_ADDRESSES, or use a public https one.',
    )
  if (code === 'service_timeout') return unreachable(where, 'it did not answer in time.')
  if (code === 'service_reply_too_large') return unreachable(where, 'it gave an answer that is too large.')
  return unreachable(where, 'there is no connection.')
}

/** Base64 that says what it means: Node reads over everything else. Null: it is none, or empty. */
export const bytesOf = (value: unknown, alphabet: 'base64' | 'base64url' = 'base64'): Buffer | null => {
  if (typeof value !== 'string' || value === '') return null
  const bytes = Buffer.from(value, alphabet)
  return bytes.toString(alphabet) === value ? bytes : null
}
