import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { castagnoli } from '../../../tests/kms/gcp.ts'
import { bound, unbound } from './binding.ts'
import { crc32c } from './crc32c.ts'
import { makePassphraseProvider, weaknessOf } from './passphrase.ts'
import { parseProvider, referenceForms } from './parse-provider.ts'
import { parsePkcs11Uri } from './pkcs11-uri.ts'
import { parseSecretSource } from './secret-source.ts'

const parts = {
  environment: {},
  transport: { request: () => Promise.reject(new Error('nothing is asked here')) },
  clock: () => new Date(0),
}

describe('references', () => {
  test.each([
    'file:/etc/aideon/master.key',
    'file:///etc/aideon/master.key',
    'env:AIDEON_MASTER_KEY',
    'passphrase:env:MASTER_PASSPHRASE',
    'passphrase:file:/run/secrets/passphrase',
    'transit:https://vault.example:8200/v1/transit/keys/aideon',
    'transit:http://127.0.0.1:8200/v1/team/transit/keys/aideon.keys-1?namespace=a/b&approle=machines',
    'aws-kms:arn:aws:kms:eu-central-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab',
    'aws-kms:arn:aws-us-gov:kms:us-gov-west-1:123456789012:alias/aideon',
    'gcp-kms:projects/p-1/locations/europe-west3/keyRings/ring/cryptoKeys/aideon',
    'azure-key-vault:https://aideon-prod.vault.azure.net/keys/master',
    'azure-key-vault:https://hsm-1.managedhsm.azure.cn/keys/master/0123456789abcdef0123456789abcdef',
    'pkcs11:token=aideon;object=master?module-path=/usr/lib/softhsm/libsofthsm2.so',
  ])('%s', (reference) => {
    const provider = parseProvider(reference, parts)
    expect(provider.ok && [provider.value.kind, provider.value.reference]).toEqual([
      reference.slice(0, reference.indexOf(':')),
      reference.replace('file:///', 'file:/'),
    ])
  })

  test.each([
    ['', 'does not begin with a kind'],
    ['c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=', 'does not begin with a kind'],
    ['constructor:x', 'does not begin with a kind'],
    ['file:relative/secret-path', 'must begin with /'],
    ['env:secret name', 'name of a variable'],
    ['passphrase:secret horse battery staple', 'must not stand in it'],
    ['transit:https://user:secret@vault.example/v1/transit/keys/a', 'credentials must not stand in it'],
    ['transit:https://vault.example/v1/transit/keys/a?token=secret', 'only namespace and approle'],
    ['transit:https://vault.example/v1/transit/keys/../secret', 'its path must be'],
    ['transit:https://vault.example/v1/transit/keys/a%2f..%2fsecret', 'its path must be'],
    ['transit:ftp://vault.example/v1/transit/keys/secret', 'https address'],
    ['aws-kms:arn:aws:s3:::secret', 'ARN of a key'],
    ['aws-kms:arn:aws:kms:evil.example/:123456789012:key/secret', 'ARN of a key'],
    ['aws-kms:arn:aws-iso:kms:us-iso-east-1:123456789012:key/secret', 'partition'],
    ['gcp-kms:projects/p/locations/l/keyRings/r/cryptoKeys/secret/cryptoKeyVersions/1', 'without a version'],
    ['azure-key-vault:https://evil.example/keys/secret', 'key vault or managed HSM'],
    ['azure-key-vault:https://x.vault.azure.net.evil.example/keys/secret', 'key vault or managed HSM'],
    ['azure-key-vault:https://abc.vault.azure.net/secrets/secret', 'its path must be'],
    ['azure-key-vault:https://abc.vault.azure.net:8443/keys/secret', 'https address'],
    ['pkcs11:object=a;pin-value=secret?module-path=/a.so', 'PIN must not stand in it'],
    ['pkcs11:object=a?module-path=/a.so&pin-value=secret', 'PIN must not stand in it'],
    ['pkcs11:object=a?module-path=secret.so', 'whole path'],
    ['pkcs11:token=secret?module-path=/a.so', 'object or id'],
    ['pkcs11:object=a;object=secret?module-path=/a.so', 'twice'],
    ['pkcs11:object=secret%2?module-path=/a.so', 'encodes nothing'],
    ['pkcs11:object=a?module-path=/a.so&pin-source=|secret', 'pin-source'],
  ])('%s is refused without being repeated', (reference, reason) => {
    const outcome = parseProvider(reference, parts)
    expect(outcome.ok).toBe(false)
    const text = outcome.ok ? '' : `${outcome.fault.message} ${outcome.fault.next}`
    expect(text).toContain(reason)
    if (reference.includes('secret')) expect(text).not.toMatch(/secret(?!s\/)/)
  })

  test('whatever is written there, the answer is a value and shows nothing of it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('', ...Object.keys(referenceForms).map((kind) => `${kind}:`)),
        fc.string({ maxLength: 80, unit: 'binary' }),
        (kind, rest) => {
          const outcome = parseProvider(kind + rest, parts)
          if (outcome.ok) return
          expect(outcome.fault.code).toBe('master_key_misconfigured')
          if (rest.trim().length > 12) expect(JSON.stringify(outcome.fault)).not.toContain(rest.trim())
        },
      ),
      { numRuns: 40 },
    )
  })

  test('ids of PKCS #11 are bytes, labels may hold blanks', () => {
    expect(
      parsePkcs11Uri(
        'pkcs11:token=My%20token;id=%01%ff;slot-id=3?module-path=/a.so&pin-source=file:/run/pin',
      ),
    ).toEqual({
      modulePath: '/a.so',
      token: 'My token',
      serial: null,
      slotId: 3,
      label: null,
      id: Buffer.from([1, 255]),
      pin: { kind: 'file', path: '/run/pin' },
    })
    expect(parseSecretSource('file://run/pin')).toBeNull()
  })
})

