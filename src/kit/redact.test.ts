import { describe, expect, test } from 'vitest'
import { redactSecrets } from './redact.ts'

describe('values are told by their names', () => {
  test.each([
    ['Authorization: Bearer abc.def', 'abc.def'],
    ['"authorization":"Bearer q1w2e3"', 'q1w2e3'],
    ['{\\"authorization\\":\\"Bearer q1w2e3\\"}', 'q1w2e3'],
    ["['x-api-key', 'q1w2e3r4']", 'q1w2e3r4'],
    ['mj-api-secret: hunter22', 'hunter22'],
    ['x-key: q1w2e3r4', 'q1w2e3r4'],
    ['Authorization: Token q1w2e3r4', 'q1w2e3r4'],
    ['"authorization":"AWS4-HMAC-SHA256 Credential=AKIA/1, Signature=q1w2e3r4"', 'q1w2e3r4'],
    ['x-amz-security-token: FwoGZXIvYXdzEBYaD', 'FwoGZXIvYXdzEBYaD'],
    ['cookie: session=q1w2e3; other=z9', 'z9'],
    ['GET https://host/v1?alt=sse&key=q1w2e3 failed', 'q1w2e3'],
    ['GET https%3A%2F%2Fhost%2Fv1%3Fkey%3Dq1w2e3', 'q1w2e3'],
    ['connect postgres://aideon:q1w2e3@db/aideon', 'q1w2e3'],
    ['aws_secret_access_key = wJalrXUtnFEMIbPxRfiCY', 'wJalrXUtnFEMI'],
    ['sent Bearer q1w2e3r4t5y6u7', 'q1w2e3r4t5y6u7'],
    ['GET https://b.s3.amazonaws.com/x?X-Amz-Signature=q1w2e3r4&X-Amz-Expires=9', 'q1w2e3r4'],
    ['AIDEON_MASTER_KEY=cTF3MmUzcjR0NXk2dTc=', 'cTF3MmUzcjR0'],
    ['{"serviceId":"openai","secret":"q1w2e3r4t5y6u7i8"}', 'q1w2e3r4t5y6u7i8'],
    ['{\\"token\\": \\"q1w2e3r4t5y6u7i8\\"}', 'q1w2e3r4t5y6u7i8'],
    ['X-Vault-Token: q1w2e3r4t5', 'q1w2e3r4t5'],
    ['passphrase = correct-horse', 'correct-horse'],
    ['Incorrect API key provided: sk-proj-***************abcd.', 'sk-proj-***'],
    ['-----BEGIN PRIVATE KEY-----\\nMIIEvQ\\n-----END PRIVATE KEY----- rest', 'MIIEvQ'],
    ['mysk-abcdefghijklmnopqrstuvwxyz', 'abcdefghijklmnop'],
    ['cut -----BEGIN PRIVATE KEY-----\nMIIEvQ', 'MIIEvQ'],
  ])('%s', (text, secret) => {
    expect(redactSecrets(text)).not.toContain(secret)
  })
})

test('the rest of the text stays', () => {
  expect(redactSecrets('GET https://host/v1?key=q1w2e3&alt=sse -> 400')).toBe(
    'GET https://host/v1?key=[redacted]&alt=sse -> 400',
  )
  expect(redactSecrets('a -----BEGIN X-----\nMII\n-----END X----- b')).toBe('a [redacted] b')
})

test.each([
  'The task-force-management-system of this model',
  'Organisation risk-management-2026-team',
  'The spa-treatment-and-wellness-centre of luma-photon-flash',
  '{"max_tokens":100,"prompt_tokens":12,"model":"gpt-5.2-mini-2026-01-01"}',
  '01a20460-84d4-7eaf-a23d-7ffdab759352',
  'You exceeded your current quota, please check your plan and billing details.',
  'see https://platform.openai.com/account/api-keys.',
  '{"token":" the","logprob":-0.1,"key":"possibly-leaked:0198","secret":"changed"}',
  'Send a secret: at least 8 characters',
  '{"masterKey":"mk_0123456789abcdef"}',
])('ordinary text is not touched: %s', (text) => {
  expect(redactSecrets(text)).toBe(text)
})

test('redacting twice changes nothing more', () => {
  const once = redactSecrets('authorization: Bearer x; sk-ant-api03-abcdefghijklmnop ?key=abc')
  expect(redactSecrets(once)).toBe(once)
})
