import { connect as connectPlain, isIP, type LookupFunction, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { makeReplyReader, type ReplyHandlers } from './reply-reader.ts'
import { holdForTurn } from './turn.ts'

export interface WireRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** From now to the reply's headers, whatever else comes before them. */
  readonly firstByteTimeoutMs: number
  /** Silence within the reply. */
  readonly idleTimeoutMs: number
}

export interface WireHandlers extends Omit<ReplyHandlers, 'onEnd'> {
  onEnd(): void
  /** Once, and nothing after it; `code` tells time-outs and refused addresses. */
  onError(error: Error): void
}

/** A request under way. */
export interface Sent {
  /** Closes the connection. No handler is called any more. */
  abort(): void
  pause(): void
  resume(): void
}

/**
 * Keep-alive connections to one origin, one request at a time on each: HTTP/1.1 as far as services of the data plane need it,
 * at half the CPU of undici, whose parser, request and pool objects cost more than the bytes.
 */
export interface Connections {
  /** Throws for a request that cannot be written. Nothing is ever sent twice. */
  send(request: WireRequest, handlers: WireHandlers): Sent
  /** Idle connections end now, the others after their reply. */
  close(): void
}

export interface ConnectionsOptions {
  readonly origin: URL
  readonly lookup: LookupFunction
  readonly connectTimeoutMs: number
}

export class TimeoutError extends Error {
  readonly code = 'ERR_SERVICE_TIMEOUT'
}

/** Below what servers commonly keep (nginx 75 s, Node 5 s), so that we let go first. */
const keepIdleMs = 4_000
const longestKeepIdleMs = 60_000
/** Time limits are checked this often, for all connections together. */
const tickMs = 250
/** A body up to this size goes out in one write with its head. */
const joinedBodyBytes = 64 * 1024
const readBufferBytes = 16 * 1024

export const makeConnections = (options: ConnectionsOptions): Connections => {
  const all = new Set<Connection>()
  const idle: Connection[] = []
  const resting: Connection[] = []
  let closed = false
  let ticker: NodeJS.Timeout | null = null
  let session: Buffer | undefined

  const owner: Owner = {
    ...options,
    get session() {
      return session
    },
    keepSession(latest) {
      session = latest
    },
    onIdle(connection) {
      // Only from the next turn on: servers that close after a reply without having said so are noticed until then.
      if (resting.push(connection) === 1) setImmediate(wake)
    },
    onGone(connection) {
      all.delete(connection)
      for (const list of [idle, resting]) {
        const at = list.indexOf(connection)
        if (at !== -1) list.splice(at, 1)
      }
      if (all.size > 0 || ticker === null) return
      clearInterval(ticker)
      ticker = null
    },
  }
  const wake = () => {
    for (const connection of resting.splice(0))
      if (closed) connection.destroy()
      else idle.push(connection)
  }
  const tick = () => {
    const now = performance.now()
    for (const connection of all) connection.check(now)
  }

  return {
    send(request, handlers) {
      const bytes = bytesOf(request, options.origin.host)
      // The last one used is the likeliest to be alive; the others may run out. One that has just been closed is still here.
      let connection = idle.pop()
      while (connection?.isClosed() === true) connection = idle.pop()
      if (connection === undefined) {
        connection = openConnection(owner)
        all.add(connection)
        ticker ??= setInterval(tick, tickMs).unref()
      }
      return connection.send(request, bytes, handlers)
    },
    close() {
      closed = true
      for (const connection of idle.splice(0)) connection.destroy()
    },
  }
}

interface Owner extends ConnectionsOptions {
  readonly session: Buffer | undefined
  keepSession(session: Buffer): void
  onIdle(connection: Connection): void
  onGone(connection: Connection): void
}

interface Connection {
  send(request: WireRequest, bytes: readonly Buffer[], handlers: WireHandlers): Sent
  check(now: number): void
  isClosed(): boolean
  destroy(): void
}

interface Running {
  readonly request: WireRequest
  readonly handlers: WireHandlers
  readonly since: number
  hasHead: boolean
  paused: boolean
}