test('CRC-32C has the values of RFC 3720 and of its definition', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => crc32c(bytes) === castagnoli(bytes)))
})

test('a key is bound to the very context it was bound to', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (one, two, bytes) => {
        const key = Buffer.from(bytes)
        expect(unbound(bound(key, one), one)).toEqual(key)
        expect(unbound(bound(key, one), two)).toEqual(one === two ? key : null)
        expect(unbound(bound(key, one).subarray(1), one)).toBeNull()
      },
    ),
  )
})

describe('passphrases', () => {
  test.each([
    ['short', 'fewer than 16 characters'],
    ['aaaaaaaaaaaaaaaaaaaaaaaa', 'different characters'],
    ['abcdefgh12abcdefgh12abcdefgh12', 'one part repeated'],
    ['abcdefghijklmnopqrstuvwxyz', 'neighbouring'],
    ['9876543210zyxwvutsrqponm', 'neighbouring'],
  ])('%s is too weak, and is not repeated', async (passphrase, reason) => {
    expect(weaknessOf(passphrase)).toContain(reason)
    const provider = makePassphraseProvider({
      source: { kind: 'env', name: 'P' },
      environment: { P: passphrase },
    })
    const outcome = await provider.wrap(Buffer.alloc(32), 'c')
    expect(outcome.ok ? '' : outcome.fault.code).toBe('master_key_misconfigured')
    expect(JSON.stringify(outcome)).not.toContain(passphrase)
  })

  test.each(['correct horse battery staple', 'kT9/vQ2mXw+8sLdRz0aP4g', 'дом-река-сокол-ветер'])(
    '%s may do',
    (text) => {
      expect(weaknessOf(text)).toBeNull()
    },
  )

  test('the cost that is stored decides, so a raised cost opens what was wrapped before', async () => {
    const make = (memoryKiB: number, P = 'correct horse battery staplé') =>
      makePassphraseProvider({
        source: { kind: 'env', name: 'P' },
        environment: { P },
        cost: { memoryKiB, passes: 1, parallelism: 1 },
      })
    const key = createHash('sha256').update('k').digest()
    const wrapped = await make(32).wrap(key, 'c')
    const blob = wrapped.ok ? wrapped.value : Buffer.alloc(0)
    expect(blob.readUInt32BE(1)).toBe(32)
    // The same word as another keyboard composes it.
    const again = await make(64, 'correct horse battery staple\u0301').unwrap(blob, 'c')
    expect(again).toEqual({ ok: true, value: key })
    // A blob cannot ask for more work than any of ours.
    const dear = Buffer.from(blob)
    dear.writeUInt32BE(0x7fffffff, 1)
    const refusal = await make(32).unwrap(dear, 'c')
    expect(refusal.ok ? '' : refusal.fault.code).toBe('master_key_mismatch')
  })
})
