export const epochChannel = 'aideon_epoch'
export const acknowledgedChannel = 'aideon_ack'

export interface Instant {
  /** Stands still while a machine sleeps on some systems. */
  readonly monotonicMs: number
  /** May be set. */
  readonly wallMs: number
}

/** What is left for clocks that run at different speeds, and for the step from asking to using. */
const margin = 0.1

/** Whether a lease taken at `from` holds, by whichever clock says that more time has gone by. */
export const holdsAt = (from: Instant, now: Instant, leaseMs: number): boolean =>
  Math.max(now.monotonicMs - from.monotonicMs, now.wallMs - from.wallMs) < leaseMs * (1 - margin)

/** In the place of an organization. */
export const everything = '*'

/** `<epoch>:<organization id>` */
export const parseNotice = (payload: string): { epoch: bigint; organizationId: string | null } | null => {
  const match = /^(\d{1,19}):(\S+)$/.exec(payload)
  if (!match) return null
  return {
    epoch: BigInt(match[1] as string),
    organizationId: match[2] === everything ? null : (match[2] as string),
  }
}
