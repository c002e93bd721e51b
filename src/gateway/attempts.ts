import type { IncomingMessage } from 'node:http'
import { failure, fault, type Outcome, success } from '../kit/fault.ts'
import { type AttemptResult, makeAttempt } from './attempt.ts'
import type { Decision } from './decide.ts'
import type { Cancellation } from './exchange.ts'
import { makeEnterKey } from './enter.ts'
import { makeHold } from './hold.ts'
import type { Candidate } from '../routing/route.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { sharedService } from '../routing/shared-service.ts'

/**
 * The route's candidates one after the other until one answers or refuses for good. Credits are held before the first
 * system key is used, and only then: an operation that ends on an own key never touches the ledger.
 */
export const makeAttempts = (parts: GatewayParts) => {
  const attempt = makeAttempt(parts)
  const hold = makeHold(parts)
  const enterKey = makeEnterKey(parts)
  /** Of what is half-open, one operation at a time finds out whether it is back. */
  const mayTry = ({ serviceKey, health }: Candidate): boolean | Promise<boolean> =>
    health === 'ok' || parts.health.claimProbe(sharedService(serviceKey), serviceKey.id)

  const tryOn = (
    operation: Operation,
    candidate: Candidate,
    { headers }: IncomingMessage,
    cancellation: Cancellation,
  ) => {
    operation.candidate = candidate
    return attempt(operation, candidate, headers, cancellation)
  }

  return async (
    operation: Operation,
    decision: Decision,
    incoming: IncomingMessage,
    cancellation: Cancellation,
  ): Promise<Outcome<AttemptResult>> => {
    let last: Outcome<AttemptResult> | null = null
    let refusal: Outcome<never> | null = null
    let full: Outcome<never> | null = null
    let refused: Candidate | null = null
    let ownKeyFailed = false
    for (const candidate of decision.route.candidates) {
      const isSystem = candidate.serviceKey.owner === 'system'
      // Another key at the same price would be refused for the same reason.
      if (isSystem && refused !== null && isSameOffer(refused, candidate)) continue
      const reasonBefore = operation.reason
      operation.reason = isSystem && ownKeyFailed ? 'system-key-own-key-failed' : candidate.reason
      if (isSystem) {
        const held = await hold(operation, decision, candidate)
        if (!held.ok) {
          operation.reason = reasonBefore
          refused = candidate
          refusal ??= held
          continue
        }
      }
      if (cancellation.cancelled) return last ?? success(goneBefore)
      const found = enterKey(decision, candidate)
      const place = found instanceof Promise ? await found : found
      if (!place.ok) {
        operation.reason = reasonBefore
        full ??= place
        continue
      }
      const result = (await mayTry(candidate))
        ? await tryOn(operation, candidate, incoming, cancellation)
        : null
      if (result?.kind === 'reply') {
        operation.passes.push(place.value)
        return success(result)
      }
      place.value.end(0)
      if (result === null) continue
      if (result.final) return success(result)
      ownKeyFailed ||= !isSystem
      last = success(result)
    }
    // What a service said matters more than that there are no credits either.
    return last ?? refusal ?? full ?? busy
  }
}

/** Every candidate is being tried by somebody else. */
const busy = failure('service_overloaded', { retryAfterSeconds: 1 })

const isSameOffer = (a: Candidate, b: Candidate): boolean => a.service === b.service && a.model === b.model

/** The caller hung up before anything went out. */
const goneBefore: AttemptResult = {
  kind: 'failed',
  final: true,
  fault: fault('service_timeout'),
  reply: null,
}
