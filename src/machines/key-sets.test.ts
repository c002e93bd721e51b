import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeOutbound } from '../net/outbound.ts'
import { type KeySets, makeKeySets } from './key-sets.ts'
import type { PublicKey } from './public-key.ts'

const jwk = (kid: string) => ({ ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), kid })
const outbound = makeOutbound()
let asked = 0
let served: { status: number; body: unknown; location?: string } = { status: 200, body: {} }
const server = createServer((_, response) => {
  asked++
  response.writeHead(served.status, served.location === undefined ? {} : { location: served.location })
  response.end(JSON.stringify(served.body))
})
let address = ''
let now = 0
let sets: KeySets

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  address = `http://127.0.0.1:${port}/jwks`
  outbound.allow([`127.0.0.1:${port}`])
})
afterAll(async () => {
  await outbound.close()
  server.close()
})
beforeEach(() => {
  asked = 0
  now += 10 * 3_600_000
  sets = makeKeySets({ outbound, clock: () => new Date(now) })
  served = { status: 200, body: { keys: [jwk('a')] } }
})

const has = (kid: string) => (keys: readonly PublicKey[]) => keys.some((key) => key.kid === kid)
const kids = async (kid: string) => {
  const keys = await sets.keysOf({ jwksUri: address, jwks: null }, has(kid))
  return keys.ok ? keys.value.map((key) => key.kid) : keys.fault.code
}

test('keys are asked for once, by however many at once, and again when they are ten minutes old', async () => {
  expect(await Promise.all([kids('a'), kids('a'), kids('a')])).toEqual([['a'], ['a'], ['a']])
  expect([await kids('a'), asked]).toEqual([['a'], 1])
  now += 10 * 60_000
  expect([await kids('a'), asked]).toEqual([['a'], 2])
})

test('a new key is fetched with the first token that names it; names nobody has are asked for twice a minute at most', async () => {
  await kids('a')
  served = { status: 200, body: { keys: [jwk('b')] } }
  // Too soon after the last time.
  expect([await kids('b'), asked]).toEqual([['a'], 1])
  now += 30_000
  expect([await kids('b'), asked]).toEqual([['b'], 2])
  for (let attempt = 0; attempt < 20; attempt++) await kids(`unknown ${attempt}`)
  expect(asked).toBe(2)
})

test('while nobody answers the last keys go on, for an hour; redirects are not followed', async () => {
  await kids('a')
  served = { status: 302, body: {}, location: `${address}/elsewhere` }
  now += 59 * 60_000
  expect([await kids('a'), asked]).toEqual([['a'], 2])
  now += 2 * 60_000
  expect(await kids('a')).toBe('service_reply_invalid')
  expect(asked).toBe(3)
})
