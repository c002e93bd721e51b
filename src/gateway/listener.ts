import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { fault } from '../kit/fault.ts'
import { hasLastAnswer } from '../kit/last-answer.ts'
import { isDataPlane } from './endpoints.ts'
import { hasSeveralHosts, isOddlyCoded, isWebSocket, watchConnections } from './inbound.ts'
import { pathOf } from './service-paths.ts'

export interface ListenerOptions {
  readonly serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  readonly metrics: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  /** 200 when operations are served, 503 while starting or draining, and while the vault is sealed. */
  readonly health: () => 'ok' | 'unavailable' | 'sealed'
  /** Everything that is not the data plane. */
  readonly rest: (request: IncomingMessage, response: ServerResponse) => void
  /** WebSockets. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  /** Whoever does not read their reply for so long is let go. */
  readonly idleTimeoutMs: number
  readonly connectionsPerAddress: number
}

const keepAliveMs = 65_000

/** One port for both planes: operations on bare node:http, all else on the shell's own handler. */
export const makeListener = (options: ListenerOptions): Server => {
  const { serve, metrics, health, rest } = options
  const server = createServer(
    {
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      // Time limits are kept to this; Node looks every 30 s by itself.
      connectionsCheckingInterval: Math.min(2_000, Math.ceil(options.headersTimeoutMs / 4)),
      shouldUpgradeCallback: isWebSocket,
      // Longer than the 60 s after which common load balancers drop an idle connection, so that they go first.
      keepAliveTimeout: keepAliveMs,
      maxHeaderSize: 16 * 1024,
      noDelay: true,
    },
    (request, response) => {
      if (!connections.began(request, response)) return
      // What follows an offer to change the protocol that was not taken up, Node does not read.
      if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false
      if (hasSeveralHosts(request)) return refuse(response, 'There is more than one Host header.')
      if (isOddlyCoded(request))
        return refuse(response, 'No transfer coding but chunked is taken, and none in HTTP of before 1.1.')
      const url = request.url ?? '/'
      if (isDataPlane(url)) void serve(request, response)
      else if (pathOf(url) === '/healthz') sendHealth(response, health(), url)
      else if (pathOf(url) === '/metrics') void metrics(request, response)
      else rest(request, response)
    },
  )
  const connections = watchConnections(server, {
    connectionsPerAddress: options.connectionsPerAddress,
    keepAliveMs,
    stalledMs: options.idleTimeoutMs,
  })
  server.on('upgrade', (request, socket, head) => {
    connections.upgraded(request.socket)
    options.upgrade(request, socket, head)
  })
  return server
}

const refuse = (response: ServerResponse, why: string): void => {
  if (response.socket) hasLastAnswer.add(response.socket)
  response.writeHead(400, { 'content-type': 'application/json', connection: 'close' })
  const { code, message, next } = fault('invalid_request', { message: why })
  response.end(JSON.stringify({ error: { code, message, next } }))
}

/**
 * A sealed process serves no operation, so a load balancer should send them elsewhere; but it is alive and its dashboards
 * work, and nothing is won by starting it again: `?sealed=ok` is for whoever asks that.
 */
const sendHealth = (
  response: ServerResponse,
  status: ReturnType<ListenerOptions['health']>,
  url: string,
): void => {
  const isFine = status === 'ok' || (status === 'sealed' && /[?&]sealed=ok(?:&|$)/.test(url))
  response.writeHead(isFine ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify({ status }))
}
