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
  /** From the first attempt to the last byte. */
  readonly totalTimeoutMs: number
  readonly maximumConcurrentOperations: number
}
