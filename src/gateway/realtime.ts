import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { errorShapes } from '../dialects/errors.ts'
import { makeRealtimeUsage } from '../dialects/realtime.ts'
import type { Usage } from '../metering/usage.ts'
import { type Fault, failure, fault, type Outcome, statusOf, success } from '../kit/fault.ts'
import type { Candidate } from '../routing/route.ts'
import { fillPath, wireModelOf } from '../services/address.ts'
import { budgetsFor } from './budgeted.ts'
import type { Caller } from './callers.ts'
import { fromWhere } from './decide.ts'
import { makeCredentials } from './dispatch.ts'
import { makeEnter } from './enter.ts'
import { makeFitSession } from './fit.ts'
import { pathOf } from './service-paths.ts'
import { beginOperation, type Operation, useOf } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { makePlan } from './plan.ts'
import { receiptHeaders } from './reply.ts'
import { type Finish, makeSettle } from './settle.ts'

/** Larger than any frame of OpenAI's, which takes audio in pieces of at most 15 MiB. */
const maximumFrameBytes = 16 * 1024 * 1024
/** Bytes that may wait for a slow side before the other one is paused. */
const highWaterBytes = 1024 * 1024
const openTimeoutMs = 15_000
/** OpenAI ends a session after an hour. */
const sessionMs = 60 * 60_000
const path = '/v1/realtime'

export interface Realtime {
  /** Answers an upgrade, of whatever path. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Ends every session; each is on record before its last frame. */
  close(): void
}

/**
 * WS /v1/realtime: frames go both ways untouched, and what the service reports is added up. One session is one operation;
 * it runs on own keys only (docs/decisions/0031-sessions-and-batches-on-own-keys.md).
 */
