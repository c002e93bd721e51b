import { describe, expect, test } from 'vitest'
import { providerCertificate, strangerCertificate } from '../../tests/sso/certificates.ts'
import {
  providerEntityId,
  providerSignInUrl,
  readRequest,
  respond,
  responseXml,
  type Said,
  type Signing,
} from '../../tests/sso/saml-provider.ts'
import { newAttemptSecret, requestIdOf } from './attempt.ts'
import { addressesOf, type SamlSettings } from './connection.ts'
import { readSamlResponse, type SamlParty, samlRequestUrl } from './saml.ts'
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
