import { generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { expect, test } from 'vitest'
import { readLogoutToken } from './logout-token.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'
const now = new Date('2026-11-23T12:00:00Z')
const seconds = now.getTime() / 1000
const { privateKey, publicKey } = await generateKeyPair('ES256')
const stranger = await generateKeyPair('ES256')
const good: JWTPayload = {
  iss: 'https://idp.example',
  aud: 'aideon',
  iat: seconds,
  jti: 'one',
  sub: 'ada',
  sid: 'there',
  events: { [event]: {} },
}
const signed = (change: JWTPayload, typ?: string, key = privateKey) =>
  new SignJWT({ ...good, ...change }).setProtectedHeader({ alg: 'ES256', ...(typ && { typ }) }).sign(key)
const read = async (token: string) => {
  try {
    return await readLogoutToken(token, () => publicKey, {
      issuer: 'https://idp.example',
      clientId: 'aideon',
      algorithms: ['ES256'],
      skewSeconds: 60,
      now,
    })
  } catch {
    return { ok: false }
  }
}

test('a logout token names whom the provider signed out: a person, a session of theirs, or both', async () => {
  expect(await read(await signed({}))).toEqual({
    ok: true,
    value: { subject: 'ada', sessions: ['there'], id: 'one', issuedAt: now },
  })
  for (const typ of ['logout+jwt', 'application/logout+jwt', 'JWT'])
    expect(await read(await signed({ sid: undefined }, typ)), typ).toMatchObject({
      value: { subject: 'ada', sessions: [] },
    })
  expect(await read(await signed({ sub: undefined }))).toMatchObject({
    value: { subject: null, sessions: ['there'] },
  })
})

test.each([
  ['of another issuer', { iss: 'https://evil.example' }],
  ['for another client', { aud: 'other' }],
  ['without a time', { iat: undefined }],
  ['that is old', { iat: seconds - 900 }],
  ['of tomorrow', { iat: seconds + 900 }],
  ['that has expired', { exp: seconds - 90 }],
  ['without an id', { jti: undefined }],
  ['that is an ID token', { events: undefined, nonce: 'n' }],
  ['with a nonce', { nonce: 'n' }],
  ['of another event', { events: { 'https://other.example': {} } }],
  ['whose event is a text', { events: { [event]: 'yes' } }],
  ['that names nobody', { sub: undefined, sid: undefined }],
  ['that names nobody with a text', { sub: 7, sid: {} } as unknown as JWTPayload],
])('a token %s is refused', async (_, change) => {
  expect((await read(await signed(change))).ok).toBe(false)
})

test('a token of another type, of another key or without a signature is refused', async () => {
  expect((await read(await signed({}, 'at+jwt'))).ok).toBe(false)
  expect((await read(await signed({}, 'logout+jwt', stranger.privateKey))).ok).toBe(false)
  expect((await read(new UnsecuredJWT(good).encode())).ok).toBe(false)
  for (const text of ['', 'a.b.c', 'x'.repeat(20_000)]) expect((await read(text)).ok).toBe(false)
})
