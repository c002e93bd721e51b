import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeMasterKey } from './master-key.ts'
import { makeVault, type SealedSecret, type SecretBinding } from './vault.ts'

const vault = makeVault(makeMasterKey(Buffer.alloc(32, 'one master key')))
const otherVault = makeVault(makeMasterKey(Buffer.alloc(32, 'another master key')))

const bindings: fc.Arbitrary<SecretBinding> = fc.record({
  organizationId: fc.string(),
  owner: fc.constantFrom('user', 'organization', 'system'),
  userId: fc.option(fc.string()),
  serviceId: fc.string(),
  serviceKeyId: fc.string(),
  version: fc.nat(),
})
const secrets = fc.string({ unit: 'binary', minLength: 0, maxLength: 300 })
const unreadable = { ok: false, fault: { code: 'secret_unreadable' } }

const flip = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes)
  const at = bit % (copy.length * 8)
  copy[at >> 3] = (copy[at >> 3] ?? 0) ^ (1 << (at & 7))
  return copy
}

test('what was sealed opens in its own place, whole', () => {
  fc.assert(
    fc.property(bindings, secrets, (binding, secret) => {
      expect(vault.open(binding, vault.seal(binding, secret))).toEqual({ ok: true, value: secret })
    }),
  )
})

describe('what is not exactly what was sealed does not open', () => {
  test('in any other place', () => {
    fc.assert(
      fc.property(bindings, bindings, secrets, (binding, other, secret) => {
        fc.pre(JSON.stringify(binding) !== JSON.stringify(other))
        expect(vault.open(other, vault.seal(binding, secret))).toMatchObject(unreadable)
      }),
    )
  })

  test('with one flipped bit in either blob', () => {
    fc.assert(
      fc.property(bindings, secrets, fc.nat(), fc.boolean(), (binding, secret, bit, inKey) => {
        const sealed = vault.seal(binding, secret)
        const broken: SealedSecret = inKey
          ? { ...sealed, wrappedKey: flip(sealed.wrappedKey, bit) }
          : { ...sealed, sealedSecret: flip(sealed.sealedSecret, bit) }
        expect(vault.open(binding, broken)).toMatchObject(unreadable)
      }),
    )
  })

  test('cut short, lengthened, or empty', () => {
    const binding = fc.sample(bindings, 1)[0] as SecretBinding
    const sealed = vault.seal(binding, 'a secret of some length')
    for (const field of ['wrappedKey', 'sealedSecret'] as const) {
      for (let length = 0; length < sealed[field].length; length++) {
        const cut = { ...sealed, [field]: sealed[field].subarray(0, length) }
        expect(vault.open(binding, cut)).toMatchObject(unreadable)
      }
      const longer = { ...sealed, [field]: Buffer.concat([sealed[field], Buffer.of(0)]) }
      expect(vault.open(binding, longer)).toMatchObject(unreadable)
    }
  })

  test('with another secret’s data key, or the two blobs exchanged', () => {
    fc.assert(
      fc.property(bindings, secrets, (binding, secret) => {
        const [a, b] = [vault.seal(binding, secret), vault.seal(binding, secret)]
        expect(vault.open(binding, { ...a, wrappedKey: b.wrappedKey })).toMatchObject(unreadable)
        const exchanged = { ...a, wrappedKey: a.sealedSecret, sealedSecret: a.wrappedKey }
        expect(vault.open(binding, exchanged)).toMatchObject(unreadable)
      }),
    )
  })

  test('under another master key, also one that is passed off as the right one', () => {
    fc.assert(
      fc.property(bindings, secrets, (binding, secret) => {
        const sealed = vault.seal(binding, secret)
        expect(otherVault.open(binding, sealed)).toMatchObject(unreadable)
        const renamed = { ...sealed, masterKeyId: otherVault.masterKeyId }
        expect(otherVault.open(binding, renamed)).toMatchObject(unreadable)
      }),
    )
  })

  test('a secret stored in the clear is not handed back', () => {
    const binding = fc.sample(bindings, 1)[0] as SecretBinding
    const plain: SealedSecret = {
      masterKeyId: vault.masterKeyId,
      wrappedKey: Buffer.alloc(0),
      sealedSecret: Buffer.from('sk-proj-stored-in-the-clear-by-somebody'),
    }
    expect(vault.open(binding, plain)).toMatchObject(unreadable)
  })
})

test('parts of a binding cannot be shifted into each other', () => {
  const binding: SecretBinding = {
    organizationId: 'ab',
    owner: 'user',
    userId: 'c',
    serviceId: 'de',
    serviceKeyId: 'f',
    version: 1,
  }
  const sealed = vault.seal(binding, 'x')
  for (const other of [
    { ...binding, serviceId: 'd', serviceKeyId: 'ef' },
    { ...binding, userId: 'cde', serviceId: '' },
    { ...binding, userId: '' },
    { ...binding, userId: null },
    { ...binding, serviceKeyId: 'f1', version: 0 },
  ]) {
    expect(vault.open(other, sealed)).toMatchObject(unreadable)
  }
})

test('sealing the same secret twice shares no bytes, so equal secrets cannot be told', () => {
  const binding = fc.sample(bindings, 1)[0] as SecretBinding
  const [a, b] = [vault.seal(binding, 'same'), vault.seal(binding, 'same')]
  expect(a.sealedSecret.subarray(1, 13)).not.toEqual(b.sealedSecret.subarray(1, 13))
  expect(a.sealedSecret.subarray(13)).not.toEqual(b.sealedSecret.subarray(13))
  expect(a.wrappedKey.subarray(1)).not.toEqual(b.wrappedKey.subarray(1))
})

test('a fingerprint is the same only for the same organization, service, secret and master key', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (organization, service, secret) => {
      const fingerprint = vault.fingerprint(organization, service, secret)
      expect(fingerprint).toEqual(vault.fingerprint(organization, service, secret))
      expect(fingerprint).not.toEqual(vault.fingerprint(`${organization}x`, service, secret))
      expect(fingerprint).not.toEqual(vault.fingerprint(organization, `${service}x`, secret))
      expect(fingerprint).not.toEqual(vault.fingerprint(organization, service, `${secret}x`))
      expect(fingerprint).not.toEqual(otherVault.fingerprint(organization, service, secret))
    }),
  )
})
