import { stringify } from 'node:querystring'
import { type Profile, SAML, ValidateInResponseTo } from '@node-saml/node-saml'
import { decryptXml, parseDomFromString, xpath } from '@node-saml/node-saml/lib/xml.js'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { hashOf, requestIdOf } from './attempt.ts'
import type { Addresses, SamlSettings } from './connection.ts'
import type { OwnKey } from './own-key.ts'
import { type NamedPerson, readPerson, refused, textsOf } from './person.ts'
import { pemOf } from './saml-certificate.ts'
import { readLogoutRequest, type SignedQuery } from './saml-logout.ts'

/** One assertion, taken apart after its signature was found good. */
export interface SamlAnswer {
  readonly person: NamedPerson
  /** The request that it answers; null: it answers none, the sign-in began at the identity provider. */
  readonly inResponseTo: string | null
  readonly assertionHash: Buffer
  /** From then on it is not taken for its age, so that nobody need remember it. */
  readonly expiresAt: Date
}

const skewMs = 60_000
/** Whatever an assertion says, it is for now. */
const longestMs = 15 * 60_000
const largestCharacters = 256 * 1024

/** What is known of one provider, and what it knows of us. */
export interface SamlParty {
  readonly settings: SamlSettings
  readonly addresses: Addresses
  readonly ownKey: OwnKey | null
}

const libraryOf = (
  { settings, addresses, ownKey }: SamlParty,
  message: { id: string; asksAnew?: boolean; isSigned?: boolean } = { id: '_' },
): SAML =>
  new SAML({
    callbackUrl: addresses.acsUrl,
    entryPoint: settings.signInUrl,
    issuer: addresses.entityId,
    audience: addresses.entityId,
    idpCert: settings.certificates.map(pemOf),
    identifierFormat: null,
    // What was asked of whom is up to the provider; many refuse a context they do not know.
    disableRequestedAuthnContext: true,
    generateUniqueId: () => message.id,
    forceAuthn: message.asksAnew ?? false,
    ...(settings.signOutUrl !== null && { logoutUrl: settings.signOutUrl }),
    ...(ownKey &&
      (message.isSigned ?? settings.signsRequests) && {
        privateKey: ownKey.privateKey,
        signatureAlgorithm: 'sha256',
      }),
    ...(ownKey && settings.encryption !== 'off' && { decryptionPvk: ownKey.privateKey }),
    acceptedClockSkewMs: skewMs,
    // Providers sign the response, the assertion or both. The library takes one of them at least, and reads what was signed only.
    wantAssertionsSigned: false,
    wantAuthnResponseSigned: false,
    // Ours: the library believes the unsigned attribute of the response (node-saml issue 433).
    validateInResponseTo: ValidateInResponseTo.never,
  })

/** Where the browser is sent, with the request in the address. `asksAnew`: whoever is signed in there shows it again. */
export const samlRequestUrl = (party: SamlParty, secret: string, asksAnew = false): Promise<string> =>
  libraryOf(party, { id: requestIdOf(secret), asksAnew }).getAuthorizeUrlAsync('', undefined, {})

/** A LogoutRequest in the query of an address, judged. */
export const readSamlLogout = (party: SamlParty, query: SignedQuery, now: Date) =>
  readLogoutRequest(query, libraryOf(party), party, now)

/** Where the browser goes on with our answer, which is signed. */
export const samlLogoutAnswerUrl = async (
  party: SamlParty,
  request: { id: string; relayState: string | null },
): Promise<string> => {
  const library = libraryOf(party, { id: `_${newId()}`, isSigned: true })
  const { id: ID, relayState } = request
  const url = await library.getLogoutResponseUrlAsync({ ID } as Profile, relayState ?? '', {}, true)
  // The library signs the query as `stringify` writes it, and then writes it in another way: spaces, brackets, tildes.
  return `${url.split('?')[0]}?${stringify(Object.fromEntries(new URL(url).searchParams))}`
}

/** What identity providers are given to know us by. */
export const serviceProviderMetadata = (
  addresses: Addresses,
  {
    signsRequests,
    encryption,
    signOutUrl,
  }: Pick<SamlSettings, 'signsRequests' | 'encryption' | 'signOutUrl'>,
  ownCertificate: string | null,
): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="${escaped(addresses.entityId)}">
  <md:SPSSODescriptor AuthnRequestsSigned="${signsRequests}" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${keyDescriptor('signing', signsRequests || signOutUrl !== null ? ownCertificate : null)}${keyDescriptor('encryption', encryption === 'off' ? null : ownCertificate)}${signOutUrl === null ? '' : logoutService(addresses)}
    <md:AssertionConsumerService index="0" isDefault="true" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${escaped(addresses.acsUrl)}"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
