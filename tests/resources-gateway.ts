import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { codecOf } from '../src/dialects/codecs.ts'
import { makeAdmission } from '../src/gateway/admission.ts'
import { makeAttempts } from '../src/gateway/attempts.ts'
import { makeCallers } from '../src/gateway/callers.ts'
import { makeCounters } from '../src/gateway/counters.ts'
import { makeAuthenticate } from '../src/gateway/decide.ts'
import { targetOf } from '../src/gateway/endpoints.ts'
import { makeEnter } from '../src/gateway/enter.ts'
import { cancellationOf, isStream } from '../src/gateway/exchange.ts'
import { longCallOf, makeLongCalls } from '../src/gateway/long-calls.ts'
import { beginOperation, type Operation } from '../src/gateway/operation.ts'
import type { GatewayParts } from '../src/gateway/parts.ts'
import { makePlan } from '../src/gateway/plan.ts'
import { bodyTypesOf, readBody } from '../src/gateway/read-body.ts'
import { relayStream, relayWhole } from '../src/gateway/relay.ts'
import { sendFault, sendServiceReply } from '../src/gateway/reply.ts'
import { makeBind } from '../src/gateway/resources.ts'
import { type Finish, makeSettle } from '../src/gateway/settle.ts'
import { makeWatchNames } from '../src/gateway/watch-names.ts'
import { type Fault, fault, must, statusOf } from '../src/kit/fault.ts'
import { type LongOperations, makeLongOperations } from '../src/long-operations/long-operations.ts'
import { decisionText } from '../src/routing/decision.ts'
import { makeCallerAddress } from '../src/net/caller-address.ts'
import type { Rooms } from '../src/rooms.ts'
import { quick } from './midjourney-gateway.ts'

export interface ResourcesGateway extends AsyncDisposable {
  readonly url: string
  readonly longOperations: LongOperations
}

/** The gateway's way of an operation, with long operations at a pace of its own, on the rooms of a gateway. */
export const openResources = async (rooms: Rooms): Promise<ResourcesGateway> => {
  await rooms.longOperations.close()
  const longOperations = makeLongOperations({ ...rooms, timing: quick })
  const admission = makeAdmission(1_000)
  const parts: GatewayParts = {
    ...rooms,
    keys: rooms.serviceKeys,
    rateLimits: rooms.limits,
    longOperations,
    addressOf: makeCallerAddress([]),
    admission,
    counters: makeCounters(admission),
    callers: makeCallers({ ...rooms, keys: rooms.serviceKeys }),
    limits: {
      maximumBodyBytes: 1_000_000,
      maximumReplyBytes: 1_000_000,
      maximumEventBytes: 1_000_000,
      bodyTimeoutMs: 5_000,
      firstByteTimeoutMs: 2_000,
      idleTimeoutMs: 5_000,
      totalTimeoutMs: 5_000,
      maximumConcurrentOperations: 1_000,
    },
  }
  const authenticate = makeAuthenticate(parts)
  const planning = makePlan(parts)
  const bind = makeBind(parts)
  const enter = makeEnter(parts)
  const attempts = makeAttempts(parts)
  const longCall = makeLongCalls(parts)
  const watchNames = makeWatchNames(parts)
  const settle = makeSettle(parts)

  const run = async (
    operation: Operation,
    incoming: IncomingMessage,
    response: ServerResponse,
    finish: Finish,
  ): Promise<void> => {
    const refuse = async (refused: Fault) => {
      const ending = { status: 'refused', httpStatus: statusOf(refused), fault: refused } as const
      await finish({ ...ending, usage: null, usageSource: 'none' })
      sendFault(response, operation, refused)
    }
    const { target } = operation
    const caller = await authenticate(operation, incoming)
    if (!caller.ok || target.kind !== 'operation')
      return sendFault(response, operation, caller.ok ? fault('unknown_route') : caller.fault)
    const { endpoint, pathModel } = target
    const body = must(await readBody(incoming, parts.limits, bodyTypesOf(endpoint)))
    const contentType = incoming.headers['content-type'] ?? 'application/json'
    const parsed = codecOf(endpoint).parse({ endpoint, body, contentType, pathModel })
    if (!parsed.ok) return refuse(parsed.fault)
    const priceBook = rooms.prices.current()
    operation.priceBook = priceBook
    const wanted = await planning.requestFor(operation, caller.value, parsed.value, undefined, priceBook)
    const planned = planning.plan(caller.value, wanted)
    const bound = await bind(operation, caller.value, parsed.value, planned, incoming)
    if (!bound.ok) return refuse(bound.fault)
    const decision = { caller: caller.value, priceBook, ...bound.value }
    operation.request = decision.request
    operation.decision = decisionText(decision.route)
    const long = longCallOf(operation, decision.request)
    if (long !== null) return longCall(operation, decision, long, incoming, response, finish)
    must(await enter(operation, decision))
    const cancellation = cancellationOf(response, parts.limits.totalTimeoutMs)
    const result = await attempts(operation, decision, incoming, cancellation)
    if (!result.ok) return refuse(result.fault)
    if (result.value.kind === 'failed') {
      const { fault: failed, reply } = result.value
      const ending = {
        status: 'failed',
        httpStatus: reply?.status ?? statusOf(failed),
        fault: failed,
      } as const
      await finish({ ...ending, usage: null, usageSource: 'none' })
      return reply === null
        ? sendFault(response, operation, failed)
        : sendServiceReply(response, operation, reply)
    }
    const watched = watchNames(operation, decision.request, result.value.exchange, finish)
    const relay = isStream(watched.exchange) ? relayStream : relayWhole
    await relay(
      operation,
      decision.request,
      watched.exchange,
      response,
      parts.limits,
      cancellation,
      watched.finish,
    )
    cancellation.end()
  }

  const server = createServer((incoming, response) => {
    const operation = beginOperation(
      targetOf(incoming.url ?? '/', incoming.method ?? 'GET', incoming.headers),
      0n,
    )
    run(operation, incoming, response, settle(operation)).catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  longOperations.start()
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    longOperations,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await longOperations.close()
    },
  }
}
