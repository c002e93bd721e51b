import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formerVault } from '../../tests/vault-format-1.ts'
import {
  fingerprintUnder,
  type Opened,
  openUnder,
  openUnderMasterKey,
  type SealedSecret,
  sealUnder,
  type SecretBinding,
} from './envelope.ts'
import { makeMasterKey } from './master-key.ts'
import {
  newOrganizationKey,
  openOrganizationKey,
  openPurposeKey,
  rewrapOrganizationKey,
  wrapPurposeKey,
} from './organization-key.ts'

const bytes = (text: string) => Buffer.alloc(32, text)
const masterKey = makeMasterKey(bytes('one master key'))
const otherMasterKey = makeMasterKey(bytes('another master key'))
const organizationKey = newOrganizationKey('ours', masterKey).key
const otherOrganizationKey = newOrganizationKey('ours', masterKey).key

const bindings: fc.Arbitrary<SecretBinding> = fc.record({
  organizationId: fc.string(),
  owner: fc.constantFrom('user', 'organization', 'system'),
  userId: fc.option(fc.string()),
  serviceId: fc.string(),
  serviceKeyId: fc.string(),
  version: fc.nat(),
})
const secrets = fc.string({ unit: 'binary', minLength: 0, maxLength: 300 })

const flip = (blob: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(blob)
  const at = bit % (copy.length * 8)
  copy[at >> 3] = (copy[at >> 3] ?? 0) ^ (1 << (at & 7))
  return copy
}

interface Scheme {
  readonly seal: (binding: SecretBinding, secret: string) => SealedSecret
  readonly open: (binding: SecretBinding, sealed: SealedSecret) => Opened
  /** Of another key. */
  readonly openElsewhere: (binding: SecretBinding, sealed: SealedSecret) => Opened
  readonly otherId: string
}

const schemes: readonly (readonly [string, Scheme])[] = [
  [
    'under an organization’s key',
    {
      seal: (binding, secret) => sealUnder(organizationKey, binding, secret),
      open: (binding, sealed) => openUnder(organizationKey, binding, sealed),
      openElsewhere: (binding, sealed) => openUnder(otherOrganizationKey, binding, sealed),
      otherId: otherOrganizationKey.id,
    },
  ],
  [
    'of the former format, under the master key',
    {
      seal: formerVault(bytes('one master key')).seal,
      open: (binding, sealed) => openUnderMasterKey(masterKey, binding, sealed),
      openElsewhere: (binding, sealed) => openUnderMasterKey(otherMasterKey, binding, sealed),
      otherId: otherMasterKey.id,
    },
  ],
]

describe.each(schemes)('a secret %s', (_, { seal, open, openElsewhere, otherId }) => {
  test('opens in its own place, whole', () => {
    fc.assert(
      fc.property(bindings, secrets, (binding, secret) => {
        expect(open(binding, seal(binding, secret))).toEqual({ secret })
      }),
    )
  })

  test('does not open in any other place', () => {
    fc.assert(
      fc.property(bindings, bindings, secrets, (binding, other, secret) => {
        fc.pre(JSON.stringify(binding) !== JSON.stringify(other))
        expect(open(other, seal(binding, secret))).toEqual({ cause: 'wrapped_key' })
      }),
    )
  })

  test('does not open with one flipped bit in either blob', () => {
    fc.assert(
      fc.property(bindings, secrets, fc.nat(), fc.boolean(), (binding, secret, bit, inKey) => {
        const sealed = seal(binding, secret)
        const broken: SealedSecret = inKey
          ? { ...sealed, wrappedKey: flip(sealed.wrappedKey, bit) }
          : { ...sealed, sealedSecret: flip(sealed.sealedSecret, bit) }
        const causes = ['unknown_format', inKey ? 'wrapped_key' : 'sealed_secret']
        expect(causes).toContain(causeOf(open(binding, broken)))
      }),
    )
  })

  test('does not open cut short, lengthened, or empty', () => {
    const binding = fc.sample(bindings, 1)[0] as SecretBinding
    const sealed = seal(binding, 'a secret of some length')
    for (const field of ['wrappedKey', 'sealedSecret'] as const) {
      for (let length = 0; length < sealed[field].length; length++)
        expect(open(binding, { ...sealed, [field]: sealed[field].subarray(0, length) })).toHaveProperty(
          'cause',
        )
      const longer = { ...sealed, [field]: Buffer.concat([sealed[field], Buffer.of(0)]) }
      expect(open(binding, longer)).toHaveProperty('cause')
    }
  })

  test('does not open with another secret’s data key, or the two blobs exchanged', () => {
    fc.assert(
      fc.property(bindings, secrets, (binding, secret) => {
        const [a, b] = [seal(binding, secret), seal(binding, secret)]
        expect(open(binding, { ...a, wrappedKey: b.wrappedKey })).toEqual({ cause: 'sealed_secret' })
        const exchanged = { ...a, wrappedKey: a.sealedSecret, sealedSecret: a.wrappedKey }
        expect(open(binding, exchanged)).toEqual({ cause: 'wrapped_key' })
      }),
    )
  })

  test('does not open under another key, also one that is passed off as the right one', () => {
    fc.assert(
      fc.property(bindings, secrets, (binding, secret) => {
        const sealed = seal(binding, secret)
        expect(openElsewhere(binding, sealed)).toEqual({ cause: 'foreign_key' })
        expect(openElsewhere(binding, { ...sealed, masterKeyId: otherId })).toEqual({ cause: 'wrapped_key' })
      }),
    )
  })

  test('shares no bytes with the same secret sealed again, so equal secrets cannot be told', () => {
    const binding = fc.sample(bindings, 1)[0] as SecretBinding
    const [a, b] = [seal(binding, 'same'), seal(binding, 'same')]
    expect(a.sealedSecret.subarray(1, 13)).not.toEqual(b.sealedSecret.subarray(1, 13))
    expect(a.sealedSecret.subarray(13)).not.toEqual(b.sealedSecret.subarray(13))
    expect(a.wrappedKey.subarray(1)).not.toEqual(b.wrappedKey.subarray(1))
  })

  test('is not handed back where it was stored in the clear', () => {
    const binding = fc.sample(bindings, 1)[0] as SecretBinding
    const clear = Buffer.from('sk-proj-stored-in-the-clear-by-somebody')
    const plain = { ...seal(binding, ''), wrappedKey: Buffer.alloc(0), sealedSecret: clear }
    expect(open(binding, plain)).toEqual({ cause: 'unknown_format' })
  })
})

