import { verify, X509Certificate } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import type { SAML } from '@node-saml/node-saml'
import { type Outcome, success } from '../kit/fault.ts'
import type { Addresses, SamlSettings } from './connection.ts'
import type { LogoutNotice } from './logout-token.ts'
import { refused } from './person.ts'
import { attributeIn, unescaped } from './saml-metadata.ts'

/** The HTTP-Redirect binding (SAML bindings 3.4): the query itself is signed, so that everything in it is the provider's word. */
export interface SignedQuery {
  readonly message: string
  readonly relayState: string | null
  readonly algorithm: string
  readonly signature: string
  /** As it stood in the address. */
  readonly signed: string
}

const largestCharacters = 32_768
const longestRelayState = 500
const largestXml = 128 * 1024

/** Null: a part is missing, is there twice, or too large. */
export const readSignedQuery = (query: string): SignedQuery | null => {
  if (query.length > largestCharacters) return null
  const pairs = query.split('&').map((pair) => [pair.split('=', 1)[0] ?? '', pair] as const)
  const raw = (name: string): string | null => {
    const [found, ...more] = pairs.filter(([one]) => one === name)
    return found && more.length === 0 ? found[1] : null
  }
  const value = (pair: string | null) =>
    pair === null ? '' : (new URLSearchParams(pair).values().next().value ?? '')
  const [message, relayState, algorithm, signature] = [
    'SAMLRequest',
    'RelayState',
    'SigAlg',
    'Signature',
  ].map(raw)
  if (!message || !algorithm || !signature) return null
  if (pairs.filter(([name]) => name === 'RelayState').length > 1) return null
  if (value(relayState ?? null).length > longestRelayState) return null
  return {
    message: value(message),
    relayState: relayState ? value(relayState) : null,
    algorithm: value(algorithm),
    signature: value(signature),
    signed: [message, ...(relayState ? [relayState] : []), algorithm].join('&'),
  }
}

const digests: Readonly<Record<string, string>> = {
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256': 'sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha384': 'sha384',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512': 'sha512',
}

const isSignedBy = (
  { signed, signature, algorithm }: SignedQuery,
  certificates: readonly string[],
): boolean => {
  const digest = Object.hasOwn(digests, algorithm) ? digests[algorithm] : undefined
  const bytes = Buffer.from(signature, 'base64')
  return (
    digest !== undefined &&
    certificates.some((pem) => verify(digest, Buffer.from(signed), new X509Certificate(pem).publicKey, bytes))
  )
}

const skewMs = 60_000
/** Like an assertion's. */
const longestMs = 15 * 60_000

/** A provider's LogoutRequest. The signature comes first: nothing else of it is read, or unpacked, before. */
export const readLogoutRequest = async (
  query: SignedQuery,
  library: SAML,
  party: { settings: SamlSettings; addresses: Addresses },
  now: Date,
): Promise<Outcome<LogoutNotice>> => {
  const { settings, addresses } = party
  if (!isSignedBy(query, settings.certificates))
    return refused(
      'The logout request is not signed by the identity provider, with RSA and SHA-256 or better.',
    )
  try {
    const xml = inflateRawSync(Buffer.from(query.message, 'base64'), {
      maxOutputLength: largestXml,
    }).toString()
    if (/<!(?:DOCTYPE|ENTITY)/i.test(xml)) return refused('The logout request holds a document type.')
    // Its own look at the signature is left out: it believes a query without one.
    const { profile } = await library.validateRedirectAsync({ SAMLRequest: query.message }, '')
    const root = /<(?:[\w-]+:)?LogoutRequest\b[^>]*>/.exec(xml)?.[0] ?? ''
    const issuedAt = new Date(attributeIn(root, 'IssueInstant') ?? '')
    if (!profile?.ID || !profile.nameID || Number.isNaN(issuedAt.getTime()))
      return refused('The logout request has no id, no time or no subject.')
    if (profile.issuer?.trim() !== settings.entityId)
      return refused('The logout request comes from another identity provider.')
    if (attributeIn(root, 'Destination') !== addresses.logoutUrl)
      return refused('The logout request is for another address.', `Have it sent to ${addresses.logoutUrl}`)
    const age = now.getTime() - issuedAt.getTime()
    if (age > longestMs + skewMs || age < -skewMs) return refused('The logout request is too old.')
    const sessions = [...xml.matchAll(/<(?:[\w-]+:)?SessionIndex\b[^>]*>([^<]*)</g)]
    return success({
      subject: profile.nameID.trim(),
      sessions: sessions.map(([, text]) => unescaped(text ?? '').trim()).filter((text) => text !== ''),
      id: profile.ID,
      issuedAt,
    })
  } catch (error) {
    const words = error instanceof Error ? error.message.slice(0, 300) : ''
    return refused(`The logout request could not be accepted. (${words})`)
  }
}
