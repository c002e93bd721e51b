import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { must } from '../src/kit/fault.ts'
import { sendRaw } from './hostile.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/* Realtime sessions with callers and services that do what they like. What sessions are for: tests/realtime.test.ts. */

let stage: Stage
let person: StagePerson
/** Frames come back as they are; `hold` makes the service stop reading, `flood` has it send for as long as it is let. */
const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024 })
const upstream = createServer((_, response) => response.end('{}'))
const block = Buffer.alloc(64 * 1024, 0x20)
const mostPending = 8_000_000
let flooded = 0

const serve = (service: WebSocket) => {
  service.on('error', () => {})
  service.on('message', (frame: Buffer, isBinary) => {
    if (frame.length > 10) return
    if (frame.toString() === 'hold') service.pause()
    else if (frame.toString() === 'flood') flood(service)
    else service.send(frame, { binary: isBinary })
  })
}
const flood = (service: WebSocket) => {
  while (
    service.readyState === WebSocket.OPEN &&
    service.bufferedAmount < mostPending &&
    flooded < 300_000_000
  ) {
    flooded += block.length
    service.send(block)
  }
  if (service.readyState === WebSocket.OPEN && flooded < 300_000_000) setTimeout(() => flood(service), 5)
}

beforeAll(async () => {
  upstream.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, serve))
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  stage = await openStage()
  person = await stage.person({ fallback: 'none' })
  await stage.ownKey(person, 'openai')
  const { catalogue } = stage.gateway.rooms
  const host = `127.0.0.1:${(upstream.address() as AddressInfo).port}`
  must(await catalogue.addAllowance(operator, host))
  must(await catalogue.change(operator, 'openai', { baseUrl: `http://${host}` }))
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  for (const client of sockets.clients) client.terminate()
  upstream.close()
})

let sessions = 0

/** Whatever a test did: nothing stays open at the service, and each session is on record once. */
afterEach(async () => {
  await expect.poll(() => sockets.clients.size).toBe(0)
  const onRecord = async () =>
    (
      await stage.clone.database.pool.query(
        "SELECT count(*)::int AS n, count(*) FILTER (WHERE fault_code = 'internal')::int AS defects FROM operations",
      )
    ).rows
  await expect.poll(onRecord).toEqual([{ n: sessions, defects: 0 }])
  expect((await fetch(`${stage.url}/healthz`)).status).toBe(200)
})

const handshake = (path: string, token: string) =>
  `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n` +
  `sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nauthorization: Bearer ${token}\r\n\r\n`

const open = async () => {
  const socket = new WebSocket(`${stage.url.replace('http', 'ws')}/v1/realtime?model=gpt-realtime`, {
    headers: { authorization: `Bearer ${person.token}` },
  })
  socket.on('error', () => {})
  await once(socket, 'open')
  sessions++
  return socket
}

test('a frame that is larger than any of the service’s ends its session', async () => {
  const socket = await open()
  const closed = once(socket, 'close')
  socket.send(Buffer.alloc(17 * 1024 * 1024))
  await closed
})

test.each([
  ['reserved bits and opcodes', [0xff, 0xff, 0xff, 0xff]],
  ['no mask', [0x81, 0x05, 0x68]],
  ['an opcode that nobody knows', [0x83, 0x80, 0, 0, 0, 0]],
  ['a ping that is too long', [0x89, 0xfe, 0x10, 0x00]],
  ['a length beyond all numbers', [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]],
])('a frame with %s ends its session', async (_, bytes) => {
  const { hostname, port } = new URL(stage.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(handshake('/v1/realtime?model=gpt-realtime', person.token))
  const [head] = (await once(socket, 'data')) as [Buffer]
  expect(head.toString()).toMatch(/^HTTP\/1\.1 101 /)
  sessions++
  socket.write(Buffer.from(bytes))
  socket.resume()
  await once(socket, 'close')
})

test('a flood of pings costs bounded memory, and at most its own session', async () => {
  const [socket, other] = [await open(), await open()]
  const before = process.memoryUsage().rss
  for (let sent = 0; sent < 20_000 && socket.readyState === WebSocket.OPEN; sent++) {
    socket.ping('x'.repeat(100))
    if (sent % 400 === 399) await new Promise((done) => setImmediate(done))
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
  const echoed = once(other, 'message')
  other.send('still')
  expect(String((await echoed)[0])).toBe('still')
  socket.terminate()
  other.close()
})

test('a service that does not read stops its caller, in bounded memory', async () => {
  const socket = await open()
  const before = process.memoryUsage().rss
  socket.send('hold')
  let sent = 0
  for (; sent < 200_000_000 && socket.bufferedAmount < mostPending; sent += block.length) {
    socket.send(block)
    await new Promise((done) => setImmediate(done))
  }
  expect(sent).toBeLessThan(60_000_000)
  expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000)
  for (const client of sockets.clients) client.terminate()
  socket.terminate()
})

test('a caller who does not read stops the service, in bounded memory', async () => {
  const socket = await open()
  const before = process.memoryUsage().rss
  flooded = 0
  socket.send('flood')
  socket.pause()
  let last = -1
  await expect
    .poll(
      () => {
        const isStill = flooded > 0 && flooded === last
        last = flooded
        return isStill
      },
      { interval: 300 },
    )
    .toBe(true)
  expect(flooded).toBeLessThan(60_000_000)
  expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000)
  socket.terminate()
})

test('many at a time, left in either way, are each on record once', async () => {
  const many = await Promise.all(Array.from({ length: 60 }, open))
  expect(sockets.clients.size).toBe(60)
  for (const [index, socket] of many.entries()) {
    if (index % 2 === 0) socket.terminate()
    else socket.close()
  }
})

test('what cannot be a session is refused before the service is asked', async () => {
  let asked = 0
  const count = () => asked++
  upstream.on('upgrade', count)
  for (const [path, token] of [
    ['/v1/chat/completions', person.token],
    ['//evil/v1/realtime?model=gpt-realtime', person.token],
    ['/v1/realtime/../realtime?model=gpt-realtime', person.token],
    ['/v1/realtime?model=gpt-realtime', 'aik_wrong'],
    ['/v1/realtime?model=', person.token],
    ['/v1/realtime?model=nonsense', person.token],
  ] as const)
    expect(await sendRaw(stage.url, handshake(path, token))).toMatch(/^HTTP\/1\.1 4\d\d /)
  upstream.off('upgrade', count)
  expect(asked).toBe(0)
})
