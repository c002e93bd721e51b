import { relative } from '../ui/format.ts'
import type { HealthMatrix, KeyHealth } from '../../src/contract/health.ts'

export type ServiceRow = HealthMatrix['services'][number] & { readonly keys: readonly KeyHealth[] }

export const isPaused = ({ state }: { state: KeyHealth['state'] }): boolean => state !== 'closed'

export const needsAttention = (row: ServiceRow): boolean =>
  isPaused(row) || row.keys.some((key) => isPaused(key) || key.status !== 'active')

/** Each service with its system keys in the order they are tried; what needs attention first, unused services last. */
export const rowsOf = ({ services, systemKeys }: HealthMatrix): ServiceRow[] => {
  const keys = Map.groupBy(systemKeys, (key) => key.serviceId)
  const rank = (row: ServiceRow): number => (needsAttention(row) ? 0 : isUsed(row) ? 1 : 2)
  return services
    .map((service) => ({ ...service, keys: keys.get(service.serviceId) ?? [] }))
    .toSorted((a, b) => rank(a) - rank(b))
}

/** Whether there is anything to be seen of it. */
export const isUsed = (row: ServiceRow): boolean =>
  row.keys.length > 0 || row.ownKeys.total > 0 || row.calls > 0 || isPaused(row)

/** `3 of 40 failed`; whole numbers, because a share of few calls says little. */
export const failureText = ({ calls, failures }: { calls: number; failures: number }): string =>
  calls === 0 ? 'no calls in the last minute' : `${failures} of ${calls} failed in the last minute`

/** When a pause ends, to be read while it passes: nobody waits for a past moment. */
export const soon = (at: string, now: Date): string => {
  const seconds = (new Date(at).getTime() - now.getTime()) / 1000
  if (seconds <= 0) return 'now'
  return seconds < 10 ? 'in a few seconds' : relative(at, now)
}
