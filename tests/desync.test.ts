import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { watchConnections } from '../src/gateway/inbound.ts'
import { openStage, type Stage } from './stage.ts'

/**
 * Requests that two servers might read differently, byte by byte to the real listener. Whatever stands in front of it, each is
 * refused with the connection closed, or is exactly one request and what follows it the next one.
 */
let stage: Stage
const seen: string[] = []
/** Of all tests: those that run beside each other look for their own mark in it. */
const everSeen: string[] = []
const note = (message: unknown) => {
  const { method, url } = (message as { request: IncomingMessage }).request
  seen.push(`${method} ${url}`)
  everSeen.push(`${method} ${url}`)
}
beforeAll(async () => {
  stage = await openStage({
    AIDEON_HEADER_SECONDS: '1',
    AIDEON_BODY_SECONDS: '1',
    AIDEON_IDLE_SECONDS: '1',
    AIDEON_ADDRESS_REQUESTS: '1000000',
  })
  subscribe('http.server.request.start', note)
})
afterAll(async () => {
  unsubscribe('http.server.request.start', note)
  await stage[Symbol.asyncDispose]()
})
beforeEach(() => void seen.splice(0))

const statusesIn = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))

/** Everything that comes back until the server ends the connection, or its last reply was `expected`. */
const send = (bytes: string, isDone: (text: string) => boolean = () => false) =>
  new Promise<{ text: string; closed: boolean }>((done) => {
    const { hostname, port } = new URL(stage.url)
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'))
    let text = ''
    const end = (closed: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      done({ text, closed })
    }
    const timer = setTimeout(() => end(false), 20_000)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (isDone(text)) end(false)
    })
    socket.on('error', () => {})
    socket.on('close', () => end(true))
  })

const planes = { operations: '/v1/chat/completions', 'management API': '/api/session' } as const
const json = 'content-type: application/json\r\n'
const nextFor = (mark: string) => `GET /healthz?${mark} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`
const next = nextFor('next')

/** What comes behind the request line; `{next}` is a request that nobody but a fooled server would see early. */
const refused: Record<string, string> = {
  'CL.TE: both lengths': `host: x\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nG{next}`,
  'TE.CL: both lengths, the other way': `host: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n5c\r\n{next}\r\n0\r\n\r\n`,
  'two content lengths that differ': `host: x\r\ncontent-length: 0\r\ncontent-length: 44\r\n\r\n{next}`,
  'two content lengths that agree': `host: x\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}{next}`,
  'a list of lengths': `host: x\r\ncontent-length: 2, 2\r\n\r\n{}{next}`,
  'a negative length': `host: x\r\ncontent-length: -1\r\n\r\n{next}`,
  'a signed length': `host: x\r\ncontent-length: +2\r\n\r\n{}{next}`,
  'a length in hexadecimal': `host: x\r\ncontent-length: 0x2\r\n\r\n{}{next}`,
  'a length with a fraction': `host: x\r\ncontent-length: 2.0\r\n\r\n{}{next}`,
  'a length in the scientific way': `host: x\r\ncontent-length: 2e0\r\n\r\n{}{next}`,
  'a length beyond 64 bits': `host: x\r\ncontent-length: 18446744073709551618\r\n\r\n{}{next}`,
  'an empty length': `host: x\r\ncontent-length:\r\n\r\n{next}`,
  'a length of two words': `host: x\r\ncontent-length: 2 2\r\n\r\n{}{next}`,
  'a length with a NUL': `host: x\r\ncontent-length: 2\0\r\n\r\n{}{next}`,
  'an unknown coding': `host: x\r\ntransfer-encoding: xchunked\r\n\r\n{next}`,
  'identity as a coding': `host: x\r\ntransfer-encoding: identity\r\n\r\n{next}`,
  'chunked not last': `host: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{next}`,
  'a vertical tab before the coding': `host: x\r\ntransfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n{next}`,
  'a quoted coding': `host: x\r\ntransfer-encoding: "chunked"\r\n\r\n0\r\n\r\n{next}`,
  'a space before the colon': `host: x\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n{next}`,
  'a tab before the colon': `host: x\r\ncontent-length\t: 2\r\n\r\n{}{next}`,
  'a NUL in a name': `host: x\r\ntransfer\0-encoding: chunked\r\n\r\n0\r\n\r\n{next}`,
  'a NUL in a value': `host: x\r\nx-a: b\0c\r\n\r\n{next}`,
  'a name in brackets': `host: x\r\n[transfer-encoding]: chunked\r\n\r\n0\r\n\r\n{next}`,
  'no name': `host: x\r\n: chunked\r\n\r\n{next}`,
  'no colon': `host: x\r\ntransfer-encoding chunked\r\n\r\n0\r\n\r\n{next}`,
  'a line that begins with a space': ` host: x\r\n\r\n{next}`,
  'a folded coding': `host: x\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n{next}`,
  'a folded length': `host: x\r\ncontent-length: 2\r\n 2\r\n\r\n{}{next}`,
  'a folded header': `host: x\r\nx-a: b\r\n\tc: d\r\n\r\n{next}`,
  'a bare line feed between headers': `host: x\ncontent-length: 2\r\n\r\n{}{next}`,
  'a bare line feed at the end of headers': `host: x\r\ncontent-length: 44\n\n{next}`,
  'a bare carriage return in a value': `host: x\r\nx-a: b\rtransfer-encoding: chunked\r\n\r\n0\r\n\r\n{next}`,
  'a bare carriage return between headers': `host: x\rcontent-length: 2\r\n\r\n{}{next}`,
  'a negative chunk': `host: x\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n{next}`,
  'a chunk size with a sign': `host: x\r\ntransfer-encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n{next}`,
  'a chunk size with 0x': `host: x\r\ntransfer-encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n{next}`,
  'a chunk size beyond 64 bits': `host: x\r\ntransfer-encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n{next}`,
  'no chunk size': `host: x\r\ntransfer-encoding: chunked\r\n\r\n\r\n{next}`,
  'a chunk that ends in a bare line feed': `host: x\r\ntransfer-encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n{next}`,
  'chunk data without an end': `host: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}x0\r\n\r\n{next}`,
  'a bare line feed in a chunk extension': `host: x\r\ntransfer-encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n{next}`,
  'a flood of chunk extensions': `host: x\r\ntransfer-encoding: chunked\r\n\r\n2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n{next}`,
  'a trailer with a length in it': `host: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\ncontent-length: 40\r\n\r\n{next}`,
  'a flood of headers': `host: x\r\n${'x-a: b\r\n'.repeat(3_000)}\r\n{next}`,
  'a header without end': `host: x\r\nx-a: ${'b'.repeat(20_000)}\r\n\r\n{next}`,
}