`

const logoutService = ({ logoutUrl }: Addresses): string => `
    <md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${escaped(logoutUrl)}"/>`

const keyDescriptor = (use: 'signing' | 'encryption', certificate: string | null): string =>
  certificate === null
    ? ''
    : `
    <md:KeyDescriptor use="${use}"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${certificate.replace(/-----[A-Z ]+-----|\s/g, '')}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/**
 * Judges a response: the signature and what is signed by the library, the rest of the Web Browser SSO profile (SAML profiles
 * 4.1.4.3) here, from the signed assertion alone: the library compares neither Recipient nor issuer, and remembers no
 * assertion.
 */
export const readSamlResponse = async (
  party: SamlParty,
  encoded: string,
  now: Date,
): Promise<Outcome<SamlAnswer>> => {
  if (encoded.length > largestCharacters) return refused('The response is too large.')
  const xml = Buffer.from(encoded, 'base64').toString('utf8')
  const problem = shapeProblem(xml) ?? encryptionProblem(xml, party.settings)
  if (problem !== null) return refused(problem)
  try {
    const inner = await innerProblem(xml, party.ownKey)
    if (inner !== null) return refused(inner)
    const { profile } = await libraryOf(party).validatePostResponseAsync({ SAMLResponse: encoded })
    const assertion = profile?.getAssertion?.().Assertion as Node | undefined
    if (!profile || !assertion) return refused('The response holds no assertion.')
    return judge(assertion, profile.attributes as Attributes | undefined, { ...party, now })
  } catch (error) {
    // Its words name what was expected and what came, never a secret.
    const words = error instanceof Error ? error.message.slice(0, 300) : ''
    return failure('sso_refused', { message: `The response could not be accepted. (${words})` })
  }
}

const algorithms: ReadonlySet<string> = new Set([
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha384',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  'http://www.w3.org/2001/04/xmlenc#sha256',
  'http://www.w3.org/2001/04/xmldsig-more#sha384',
  'http://www.w3.org/2001/04/xmlenc#sha512',
])

/** Before any parser sees it. */
const shapeProblem = (xml: string): string | null => {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(xml)) return 'The response holds a document type.'
  // Right after an encryption method it is the padding's, where SHA-1 is as good.
  const signed =
    /(?<!<(?:[^\s<>/:]+:)?EncryptionMethod\b[^>]*>\s*)<(?:[^\s<>/:]+:)?(?:SignatureMethod|DigestMethod)\b([^>]*)>/g
  if (!algorithmsIn(xml, signed).every((algorithm) => algorithms.has(algorithm)))
    return 'The response is signed in a way that is not accepted here: use RSA with SHA-256.'
  return null
}

const algorithmsIn = (xml: string, tags: RegExp): string[] =>
  [...xml.matchAll(tags)].map(([, attributes]) => /\sAlgorithm="([^"]*)"/.exec(attributes ?? '')?.[1] ?? '')

/** No PKCS#1 v1.5 around the key: who may ask again and again would learn it (Bleichenbacher). */
const ciphers: ReadonlySet<string> = new Set([
  'http://www.w3.org/2001/04/xmlenc#aes128-cbc',
  'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
  'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
])

const isEncrypted = (xml: string): boolean => /<(?:[^\s<>/:]+:)?EncryptedAssertion[\s/>]/.test(xml)

const encryptionProblem = (xml: string, { encryption }: SamlSettings): string | null => {
  if (encryption === 'off' && isEncrypted(xml))
    return 'The assertion is encrypted: let the connection accept that, and give its certificate to the identity provider.'
  if (encryption === 'required' && /<(?:[^\s<>/:]+:)?Assertion[\s/>]/.test(xml))
    return 'The assertion is not encrypted, and the connection asks for that.'
  return null
}

/**
 * What is encrypted is anybody's until the signature in it was found good: its ciphers are read as the library reads them, and
 * what it holds is looked at, too, since the library takes any signature in there.
 */
const innerProblem = async (xml: string, ownKey: OwnKey | null): Promise<string | null> => {
  if (ownKey === null || !isEncrypted(xml)) return null
  const document = await parseDomFromString(xml)
  const all = (name: string) => xpath.selectElements(document, `//*[local-name(.)='${name}']`)
  if (!all('EncryptionMethod').every((one) => ciphers.has(one.getAttribute('Algorithm') ?? '')))
    return 'The assertion is encrypted in a way that is not accepted here: use AES and RSA-OAEP.'
  for (const one of all('EncryptedAssertion')) {
    const problem = shapeProblem(await decryptXml(one.toString(), ownKey.privateKey))
    if (problem !== null) return problem
  }
  return null
}

