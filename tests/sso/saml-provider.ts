import { createRequire } from 'node:module'
import type { Addresses } from '../../src/sso/connection.ts'
import { serviceProviderMetadata } from '../../src/sso/saml.ts'
import { providerCertificate } from './certificates.ts'

interface Parsed {
  readonly extract: {
    readonly issuer?: string
    readonly request?: { readonly id: string; readonly forceAuthn?: string }
    readonly response?: { readonly inResponseTo: string; readonly destination: string }
  }
}
interface SignedUrl {
  readonly query: Record<string, string>
  readonly octetString: string
}
interface Provider {
  parseLoginRequest(party: unknown, binding: 'redirect', request: SignedUrl): Promise<Parsed>
  createLogoutRequest(
    party: unknown,
    binding: 'redirect',
    user: { logoutNameID: string; sessionIndex?: string },
    options: { relayState: string },
  ): { id: string; context: string }
  parseLogoutResponse(party: unknown, binding: 'redirect', response: SignedUrl): Promise<Parsed>
}
interface Samlify {
  setSchemaValidator(validator: { validate: (xml: string) => Promise<string> }): void
  SamlLib: {
    constructSAMLSignature(o: Record<string, unknown>): string
    encryptAssertion(provider: Provider, party: unknown, xml: string): Promise<string>
  }
  IdentityProvider(settings: Record<string, unknown>): Provider
  ServiceProvider(settings: { metadata: string } & Record<string, unknown>): unknown
}
// Required, not imported: its types bring those of a browser in, for the whole project.
const require = createRequire(import.meta.url)
const samlify = require('samlify') as Samlify
samlify.setSchemaValidator({ validate: () => Promise.resolve('not validated here') })

export const providerEntityId = 'https://idp.example/saml'
export const providerSignInUrl = 'https://idp.example/saml/sso'

export interface Said {
  readonly subject: string
  readonly email?: string
  readonly groups?: readonly string[]
  readonly inResponseTo?: string | null
  readonly recipient?: string
  readonly audience?: string
  readonly issuer?: string
  readonly issuedAt?: Date
  readonly notOnOrAfter?: Date
  readonly notBefore?: Date
  readonly nameIdFormat?: string
  readonly id?: string
}

const minutes = (count: number) => new Date(Date.now() + count * 60_000)

const text = (value: string) => value.replace(/&/g, '&amp;').replace(/</g, '&lt;')
const attribute = (name: string, values: readonly string[]) =>
  `<saml:Attribute Name="${name}">${values
    .map((value) => `<saml:AttributeValue>${text(value)}</saml:AttributeValue>`)
    .join('')}</saml:Attribute>`

let responses = 0

/** What a provider says before it signs. */
export const responseXml = (addresses: Addresses, said: Said): string => {
  const id = said.id ?? `_assertion-${++responses}-${Date.now()}`
  const issuer = said.issuer ?? providerEntityId
  const at = (said.issuedAt ?? new Date()).toISOString()
  const until = (said.notOnOrAfter ?? minutes(5)).toISOString()
  const from = (said.notBefore ?? minutes(-1)).toISOString()
  const answers = said.inResponseTo ? ` InResponseTo="${said.inResponseTo}"` : ''
  const format = said.nameIdFormat ?? 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'
  return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_response-${id}" Version="2.0" IssueInstant="${at}" Destination="${addresses.acsUrl}"${answers}><saml:Issuer>${issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="${id}" Version="2.0" IssueInstant="${at}"><saml:Issuer>${issuer}</saml:Issuer><saml:Subject><saml:NameID Format="${format}">${text(said.subject)}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="${until}" Recipient="${said.recipient ?? addresses.acsUrl}"${answers}/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${from}" NotOnOrAfter="${until}"><saml:AudienceRestriction><saml:Audience>${said.audience ?? addresses.entityId}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="${at}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>${attribute('email', said.email === undefined ? [] : [said.email])}${attribute('groups', said.groups ?? [])}</saml:AttributeStatement></saml:Assertion></samlp:Response>`
}

type Signed = 'assertion' | 'response'
export interface Signing {
  readonly what?: Signed
  readonly certificate?: { key: string; cert: string }
  readonly algorithm?: string
}

const rsaSha256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'

