import type { Endpoint } from '../services/service.ts'
import type { KeyOwner } from '../policy/control.ts'
import type { Units } from './usage.ts'

export type OperationStatus = 'succeeded' | 'failed' | 'refused' | 'cancelled' | 'interrupted'

/** One operation as the table `operations` keeps it: what was asked, which key paid, what it used and cost. */
export interface OperationRecord {
  readonly organizationId: string
  readonly id: string
  readonly userId: string
  readonly accessTokenId: string
  /** Of the access token. */
  readonly teamId: string | null
  readonly startedAt: Date
  readonly durationMs: number
  readonly firstByteMs: number | null
  readonly endpoint: Endpoint | (string & {})
  readonly streamed: boolean
  readonly status: OperationStatus
  readonly httpStatus: number
  readonly faultCode: string | null
  readonly requestedModel: string | null
  readonly serviceId: string | null
  readonly model: string | null
  readonly keyOwner: KeyOwner | null
  readonly serviceKeyId: string | null
  readonly keyPriority: number | null
  readonly reason: string
  /** Any JSON; one element per attempt. */
  readonly attempts: readonly unknown[]
  readonly inputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWriteTokens: number
  readonly cacheWrite1hTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
  /** What was used beside text tokens. */
  readonly units: Units | null
  /** JSON text: the candidates in their order and what was passed over. */
  readonly decision: string | null
  readonly usageSource: 'reported' | 'estimated' | 'none'
  readonly priceBookVersion: number | null
  readonly costNanoUsd: bigint | null
  readonly heldMicros: bigint
  readonly creditMicros: bigint
}

/** What is known when credits are set aside; enough to write a record if the process dies before the end. */
export type HeldOperation = Pick<
  OperationRecord,
  | 'userId'
  | 'accessTokenId'
  | 'teamId'
  | 'startedAt'
  | 'endpoint'
  | 'streamed'
  | 'requestedModel'
  | 'serviceId'
  | 'model'
  | 'serviceKeyId'
  | 'keyPriority'
  | 'reason'
  | 'priceBookVersion'
>
