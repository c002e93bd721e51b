import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { isPublicAddress, makeAllowances, parseAllowance } from './address.ts'
import { makeOutbound } from './outbound.ts'

describe('addresses that are not the public internet', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '192.0.0.8',
    '198.18.0.1',
    '203.0.113.9',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:a00:1',
    '64:ff9b::a00:1',
    '100::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd12::1',
    'fe80::1',
    'ff02::1',
    'nonsense',
  ])('%s', (address) => expect(isPublicAddress(address)).toBe(false))

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.32.0.1',
    '2606:4700::1111',
    '2001:4860:4860::8888',
    '::ffff:8.8.8.8',
  ])('but %s is', (address) => expect(isPublicAddress(address)).toBe(true))
})

describe('what a base URL may be', () => {
  const outbound = makeOutbound()
  test.each([
    'http://example.com',
    'ftp://example.com',
    'file:///etc/passwd',
    'https://user:pass@example.com',
    'https://127.0.0.1',
    'https://localhost',
    'https://LOCALHOST.:8443',
    'https://models.localhost',
    'https://intranet',
    'https://files.internal',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://2130706433',
    'https://0x7f.1',
    'https://0177.0.0.1',
    'https://127.1',
    'https://169.254.169.254/latest',
    'nonsense',
  ])('never %s', (url) =>
    expect(outbound.check(url)).toMatchObject({ ok: false, fault: { code: 'unsafe_address' } }),
  )

  test('a public https address', () => expect(outbound.check('https://api.openai.com').ok).toBe(true))
})

test('what the administrator lists is allowed, and nothing beside it', () => {
  const listed = makeAllowances(['127.0.0.1:8080', '10.1.0.0/16', 'models.internal', '[fd00::1]:443'])
  expect(listed.allowsHost('127.0.0.1', 8080)).toBe(true)
  expect(listed.allowsHost('127.0.0.1', 8081)).toBe(false)
  expect(listed.allowsHost('models.internal', 1234)).toBe(true)
  expect(listed.allowsHost('other.internal', 1234)).toBe(false)
  expect(listed.allowsAddress('10.1.9.9', 443)).toBe(true)
  expect(listed.allowsAddress('10.2.0.1', 443)).toBe(false)
  expect(listed.allowsAddress('::ffff:10.1.9.9', 443)).toBe(true)
  expect(listed.allowsHost('[fd00::1]', 443)).toBe(true)
  for (const wrong of ['10.0.0.0/33', 'http://x', 'a b', 'x:99999']) expect(parseAllowance(wrong)).toBeNull()
})

describe('a name that resolves to a private address', () => {
  // Every resolver knows localhost; it stands for any public-looking name whose owner points it inside.
  const withServer = async (work: (port: number) => Promise<void>) => {
    const server = createServer((_, response) => response.end('inside'))
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    await work((server.address() as AddressInfo).port)
    server.close()
  }
  const get = (url: string) => ({ method: 'GET', url, headers: {}, timeoutMs: 2_000, maximumBytes: 1_000 })

  test('is not connected to', async () => {
    await withServer(async (port) => {
      const outbound = makeOutbound()
      expect(await outbound.request(get(`https://localhost:${port}/`))).toMatchObject({
        ok: false,
        fault: { code: 'unsafe_address' },
      })
      await outbound.close()
    })
  })

  test('is, once listed', async () => {
    await withServer(async (port) => {
      const outbound = makeOutbound()
      outbound.allow([`localhost:${port}`])
      expect(await outbound.request(get(`http://localhost:${port}/`))).toMatchObject({
        ok: true,
        value: { status: 200, body: 'inside' },
      })
      await outbound.close()
    })
  })
})

test('a redirect is a reply, never followed', async () => {
  const paths: (string | undefined)[] = []
  const server = createServer((request, response) => {
    paths.push(request.url)
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const outbound = makeOutbound()
  outbound.allow(['127.0.0.0/8'])
  const reply = await outbound.request({
    method: 'GET',
    url: `http://127.0.0.1:${port}/start`,
    headers: {},
    timeoutMs: 2_000,
    maximumBytes: 1_000,
  })
  expect(reply).toMatchObject({ ok: true, value: { status: 302 } })
  expect(paths).toEqual(['/start'])
  await outbound.close()
  server.close()
})

test('a call that never got a connection says that nothing was sent; one that was cut off does not', async () => {
  const server = createServer((request) => request.socket.destroy())
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const outbound = makeOutbound()
  outbound.allow(['127.0.0.1'])
  const call = { method: 'POST', url, headers: {}, body: '{}', timeoutMs: 2000, maximumBytes: 1000 }
  const cut = await outbound.request(call)
  expect(cut).toMatchObject({ ok: false, fault: { code: 'service_unreachable' } })
  expect(cut).not.toHaveProperty('fault.notSent')
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
  expect(await outbound.request(call)).toMatchObject({
    ok: false,
    fault: { code: 'service_unreachable', notSent: true },
  })
  await outbound.close()
})