const openConnection = (owner: Owner): Connection => {
  const reader = makeReplyReader()
  const opened = performance.now()
  let running: Running | null = null
  let ready = false
  let unsent: readonly Buffer[] | null = null
  let quietSince = opened
  let keepMs = keepIdleMs

  const fail = (error: Error) => {
    const failed = running
    running = null
    socket.destroy()
    failed?.handlers.onError(error)
  }
  const write = (bytes: readonly Buffer[]) => {
    holdForTurn(socket)
    for (const part of bytes) socket.write(part)
  }

  const onBytes = (count: number, buffer: Uint8Array): boolean => {
    quietSince = performance.now()
    try {
      reader.push((buffer as Buffer).subarray(0, count))
    } catch (error) {
      fail(error as Error)
    }
    return running?.paused !== true
  }
  const socket = openSocket(
    owner,
    { buffer: Buffer.allocUnsafeSlow(readBufferBytes), callback: onBytes },
    () => {
      ready = true
      if (unsent !== null) write(unsent)
      unsent = null
    },
  )
  socket.on('error', fail)
  socket.on('end', () => {
    // Gone before its last bytes are written: nobody may be given it meanwhile.
    owner.onGone(connection)
    if (running === null) return void socket.destroy()
    try {
      reader.end()
    } catch (error) {
      fail(error as Error)
    }
  })
  socket.on('close', () => {
    owner.onGone(connection)
    if (running !== null) fail(new Error('The connection was closed.'))
  })

  const replyHandlers: ReplyHandlers = {
    onHead(status, headers) {
      if (running === null) return
      running.hasHead = true
      keepMs = keepTime(headers['keep-alive'])
      running.handlers.onHead(status, headers)
    },
    onBody: (chunk) => running?.handlers.onBody(chunk),
    onEnd(reusable) {
      const done = running
      if (done === null) return
      running = null
      // A reply that came before its request was sent whole leaves the rest of it in the way.
      if (reusable && socket.writableLength === 0 && keepMs > 0) {
        if (done.paused) socket.resume()
        owner.onIdle(connection)
      } else socket.destroy()
      done.handlers.onEnd()
    },
  }

  const connection: Connection = {
    send(request, bytes, handlers) {
      const mine: Running = { request, handlers, since: performance.now(), hasHead: false, paused: false }
      running = mine
      quietSince = mine.since
      reader.begin(replyHandlers, request.method !== 'HEAD')
      if (ready) write(bytes)
      else unsent = bytes
      return {
        abort() {
          if (running !== mine) return
          running = null
          socket.destroy()
        },
        pause() {
          if (running !== mine) return
          mine.paused = true
          socket.pause()
        },
        resume() {
          if (running !== mine) return
          mine.paused = false
          quietSince = performance.now()
          socket.resume()
        },
      }
    },
    check(now) {
      if (running === null) {
        if (now - quietSince > keepMs) socket.destroy()
        return
      }
      const { request, since, hasHead, paused } = running
      const isLate = hasHead
        ? !paused && now - quietSince > request.idleTimeoutMs
        : now - since > request.firstByteTimeoutMs || (!ready && now - opened > owner.connectTimeoutMs)
      if (isLate) fail(new TimeoutError(hasHead ? 'The reply came to a halt.' : 'No reply came in time.'))
    },
    isClosed: () => socket.destroyed,
    destroy: () => void socket.destroy(),
  }
  return connection
}

const openSocket = (owner: Owner, onread: OnReadOpts, onReady: () => void): Socket => {
  const { origin, lookup } = owner
  const host = origin.hostname.replace(/^\[|\]$/g, '')
  const isSecure = origin.protocol === 'https:'
  const to = { host, port: Number(origin.port) || (isSecure ? 443 : 80), lookup, onread }
  if (!isSecure) return connectPlain({ ...to, noDelay: true, keepAlive: true }, onReady)
  const { session } = owner
  const socket = connectSecurely({
    ...to,
    ALPNProtocols: ['http/1.1'],
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(session === undefined ? {} : { session }),
  })
  socket.setNoDelay(true)
  socket.setKeepAlive(true)
  // Not before the certificate has been checked: what waits to be written holds a secret.
  socket.once('secureConnect', onReady)
  socket.on('session', (latest) => owner.keepSession(latest))
  return socket
}

/** `keep-alive: timeout=5`; a second less than the server's, because the request is on its way for a while. */
const keepTime = (header: string | string[] | undefined): number => {
  const seconds = /timeout=(\d{1,6})/i.exec(String(header ?? ''))?.[1]
  return seconds === undefined ? keepIdleMs : Math.min(Number(seconds) * 1000 - 1000, longestKeepIdleMs)
}

const notInPath = /[^\x21-\x7e]/
const notInName = /[^!#$%&'*+.^_`|~0-9A-Za-z-]/
const notInValue = /[^\t\x20-\x7e\x80-\xff]/
/** Ours to write. */
const framing = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
])

const bytesOf = ({ method, path, headers, body }: WireRequest, host: string): readonly Buffer[] => {
  if (!/^[A-Z]+$/.test(method) || path === '' || notInPath.test(path))
    throw new Error('The request cannot be written.')
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`
  for (const name in headers) {
    const value = headers[name] as string
    if (name === '' || notInName.test(name) || notInValue.test(value) || framing.has(name.toLowerCase()))
      throw new Error('A header of the request cannot be written.')
    head += `${name}: ${value}\r\n`
  }
  if (body.length > 0 || (method !== 'GET' && method !== 'HEAD')) head += `content-length: ${body.length}\r\n`
  head += '\r\n'
  if (body.length > joinedBodyBytes) return [Buffer.from(head, 'latin1'), body]
  const bytes = Buffer.allocUnsafe(head.length + body.length)
  bytes.write(head, 0, 'latin1')
  body.copy(bytes, head.length)
  return [bytes]
}
