import { beforeAll, describe, expect, test, vi } from 'vitest'
import { issuedAt, responseByHand } from '../../tests/sso/canonical-by-hand.ts'
import { providerCertificate, strangerCertificate } from '../../tests/sso/certificates.ts'
import {
  askToSignOut,
  encrypt,
  providerEntityId,
  providerSignInUrl,
  providerSignOutUrl,
  readRequest,
  readSignOutAnswer,
  respond,
  responseXml,
  type Said,
  type Signing,
} from '../../tests/sso/saml-provider.ts'
import { newAttemptSecret, requestIdOf } from './attempt.ts'
import { addressesOf, type SamlSettings } from './connection.ts'
import { makeOwnKey, type OwnKey } from './own-key.ts'
import {
  readSamlLogout,
  readSamlResponse,
  type SamlParty,
  samlLogoutAnswerUrl,
  samlRequestUrl,
  serviceProviderMetadata,
} from './saml.ts'
import { readSignedQuery } from './saml-logout.ts'
import { readIdentityProviderMetadata } from './saml-metadata.ts'

const addresses = addressesOf('https://keys.example', '0193b3f0-0000-7000-8000-000000000001')
const settings: SamlSettings = {
  entityId: providerEntityId,
  signInUrl: providerSignInUrl,
  certificates: [providerCertificate.cert],
  emailAttribute: null,
  groupsAttribute: 'groups',
  allowUnsolicited: false,
  signsRequests: false,
  encryption: 'off',
  signOutUrl: null,
}
const party: SamlParty = { settings, addresses, ownKey: null }
const ada: Said = { subject: 'ada-1', email: 'ada@acme.example', groups: ['staff'], inResponseTo: '_request' }
const read = (encoded: string, now = new Date(), change: Partial<SamlSettings> = {}) =>
  readSamlResponse({ ...party, settings: { ...settings, ...change } }, encoded, now)
const base64 = (xml: string) => Buffer.from(xml).toString('base64')
const xmlOf = (encoded: string) => Buffer.from(encoded, 'base64').toString()
const outcomeOf = async (encoded: string, now?: Date) => {
  const outcome = await read(encoded, now)
  return outcome.ok ? 'taken' : outcome.fault.code
}
const minutes = (count: number) => new Date(Date.now() + count * 60_000)

test('our metadata and request are understood by an independent provider, whose signed answer names the person', async () => {
  const secret = newAttemptSecret()
  const requestId = await readRequest(addresses, await samlRequestUrl(party, secret))
  expect(requestId).toBe(requestIdOf(secret))
  for (const what of ['assertion', 'response'] as const)
    expect(await read(respond(addresses, { ...ada, inResponseTo: requestId }, { what }))).toMatchObject({
      ok: true,
      value: {
        inResponseTo: requestId,
        person: { subject: 'ada-1', email: 'ada@acme.example', name: 'ada', groups: ['staff'] },
      },
    })
})

