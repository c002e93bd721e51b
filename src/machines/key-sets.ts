import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Outbound } from '../net/outbound.ts'
import { type PublicKey, usableKeys } from './public-key.ts'

export interface KeySource {
  readonly jwksUri: string | null
  readonly jwks: unknown
}

export interface KeySets {
  /** Fetched where the ones in hand are old, or have no key that `fits`. */
  keysOf(
    source: KeySource,
    fits: (keys: readonly PublicKey[]) => boolean,
  ): Promise<Outcome<readonly PublicKey[]>>
  /** What is there now. */
  fetch(uri: string): Promise<Outcome<readonly PublicKey[]>>
}

/** A key that the host application withdraws is taken for so long, and for five minutes more where it was used. */
const freshMs = 10 * 60_000
/** Where the host application cannot be reached its last keys go on for so long. */
const staleMs = 60 * 60_000
/** Tokens that name keys nobody has must not make us ask more often. */
const askAgainMs = 30_000
const timeoutMs = 5_000
const largestBytes = 256 * 1024
const mostSources = 1_000

interface Kept {
  keys: readonly PublicKey[]
  fetchedAt: number
  askedAt: number
  underWay: Promise<Outcome<readonly PublicKey[]>> | null
}

/** Public keys of host applications, by their address. The way out is the one for addresses that users name. */
export const makeKeySets = (parts: { outbound: Pick<Outbound, 'request'>; clock: Clock }): KeySets => {
  const { outbound, clock } = parts
  const kept = new Map<string, Kept>()
  const given = new WeakMap<object, readonly PublicKey[]>()

  const fetch: KeySets['fetch'] = async (url) => {
    const headers = { accept: 'application/jwk-set+json, application/json' }
    const reply = await outbound.request({
      method: 'GET',
      url,
      headers,
      timeoutMs,
      maximumBytes: largestBytes,
    })
    if (!reply.ok) return reply
    const keys = reply.value.status === 200 ? usableKeys(parsed(reply.value.body)) : []
    return keys.length > 0 ? success(keys) : noKeys
  }

  const entryOf = (uri: string): Kept => {
    const known = kept.get(uri)
    if (known) return known
    const entry: Kept = { keys: [], fetchedAt: 0, askedAt: 0, underWay: null }
    const oldest = kept.keys().next()
    if (kept.size >= mostSources && !oldest.done) kept.delete(oldest.value)
    kept.set(uri, entry)
    return entry
  }

  const refresh = async (uri: string, entry: Kept): Promise<Outcome<readonly PublicKey[]>> => {
    const now = clock().getTime()
    entry.askedAt = now
    const fetched = await fetch(uri)
    if (fetched.ok) {
      entry.keys = fetched.value
      entry.fetchedAt = now
    }
    return fetched
  }

  return {
    fetch,
    async keysOf({ jwksUri, jwks }, fits) {
      if (jwksUri === null) {
        const own = jwks as object
        const keys = given.get(own) ?? usableKeys(own)
        given.set(own, keys)
        return success(keys)
      }
      const entry = entryOf(jwksUri)
      const now = clock().getTime()
      const age = now - entry.fetchedAt
      if (age < freshMs && fits(entry.keys)) return success(entry.keys)
      if (entry.underWay === null && now - entry.askedAt >= askAgainMs)
        entry.underWay = refresh(jwksUri, entry).finally(() => {
          entry.underWay = null
        })
      const fetched = await (entry.underWay ?? success(entry.keys))
      if (now - entry.fetchedAt < staleMs) return success(entry.keys)
      return fetched.ok ? noKeys : fetched
    },
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const noKeys = failure('service_reply_invalid', {
  message: 'The address of the public keys gives no key set with a key that can be used.',
})