export const makeRealtime = (parts: GatewayParts): Realtime => {
  const { addressOf, admission, callers, catalogue, counters, epoch, keyUses, keys, log, outbound, prices } =
    parts
  const settle = makeSettle(parts)
  const credentialsFor = makeCredentials(parts)
  const planning = makePlan(parts)
  const enter = makeEnter(parts)
  const fitSession = makeFitSession(parts)
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: maximumFrameBytes,
    handleProtocols: () => 'realtime',
  })
  const sessions = new Set<WebSocket>()

  const plan = async (
    operation: Operation,
    request: IncomingMessage,
  ): Promise<Outcome<{ caller: Caller; candidates: readonly Candidate[] }>> => {
    const url = new URL(request.url ?? '/', 'http://gateway')
    if (url.pathname !== path) return failure('unknown_route')
    const found = await callers.identify(withSubprotocolToken(request.headers))
    const caller = fromWhere(found, request, addressOf)
    if (!caller.ok) return caller
    operation.caller = caller.value
    const model = url.searchParams.get('model') ?? ''
    if (model === '') return failure('invalid_request', { message: 'model is missing.', field: 'model' })
    operation.priceBook = prices.current()
    const asked = request.headers['x-aideon-fallback'] as string | undefined
    const wanted = { endpoint: 'realtime', model } as const
    const route = planning.plan(
      caller.value,
      await planning.requestFor(operation, caller.value, wanted, asked, operation.priceBook),
    )
    if (!route.ok) return route
    const own = route.value.candidates.filter((candidate) => candidate.serviceKey.owner !== 'system')
    return own.length > 0
      ? success({ caller: caller.value, candidates: own })
      : failure('unpriced_option', {
          message: 'A realtime session cannot run on system keys.',
          next: 'Add your own key for the service.',
          field: 'model',
        })
  }

  /** An open connection to the service, or what kept it from opening. */
  const connect = async (operation: Operation, candidate: Candidate): Promise<Outcome<WebSocket>> => {
    const { service, serviceKey, model } = candidate
    const base = catalogue.baseUrlOf(service.id, serviceKey.baseUrl, serviceKey.settings)
    const template = service.endpoints.realtime
    if (base === null || template === undefined) return failure('service_unreachable')
    const url = new URL(
      base +
        fillPath(template, {
          ...serviceKey.settings,
          model: wireModelOf(service, model, serviceKey.settings),
        }),
    )
    const lookup = outbound.lookupFor(url.href)
    if (!lookup.ok) return lookup
    const credentials = await credentialsFor(service, serviceKey)
    if (!credentials.ok) return credentials
    const unsigned = { method: 'GET', url, headers: {}, body: Buffer.alloc(0), at: new Date() }
    const headers = {
      'user-agent': 'aideon-keys',
      ...(await service.authenticate(credentials.value, unsigned)),
    }
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    const startedMs = performance.now()
    const note = (
      outcome: 'ok' | 'unauthorized' | 'limited' | 'service' | 'unreachable',
      httpStatus: number | null,
    ) =>
      operation.attempts.push({
        serviceId: service.id,
        model,
        keyOwner: serviceKey.owner,
        serviceKeyId: serviceKey.id,
        keyPriority: serviceKey.priority,
        reason: candidate.reason,
        outcome,
        httpStatus,
        durationMs: Math.round(performance.now() - startedMs),
      })
    return new Promise((done) => {
      const socket = new WebSocket(url, {
        headers,
        lookup: lookup.value,
        followRedirects: false,
        perMessageDeflate: false,
        maxPayload: maximumFrameBytes,
        handshakeTimeout: openTimeoutMs,
      })
      // Frames may follow the handshake at once; nobody listens before the caller's side is open.
      socket.once('open', () => {
        socket.pause()
        note('ok', 101)
        keys.report(serviceKey, { kind: 'ok' })
        done(success(socket))
      })
      socket.once('unexpected-response', (_, reply) => {
        const status = reply.statusCode ?? 0
        reply.destroy()
        const said = service.readFailure(status, '')
        const failed = said.kind === 'unauthorized' || said.kind === 'limited' ? said.kind : 'service'
        note(failed, status)
        keys.report(serviceKey, said)
        done(
          failure(
            failed === 'unauthorized'
              ? 'service_key_refused'
              : failed === 'limited'
                ? 'service_overloaded'
                : 'service_error',
          ),
        )
      })
      socket.once('error', () => {
        note('unreachable', null)
        done(failure('service_unreachable'))
      })
    })
  }

  /** The caller's side, or null: the handshake is none, or the caller is gone. */
  const openCaller = (operation: Operation, request: IncomingMessage, socket: Duplex, head: Buffer) =>
    new Promise<WebSocket | null>((done) => {
      const addReceipt = (headers: string[]) => {
        const pairs = receiptHeaders(operation, 0n)
        for (let at = 0; at < pairs.length; at += 2) headers.push(`${pairs[at]}: ${pairs[at + 1]}`)
      }
      server.once('headers', addReceipt)
      socket.once('close', () => done(null))
      server.handleUpgrade(request, socket, head, done)
      // A handshake that is refused would leave it to the next session.
      server.off('headers', addReceipt)
    })

  const run = async (
    operation: Operation,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> => {
    const planned = await plan(operation, request)
    if (!planned.ok) return refuse(socket, operation, planned.fault)
    const place = await enter(operation, { caller: planned.value.caller, request: null })
    if (!place.ok) return refuse(socket, operation, place.fault)
    operation.budgets = await budgetsFor(parts, planned.value.caller)
    let last: Outcome<WebSocket> = failure('service_unreachable')
    for (const candidate of planned.value.candidates) {
      operation.candidate = candidate
      operation.reason = candidate.reason
      const fits = await fitSession.begin(operation, planned.value.caller, candidate)
      last = fits.ok ? await connect(operation, candidate) : fits
      if (last.ok) break
    }
    const finish = settle(operation)
    if (!last.ok) {
      await finish({
        status: 'failed',
        httpStatus: statusOf(last.fault),
        fault: last.fault,
        usage: null,
        usageSource: 'none',
      })
      return refuse(socket, operation, last.fault)
    }
    operation.isAnswered = true
    const service = last.value
    if (socket.destroyed) return endUnopened(finish, service)
    const caller = await openCaller(operation, request, socket, head)
    if (caller === null) return endUnopened(finish, service)
    operation.firstByteMs = Math.round(performance.now() - operation.startedMs)
    sessions.add(caller)
    const { candidate } = operation
    const mayGoOn = (used: Usage) =>
      candidate === null ? null : fitSession.refusal(operation, planned.value.caller, candidate, used)
    const { usage, refusal } = await relay(caller, service, mayGoOn)
    const total = usage.total()
    const committed = await finish({
      status: refusal === null ? 'succeeded' : 'failed',
      httpStatus: 101,
      fault: refusal,
      usage: total,
      usageSource: total === null ? 'none' : 'reported',
    })
    sessions.delete(caller)
    // A policy of ours ended it: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
    caller.close(committed ? (refusal === null ? 1000 : 1008) : 1011)
  }

  return {
    upgrade(request, socket, head) {
      socket.on('error', () => socket.destroy())
      const operation = beginOperation(
        {
          kind: 'operation',
          endpoint: 'realtime',
          dialect: 'openai',
          method: 'GET',
          pathModel: null,
          service: null,
        },
        epoch.current(),
      )
      if (pathOf(request.url ?? '/') !== path) return refuse(socket, operation, fault('unknown_route'))
      const full = admission.enter()
      if (full !== null) return refuse(socket, operation, full)
      const use = keyUses.enter(useOf(operation))
      run(operation, request, socket, head)
        .catch((error: unknown) => {
          log.error({ err: error, operationId: operation.id }, 'a realtime session failed unexpectedly')
          socket.destroy()
        })
        .finally(() => {
          keyUses.leave(use)
          counters.ended(operation, 101)
          admission.leave()
        })
    },
    close() {
      for (const session of sessions) session.close(1001)
    },
  }
}

