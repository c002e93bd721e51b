import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDatabaseUnavailable } from '../db/database.ts'
import { type Fault, fault, statusOf } from '../kit/fault.ts'
import type { AttemptResult } from './attempt.ts'
import { makeAttempts } from './attempts.ts'
import { makeAuthenticate, makeDecide, wantsExplanation } from './decide.ts'
import { targetOf } from './endpoints.ts'
import { cancellationOf, isStream } from './exchange.ts'
import { makeEnter } from './enter.ts'
import { longCallOf, makeLongCalls } from './long-calls.ts'
import { makeMidjourney } from './midjourney.ts'
import { isMidjourneyImage, makeMidjourneyImages } from './midjourney-images.ts'
import { sendModels } from './models.ts'
import { beginOperation, type Operation, useOf } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { cancelledEnding, relayStream, relayWhole } from './relay.ts'
import { delivered, sendExplanation, sendFault, sendServiceReply } from './reply.ts'
import { type Finish, makeSettle } from './settle.ts'
import { makeWatchNames } from './watch-names.ts'

/**
 * One operation, from its first byte in to its last byte out; ARCHITECTURE.md draws it with the faults of each stage:
 * authenticate → decide → plan route → hold → attempt loop → relay → measure → settle → receipt. A stage that fails
 * ends the operation with a fault in the caller's dialect. Nothing is held or charged before `hold`, and nothing is
 * retried after the first byte to the caller.
 */
export const makeServe = (parts: GatewayParts) => {
  const { admission, counters, epoch, keyUses, limits, log, vault } = parts
  const authenticate = makeAuthenticate(parts)
  const { decide, explain } = makeDecide(parts)
  const enter = makeEnter(parts)
  const attempts = makeAttempts(parts)
  const settle = makeSettle(parts)
  const serveMidjourney = makeMidjourney(parts)
  const serveMidjourneyImage = makeMidjourneyImages(parts)
  const serveLongCall = makeLongCalls(parts)
  const watchNames = makeWatchNames(parts)

  const run = async (
    operation: Operation,
    incoming: IncomingMessage,
    response: ServerResponse,
    finish: Finish,
  ): Promise<void> => {
    const { target } = operation
    if (target.kind === 'operation' && target.endpoint === 'midjourney')
      return serveMidjourney(operation, incoming, response, finish)

    const identified = authenticate(operation, incoming)
    const caller = identified instanceof Promise ? await identified : identified
    if (!caller.ok) return sendFault(response, operation, caller.fault)
    if (target.kind === 'models') return sendModels(parts, operation, caller.value, response)

    const wanted = wantsExplanation(incoming.headers)
    if (!wanted.ok) return sendFault(response, operation, wanted.fault)
    if (wanted.value) {
      const explained = await explain(operation, caller.value, incoming)
      return explained.ok
        ? sendExplanation(response, operation, explained.value)
        : sendFault(response, operation, explained.fault)
    }
    const decision = await decide(operation, caller.value, incoming)
    if (!decision.ok) return refuse(operation, response, decision.fault, finish)
    const sealed = vault.problem()
    if (sealed !== null) return refuse(operation, response, sealed, finish)

    if (isMidjourneyImage(decision.value))
      return serveMidjourneyImage(operation, decision.value, incoming, response, finish)
    const long = longCallOf(operation, decision.value.request)
    if (long !== null) return serveLongCall(operation, decision.value, long, incoming, response, finish)

    const entered = enter(operation, decision.value)
    const place = entered instanceof Promise ? await entered : entered
    if (!place.ok) return refuse(operation, response, place.fault, finish)

    const cancellation = cancellationOf(response, limits.totalTimeoutMs)
    try {
      const result = await attempts(operation, decision.value, incoming, cancellation)
      if (!result.ok) return await refuse(operation, response, result.fault, finish)
      if (cancellation.cancelled)
        return void (await finish(cancelledEnding(operation, decision.value.request)))
      if (result.value.kind === 'failed') return await fail(operation, response, result.value, finish)

      operation.isAnswered = true
      const { request } = decision.value
      const watched = watchNames(operation, request, result.value.exchange, finish)
      const relay = isStream(watched.exchange) ? relayStream : relayWhole
      await relay(operation, request, watched.exchange, response, limits, cancellation, watched.finish)
    } finally {
      cancellation.end()
    }
  }

  return async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const operation = beginOperation(
      targetOf(incoming.url ?? '/', incoming.method ?? 'GET', incoming.headers),
      epoch.current(),
    )
    const refusal = admission.enter()
    if (refusal !== null) {
      sendFault(response, operation, refusal)
      return counters.ended(operation, response.statusCode)
    }
    const finish = settle(operation)
    const use = keyUses.enter(useOf(operation))
    try {
      await run(operation, incoming, response, finish)
    } catch (error) {
      log.error({ err: error, operationId: operation.id }, 'an operation failed unexpectedly')
      await fail(operation, response, unexpected(error), finish)
    } finally {
      // Until then the reply is in our memory, and whoever stops this process would cut it off.
      await delivered(response, limits.idleTimeoutMs)
      keyUses.leave(use)
      counters.ended(operation, response.statusCode)
      admission.leave()
    }
  }
}

const unexpected = (error: unknown) => ({
  fault: fault(isDatabaseUnavailable(error) ? 'database_unavailable' : 'internal'),
  reply: null,
})

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

/** In the last service's own words where they are the caller's business, else in ours. Gives back what was held. */
const fail = async (
  operation: Operation,
  response: ServerResponse,
  { fault: failed, reply }: Pick<AttemptResult & { kind: 'failed' }, 'fault' | 'reply'>,
  finish: Finish,
): Promise<void> => {
  const httpStatus = reply?.status ?? statusOf(failed)
  await finish({ status: 'failed', httpStatus, fault: failed, usage: null, usageSource: 'none' })
  if (response.headersSent) response.destroy()
  else if (reply !== null) sendServiceReply(response, operation, reply)
  else sendFault(response, operation, failed)
}
