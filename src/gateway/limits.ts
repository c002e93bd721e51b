/** Bounds of the data plane; all have defaults in src/config/. */
export interface GatewayLimits {
  readonly maximumBodyBytes: number
  readonly maximumReplyBytes: number
  /** One event of a stream. */
  readonly maximumEventBytes: number
  /** From the request's headers to the end of its body. */
  readonly bodyTimeoutMs: number
  /** From the attempt's start to the service's first byte; then the next candidate is tried. */
  readonly firstByteTimeoutMs: number
  /** Silence within a reply. */
  readonly idleTimeoutMs: number
  readonly maximumConcurrentOperations: number
}

export const defaultLimits: GatewayLimits = {
  maximumBodyBytes: 32 * 1024 * 1024,
  maximumReplyBytes: 64 * 1024 * 1024,
  maximumEventBytes: 4 * 1024 * 1024,
  bodyTimeoutMs: 60_000,
  firstByteTimeoutMs: 300_000,
  idleTimeoutMs: 120_000,
  maximumConcurrentOperations: 4_000,
}
