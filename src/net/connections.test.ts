import { lookup } from 'node:dns'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createSecureServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { localhostCertificate } from '../../tests/certificate.ts'
import { type Connections, makeConnections, type WireRequest } from './connections.ts'

const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

type Answer = (socket: Socket, count: number) => void

/** Answers the nth request of a connection as a test wants. */
const serve = async (answer: Answer, secure?: { key: string; cert: string }) => {
  const sockets: Socket[] = []
  const received: string[] = []
  const onSocket = (socket: Socket) => {
    sockets.push(socket)
    let count = 0
    socket.on('error', () => {})
    socket.on('data', (data: Buffer) => {
      received.push(data.toString('latin1'))
      answer(socket, ++count)
    })
  }
  const server = secure ? createSecureServer(secure, onSocket) : createServer(onSocket)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  open.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const origin = new URL(`${secure ? 'https' : 'http'}://localhost:${port}`)
  const connections = makeConnections({ origin, lookup, connectTimeoutMs: 60_000 })
  open.push(() => connections.close())
  return { connections, sockets, received, host: origin.host }
}

const plain = { method: 'POST', path: '/v1', headers: {}, body: Buffer.from('{}') }
const patient = { firstByteTimeoutMs: 60_000, idleTimeoutMs: 60_000 }
const impatient = { firstByteTimeoutMs: 400, idleTimeoutMs: 400 }
const reply = (body: string, more = '') =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`

const ask = (connections: Connections, request: Partial<WireRequest> = {}): Promise<string> =>
  new Promise((done, fail) => {
    let body = ''
    connections.send(
      { ...plain, ...patient, ...request },
      {
        onHead: () => {},
        onBody: (chunk) => (body += chunk.toString()),
        onEnd: () => done(body),
        onError: fail,
      },
    )
  })
const turns = () => new Promise((done) => setTimeout(done, 30))

test('requests follow each other on one connection, and run beside each other on several', async () => {
  const { connections, sockets, received, host } = await serve((socket, count) =>
    socket.write(reply(`${count}`)),
  )
  expect(await ask(connections, { headers: { authorization: 'Bearer x' } })).toBe('1')
  await turns()
  expect(await ask(connections)).toBe('2')
  expect(sockets).toHaveLength(1)
  expect(received[0]).toBe(
    `POST /v1 HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer x\r\ncontent-length: 2\r\n\r\n{}`,
  )
  await turns()
  expect((await Promise.all([ask(connections), ask(connections)])).toSorted()).toEqual(['1', '3'])
  expect(sockets).toHaveLength(2)
})

test('a connection that has been idle for too long is given to nobody, not even in the turn in which it ends', async () => {
  const { connections, sockets } = await serve((socket, count) =>
    socket.write(reply(`${count}`, 'keep-alive: timeout=2\r\n')),
  )
  expect(await ask(connections)).toBe('1')
  await turns()
  const asked = new Promise<string>((done, fail) => {
    setTimeout(() => void ask(connections).then(done, fail), 1_300)
  })
  await new Promise((done) => setTimeout(done, 800))
  // Busy until the look at idle connections is due, and the next request as well.
  const until = performance.now() + 900
  while (performance.now() < until);
  expect(await asked).toBe('1')
  expect(sockets).toHaveLength(2)
})

test.each<[string, Answer]>([
  ['that said so', (socket) => socket.end(reply('a', 'connection: close\r\n'))],
  ['that did not', (socket) => socket.end(reply('a'))],
  ['with more than was asked for', (socket) => socket.write(`${reply('a')}HTTP/1.1 200 OK\r\n`)],
  ['with more, later', (socket) => void (socket.write(reply('a')), setTimeout(() => socket.write('x'), 5))],
  ['that keeps it for no time', (socket) => socket.write(reply('a', 'keep-alive: timeout=0\r\n'))],
])('a connection is not used again after a reply %s', async (_, answer) => {
  const { connections, sockets } = await serve(answer)
  expect(await ask(connections)).toBe('a')
  await expect.poll(() => sockets[0]?.destroyed || sockets[0]?.readableEnded).toBe(true)
  expect(await ask(connections)).toBe('a')
  expect(sockets).toHaveLength(2)
})

test.each<[string, Answer, RegExp]>([
  ['nothing comes', () => {}, /no reply came in time/i],
  [
    'only informational replies come',
    (s) => void setInterval(() => s.write('HTTP/1.1 103 E\r\n\r\n'), 50).unref(),
    /no reply came in time/i,
  ],
  ['the reply halts', (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\na'), /halt/],
  [
    'the reply is cut',
    (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\na'),
    /ended within/,
  ],
  ['the connection is reset', (socket) => socket.resetAndDestroy(), /closed|ECONNRESET|hang up/],
  ['what comes is no HTTP', (socket) => socket.write('220 smtp\r\n\r\n'), /does not begin/],
])('a request fails, once, where %s', async (_, answer, message) => {
  const { connections, sockets, received } = await serve(answer)
  await expect(ask(connections, impatient)).rejects.toThrow(message)
  await expect.poll(() => sockets.every((socket) => socket.destroyed || socket.readableEnded)).toBe(true)
  expect(received).toHaveLength(1)
})

test.each<[string, Partial<WireRequest>]>([
  ['a line break in a header', { headers: { a: 'b\r\nc: d' } }],
  ['a line break in a name', { headers: { 'a\r\nb': 'c' } }],
  ['a NUL', { headers: { a: '\0' } }],
  ['a framing of its own', { headers: { 'Transfer-Encoding': 'chunked' } }],
  ['a length of its own', { headers: { 'content-length': '0' } }],
  ['a space in the path', { path: '/a HTTP/1.1\r\nb: c\r\n' }],
  ['a method that is none', { method: 'POST /x' }],
])('a request with %s is not sent', async (_, request) => {
  const { connections, received } = await serve((socket) => socket.write(reply('a')))
  await expect(ask(connections, request)).rejects.toThrow(/cannot be written/)
  expect(received).toEqual([])
})

test('an abort closes the connection and calls nobody', async () => {
  const { connections, sockets } = await serve(() => {})
  const calls: string[] = []
  const note = (what: string) => () => void calls.push(what)
  const sent = connections.send(
    { ...plain, ...patient },
    { onHead: note('head'), onBody: note('body'), onEnd: note('end'), onError: note('error') },
  )
  await expect.poll(() => sockets.length).toBe(1)
  const closed = new Promise((done) => sockets[0]?.once('close', done))
  sent.abort()
  await closed
  expect(calls).toEqual([])
})

test('who pauses stops the service, and gets everything after resuming, however long it took', async () => {
  const size = 20_000_000
  let unsent = 0
  const { connections } = await serve((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`)
    socket.write(Buffer.alloc(size, 'a'))
    setTimeout(() => (unsent = socket.writableLength), 700)
  })
  let bytes = 0
  await new Promise<void>((done, fail) => {
    const sent = connections.send(
      { ...plain, ...patient, idleTimeoutMs: 400 },
      {
        onHead: () => {
          sent.pause()
          setTimeout(() => {
            expect(bytes).toBeLessThan(100_000)
            sent.resume()
          }, 900)
        },
        onBody: (chunk) => (bytes += chunk.length),
        onEnd: done,
        onError: fail,
      },
    )
  })
  expect(bytes).toBe(size)
  expect(unsent).toBeGreaterThan(10_000_000)
})

test('nothing is written to a server whose certificate is not trusted; to one that is trusted it is', async () => {
  const { connections, received, sockets } = await serve(
    (socket, count) => socket.write(reply(`${count}`)),
    localhostCertificate,
  )
  await expect(ask(connections)).rejects.toThrow(/self-signed/)
  expect(received).toEqual([])
  const trusted = getCACertificates()
  setDefaultCACertificates([...trusted, localhostCertificate.cert])
  try {
    expect(await ask(connections)).toBe('1')
    await turns()
    expect(await ask(connections)).toBe('2')
    expect(sockets.length).toBeLessThanOrEqual(2)
  } finally {
    setDefaultCACertificates(trusted)
  }
})
