import { type Fault, fault } from '../kit/fault.ts'
import type { KeyFailure } from '../services/service.ts'

type Body = Readonly<Record<string, unknown>>

/** What a server made of a submission. */
export type SubmitReply =
  | { readonly kind: 'accepted'; readonly taskId: string; readonly isRepeat: boolean; readonly body: Body }
  | {
      readonly kind: 'refused'
      /** Another key would be told the same. */
      readonly final: boolean
      readonly fault: Fault
      /** In the protocol's own words, where they are the caller's business. */
      readonly body: Body
      readonly about: KeyFailure
    }
  /** No submit reply at all. */
  | { readonly kind: 'unreadable' }

/** Servers answer 200 to every submission and say the rest with `code`. */
export const readSubmitReply = (text: string, isFollowUp: boolean): SubmitReply => {
  const body = parse(text)
  if (body === null || typeof body['code'] !== 'number') return { kind: 'unreadable' }
  const code = body['code']
  if (code === 1 || code === 21 || code === 22) {
    const { result } = body
    const taskId = typeof result === 'number' || typeof result === 'string' ? String(result) : ''
    if (taskId === '' || taskId.length > 200) return { kind: 'unreadable' }
    return { kind: 'accepted', taskId, isRepeat: code === 21, body }
  }
  return refusalOf(code, body, isFollowUp)
}

const refusalOf = (code: number, body: Body, isFollowUp: boolean): SubmitReply => {
  switch (code) {
    case 23:
      return {
        kind: 'refused',
        final: false,
        fault: fault('service_overloaded', { message: 'The Midjourney server’s queue is full.' }),
        body,
        // Its queue, not its limit for this key: nothing to cool down for.
        about: { kind: 'service' },
      }
    case 24:
      return {
        kind: 'refused',
        final: true,
        fault: fault('service_refused', { message: 'Midjourney bans a word of this prompt.' }),
        body,
        about: { kind: 'caller' },
      }
    case 4:
      return {
        kind: 'refused',
        final: true,
        fault: fault('service_refused'),
        body,
        about: { kind: 'caller' },
      }
    case 3:
      // Of a follow-up: the server has forgotten the task. Otherwise: it has no account that is free.
      return isFollowUp
        ? { kind: 'refused', final: true, fault: fault('service_refused'), body, about: { kind: 'caller' } }
        : { kind: 'refused', final: false, fault: fault('service_error'), body, about: { kind: 'account' } }
    default:
      return {
        kind: 'refused',
        final: false,
        fault: fault('service_error'),
        body,
        about: { kind: 'account' },
      }
  }
}

/** What concerns the task; the rest of `properties` names the server's accounts. */
const ofTheTask = new Set([
  'bannedWord',
  'finalPrompt',
  'imageUrl',
  'numberOfQueues',
  'promptEn',
  'remix',
  'status',
])

/** The reply for the caller: under the name that the caller knows, and nothing of accounts that are not theirs. */
export const submitReplyFor = (body: Body, publicId: string | null, isOwnKey: boolean): Body => {
  const { properties } = body
  const kept =
    isOwnKey || !isObject(properties)
      ? properties
      : Object.fromEntries(Object.entries(properties).filter(([name]) => ofTheTask.has(name)))
  return { ...body, result: publicId, ...(properties === undefined ? {} : { properties: kept }) }
}

const parse = (text: string): Body | null => {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
