import { createServer, connect, type Socket } from 'node:net'

/** A request as it came over the wire. */
export interface Received {
  readonly head: string
  readonly body: string
  readonly socket: Socket
}

/** A service that answers byte for byte whatever a test wants, valid HTTP or not; GETs prove keys and always succeed. */
export interface HostileService extends AsyncDisposable {
  readonly url: string
  /** Operations received since the last `answer`. */
  readonly received: Received[]
  answer(reply: string | Buffer | ((request: Received) => void)): void
}

export const http = (status: string, headers: Record<string, string>, body: string | Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `HTTP/1.1 ${status}\r\n` +
        Object.entries({ 'content-length': String(Buffer.byteLength(body)), ...headers })
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join('') +
        '\r\n',
    ),
    Buffer.from(body),
  ])

export const json = (value: unknown, status = '200 OK'): Buffer =>
  http(status, { 'content-type': 'application/json' }, JSON.stringify(value))

/** Ends with the connection, so that a test can write what it likes for as long as it likes. */
export const streamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n'

export const startHostileService = async (): Promise<HostileService> => {
  let reply: string | Buffer | ((request: Received) => void) = ''
  const received: Received[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    let pending: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk])
      for (;;) {
        const end = pending.indexOf('\r\n\r\n')
        if (end === -1) return
        const head = pending.toString('latin1', 0, end)
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
        if (pending.length < end + 4 + length) return
        const request = { head, body: pending.toString('utf8', end + 4, end + 4 + length), socket }
        pending = pending.subarray(end + 4 + length)
        if (head.startsWith('GET ')) {
          socket.write(json({ data: [] }))
          continue
        }
        received.push(request)
        if (typeof reply === 'function') reply(request)
        else socket.end(reply)
      }
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answer(next) {
      received.length = 0
      reply = next
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}

/** Sends bytes as they are and resolves with everything that came back before the connection ended or fell silent. */
export const sendRaw = (url: string, bytes: string | Buffer, silenceMs = 400): Promise<string> => {
  const { hostname, port } = new URL(url)
  return new Promise((done) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    let timer = setTimeout(() => socket.destroy(), 5_000)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      clearTimeout(timer)
      timer = setTimeout(() => socket.destroy(), silenceMs)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      done(text)
    })
    socket.write(bytes)
  })
}
