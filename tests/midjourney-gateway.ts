import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { makeAdmission } from '../src/gateway/admission.ts'
import { makeCallers } from '../src/gateway/callers.ts'
import { makeCounters } from '../src/gateway/counters.ts'
import { makeAuthenticate, makeDecide } from '../src/gateway/decide.ts'
import { type MidjourneyParts, makeMidjourney } from '../src/gateway/midjourney.ts'
import { makeMidjourneyImages } from '../src/gateway/midjourney-images.ts'
import { beginOperation } from '../src/gateway/operation.ts'
import { sendFault } from '../src/gateway/reply.ts'
import { makeSettle } from '../src/gateway/settle.ts'
import type { Clock } from '../src/kit/clock.ts'
import { must } from '../src/kit/fault.ts'
import { type LongOperations, makeLongOperations } from '../src/long-operations/long-operations.ts'
import type { Timing } from '../src/long-operations/progress.ts'
import { makeCallerAddress } from '../src/net/caller-address.ts'
import type { Rooms } from '../src/rooms.ts'
import { setOwnPrice } from './set-price.ts'

/** Long operations in a hurry. */
export const quick: Partial<Timing> = {
  tickMs: 20,
  askMs: [[3_600_000, 40]],
  longestAskMs: 40,
  lastAskMs: 200,
  freshMs: 20,
  deliveryMs: [50, 100, 200],
}

export interface MidjourneyGateway extends AsyncDisposable {
  readonly url: string
  readonly longOperations: LongOperations
}

/** The gateway's part for tasks with its own timing, on the rooms of a gateway. */
export const openMidjourney = async (
  rooms: Rooms,
  timing: Partial<Timing> = quick,
  clock: Clock = rooms.clock,
): Promise<MidjourneyGateway> => {
  // The gateway's own, at its own pace, would take tasks away.
  await rooms.longOperations.close()
  const longOperations = makeLongOperations({ ...rooms, timing, clock })
  const admission = makeAdmission(1_000)
  const parts = {
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
      totalTimeoutMs: 3_000,
      maximumConcurrentOperations: 1_000,
    },
  } as unknown as MidjourneyParts
  const serve = makeMidjourney(parts)
  const serveImages = makeMidjourneyImages(parts)
  const settle = makeSettle(parts)
  const authenticate = makeAuthenticate(parts)
  const { decide } = makeDecide(parts)
  const server = createServer((incoming, response) => {
    const isImages = incoming.url === '/v1/images/generations'
    const operation = beginOperation(
      {
        kind: 'operation',
        endpoint: isImages ? 'image_generations' : 'midjourney',
        dialect: isImages ? 'openai' : 'midjourney',
        method: incoming.method ?? 'GET',
        pathModel: null,
        service: null,
      },
      0n,
    )
    const finish = settle(operation)
    const run = async () => {
      if (!isImages) return serve(operation, incoming, response, finish)
      const caller = must(await authenticate(operation, incoming))
      const decision = await decide(operation, caller, incoming)
      if (!decision.ok) return sendFault(response, operation, decision.fault)
      await serveImages(operation, decision.value, incoming, response, finish)
    }
    run().catch((error: unknown) => {
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

/** An administrator's prices for tasks, in nano-dollars. */
export const setTaskPrices = async (
  { prices }: Rooms,
  nanoUsd: Readonly<Record<string, bigint>>,
): Promise<void> => {
  for (const [action, each] of Object.entries(nanoUsd)) {
    const unit = `task:${action}`
    await setOwnPrice(prices, {
      serviceId: 'midjourney',
      model: 'midjourney',
      unit,
      nanoUsd: each,
      per: 1n,
    })
  }
}

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly atMs: number
}

/** Whoever a caller names to be told. */
export const openReceiver = async (rooms: Rooms) => {
  const received: Received[] = []
  /** Answers in turn; then 200. */
  const statuses: number[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push({
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
        atMs: performance.now(),
      })
      response.writeHead(statuses.shift() ?? 200).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  rooms.callbacks.allow([host])
  return {
    url: `http://${host}/hook`,
    received,
    statuses,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
