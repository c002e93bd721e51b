import type { OutboundReply } from '../../net/outbound.ts'
import { type DriverContext, type DriverReply, done, refused, unknownOutcome } from '../driver.ts'

/** Every end of a call but `done`. */
export type Failed = Exclude<DriverReply<never>, { kind: 'done' }>

export const isSuccess = (status: number): boolean => status >= 200 && status <= 299

export interface Asked {
  /** What the service is asked to do, for messages: `make a key`. */
  readonly what: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** One call that got a reply, whatever it says. Nothing of a body is ever in a message: it may quote what was sent. */
export const exchange = async (
  context: DriverContext,
  service: string,
  { what, ...request }: Asked,
): Promise<{ kind: 'replied'; reply: OutboundReply } | Failed> => {
  const reply = await context.request(request)
  if (reply.ok) return { kind: 'replied', reply: reply.value }
  const { code, message, notSent } = reply.fault
  if (notSent || code === 'unsafe_address')
    return refused('not_sent', `${service} was not called: ${message}`) as Failed
  return unknownOutcome(`${service} gave no reply when asked to ${what}.`) as Failed
}

/**
 * What a reply that is no success means. A 5xx says nothing about what was done: proxies answer for machines that were
 * at work. A 409 and a 408 are left to whoever knows the API; here they are final and unknown.
 */
export const failureOf = (service: string, what: string, reply: OutboundReply): Failed => {
  const { status } = reply
  const said = `${service} answered ${status} when asked to ${what}.`
  if (status === 401 || status === 403) return refused('credential', said) as Failed
  if (status === 429) return refused('limited', said, retryAfterOf(reply)) as Failed
  if (status >= 500 || status === 408 || status < 200) return unknownOutcome(said) as Failed
  return refused('invalid', said) as Failed
}

const longestWaitSeconds = 3_600
const retryAfterOf = ({ headers }: OutboundReply): number | undefined => {
  const seconds = Number(headers['retry-after'])
  return Number.isFinite(seconds) && seconds > 0
    ? Math.min(Math.ceil(seconds), longestWaitSeconds)
    : undefined
}

/**
 * A call and its success. `read` gives undefined for a 2xx that is not what the API says: then nobody knows what was
 * done. `special` knows what a status means to this API.
 */
export const ask = async <T>(
  context: DriverContext,
  service: string,
  asked: Asked,
  read: (reply: OutboundReply) => T | undefined,
  special: (reply: OutboundReply) => DriverReply<T> | null = () => null,
): Promise<DriverReply<T>> => {
  const replied = await exchange(context, service, asked)
  if (replied.kind !== 'replied') return replied
  const { reply } = replied
  const own = special(reply)
  if (own !== null) return own
  if (!isSuccess(reply.status)) return failureOf(service, asked.what, reply)
  const value = read(reply)
  return value === undefined
    ? unknownOutcome(`${service} answered something unreadable when asked to ${asked.what}.`)
    : done(value)
}

const settle = async (
  context: DriverContext,
  service: string,
  asked: Asked,
  isDone: (status: number) => boolean,
): Promise<DriverReply<void>> => {
  const replied = await exchange(context, service, asked)
  if (replied.kind !== 'replied') return replied
  return isDone(replied.reply.status) ? done(undefined) : failureOf(service, asked.what, replied.reply)
}

/** A deletion: what is gone already is done. */
export const remove = (context: DriverContext, service: string, asked: Asked): Promise<DriverReply<void>> =>
  settle(context, service, asked, (status) => isSuccess(status) || status === 404 || status === 410)

/** A change that has no value but its success. */
export const change = (context: DriverContext, service: string, asked: Asked): Promise<DriverReply<void>> =>
  settle(context, service, asked, isSuccess)

/** What is only read before a key is made: without it nothing was asked for, so nothing is unknown. */
export const beforehand = <T>(reply: DriverReply<T>): DriverReply<T> =>
  reply.kind === 'unknown' ? refused('not_sent', reply.message) : reply

export const jsonHeaders = { 'content-type': 'application/json' } as const

/** Values within JSON of a service, whatever it sent. */
export const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return null
  }
}
export const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
        ? (inner as Record<string, unknown>)[name]
        : undefined,
    value,
  )
export const textAt = (value: unknown, ...path: readonly string[]): string | null => {
  const found = at(value, ...path)
  return typeof found === 'string' && found !== '' ? found : null
}
export const listAt = (value: unknown, ...path: readonly string[]): readonly unknown[] | null => {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : null
}

/** More than any account has keys; a list that goes on beyond is not read to its end, and says so. */
const mostPages = 50

/** Every page of a list; `next` is null on the last one. */
export const allPages = async <T>(
  service: string,
  page: (cursor: string | null) => Promise<DriverReply<{ items: readonly T[]; next: string | null }>>,
): Promise<DriverReply<readonly T[]>> => {
  const all: T[] = []
  let cursor: string | null = null
  for (let read = 0; read < mostPages; read += 1) {
    const reply: DriverReply<{ items: readonly T[]; next: string | null }> = await page(cursor)
    if (reply.kind !== 'done') return reply
    all.push(...reply.value.items)
    if (reply.value.next === null || reply.value.next === cursor) return done(all)
    cursor = reply.value.next
  }
  return refused('invalid', `${service} lists more keys than are read; delete those that are not needed.`)
}
