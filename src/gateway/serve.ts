import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDatabaseUnavailable } from '../db/database.ts'
import { type Fault, fault, statusOf } from '../kit/fault.ts'
import { type AttemptResult, mayRelay, statusOfFailure } from './attempt.ts'
import { makeAttempts } from './attempts.ts'
import { makeAuthenticate, makeDecide } from './decide.ts'
import { targetOf } from './endpoints.ts'
import { cancellationOf } from './exchange.ts'
import { sendModels } from './models.ts'
import { beginOperation, type Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { cancelledEnding, isStream, relayStream, relayWhole } from './relay.ts'
import { sendFault, sendServiceReply } from './reply.ts'
import { type Finish, makeSettle } from './settle.ts'

/**
 * One operation, from its first byte in to its last byte out; ARCHITECTURE.md draws it with the faults of each stage:
 * authenticate → decide → plan route → hold → attempt loop → relay → measure → settle → receipt. A stage that fails
 * ends the operation with a fault in the caller's dialect. Nothing is held or charged before `hold`, and nothing is
 * retried after the first byte to the caller.
 */
export const makeServe = (parts: GatewayParts) => {
  const { admission, counters, limits, log } = parts
  const authenticate = makeAuthenticate(parts)
  const decide = makeDecide(parts)
  const attempts = makeAttempts(parts)
  const settle = makeSettle(parts)

  const run = async (
    operation: Operation,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const caller = await authenticate(operation, incoming)
    if (!caller.ok) return sendFault(response, operation, caller.fault)
    if (operation.target.kind === 'models') return sendModels(parts, operation, caller.value, response)

    const finish = settle(operation)
    const decision = await decide(operation, caller.value, incoming)
    if (!decision.ok) return refuse(operation, response, decision.fault, finish)

    const cancellation = cancellationOf(response, limits.totalTimeoutMs)
    try {
      const result = await attempts(operation, decision.value, incoming, cancellation)
      if (!result.ok) return await refuse(operation, response, result.fault, finish)
      if (cancellation.cancelled) return void (await finish(cancelledEnding(decision.value.request)))
      if (result.value.kind === 'failed') return await fail(operation, response, result.value, finish)

      const { exchange } = result.value
      const relay = isStream(exchange) ? relayStream : relayWhole
      await relay(operation, decision.value.request, exchange, response, limits, cancellation, finish)
    } finally {
      cancellation.end()
    }
  }

  return async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const operation = beginOperation(targetOf(incoming.url ?? '/', incoming.headers))
    const refusal = admission.enter()
    if (refusal !== null) return sendFault(response, operation, refusal)
    try {
      await run(operation, incoming, response)
    } catch (error) {
      log.error({ err: error, operationId: operation.id }, 'an operation failed unexpectedly')
      if (response.headersSent) response.destroy()
      else
        sendFault(
          response,
          operation,
          fault(isDatabaseUnavailable(error) ? 'database_unavailable' : 'internal'),
        )
    } finally {
      counters.ended(operation, response.statusCode)
      admission.leave()
    }
  }
}

const refuse = async (
  operation: Operation,
  response: ServerResponse,
  refusal: Fault,
  finish: Finish,
): Promise<void> => {
  await finish({
    status: 'refused',
    httpStatus: statusOf(refusal),
    fault: refusal,
    usage: null,
    usageSource: 'none',
  })
  sendFault(response, operation, refusal)
}

/** Every attempt failed: the last service's own words where they are the caller's business, else ours. */
const fail = async (
  operation: Operation,
  response: ServerResponse,
  failed: AttemptResult & { kind: 'failed' },
  finish: Finish,
): Promise<void> => {
  const httpStatus = statusOfFailure(failed.reply, failed.fault)
  await finish({ status: 'failed', httpStatus, fault: failed.fault, usage: null, usageSource: 'none' })
  if (failed.reply !== null && mayRelay(failed.reply, failed.fault))
    sendServiceReply(response, operation, failed.reply)
  else sendFault(response, operation, failed.fault)
}
