/**
 * waiting → processed | ignored | failed. Ignored: not about a payment of ours. Failed: given up, until an administrator
 * sends it round again.
 */
export type NoticeState = 'waiting' | 'processed' | 'ignored' | 'failed'

/** Something that Stripe told us, and what became of it. */
export interface ProviderNotice {
  readonly id: string
  readonly type: string
  readonly objectId: string
  readonly occurredAt: Date
  readonly receivedAt: Date
  /** `list`: no webhook came; we found it ourselves. */
  readonly source: 'webhook' | 'list'
  readonly deliveries: number
  readonly state: NoticeState
  readonly attempts: number
  /** Null: not waiting. */
  readonly nextAttemptAt: Date | null
  readonly processedAt: Date | null
  readonly paymentId: string | null
  readonly outcome: string | null
  readonly error: string | null
}

export interface NoticeFilter {
  readonly state?: NoticeState | undefined
  readonly paymentId?: string | undefined
  /** The id of the last of the page before. */
  readonly before?: string | null | undefined
}

const pausesSeconds = [10, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400, 86_400]

/** Seconds until the next attempt after so many; null: enough. About three days and a half, as long as Stripe tries. */
export const pauseAfter = (attempts: number): number | null => pausesSeconds[attempts - 1] ?? null