const forged: readonly (readonly [string, Partial<Said>, Signing?])[] = [
  ['for another audience', { audience: 'https://other.example' }],
  ['for another recipient', { recipient: 'https://other.example/saml' }],
  ['of another issuer', { issuer: 'https://other.example' }],
  ['that has expired', { notOnOrAfter: minutes(-3) }],
  ['that is not valid yet', { notBefore: minutes(5) }],
  [
    'issued long ago, however long it says that it is valid',
    { issuedAt: minutes(-30), notOnOrAfter: minutes(500) },
  ],
  [
    'with a name that changes at each sign-in',
    { nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' },
  ],
  ['without an e-mail address', { email: '' }],
  ['signed by somebody else', {}, { certificate: strangerCertificate }],
  ['signed with SHA-1', {}, { algorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' }],
]
test.each(forged.map(([name, change, signing]) => ({ name, change, signing })))(
  'an assertion $name is refused',
  async ({ change, signing }) => {
    expect(await outcomeOf(respond(addresses, { ...ada, ...change }, signing))).toBe('sso_refused')
  },
)

describe('what is not as it was signed', () => {
  const good = () => xmlOf(respond(addresses, ada))
  const mallory = responseXml(addresses, {
    ...ada,
    subject: 'mallory',
    email: 'eve@acme.example',
    id: '_evil',
  })
  const evil = /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(mallory)?.[0] ?? ''

  test('is refused: no signature, a changed word, another assertion before, after or around the signed one', async () => {
    const xml = good()
    const signed = /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(xml)?.[0] ?? ''
    const attacks = [
      mallory,
      xml.replace('ada@acme.example', 'eve@acme.example'),
      xml.replace(signed, evil + signed),
      xml.replace(signed, signed + evil),
      // The signed one is moved where nobody looks, and its place is taken.
      xml.replace(
        signed,
        evil.replace(
          '</saml:Issuer>',
          `</saml:Issuer><ds:Object xmlns:ds="http://www.w3.org/2000/09/xmldsig#">${signed}</ds:Object>`,
        ),
      ),
      xml.replace(signed, `<samlp:Extensions>${signed}</samlp:Extensions>${evil}`),
      // The same, under the name that the signature refers to.
      xml.replace(
        signed,
        `<samlp:Extensions>${signed}</samlp:Extensions>${evil.replace('_evil', /ID="([^"]+)"/.exec(signed)?.[1] ?? '')}`,
      ),
    ]
    for (const attack of attacks) expect(await outcomeOf(base64(attack)), attack).toBe('sso_refused')
  })

  test('comments inside a name do not shorten it', async () => {
    const encoded = respond(addresses, { ...ada, email: 'ada@acme.example.evil.example' })
    const commented = xmlOf(encoded).replace('ada@acme.example.evil', 'ada@acme.example<!---->.evil')
    const outcome = await read(base64(commented))
    expect(outcome.ok ? outcome.value.person.email : 'refused').not.toBe('ada@acme.example')
  })

  test('document types, encryption and endless answers are refused before they are parsed', async () => {
    const bomb = `<!DOCTYPE a [<!ENTITY b "b">]>${good()}`
    const encrypted = good().replace(/<saml:Assertion[\s\S]*<\/saml:Assertion>/, '<saml:EncryptedAssertion/>')
    for (const xml of [bomb, encrypted, 'x'.repeat(300_000), '', '<a', '<Response/>'])
      expect(await outcomeOf(base64(xml))).toBe('sso_refused')
  })

  test('the request that an answer names is the one in what was signed, not the one around it', async () => {
    const unsolicited = xmlOf(respond(addresses, { ...ada, inResponseTo: null }))
    const claimed = unsolicited.replace('Version="2.0"', 'Version="2.0" InResponseTo="_mine"')
    expect(await read(base64(claimed))).toMatchObject({ ok: true, value: { inResponseTo: null } })
  })
})

test('an assertion is taken a minute early or late, and not after the time that replays are remembered for', async () => {
  const encoded = respond(addresses, ada)
  const taken = await read(encoded)
  expect(taken.ok).toBe(true)
  expect(await outcomeOf(encoded, minutes(-0.9))).toBe('taken')
  expect(await outcomeOf(encoded, minutes(-3))).toBe('sso_refused')
  if (taken.ok) expect(await outcomeOf(encoded, taken.value.expiresAt)).toBe('sso_refused')
})

test('while certificates change, each of them is tried', async () => {
  const certificates = [strangerCertificate.cert, providerCertificate.cert]
  expect((await read(respond(addresses, ada), new Date(), { certificates })).ok).toBe(true)
})

describe('with a key pair of our own', () => {
  let ownKey: OwnKey
  let other: OwnKey
  beforeAll(async () => {
    ;[ownKey, other] = await Promise.all([makeOwnKey('Acme', new Date()), makeOwnKey('Other', new Date())])
  })
  const having = (change: Partial<SamlSettings>): SamlParty => ({
    ownKey,
    addresses,
    settings: { ...settings, ...change },
  })
  const metadataOf = ({ settings: given, ownKey: key }: SamlParty) =>
    serviceProviderMetadata(addresses, given, key?.certificate ?? null)

  test('a provider that wants requests signed finds the signature good by our metadata, and one of another key bad', async () => {
    const signing = having({ signsRequests: true })
    const secret = newAttemptSecret()
    const url = await samlRequestUrl(signing, secret, true)
    expect(await readRequest(addresses, url, metadataOf(signing))).toBe(requestIdOf(secret))
    const strange = metadataOf({ ...signing, ownKey: other })
    await expect(readRequest(addresses, url, strange)).rejects.toThrow('SIGNATURE')
    await expect(
      readRequest(addresses, url.replace(/&Signature=.*/, ''), metadataOf(signing)),
    ).rejects.toThrow()
  })

  test('an encrypted assertion is read, and judged like a plain one', async () => {
    const accepting = having({ encryption: 'accepted' })
    const metadata = metadataOf(accepting)
    const at = new Date()
    const take = async (said: Partial<Said>, change?: Record<string, unknown>, signing?: Signing) => {
      const response = await encrypt(respond(addresses, { ...ada, ...said }, signing), metadata, change)
      const outcome = await readSamlResponse(accepting, response, at)
      return outcome.ok ? outcome.value.person.subject : outcome.fault.code
    }
    expect(await take({})).toBe('ada-1')
    expect(await take({}, { dataEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#aes128-cbc' })).toBe(
      'ada-1',
    )
    expect(await take({}, { keyEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#rsa-1_5' })).toBe(
      'sso_refused',
    )
    expect(await take({ audience: 'https://other.example' })).toBe('sso_refused')
    expect(await take({}, {}, { certificate: strangerCertificate })).toBe('sso_refused')
    expect(await take({}, {}, { algorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' })).toBe(
      'sso_refused',
    )
    // A cipher that would tell the key bit by bit, under a name that it does not have.
    const rsa15 = 'http://www.w3.org/2001/04/xmlenc#rsa-1_5'
    const weak = await encrypt(respond(addresses, ada), metadata, { keyEncryptionAlgorithm: rsa15 })
    const oaep = 'Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"'
    for (const hidden of [`xmlns:x="x" x:${oaep}`, `a=' ${oaep}'`]) {
      const xml = xmlOf(weak).replace(`Algorithm="${rsa15}"`, `${hidden} Algorithm="${rsa15}"`)
      const outcome = await readSamlResponse(accepting, base64(xml), at)
      expect(outcome).toMatchObject({
        fault: { message: expect.stringContaining('encrypted in a way') },
      })
    }
    // Anybody can encrypt for a public key.
    const unsigned = await encrypt(base64(responseXml(addresses, ada)), metadata)
    expect((await readSamlResponse(accepting, unsigned, at)).ok).toBe(false)
    const forOthers = await encrypt(respond(addresses, ada), metadataOf({ ...accepting, ownKey: other }))
    expect((await readSamlResponse(accepting, forOthers, at)).ok).toBe(false)
  })

  test('encryption is refused, taken or insisted on as the connection says', async () => {
    const plain = respond(addresses, ada)
    const encrypted = await encrypt(plain, metadataOf(having({ encryption: 'accepted' })))
    const taken = async (encryption: SamlSettings['encryption']) =>
      Promise.all(
        [plain, encrypted].map(
          async (one) => (await readSamlResponse(having({ encryption }), one, new Date())).ok,
        ),
      )
    expect(await taken('off')).toEqual([true, false])
    expect(await taken('accepted')).toEqual([true, true])
    expect(await taken('required')).toEqual([false, true])
  })

  test('a sign-out that the provider signed is believed, and answered with a signature that it finds good', async () => {
    const party = having({ signOutUrl: providerSignOutUrl })
    const metadata = metadataOf(party)
    const asked = askToSignOut(metadata, { logoutNameID: 'ada-1', sessionIndex: 'there-1' })
    expect(asked.url.startsWith(`${addresses.logoutUrl}?`)).toBe(true)
    const query = asked.url.split('?')[1] as string
    const judge = async (text: string, by = party, now = new Date()) => {
      const signed = readSignedQuery(text)
      return signed === null ? 'unsigned' : readSamlLogout(by, signed, now)
    }
    expect(await judge(query)).toMatchObject({
      ok: true,
      value: { subject: 'ada-1', sessions: ['there-1'], id: asked.id },
    })
    const answer = await samlLogoutAnswerUrl(party, { id: asked.id, relayState: 'their (state)~ +&=' })
    expect(answer.startsWith(`${providerSignOutUrl}?`)).toBe(true)
    expect(new URL(answer).searchParams.get('RelayState')).toBe('their (state)~ +&=')
    expect(await readSignOutAnswer(metadata, answer)).toBe(asked.id)
    await expect(readSignOutAnswer(metadataOf({ ...party, ownKey: other }), answer)).rejects.toThrow(
      'SIGNATURE',
    )

    const stranger = askToSignOut(metadata, { logoutNameID: 'ada-1' }, strangerCertificate).url.split(
      '?',
    )[1] as string
    const bob = askToSignOut(metadata, { logoutNameID: 'bob' }).url.split('?')[1] as string
    const part = (text: string, name: string) =>
      text.split('&').find((pair) => pair.startsWith(`${name}=`)) as string
    const without = (name: string) =>
      query
        .split('&')
        .filter((pair) => !pair.startsWith(`${name}=`))
        .join('&')
    const refusedOnes = {
      stranger,
      moved: query.replace(part(query, 'SAMLRequest'), part(bob, 'SAMLRequest')),
      twice: `${part(bob, 'SAMLRequest')}&${query}`,
      state: query.replace('their', 'other'),
      sha1: query.replace('rsa-sha256', 'rsa-sha1'),
      unsigned: without('Signature'),
      algorithm: without('SigAlg'),
      empty: '',
    }
    for (const [name, text] of Object.entries(refusedOnes))
      expect(await judge(text), name).not.toMatchObject({ ok: true })
    expect(await judge(query, party, minutes(20))).toMatchObject({ ok: false })
    expect(
      await judge(query, { ...party, addresses: addressesOf('https://other.example', 'x') }),
    ).toMatchObject({ ok: false })
    expect(await judge(query, having({ signOutUrl: providerSignOutUrl, entityId: 'another' }))).toMatchObject(
      { ok: false },
    )
  })
})

test('a signature over what the standard calls canonical is good, without a library having written it; one other byte is not', async () => {
  // The library reads the clock by itself.
  vi.setSystemTime(issuedAt)
  try {
    const xml = responseByHand(addresses)
    expect(await read(base64(xml))).toMatchObject({
      ok: true,
      value: {
        inResponseTo: '_request',
        person: {
          subject: 'ada-1',
          email: 'ada@acme.example',
          name: 'Ada "Ł" & Co',
          groups: ['staff'],
        },
      },
    })
    for (const [written, other] of [
      ['ada&#45;1', 'ada&#45;2'],
      ['>staff<', '>stafg<'],
      ['ada@acme', 'eda@acme'],
      ['Name="groups"', 'Name="froups"'],
      ['xml-exc-c14n#"/>\n', 'xml-exc-c14n#"/> '],
    ] as const) {
      expect(xml.split(written), written).toHaveLength(2)
      expect((await read(base64(xml.replace(written, other)))).ok, written).toBe(false)
    }
  } finally {
    vi.useRealTimers()
  }
})

test('metadata of a provider are read for what is needed', () => {
  const key = (use: string, text: string) =>
    `<md:KeyDescriptor${use}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n${text}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
  const metadata = `<?xml version="1.0"?><md:EntityDescriptor xmlns:md="m" xmlns:ds="d" entityID="https://idp.example/a?b&amp;c">
    <md:IDPSSODescriptor WantAuthnRequestsSigned="true">${key(' use="signing"', 'AAAA')}${key(' use="encryption"', 'BBBB')}${key('', 'CCCC')}
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/post"/>
    <md:SingleSignOnService Location="https://idp.example/redirect" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"/>
    <md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/out" ResponseLocation="https://idp.example/out-answer"/>
    </md:IDPSSODescriptor></md:EntityDescriptor>`
  expect(readIdentityProviderMetadata(metadata)).toEqual({
    ok: true,
    value: {
      entityId: 'https://idp.example/a?b&c',
      signInUrl: 'https://idp.example/redirect',
      signOutUrl: 'https://idp.example/out-answer',
      signsRequests: true,
      certificates: ['AAAA', 'CCCC'],
    },
  })
  for (const wrong of ['', '<a/>', metadata.replace('IDPSSO', 'SPSSO'), `<!DOCTYPE x>${metadata}`])
    expect(readIdentityProviderMetadata(wrong).ok).toBe(false)
})