/** Unusual, and yet one request of one meaning. */
const single: Record<string, string> = {
  'a coding in capitals': `host: x\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\n{}\r\n0\r\n\r\n{next}`,
  'a chunk extension': `host: x\r\ntransfer-encoding: chunked\r\n\r\n2;a=b;c="d"\r\n{}\r\n0\r\n\r\n{next}`,
  'chunk sizes with zeros and capitals': `host: x\r\ntransfer-encoding: chunked\r\n\r\n0002\r\n{}\r\n00\r\n\r\n{next}`,
  'a length with zeros': `host: x\r\ncontent-length: 0002\r\n\r\n{}{next}`,
  'no body': `host: x\r\ncontent-length: 0\r\n\r\n{next}`,
  'spaces around a value': `host: x\r\ncontent-length:   2  \r\n\r\n{}{next}`,
  'a second request in its body': `host: x\r\ncontent-length: 44\r\n\r\n${'GET /healthz?smuggled HTTP/1.1\r\nhost: x\r\n\r\n{}'.slice(0, 44)}{next}`,
}

/** Not taken up: ordinary requests, after which the connection is closed. */
const offers: Record<string, string> = {
  'an offer of HTTP/2': `host: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\ncontent-length: 2\r\n\r\n{}{next}`,
  'an offer of an unknown protocol': `host: x\r\nconnection: upgrade\r\nupgrade: tls/1.0\r\ncontent-length: 2\r\n\r\n{}{next}`,
  'a WebSocket offered with a body': `host: x\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 2\r\n\r\n{}{next}`,
}