/** As xml2js has it: attributes under `$`, text under `_`, elements in lists. */
interface Node {
  readonly $?: Readonly<Record<string, string>>
  readonly _?: string
  readonly [element: string]: unknown
}
type Attributes = Readonly<Record<string, unknown>>

const nodes = (parent: Node | undefined, name: string): Node[] => {
  const found = parent?.[name]
  return Array.isArray(found) ? (found as Node[]) : []
}

const judge = (
  assertion: Node,
  attributes: Attributes | undefined,
  context: { settings: SamlSettings; addresses: Addresses; now: Date },
): Outcome<SamlAnswer> => {
  const { settings, now } = context
  if (nodes(assertion, 'Issuer')[0]?._?.trim() !== settings.entityId)
    return refused('The assertion comes from another identity provider than the one that is set up.')
  const id = assertion.$?.ID
  const issuedAt = Date.parse(assertion.$?.IssueInstant ?? '')
  if (id === undefined || Number.isNaN(issuedAt)) return refused('The assertion has no id or no time.')
  if (issuedAt > now.getTime() + skewMs || issuedAt < now.getTime() - longestMs - skewMs)
    return refused('The assertion is too old, or the clocks differ by more than a minute.')
  const [conditions, ...more] = nodes(assertion, 'Conditions')
  if (!conditions || more.length > 0 || nodes(conditions, 'AudienceRestriction').length === 0)
    return refused('The assertion does not say whom it is for.')
  const [subject, ...others] = nodes(assertion, 'Subject')
  if (!subject || others.length > 0) return refused('The assertion names no subject.')
  const confirmed = confirmationOf(subject, context)
  if (!confirmed.ok) return confirmed
  const [statement] = nodes(assertion, 'AuthnStatement')
  const person = personOf(subject, attributes ?? {}, settings, statement?.$)
  if (!person.ok) return person
  return success({
    person: person.value,
    inResponseTo: confirmed.value,
    assertionHash: hashOf(id),
    expiresAt: new Date(issuedAt + longestMs + 2 * skewMs),
  })
}

/** One bearer confirmation for this address that still holds. Gives the request it answers. */
const confirmationOf = (
  subject: Node,
  { addresses, now }: { addresses: Addresses; now: Date },
): Outcome<string | null> => {
  const bearer = nodes(subject, 'SubjectConfirmation')
    .filter(({ $ }) => $?.Method === 'urn:oasis:names:tc:SAML:2.0:cm:bearer')
    .flatMap((confirmation) => nodes(confirmation, 'SubjectConfirmationData'))
  const [data, ...more] = bearer
  if (!data || more.length > 0) return refused('The assertion has no single bearer confirmation.')
  if (data.$?.Recipient !== addresses.acsUrl)
    return refused('The assertion is for another address.', `Have it sent to ${addresses.acsUrl}`)
  const until = Date.parse(data.$.NotOnOrAfter ?? '')
  if (Number.isNaN(until) || until <= now.getTime() - skewMs) return refused('The assertion has expired.')
  const from = data.$.NotBefore
  if (from !== undefined && !(Date.parse(from) <= now.getTime() + skewMs))
    return refused('The assertion is not valid yet.')
  return success(data.$.InResponseTo ?? null)
}

const timeIn = (text: string | undefined): Date | null => {
  const at = new Date(text ?? '')
  return Number.isNaN(at.getTime()) ? null : at
}

const emailAttributes = [
  'email',
  'mail',
  'emailAddress',
  'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress',
  'urn:oid:0.9.2342.19200300.100.1.3',
]
const nameAttributes = [
  'name',
  'displayName',
  'http://schemas.microsoft.com/identity/claims/displayname',
  'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name',
  'urn:oid:2.16.840.1.113730.3.1.241',
]

const personOf = (
  subject: Node,
  attributes: Attributes,
  settings: SamlSettings,
  statement: Node['$'] = {},
): Outcome<NamedPerson> => {
  const [nameId] = nodes(subject, 'NameID')
  if (nameId?.$?.Format === 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient')
    return refused(
      'The identity provider names its users anew at each sign-in.',
      'Have it send a persistent NameID, or the e-mail address.',
    )
  const of = (names: readonly string[]) => {
    const name = names.find((one) => Object.hasOwn(attributes, one))
    return name === undefined ? undefined : attributes[name]
  }
  const { emailAttribute, groupsAttribute } = settings
  const email = emailAttribute === null ? (of(emailAttributes) ?? nameId?._) : of([emailAttribute])
  return readPerson({
    subject: nameId?._?.trim(),
    email: textsOf(email).map((text) => text.trim()),
    name: of(nameAttributes),
    groups: of([groupsAttribute]) ?? [],
    authenticatedAt: timeIn(statement['AuthnInstant']),
    session: statement['SessionIndex'],
  })
}