const causeOf = (opened: Opened): string | null => ('cause' in opened ? opened.cause : null)

test('parts of a binding cannot be shifted into each other', () => {
  const binding: SecretBinding = {
    organizationId: 'ab',
    owner: 'user',
    userId: 'c',
    serviceId: 'de',
    serviceKeyId: 'f',
    version: 1,
  }
  const sealed = sealUnder(organizationKey, binding, 'x')
  for (const other of [
    { ...binding, serviceId: 'd', serviceKeyId: 'ef' },
    { ...binding, userId: 'cde', serviceId: '' },
    { ...binding, userId: '' },
    { ...binding, userId: null },
    { ...binding, serviceKeyId: 'f1', version: 0 },
  ]) {
    expect(openUnder(organizationKey, other, sealed)).toEqual({ cause: 'wrapped_key' })
  }
})

test('neither format opens as the other', () => {
  const binding = fc.sample(bindings, 1)[0] as SecretBinding
  const former = formerVault(bytes('one master key')).seal(binding, 'x')
  expect(openUnder(organizationKey, binding, { ...former, masterKeyId: organizationKey.id })).toEqual({
    cause: 'unknown_format',
  })
  const sealed = sealUnder(organizationKey, binding, 'x')
  expect(openUnderMasterKey(masterKey, binding, { ...sealed, masterKeyId: masterKey.id })).toEqual({
    cause: 'unknown_format',
  })
})

describe('the key of an organization', () => {
  test('opens for its own organization only, under its own version only, and only unchanged', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(), (id, other, bit) => {
        fc.pre(id !== other)
        const { key, wrappedKey } = newOrganizationKey(id, masterKey)
        expect(openOrganizationKey(id, masterKey, wrappedKey)?.id).toBe(key.id)
        expect(openOrganizationKey(other, masterKey, wrappedKey)).toBeNull()
        expect(openOrganizationKey(id, otherMasterKey, wrappedKey)).toBeNull()
        expect(openOrganizationKey(id, masterKey, flip(wrappedKey, bit))).toBeNull()
        expect(openPurposeKey(id, masterKey, wrappedKey)).toBeNull()
      }),
    )
  })

  test('is the same after it was wrapped anew, and what it sealed opens as before', () => {
    fc.assert(
      fc.property(bindings, secrets, (binding, secret) => {
        const { key, wrappedKey } = newOrganizationKey(binding.organizationId, masterKey)
        const sealed = sealUnder(key, binding, secret)
        const moved = rewrapOrganizationKey(binding.organizationId, masterKey, otherMasterKey, wrappedKey)
        const again = moved && openOrganizationKey(binding.organizationId, otherMasterKey, moved)
        expect(again && openUnder(again, binding, sealed)).toEqual({ secret })
        expect(
          rewrapOrganizationKey(`${binding.organizationId}x`, masterKey, otherMasterKey, wrappedKey),
        ).toBeNull()
        expect(openOrganizationKey(binding.organizationId, masterKey, moved ?? Buffer.alloc(0))).toBeNull()
      }),
    )
  })
})

describe('a fingerprint', () => {
  test('is the same only for the same organization, service, secret and key', () => {
    const [key, other] = [masterKey.fingerprint, otherMasterKey.fingerprint]
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (organization, service, secret) => {
        const fingerprint = fingerprintUnder(key, organization, service, secret)
        expect(fingerprint).toEqual(fingerprintUnder(key, organization, service, secret))
        expect(fingerprint).not.toEqual(fingerprintUnder(key, `${organization}x`, service, secret))
        expect(fingerprint).not.toEqual(fingerprintUnder(key, organization, `${service}x`, secret))
        expect(fingerprint).not.toEqual(fingerprintUnder(key, organization, service, `${secret}x`))
        expect(fingerprint).not.toEqual(fingerprintUnder(other, organization, service, secret))
      }),
    )
  })

  test('is what it was before versions of the master key, and what it was before its key was wrapped anew', () => {
    const { fingerprintKey } = formerVault(bytes('one master key'))
    const framed = Buffer.concat(
      ['o', 's', 'x'].flatMap((part) => [Buffer.from([0, 0, 0, part.length]), Buffer.from(part)]),
    )
    const before = createHmac('sha256', fingerprintKey).update(framed).digest()
    expect(fingerprintUnder(masterKey.fingerprint, 'o', 's', 'x')).toEqual(before)
    const wrapped = wrapPurposeKey('fingerprint', otherMasterKey, masterKey.fingerprint)
    const moved = openPurposeKey('fingerprint', otherMasterKey, wrapped)
    expect(moved && fingerprintUnder(moved, 'o', 's', 'x')).toEqual(before)
    expect(openPurposeKey('another purpose', otherMasterKey, wrapped)).toBeNull()
  })
})