describe.each(Object.entries(planes))('%s', (_, path) => {
  const request = (rest: string, then = next) =>
    `POST ${path} HTTP/1.1\r\n${json}${rest.replace('{next}', then)}`

  test.concurrent.each(Object.entries(refused))(
    '%s: refused, and the connection is closed',
    async (name, rest) => {
      const mark = encodeURIComponent(name)
      const { text, closed } = await send(request(rest, nextFor(mark)))
      expect(closed).toBe(true)
      for (const status of statusesIn(text)) expect(status).toBeGreaterThanOrEqual(400)
      expect(everSeen.filter((one) => one.includes(mark))).toEqual([])
    },
  )

  test.each(Object.entries(single))('%s: one request, and what follows is the next', async (_, rest) => {
    const { text } = await send(request(rest))
    const statuses = statusesIn(text)
    expect(seen).toEqual([`POST ${path}`, 'GET /healthz?next'])
    expect(statuses[0]).toBeGreaterThanOrEqual(400)
    // A refusal may end the connection, with what is behind it unanswered.
    expect(statuses.slice(1)).toEqual(
      /^connection: close\r$/im.test(text.split('\r\n\r\n')[0] ?? '') ? [] : [200],
    )
  })

  test.each(Object.entries(offers))('%s: one request, and nothing after it', async (_, rest) => {
    const { text, closed } = await send(request(rest))
    expect(closed).toBe(true)
    expect(seen).toEqual([`POST ${path}`])
    expect(statusesIn(text)).toHaveLength(1)
    expect(text).toMatch(/^connection: close\r$/im)
  })

  test.each([
    ['chunked in HTTP/1.0', '1.0', 'chunked'],
    ['a coding beside chunked', '1.1', 'gzip, chunked'],
  ])('%s: refused, and the connection is closed', async (_, version, coding) => {
    const { text, closed } = await send(
      `POST ${path} HTTP/${version}\r\n${json}host: x\r\nconnection: keep-alive\r\ntransfer-encoding: ${coding}\r\n\r\n2\r\n{}\r\n0\r\n\r\n${next}`,
    )
    expect(closed).toBe(true)
    expect(statusesIn(text)).toEqual([400])
  })

  test('a request that is refused before its body was read takes its body with it', async () => {
    const body = `GET /healthz?smuggled HTTP/1.1\r\nhost: x\r\n\r\n${'x'.repeat(100_000)}`
    const { text } = await send(request(`host: x\r\ncontent-length: ${body.length}\r\n\r\n${body}{next}`))
    expect(seen.filter((one) => one.includes('smuggled'))).toEqual([])
    expect(statusesIn(text).length).toBeLessThanOrEqual(2)
  })

  test('100-continue is answered before the body, which is still its own', async () => {
    const head = `POST ${path} HTTP/1.1\r\n${json}host: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n`
    const { text } = await send(`${head}{}${next}`)
    expect(statusesIn(text)[0]).toBe(100)
    expect(seen).toEqual([`POST ${path}`, 'GET /healthz?next'])
  })

  test('another expectation is not met, and nothing is taken for it', async () => {
    const { text } = await send(request('host: x\r\nexpect: 200-ok\r\ncontent-length: 2\r\n\r\n{}{next}'))
    expect(statusesIn(text)).toEqual([417, 200])
  })

  test('pipelined requests are answered one after another, refused ones among them', async () => {
    const one = request('host: x\r\ncontent-length: 2\r\n\r\n{}').replace(next, '')
    const { text } = await send(one + one + one + next)
    expect(seen).toEqual([`POST ${path}`, `POST ${path}`, `POST ${path}`, 'GET /healthz?next'])
    expect(statusesIn(text)).toHaveLength(4)
  })
})

describe('request lines', () => {
  test.each([
    'GET /api/meta',
    'GET /api/meta HTTP/0.9',
    'GET /api/meta HTTP/2.0',
    'GET /api/meta HTTP/1.1 x',
    'GET\t/api/meta HTTP/1.1',
    'GET /api/me ta HTTP/1.1',
    'GET /api/meta\0 HTTP/1.1',
    'get /api/meta HTTP/1.1',
    ' GET /api/meta HTTP/1.1',
    'GET /api/meta http/1.1',
    'G\0ET /api/meta HTTP/1.1',
    'PRI * HTTP/2.0',
  ])('%j is refused', async (line) => {
    const { text, closed } = await send(`${line}\r\nhost: x\r\n\r\n${next}`)
    expect(closed).toBe(true)
    expect(statusesIn(text)).not.toContain(200)
    expect(seen.filter((one) => one.includes('next'))).toEqual([])
  })

  test.each([
    'http://evil.example/api/meta',
    'http://127.0.0.1/v1/models',
    '//evil.example/api/me',
    '*',
    ' /api/meta',
  ])('the target %j is one request, and nobody is sent elsewhere by it', async (target) => {
    const { text } = await send(`GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n${next}`)
    expect(statusesIn(text)).toHaveLength(2)
    expect(text.toLowerCase()).not.toMatch(/^location:.*evil/m)
    expect(seen.at(-1)).toBe('GET /healthz?next')
  })

  test('two hosts, and none, are refused', async () => {
    for (const hosts of ['host: a\r\nhost: b\r\n', 'Host: a\r\nHOST: a\r\n', ''])
      for (const path of ['/api/meta', '/v1/models']) {
        const { text, closed } = await send(`GET ${path} HTTP/1.1\r\n${hosts}\r\n${next}`)
        expect(closed).toBe(true)
        expect(statusesIn(text)).toEqual([400])
      }
  })
})

