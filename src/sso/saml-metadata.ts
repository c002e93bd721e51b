import type { Outcome } from '../kit/fault.ts'
import { success } from '../kit/fault.ts'
import type { SamlSettings } from './connection.ts'
import { refused } from './person.ts'

const logoutService = 'SingleLogoutService'
const redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'

/** What a provider's metadata say of it, to be looked at and saved. */
export type ProviderFacts = Pick<
  SamlSettings,
  'entityId' | 'signInUrl' | 'signOutUrl' | 'signsRequests' | 'certificates'
>

/**
 * Reads the few things that are needed from a provider's metadata, by their tags: an administrator sees and confirms what
 * came out, and nothing here is trusted for its signature.
 */
export const readIdentityProviderMetadata = (xml: string): Outcome<ProviderFacts> => {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(xml)) return refused('The metadata hold a document type.')
  const descriptors = xml.match(/<(?:[\w-]+:)?EntityDescriptor\b[^>]*>/g) ?? []
  const [descriptor, ...more] = descriptors
  if (descriptor === undefined || more.length > 0)
    return refused('The metadata do not describe exactly one provider.')
  const entityId = attributeIn(descriptor, 'entityID')
  const provider = /<(?:[\w-]+:)?IDPSSODescriptor\b[\s\S]*?<\/(?:[\w-]+:)?IDPSSODescriptor>/.exec(xml)?.[0]
  if (entityId === null || provider === undefined)
    return refused('The metadata do not describe an identity provider.')
  const endpoint = (name: string) => {
    const tags = provider.match(new RegExp(`<(?:[\\w-]+:)?${name}\\b[^>]*>`, 'g')) ?? []
    const tag = tags.find((one) => attributeIn(one, 'Binding') === redirect)
    return tag === undefined
      ? null
      : ((name === logoutService ? attributeIn(tag, 'ResponseLocation') : null) ??
          attributeIn(tag, 'Location'))
  }
  const signInUrl = endpoint('SingleSignOnService')
  if (!signInUrl) return refused('The provider has no HTTP-Redirect endpoint.')
  const keys = provider.match(/<(?:[\w-]+:)?KeyDescriptor\b[\s\S]*?<\/(?:[\w-]+:)?KeyDescriptor>/g) ?? []
  const certificates = keys
    .filter((key) => attributeIn(key.slice(0, key.indexOf('>') + 1), 'use') !== 'encryption')
    .flatMap((key) => [...key.matchAll(/<(?:[\w-]+:)?X509Certificate>([A-Za-z0-9+/=\s]+)</g)])
    .map((match) => (match[1] as string).replace(/\s+/g, ''))
  if (certificates.length === 0) return refused('The metadata hold no certificate to sign with.')
  const wanted = attributeIn(provider.slice(0, provider.indexOf('>') + 1), 'WantAuthnRequestsSigned')
  return success({
    entityId,
    signInUrl,
    signOutUrl: endpoint(logoutService),
    signsRequests: wanted === 'true' || wanted === '1',
    certificates: [...new Set(certificates)].slice(0, 5),
  })
}

export const attributeIn = (tag: string, name: string): string | null => {
  const match = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(tag)
  return match ? unescaped(match[1] ?? match[2] ?? '') : null
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
export const unescaped = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name] ?? '')
