import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { networkOf } from '../kit/network.ts'

export interface InboundLimits {
  /** Connections of one address at once. */
  readonly connectionsPerAddress: number
  /** A connection without a request is ended after this. */
  readonly keepAliveMs: number
  /** Whoever takes next to nothing of what waits for them is let go after this. */
  readonly stalledMs: number
}

interface Watched {
  /** Requests whose replies are not over. */
  underWay: number
  since: number
  /** Bytes that had left when `since` was. */
  left: number
}

/** Requests that a connection may send ahead of their replies; clients that pipeline at all send a few. */
const mostAhead = 64
/** Less than this in a whole time limit is no reading: 140 bytes a second with the usual two minutes. */
const leastProgressBytes = 16 * 1024

/**
 * Looks after connections where Node's own time limits do not: those are begun anew by every byte that comes in, be it an empty
 * line between two requests, or a byte of a reply that goes out. Sockets cost memory and file handles before a word is said, so
 * they are limited for each address, too.
 */
export const watchConnections = (server: Server, limits: InboundLimits) => {
  const all = new Map<Socket, Watched>()
  const perAddress = new Map<string, number>()

  server.on('connection', (socket: Socket) => {
    const network = networkOf(socket.remoteAddress ?? '')
    const count = (perAddress.get(network) ?? 0) + 1
    if (count > limits.connectionsPerAddress) return void socket.destroy()
    perAddress.set(network, count)
    all.set(socket, { underWay: 0, since: performance.now(), left: 0 })
    socket.once('close', () => {
      all.delete(socket)
      const others = (perAddress.get(network) ?? 1) - 1
      if (others > 0) perAddress.set(network, others)
      else perAddress.delete(network)
    })
  })

  const tick = () => {
    const now = performance.now()
    for (const [socket, watched] of all) if (isOver(socket, watched, limits, now)) socket.destroy()
  }
  const everyMs = Math.min(5_000, Math.ceil(Math.min(limits.keepAliveMs, limits.stalledMs) / 4))
  const timer = setInterval(tick, everyMs).unref()
  server.on('close', () => clearInterval(timer))

  return {
    /** False: the connection is over, and nothing that it sent ahead is served. */
    began(request: IncomingMessage, response: ServerResponse): boolean {
      const watched = all.get(request.socket)
      if (watched === undefined) return !request.socket.destroyed
      watched.underWay += 1
      if (watched.underWay > mostAhead) request.socket.destroy()
      if (request.socket.destroyed) return false
      response.once('close', () => {
        watched.underWay -= 1
        watched.since = performance.now()
      })
      return true
    },
    /** It speaks another protocol from now on, with limits of its own. */
    upgraded: (socket: Socket) => void all.delete(socket),
  }
}

const isOver = (socket: Socket, watched: Watched, limits: InboundLimits, now: number): boolean => {
  if (socket.writableLength > 0) {
    const left = socket.bytesWritten - socket.writableLength
    if (left - watched.left < leastProgressBytes) return now - watched.since > limits.stalledMs
    watched.left = left
    watched.since = now
    return false
  }
  if (watched.underWay > 0) watched.since = now
  return now - watched.since > limits.keepAliveMs
}

/**
 * Only WebSockets change the protocol. What offers another one (h2c, as some HTTP clients do on every request) is an ordinary
 * request: a server may ignore the offer (RFC 9110, 7.8).
 */
export const isWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' &&
  headers.upgrade?.trim().toLowerCase() === 'websocket' &&
  headers['content-length'] === undefined &&
  headers['transfer-encoding'] === undefined

/**
 * A coding beside `chunked`, and any in HTTP/1.0, whose proxies do not know it and see another end of the body (RFC 9112, 6.1).
 * Node takes both.
 */
export const isOddlyCoded = ({ headers, httpVersionMinor }: IncomingMessage): boolean => {
  const coding = headers['transfer-encoding']
  return coding !== undefined && (httpVersionMinor === 0 || coding.trim().toLowerCase() !== 'chunked')
}

/**
 * Of several Host headers Node takes the first, and whatever stands in front may take another (RFC 9112, 3.2: to be refused).
 */
export const hasSeveralHosts = ({ rawHeaders }: IncomingMessage): boolean => {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts > 1
}
