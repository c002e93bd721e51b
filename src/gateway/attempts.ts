import type { IncomingMessage } from 'node:http'
import { fault, type Outcome, success } from '../kit/fault.ts'
import { type AttemptResult, makeAttempt } from './attempt.ts'
import type { Decision } from './decide.ts'
import type { Cancellation } from './exchange.ts'
import { makeHold } from './hold.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'

/**
 * The route's candidates one after the other until one answers or refuses for good. Credits are held before the first
 * system key is used, and only then: an operation that ends on an own key never touches the ledger.
 */
export const makeAttempts = (parts: GatewayParts) => {
  const attempt = makeAttempt(parts)
  const hold = makeHold(parts)

  return async (
    operation: Operation,
    decision: Decision,
    incoming: IncomingMessage,
    cancellation: Cancellation,
  ): Promise<Outcome<AttemptResult>> => {
    let last: Outcome<AttemptResult> | null = null
    let ownKeyFailed = false
    for (const candidate of decision.route.candidates) {
      const isSystem = candidate.serviceKey.owner === 'system'
      const reasonBefore = operation.reason
      operation.reason = isSystem && ownKeyFailed ? 'system-key-own-key-failed' : candidate.reason
      if (isSystem && operation.heldMicros === 0n) {
        const held = await hold(operation, decision, candidate)
        if (!held.ok) {
          if (last === null) return held
          // What the own key's service said matters more than that there are no credits either.
          operation.reason = reasonBefore
          return last
        }
      }
      if (cancellation.cancelled) return last ?? success(goneBefore)
      operation.candidate = candidate
      const result = await attempt(operation, candidate, incoming.headers, cancellation)
      if (result.kind === 'reply' || result.final) return success(result)
      ownKeyFailed ||= !isSystem
      last = success(result)
    }
    if (last === null) throw new Error('a route has at least one candidate')
    return last
  }
}

/** The caller hung up before anything went out. */
const goneBefore: AttemptResult = {
  kind: 'failed',
  final: true,
  fault: fault('service_timeout'),
  reply: null,
}
