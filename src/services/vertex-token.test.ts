import { generateKeyPairSync, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { readVertexVerdict, vertexTokenExchange } from './vertex-token.ts'
import { vertex } from './vertex.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const account = {
  type: 'service_account',
  client_email: 'robot@my-project.iam.gserviceaccount.com',
  private_key_id: 'kid1',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  token_uri: 'https://evil.example/token',
}
const at = new Date('2026-11-22T12:00:00Z')

test('the assertion is signed by the account’s key, for an hour, for Google alone', () => {
  const request = vertexTokenExchange.request(JSON.stringify(account), at)
  expect(request?.url).toBe('https://oauth2.googleapis.com/token')
  const form = new URLSearchParams(request?.body)
  expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
  const [head = '', claims = '', signature = ''] = form.get('assertion')?.split('.') ?? []
  const bytes = Buffer.from(`${head}.${claims}`)
  expect(verify('RSA-SHA256', bytes, publicKey, Buffer.from(signature, 'base64url'))).toBe(true)
  expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toEqual({
    alg: 'RS256',
    typ: 'JWT',
    kid: 'kid1',
  })
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toEqual({
    iss: account.client_email,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    aud: 'https://oauth2.googleapis.com/token',
    iat: at.getTime() / 1000,
    exp: at.getTime() / 1000 + 3600,
  })
  expect(request?.body).not.toContain('PRIVATE')
})

test.each([
  '',
  'not json',
  'null',
  '[]',
  '{}',
  '{"client_email":"a","private_key":1}',
  '{"client_email":"a","private_key":"-----BEGIN PRIVATE KEY-----\\nbm8=\\n-----END PRIVATE KEY-----"}',
])('a secret that is no service account is exchanged for nothing: %j', (secret) => {
  expect(vertexTokenExchange.request(secret, at)).toBeNull()
})

test('only a whole reply is a token', () => {
  const { read } = vertexTokenExchange
  expect(read(200, '{"access_token":"ya29.a","expires_in":3599,"token_type":"Bearer"}')).toEqual({
    accessToken: 'ya29.a',
    expiresInSeconds: 3599,
  })
  for (const [status, body] of [
    [400, '{"error":"invalid_grant"}'],
    [200, ''],
    [200, 'null'],
    [200, '{"access_token":"ya29.a"}'],
    [200, '{"access_token":"","expires_in":1}'],
  ] as const)
    expect(read(status, body)).toBeNull()
})

test('a key is proven by its token, and never judged without one', () => {
  expect(readVertexVerdict(404, '').verdict).toBe('valid')
  expect(readVertexVerdict(403, '').verdict).toBe('valid_but_unusable')
  const missing = JSON.stringify({ error: { code: 401, details: [{ reason: 'CREDENTIALS_MISSING' }] } })
  expect(readVertexVerdict(401, missing).verdict).toBe('unknown')
  expect(readVertexVerdict(401, '{}').verdict).toBe('invalid')
  const outgoing = {
    method: 'POST',
    url: new URL('https://a.example'),
    headers: {},
    body: Buffer.alloc(0),
    at,
  }
  expect(vertex.authenticate({ secret: 's', settings: {}, accessToken: null }, outgoing)).toEqual({})
  expect(vertex.authenticate({ secret: 's', settings: {}, accessToken: 't' }, outgoing)).toEqual({
    authorization: 'Bearer t',
  })
})
