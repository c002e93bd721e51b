import type { ApiError } from './error.ts'

const firstWaitMs = 300
const longestWaitMs = 20_000
const temporary: ReadonlySet<number> = new Set([0, 502, 503, 504])

/** Null: not to be tried again. A POST without a key and a PATCH may have taken effect before the reply was lost. */
export const waitBefore = (
  error: Pick<ApiError, 'status' | 'code' | 'retryAfterSeconds'>,
  method: string,
  hasKey: boolean,
  tried: number,
  random: number,
): number | null => {
  const isRepeatable = hasKey || (method !== 'POST' && method !== 'PATCH')
  const wasNotDone = error.status === 429
  const isUnderWay = error.code === 'idempotency_under_way'
  if (!wasNotDone && !isUnderWay && !(temporary.has(error.status) && isRepeatable)) return null
  if (error.retryAfterSeconds !== null) {
    const waitMs = error.retryAfterSeconds * 1000
    return waitMs <= longestWaitMs ? waitMs : null
  }
  // Those who were refused together do not come back together.
  return Math.min(longestWaitMs, firstWaitMs * 2 ** tried) * (0.5 + random / 2)
}
