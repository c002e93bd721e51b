import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import { type Count, countRequests, forgetRequests } from './store.ts'

/** Requests to /api a minute; whoever is not signed in is counted by network. */
export interface RequestQuotas {
  readonly session: number
  readonly user: number
  readonly address: number
}

/** Whose requests: `session` may also be an access token. */
export type Counted = { readonly [Name in keyof RequestQuotas]?: string }

export interface Standing {
  /** `ratelimit-policy` and `ratelimit` of the IETF draft. */
  readonly headers: Readonly<Record<string, string>>
  /** Null: the request may go on. */
  readonly retryAfterSeconds: number | null
}

export interface RequestLimits {
  count(counted: Counted): Promise<Standing>
  sweep(): Promise<void>
}

const windowSeconds = 60
const mostRemembered = 10_000

/**
 * Fixed windows, counted by all processes together. What is over its quota is remembered here until its window ends, so that
 * a flood costs the database nothing more.
 */
export const makeRequestLimits = (parts: {
  database: Database
  clock: Clock
  quotas: RequestQuotas
}): RequestLimits => {
  const { database, clock, quotas } = parts
  const full = new Map<string, Count>()

  const remembered = (bucket: string, now: Date): Count | undefined => {
    const known = full.get(bucket)
    if (known !== undefined && known.expiresAt <= now) full.delete(bucket)
    return full.get(bucket)
  }

  const remember = (count: Count): void => {
    full.delete(count.bucket)
    full.set(count.bucket, count)
    const oldest = full.keys().next()
    if (full.size > mostRemembered && !oldest.done) full.delete(oldest.value)
  }

  return {
    async count(counted) {
      const now = clock()
      const kinds = (Object.keys(quotas) as (keyof RequestQuotas)[]).filter(
        (kind) => counted[kind] !== undefined,
      )
      const bucketOf = (kind: keyof RequestQuotas) => `${kind}:${counted[kind]}`
      const known = kinds.flatMap((kind) => remembered(bucketOf(kind), now) ?? [])
      const counts =
        known.length > 0
          ? known
          : await countRequests(
              database,
              kinds.map(bucketOf),
              now,
              new Date(now.getTime() + windowSeconds * 1000),
            )
      const standings = kinds.flatMap((kind) => {
        const found = counts.find(({ bucket }) => bucket === bucketOf(kind))
        return found ? [standingOf(kind, quotas[kind], found, now)] : []
      })
      for (const { isFull, found } of standings) if (isFull) remember(found)
      return summary(standings)
    },
    sweep: () => forgetRequests(database, clock()),
  }
}

const standingOf = (kind: string, quota: number, found: Count, now: Date) => ({
  kind,
  quota,
  found,
  isFull: found.count > quota,
  left: Math.max(0, quota - found.count),
  resetSeconds: Math.max(1, Math.ceil((found.expiresAt.getTime() - now.getTime()) / 1000)),
})

const summary = (standings: readonly ReturnType<typeof standingOf>[]): Standing => {
  const full = standings.filter(({ isFull }) => isFull)
  return {
    headers: {
      'ratelimit-policy': standings
        .map(({ kind, quota }) => `"${kind}";q=${quota};w=${windowSeconds}`)
        .join(', '),
      ratelimit: standings
        .map(({ kind, left, resetSeconds }) => `"${kind}";r=${left};t=${resetSeconds}`)
        .join(', '),
    },
    retryAfterSeconds: full.length === 0 ? null : Math.max(...full.map(({ resetSeconds }) => resetSeconds)),
  }
}