/**
 * Signed by samlify, base64, as the browser posts it. Its messages are its own; XML and signatures are done by `xml-crypto` and
 * `@xmldom/xmldom`, as in what reads them: what both get wrong shows in canonical-by-hand.ts alone.
 */
export const sign = (xml: string, { what = 'assertion', certificate, algorithm }: Signing = {}): string => {
  const { key, cert } = certificate ?? providerCertificate
  const name = what === 'assertion' ? 'Assertion' : 'Response'
  return samlify.SamlLib.constructSAMLSignature({
    rawSamlMessage: xml,
    ...(what === 'assertion' && { referenceTagXPath: `//*[local-name(.)='${name}']` }),
    privateKey: key,
    signatureAlgorithm: algorithm ?? rsaSha256,
    signingCert: cert.replace(/-----[A-Z ]+-----|\s/g, ''),
    isBase64Output: true,
    isMessageSigned: what === 'response',
    signatureConfig: {
      prefix: 'ds',
      location: { reference: `//*[local-name(.)='${name}']/*[local-name(.)='Issuer']`, action: 'after' },
    },
  })
}

export const respond = (addresses: Addresses, said: Said, signing?: Signing): string =>
  sign(responseXml(addresses, said), signing)

const redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'
export const providerSignOutUrl = 'https://idp.example/saml/slo'
const provider = (change: Record<string, unknown> = {}) =>
  samlify.IdentityProvider({
    entityID: providerEntityId,
    wantAuthnRequestsSigned: false,
    singleSignOnService: [{ Binding: redirect, Location: providerSignInUrl }],
    singleLogoutService: [{ Binding: redirect, Location: providerSignOutUrl }],
    signingCert: providerCertificate.cert,
    ...change,
  })
const partyOf = (metadata: string) => samlify.ServiceProvider({ metadata, wantLogoutRequestSigned: true })

/** The query, and the part of it that a signature is over. */
const signedUrl = (url: string): SignedUrl => {
  const { search, searchParams } = new URL(url)
  return {
    query: Object.fromEntries(searchParams),
    octetString: search.slice(1).split('&Signature=')[0] as string,
  }
}

const plain = { signsRequests: false, encryption: 'off', signOutUrl: null } as const

/** Reads the request in the address as a provider does, by our metadata; gives its id. */
export const readRequest = async (
  addresses: Addresses,
  url: string,
  metadata = serviceProviderMetadata(addresses, plain, null),
): Promise<string> => {
  const wantAuthnRequestsSigned = metadata.includes('AuthnRequestsSigned="true"')
  const idp = provider({ wantAuthnRequestsSigned })
  const { extract } = await idp.parseLoginRequest(partyOf(metadata), 'redirect', signedUrl(url))
  if (extract.issuer !== addresses.entityId) throw new Error(`another issuer: ${extract.issuer}`)
  return extract.request?.id as string
}

/** Of a signed response: its assertion for the certificate of our metadata alone. */
export const encrypt = (
  response: string,
  metadata: string,
  change: Record<string, unknown> = {},
): Promise<string> =>
  samlify.SamlLib.encryptAssertion(
    provider({
      isAssertionEncrypted: true,
      dataEncryptionAlgorithm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
      keyEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
      ...change,
    }),
    partyOf(metadata),
    Buffer.from(response, 'base64').toString(),
  )

/** The address that the provider sends the browser of somebody to who signs out there. */
export const askToSignOut = (
  metadata: string,
  user: { logoutNameID: string; sessionIndex?: string },
  certificate = providerCertificate,
): { id: string; url: string } => {
  const idp = provider({
    privateKey: certificate.key,
    requestSignatureAlgorithm: rsaSha256,
    nameIDFormat: ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
  })
  const options = { relayState: 'their state' }
  const { id, context } = idp.createLogoutRequest(partyOf(metadata), 'redirect', user, options)
  return { id, url: context }
}

/** Reads our answer as a provider does that wants it signed; gives the request that it answers. */
export const readSignOutAnswer = async (metadata: string, url: string): Promise<string | undefined> => {
  const idp = provider({ wantLogoutResponseSigned: true })
  const { extract } = await idp.parseLogoutResponse(partyOf(metadata), 'redirect', signedUrl(url))
  return extract.response?.inResponseTo
}
