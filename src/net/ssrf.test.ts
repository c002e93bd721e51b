import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createSecureServer } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { localhostCertificate } from '../../tests/certificate.ts'
import { isPublicAddress } from './address.ts'
import { makeOutbound, type Outbound, type Resolve } from './outbound.ts'

/** Whoever gets here was let through. */
let inside: { port: number; connections: number; requests: IncomingMessage[]; close(): void }
const open: Outbound[] = []

const listen = async (
  answer: RequestListener = (_, reply) => void reply.end('inside'),
  address = '127.0.0.1',
) => {
  const requests: IncomingMessage[] = []
  const seen = { connections: 0 }
  const server = createServer((request, reply) => {
    requests.push(request)
    answer(request, reply)
  })
  server.on('connection', () => void (seen.connections += 1))
  await new Promise<void>((ready) => server.listen(0, address, ready))
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    get connections() {
      return seen.connections
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

beforeAll(async () => {
  inside = await listen()
})
afterAll(() => inside.close())
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

/** Resolves names as a test wants, and counts. */
const resolver = (answers: (host: string, times: number) => readonly string[]) => {
  const asked: string[] = []
  const resolve: Resolve = (host, _, done) => {
    asked.push(host)
    const addresses = answers(host, asked.filter((one) => one === host).length)
    setImmediate(() =>
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    )
  }
  return { resolve, asked }
}
const outboundTo = (answers: (host: string, times: number) => readonly string[], listed: string[] = []) => {
  const { resolve, asked } = resolver(answers)
  const outbound = makeOutbound({ resolve, connectTimeoutMs: 1_000 })
  outbound.allow(listed)
  open.push(outbound)
  const get = (url: string, headers: Record<string, string> = {}) =>
    outbound.request({ method: 'GET', url, headers, timeoutMs: 3_000, maximumBytes: 10_000 })
  return { outbound, get, asked }
}
const unsafe = { ok: false, fault: { code: 'unsafe_address' } }

describe('addresses of the inside, however they are written, are refused before anything is dialled', () => {
  const hosts: Record<string, readonly string[]> = {
    'dotted decimal': [
      '127.0.0.1',
      '127.255.255.254',
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
    ],
    'one decimal number': ['2130706433', '0', '167772161', '2852039166'],
    octal: ['0177.0.0.1', '00000177.0.0.1', '017700000001', '0251.0376.0251.0376'],
    hexadecimal: ['0x7f.0.0.1', '0x7f000001', '0X7F.1', '0xa9fea9fe', '0x7f.0x0.0x0.0x1'],
    'fewer parts': ['127.1', '127.0.1', '10.1', '169.254.43518'],
    'mixed bases': ['0x7f.0.1', '0251.254.0xa9fe', '127.0x1'],
    'full-width and other digits': ['１２７.０.０.１', '127。0。0。1', '①②⑦.0.0.1', '127.0.0.１'],
    'percent-encoded': ['%31%32%37.0.0.1', '127%2e0%2e0%2e1'],
    'trailing dots': ['127.0.0.1.', 'localhost.', 'intranet.', 'metadata.google.internal.'],
    'names of this machine': [
      'localhost',
      'LOCALHOST',
      'a.localhost',
      'ｌｏｃａｌｈｏｓｔ',
      'loc\u00adalhost',
    ],
    'names without a dot or of private domains': [
      'intranet',
      'printer.local',
      'db.internal',
      'nas.home.arpa',
    ],
    'IPv6 loopback and unspecified': ['[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[0000::0001]'],
    'IPv6 private and link-local': ['[fc00::1]', '[fd00:ec2::254]', '[fe80::1]', '[fec0::1]', '[ff02::1]'],
    'IPv4 in IPv6, mapped': [
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::ffff:a9fe:a9fe]',
      '[0:0:0:0:0:ffff:10.0.0.1]',
    ],
    'IPv4 in IPv6, compatible and translated': ['[::127.0.0.1]', '[::a00:1]', '[::ffff:0:127.0.0.1]'],
    'NAT64, 6to4, Teredo, ORCHID': [
      '[64:ff9b::7f00:1]',
      '[64:ff9b:1::a00:1]',
      '[2002:7f00:1::]',
      '[2001::1]',
      '[2001:20::1]',
    ],
    'metadata of the clouds': [
      '169.254.169.254',
      '169.254.170.2',
      '169.254.170.23',
      '100.100.100.200',
      '192.0.0.192',
      '168.63.129.16',
      '[fd00:ec2::254]',
      '[fd20:ce::254]',
      '[fe80::a9fe:a9fe]',
    ],
    'not of the public internet': [
      '0.0.0.0',
      '100.64.0.1',
      '198.18.0.1',
      '203.0.113.1',
      '224.0.0.1',
      '255.255.255.255',
      '240.0.0.1',
    ],
    'benchmark and documentation IPv6': ['[2001:db8::1]', '[3fff::1]', '[100::1]', '[5f00::1]'],
  }
  test.each(Object.entries(hosts))('%s', async (_, written) => {
    const { outbound, get, asked } = outboundTo(() => ['127.0.0.1'])
    const before = inside.connections
    for (const host of written)
      for (const url of [`https://${host}:${inside.port}/`, `https://${host}/`]) {
        expect(outbound.check(url), url).toMatchObject(unsafe)
        expect(await get(url), url).toMatchObject(unsafe)
        expect(outbound.connectionsTo(url), url).toMatchObject(unsafe)
        expect(outbound.lookupFor(url), url).toMatchObject(unsafe)
      }
    expect(asked).toEqual([])
    expect(inside.connections).toBe(before)
  })

  test.each([
    'http://example.com/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:6379/_',
    'data:text/plain,x',
    'javascript:alert(1)',
    'unix:/var/run/docker.sock',
    'https://[fe80::1%25eth0]/',
    'https://user@example.com/',
    'https://user:password@example.com/',
    'https://127.0.0.1@example.com/',
    'https://example.com:22/',
    'https://example.com:25/',
    'https://example.com:5432/',
    'https://example.com:6379/',
    'https://example.com:0/',
    'https://example.com:65536/',
    'https://exa mple.com/',
    'https://',
    '//example.com/',
    'https:///127.0.0.1/',
    'https:127.0.0.1',
    'https:\\\\127.0.0.1\\',
    'example.com',
    '',
    '\u0000https://127.0.0.1/',
  ])('nor is %j an address', (url) => {
    expect(outboundTo(() => []).outbound.check(url)).toMatchObject(unsafe)
  })

  test.each([
    ['https://example.com\\@127.0.0.1/', 'example.com'],
    ['https://example.com/@127.0.0.1/http://169.254.169.254/', 'example.com'],
    ['https://example.com#@127.0.0.1/', 'example.com'],
    ['https://ｅxample.com/', 'example.com'],
    ['https://example.com/../../..//127.0.0.1/', 'example.com'],
  ])('%s is read as its connection is made', (url, host) => {
    const checked = outboundTo(() => []).outbound.check(url)
    expect(checked.ok && checked.value.hostname).toBe(host)
  })
})

describe('names are judged by what they resolve to, when they are dialled', () => {
  const answers = [
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '168.63.129.16',
    '::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    'fe80::1',
    'fe80::1%lo',
  ]
  test.each(answers)('%s', async (address) => {
    const before = inside.connections
    const { outbound, get, asked } = outboundTo(() => [address])
    expect(await get(`https://innocent.example:${inside.port}/`)).toMatchObject(unsafe)
    const connections = outbound.connectionsTo(`https://innocent.example:${inside.port}`)
    const failed = connections.ok
      ? await new Promise<{ code?: string }>((done) =>
          connections.value.send(
            {
              method: 'GET',
              path: '/',
              headers: {},
              body: Buffer.alloc(0),
              firstByteTimeoutMs: 2_000,
              idleTimeoutMs: 2_000,
            },
            {
              onHead() {},
              onBody() {},
              onEnd: () => done({}),
              onError: (error: NodeJS.ErrnoException) => done(error),
            },
          ),
        )
      : {}
    expect(failed.code).toBe('ERR_UNSAFE_ADDRESS')
    const lookup = outbound.lookupFor('https://innocent.example/')
    const looked = lookup.ok
      ? await new Promise<unknown>((done) =>
          lookup.value('innocent.example', { all: true }, (error) => done(error)),
        )
      : null
    expect(looked).toMatchObject({ code: 'ERR_UNSAFE_ADDRESS' })
    expect(asked).toHaveLength(3)
    expect(inside.connections).toBe(before)
    expect(isPublicAddress(address)).toBe(false)
  })

  // 127.0.0.1 is listed here and stands for the public internet; the other addresses of this machine for the inside.
  const listed = ['127.0.0.1/32']

  test('an answer that changes gains nothing: each connection is judged by the answer it is made to', async () => {
    const rebinding = outboundTo((_, times) => (times === 1 ? ['127.0.0.1'] : ['127.0.0.2']), listed)
    const other = await listen((_, reply) => void reply.setHeader('connection', 'close').end('inside'))
    const url = `https://rebinding.example:${other.port}/`
    // Plain text where TLS is spoken: a connection was made, to the address that was allowed.
    expect(await rebinding.get(url)).toMatchObject({ ok: false, fault: { code: 'service_unreachable' } })
    expect(other.connections).toBe(1)
    expect(await rebinding.get(url)).toMatchObject(unsafe)
    expect(other.connections).toBe(1)
    expect(rebinding.asked).toHaveLength(2)
    other.close()
  })

  test('of several addresses only those that are allowed are dialled', async () => {
    const forbidden = await listen(undefined, '127.0.0.2')
    const mixed = outboundTo(() => ['127.0.0.2', '::1', '127.0.0.1'], listed)
    await mixed.get(`https://mixed.example:${forbidden.port}/`)
    expect(forbidden.connections).toBe(0)
    forbidden.close()
  })

  test('a name is resolved once a connection, and the server is told the name', async () => {
    const names: (string | undefined)[] = []
    const server = createSecureServer({
      ...localhostCertificate,
      SNICallback: (name, done) => {
        names.push(name)
        done(null)
      },
    })
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    const { port } = server.address() as AddressInfo
    const pinned = outboundTo(() => ['127.0.0.1'], listed)
    // Nobody vouches for the certificate: no request goes out, so no secret does.
    expect(await pinned.get(`https://models.example:${port}/`)).toMatchObject({ ok: false })
    expect(names).toEqual(['models.example'])
    expect(pinned.asked).toEqual(['models.example'])
    server.close()
    const plain = outboundTo(() => ['127.0.0.1'], [`models.example:${inside.port}`])
    expect(await plain.get(`http://models.example:${inside.port}/`)).toMatchObject({ ok: true })
    expect(inside.requests.at(-1)?.headers.host).toBe(`models.example:${inside.port}`)
  })
})

describe('replies', () => {
  const asking = async (answer: RequestListener, secret = 'a-credential') => {
    const server = await listen(answer)
    const { get } = outboundTo(() => [], ['127.0.0.1'])
    const startedAt = performance.now()
    const reply = await get(`http://127.0.0.1:${server.port}/`, { authorization: secret })
    server.close()
    return { reply, server, tookMs: performance.now() - startedAt }
  }

  test.each([301, 302, 303, 307, 308])(
    'a redirect by %i is not followed, so no credential goes along',
    async (status) => {
      const elsewhere = await listen()
      const { reply, server } = await asking((_, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${elsewhere.port}/` }).end()
      })
      expect(reply).toMatchObject({ ok: true, value: { status } })
      expect(server.requests).toHaveLength(1)
      expect(elsewhere.connections).toBe(0)
      elsewhere.close()
    },
  )

  test.each(['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip', 'x-unheard-of'])(
    'coded as %s are refused, never unpacked',
    async (coding) => {
      const bomb = gzipSync(gzipSync(Buffer.alloc(1_000_000)))
      const { reply } = await asking((_, response) => {
        response.writeHead(200, { 'content-encoding': coding }).end(bomb)
      })
      expect(reply).toMatchObject({ ok: false, fault: { code: 'service_reply_invalid' } })
    },
  )

  test('without end, by length or chunks, are given up at the limit', async () => {
    for (const headers of [{ 'content-length': '99999999' }, {}]) {
      const { reply } = await asking((_, response) => {
        response.writeHead(200, headers)
        const more = () => {
          while (!response.destroyed && response.write('x'.repeat(4096)));
        }
        response.on('drain', more)
        more()
      })
      expect(reply).toMatchObject({ ok: false, fault: { code: 'service_reply_too_large' } })
    }
  })

  test.each<[string, RequestListener]>([
    ['never come', () => {}],
    ['drip', (_, response) => void setInterval(() => response.write('x'), 20).unref()],
  ])('that %s are given up in time', async (_, answer) => {
    const server = await listen(answer)
    const { outbound } = outboundTo(() => [], ['127.0.0.1'])
    const url = `http://127.0.0.1:${server.port}/`
    const reply = await outbound.request({
      method: 'GET',
      url,
      headers: {},
      timeoutMs: 150,
      maximumBytes: 1e6,
    })
    expect(reply).toMatchObject({ ok: false, fault: { code: 'service_timeout' } })
    server.close()
  })
})

test('origins without end keep bounded connections, and those that are used stay', async () => {
  const { resolve } = resolver(() => ['127.0.0.1'])
  const outbound = makeOutbound({ resolve, mostOrigins: 4 })
  open.push(outbound)
  outbound.allow([
    `often.example:${inside.port}`,
    ...Array.from({ length: 20 }, (_, i) => `h${i}.example:${inside.port}`),
  ])
  const get = (host: string) =>
    outbound.request({
      method: 'GET',
      url: `http://${host}:${inside.port}/`,
      headers: {},
      timeoutMs: 3_000,
      maximumBytes: 100,
    })
  await get('often.example')
  const before = inside.connections
  for (let i = 0; i < 20; i++) {
    expect(await get(`h${i}.example`)).toMatchObject({ ok: true })
    expect(await get('often.example')).toMatchObject({ ok: true })
  }
  expect(inside.connections - before).toBe(20)
})
