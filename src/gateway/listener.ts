import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { isDataPlane } from './endpoints.ts'
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
}

/** One port for both planes: operations on bare node:http, all else on the shell's own handler. */
export const makeListener = (options: ListenerOptions): Server => {
  const { serve, metrics, health, rest } = options
  const server = createServer(
    {
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      // Longer than the 60 s after which common load balancers drop an idle connection, so that they go first.
      keepAliveTimeout: 65_000,
      maxHeaderSize: 16 * 1024,
      noDelay: true,
    },
    (request, response) => {
      const url = request.url ?? '/'
      if (isDataPlane(url)) void serve(request, response)
      else if (pathOf(url) === '/healthz') sendHealth(response, health(), url)
      else if (pathOf(url) === '/metrics') void metrics(request, response)
      else rest(request, response)
    },
  )
  server.on('upgrade', options.upgrade)
  return server
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