const endUnopened = async (finish: Finish, service: WebSocket): Promise<void> => {
  service.terminate()
  await finish({ status: 'cancelled', httpStatus: 499, fault: null, usage: null, usageSource: 'none' })
}

interface Relayed {
  readonly usage: ReturnType<typeof makeRealtimeUsage>
  /** Why it was ended by us; null: a side ended it. */
  readonly refusal: Fault | null
}

/** Frames both ways until either side ends, or what was used may not be more; the slower side sets the pace. */
const relay = (
  caller: WebSocket,
  service: WebSocket,
  refusalOf: (used: Usage) => Promise<Fault | null> | null,
): Promise<Relayed> =>
  new Promise((done) => {
    const usage = makeRealtimeUsage()
    const timer = setTimeout(() => end(null), sessionMs)
    let hasEnded = false
    let looked: Usage | null = null
    // What budgets are asked is over before the record, which gives back what was reserved until then.
    let looking = Promise.resolve()
    const end = (refusal: Fault | null) => {
      if (hasEnded) return
      hasEnded = true
      clearTimeout(timer)
      service.close()
      void looking.then(() => done({ usage, refusal }))
    }
    const look = async (): Promise<void> => {
      const used = usage.total()
      if (hasEnded || used === null || used === looked) return
      looked = used
      const refusal = await refusalOf(used)
      if (refusal === null || hasEnded) return
      if (caller.readyState === WebSocket.OPEN) caller.send(JSON.stringify(errorEvent(refusal)))
      end(refusal)
    }
    const pass = (from: WebSocket, to: WebSocket) => (frame: Buffer, isBinary: boolean) => {
      if (to.readyState !== WebSocket.OPEN) return
      to.send(frame, { binary: isBinary }, () => {
        if (from.isPaused && to.bufferedAmount < highWaterBytes) from.resume()
      })
      if (to.bufferedAmount >= highWaterBytes) from.pause()
    }
    service.on('message', (frame: Buffer, isBinary: boolean) => {
      if (!isBinary) usage.read(frame.toString('utf8'))
      pass(service, caller)(frame, isBinary)
      // What could not be asked is asked with the next report.
      if (usage.total() !== looked) looking = looking.then(look).catch(() => {})
    })
    caller.on('message', pass(caller, service))
    service.once('close', () => end(null))
    caller.once('close', () => end(null))
    for (const socket of [service, caller]) socket.on('error', () => socket.terminate())
    service.resume()
  })

/** As OpenAI tells of errors within a session. */
const errorEvent = ({ code, message, next }: Fault) => ({
  type: 'error',
  event_id: `event_${code}`,
  error: { type: 'insufficient_quota', code, message: `${message} ${next}`, param: null, event_id: null },
})

/** Browsers cannot set headers on a WebSocket; OpenAI's clients put the key into a subprotocol there. */
const tokenProtocol = 'openai-insecure-api-key.'

const withSubprotocolToken = (headers: IncomingMessage['headers']): IncomingMessage['headers'] => {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  const token = offered.find((name) => name.startsWith(tokenProtocol))?.slice(tokenProtocol.length)
  return token === undefined || headers.authorization !== undefined
    ? headers
    : { ...headers, authorization: `Bearer ${token}` }
}

/** A plain HTTP refusal, before anything was upgraded. */
const refuse = (socket: Duplex, operation: Operation, refusal: Fault): void => {
  operation.faultCode = refusal.code
  const body = errorShapes.openai(refusal, operation.id)
  const pairs = receiptHeaders(operation, 0n)
  const receipt = pairs
    .flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${pairs[at + 1]}\r\n`] : []))
    .join('')
  socket.end(
    `HTTP/1.1 ${statusOf(refusal)} Refused\r\nconnection: close\r\ncontent-type: application/json\r\n${receipt}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
