import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { base64url, exportJWK, type JWTHeaderParameters, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { newId } from '../kit/id.ts'
import { audienceOf, looksLikeHostToken, readHostToken, verifyHostToken } from './host-token.ts'
import { checkGivenKeys, keyFor, usableKeys } from './public-key.ts'

const now = new Date('2026-11-23T08:00:00Z')
const seconds = Math.floor(now.getTime() / 1000)
const applicationId = newId()
const rules = {
  id: applicationId,
  issuer: 'https://portal.example',
  userClaim: 'sub',
  matching: 'email',
  maximumTokenSeconds: 600,
} as const

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const edwards = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwkOf = (key: KeyObject, more: object) => ({ ...key.export({ format: 'jwk' }), ...more })
const document = {
  keys: [
    jwkOf(rsa.publicKey, { kid: 'r', alg: 'RS256', use: 'sig' }),
    jwkOf(ec.publicKey, { kid: 'e' }),
    jwkOf(edwards.publicKey, { kid: 'o' }),
    jwkOf(weak.publicKey, { kid: 'w' }),
    jwkOf(stranger.publicKey, { kid: 'x', use: 'enc' }),
    { kty: 'oct', kid: 'h', k: base64url.encode('a shared secret, long enough for it') },
  ],
}
const keys = usableKeys(document)

const claims = (more: JWTPayload = {}): JWTPayload => ({
  iss: rules.issuer,
  aud: audienceOf(applicationId),
  sub: 'ann@acme.example',
  iat: seconds,
  exp: seconds + 300,
  ...more,
})
const signed = (
  payload: JWTPayload,
  key: KeyObject = rsa.privateKey,
  header: JWTHeaderParameters = { alg: 'RS256', kid: 'r' },
) => new SignJWT(payload).setProtectedHeader(header).sign(key)

/** As the room does it: what the token says of itself chooses a key, and the key what it may be signed by. */
const judge = async (text: string) => {
  const read = readHostToken(text)
  if (!read.ok) return read
  const key = keyFor(keys, read.value)
  return key === null
    ? ({ ok: false, fault: { code: 'no key' } } as const)
    : verifyHostToken(read.value, key, rules, now)
}
const isTaken = async (text: string) => (await judge(text)).ok

test('a token of the application stands for the user it names, until it ends', async () => {
  expect(await judge(await signed(claims()))).toEqual({
    ok: true,
    value: { reference: 'ann@acme.example', expiresAt: new Date((seconds + 330) * 1000) },
  })
  expect(await isTaken(await signed(claims(), ec.privateKey, { alg: 'ES256', kid: 'e' }))).toBe(true)
  expect(await isTaken(await signed(claims(), edwards.privateKey, { alg: 'EdDSA', kid: 'o' }))).toBe(true)
  expect(await isTaken(await signed(claims({ aud: ['others', audienceOf(applicationId)] })))).toBe(true)
})

test('keys are those that can sign: not for encryption, not weak, not shared', () => {
  expect(keys.map(({ kid, algorithms }) => [kid, algorithms])).toEqual([
    ['r', ['RS256']],
    ['e', ['ES256']],
    ['o', ['EdDSA', 'Ed25519']],
  ])
  expect(checkGivenKeys({ keys: [jwkOf(rsa.privateKey, {})] }).ok).toBe(false)
  expect(checkGivenKeys({ keys: [{ kty: 'oct', k: 'AAAA' }] }).ok).toBe(false)
  for (const odd of [null, 1, {}, { keys: 1 }, { keys: [null, 1, { kty: 'RSA' }] }])
    expect(usableKeys(odd)).toEqual([])
})

describe('is refused', () => {
  const withPart = (text: string, index: number, part: object) =>
    text
      .split('.')
      .map((own, at) => (at === index ? base64url.encode(JSON.stringify(part)) : own))
      .join('.')

  test('without a signature, in each way of saying so', async () => {
    const none = new UnsecuredJWT(claims()).encode()
    expect(await isTaken(none)).toBe(false)
    const text = await signed(claims())
    for (const alg of ['none', 'None', 'NONE', '', 'nOnE']) {
      expect(await isTaken(withPart(text, 0, { alg, kid: 'r' })), alg).toBe(false)
      expect(
        await isTaken(`${withPart(text, 0, { alg, kid: 'r' }).split('.').slice(0, 2).join('.')}.`),
        alg,
      ).toBe(false)
    }
  })

  test('where a public key is used as a shared secret', async () => {
    const head = base64url.encode(JSON.stringify({ alg: 'HS256', kid: 'r' }))
    const body = base64url.encode(JSON.stringify(claims()))
    for (const secret of [
      rsa.publicKey.export({ type: 'spki', format: 'pem' }),
      rsa.publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(document.keys[0]),
    ]) {
      const mac = createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')
      expect(await isTaken(`${head}.${body}.${mac}`)).toBe(false)
    }
    const shared = new TextEncoder().encode('a shared secret, long enough for it')
    const text = await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'h' }).sign(shared)
    expect(await isTaken(text)).toBe(false)
  })

  test('by another algorithm than the key says, another key of the set, or a key that it brings itself', async () => {
    expect(await isTaken(await signed(claims(), rsa.privateKey, { alg: 'PS256', kid: 'r' }))).toBe(false)
    expect(await isTaken(await signed(claims(), rsa.privateKey, { alg: 'RS512', kid: 'r' }))).toBe(false)
    expect(await isTaken(await signed(claims(), rsa.privateKey, { alg: 'RS256', kid: 'e' }))).toBe(false)
    const own = await exportJWK(stranger.publicKey)
    for (const header of [
      { alg: 'RS256', kid: 'r', jwk: own },
      { alg: 'RS256', jwk: own },
      { alg: 'RS256', kid: 'r', jku: 'https://evil.example/jwks' },
      { alg: 'RS256', kid: '../../dev/null' },
      { alg: 'RS256', kid: 'x' },
    ])
      expect(await isTaken(await signed(claims(), stranger.privateKey, header))).toBe(false)
  })

  test('with a header that has to be understood and is not', async () => {
    const text = await signed(claims(), rsa.privateKey, { alg: 'RS256', kid: 'r' })
    expect(await isTaken(withPart(text, 0, { alg: 'RS256', kid: 'r', crit: ['b64'], b64: false }))).toBe(
      false,
    )
  })

  test('from another issuer, for somebody else, of another time, or for too long', async () => {
    const wrong: Record<string, JWTPayload> = {
      issuer: { iss: 'https://portal.example/' },
      'no issuer': { iss: undefined },
      audience: { aud: 'https://api.example' },
      'the application of another organisation': { aud: audienceOf(newId()) },
      'two of ours': { aud: [audienceOf(applicationId), audienceOf(newId())] },
      'no audience': { aud: undefined },
      expired: { exp: seconds - 31 },
      'no end': { exp: undefined },
      'not yet': { nbf: seconds + 120 },
      'too long': { exp: seconds + 3600 },
      'long ago': { iat: seconds - 7200, exp: seconds + 60 },
      'made in the future': { iat: seconds + 9000, exp: seconds + 9300 },
      'no user': { sub: '' },
      'a user that is no text': { sub: 7 as never },
      'a user that no database can look for': { sub: 'ann\0' },
      'not verified': { email_verified: false },
    }
    for (const [what, more] of Object.entries(wrong))
      expect(await isTaken(await signed(claims(more))), what).toBe(false)
  })

  test('changed after it was signed, or no token at all', async () => {
    const text = await signed(claims())
    expect(await isTaken(withPart(text, 1, claims({ sub: 'bob@acme.example' })))).toBe(false)
    expect(await isTaken(`${text}x`)).toBe(false)
    for (const odd of ['', 'eyJ..', 'eyJhIjoxfQ.eyJhIjoxfQ.AAAA', 'a.b.c', `eyJ${'A'.repeat(9000)}.b.c`])
      expect(await isTaken(odd), odd.slice(0, 20)).toBe(false)
    expect(looksLikeHostToken(`eyJ${'A'.repeat(9000)}.b.c`)).toBe(false)
    expect(looksLikeHostToken('aik_000000')).toBe(false)
  })
})