test('who sends hundreds of requests ahead of their replies is let go', async () => {
  const { text, closed } = await send('GET /api/meta HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(500))
  expect(closed).toBe(true)
  expect(statusesIn(text).length).toBeLessThan(100)
})

describe('callers who are slow', () => {
  /** Writes a piece every so often until the server has enough of it. */
  const drip = (head: string, piece: string, everyMs = 100) =>
    new Promise<{ text: string; tookMs: number }>((done) => {
      const { hostname, port } = new URL(stage.url)
      const startedAt = performance.now()
      let text = ''
      const socket: Socket = connect(Number(port), hostname, () => socket.write(head))
      const timer = setInterval(() => socket.write(piece), everyMs)
      socket.on('data', (chunk) => (text += chunk.toString('latin1')))
      socket.on('error', () => {})
      socket.on('close', () => {
        clearInterval(timer)
        done({ text, tookMs: performance.now() - startedAt })
      })
    })

  test.concurrent.each([
    ['say nothing', '', ''],
    ['drip headers', 'GET /api/meta HTTP/1.1\r\nhost: x\r\n', 'x-a: b\r\n'],
    ['drip one header', 'GET /api/meta HTTP/1.1\r\nhost: x\r\nx-a: ', 'b'],
    ['drip empty lines', '', '\r\n'],
    ['drip the request line', 'GET /', 'a'],
    [
      'drip a body to the API',
      'POST /api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n',
      'x',
    ],
    [
      'drip chunks to the API',
      'POST /api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
      '1\r\nx\r\n',
    ],
    ['drip a body nobody reads', 'POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n', 'x'],
  ])('who %s are let go in time', async (_, head, piece) => {
    const { text, tookMs } = await drip(head, piece)
    expect(tookMs).toBeLessThan(60_000)
    expect(statusesIn(text).filter((status) => status === 200 && !head.includes('healthz'))).toEqual([])
  })

  test('who drip empty lines between requests are let go after the time that connections are kept', async () => {
    const server = createServer((_, response) => void response.end('x'))
    const connections = watchConnections(server, {
      connectionsPerAddress: 3,
      keepAliveMs: 400,
      stalledMs: 400,
    })
    server.on('request', connections.began)
    const port = await new Promise<number>((ready) =>
      server.listen(0, '127.0.0.1', () => ready((server.address() as AddressInfo).port)),
    )
    const open = () => connect(port, '127.0.0.1').on('error', () => {})
    const socket = open()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    const timer = setInterval(() => socket.write('\r\n'), 50)
    await once(socket.resume(), 'close')
    clearInterval(timer)

    // Nobody has more than three at once, and a place is free again when one is closed.
    const three = [open(), open(), open()]
    await Promise.all(three.map((one) => once(one, 'connect')))
    await once(open().resume(), 'close')
    three[0]?.destroy()
    await expect
      .poll(() => new Promise((done) => server.getConnections((_, count) => done(count))))
      .toBeLessThan(3)
    const fourth = open()
    fourth.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(fourth, 'data')
    for (const one of [...three, fourth]) one.destroy()
    server.close()
  })

  test('who do not read what they asked for are let go', async () => {
    const { hostname, port } = new URL(stage.url)
    const closed = Promise.withResolvers<void>()
    const startedAt = performance.now()
    const watch = (message: unknown) => {
      ;(message as { socket: Socket }).socket.on('close', () => closed.resolve())
      unsubscribe('net.server.socket', watch)
    }
    subscribe('net.server.socket', watch)
    const socket = connect(Number(port), hostname, () => {
      // The description of the API is the largest thing that anybody may read; asked for until no buffer takes more.
      socket.write('GET /api/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(60))
    })
    socket.pause()
    socket.on('error', () => {})
    const timer = setInterval(() => socket.write('\r\n'), 200)
    await closed.promise
    clearInterval(timer)
    socket.destroy()
    expect(performance.now() - startedAt).toBeLessThan(60_000)
  })
})
