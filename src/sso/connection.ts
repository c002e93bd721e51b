import type { z } from 'zod'
import type { oidcSettings, samlSettings, ssoRole } from '../contract/sso.ts'
import { isLoopbackName } from '../net/address.ts'
import type { SealedSecret, SecretBinding } from '../vault/vault.ts'
import { refused } from './person.ts'

export type SsoRole = z.infer<typeof ssoRole>
export type OidcSettings = z.infer<typeof oidcSettings>
export type SamlSettings = z.infer<typeof samlSettings>

export type Provider =
  | { readonly kind: 'oidc'; readonly settings: OidcSettings }
  | { readonly kind: 'saml'; readonly settings: SamlSettings }

/** An identity provider of an organisation. */
export interface Connection {
  readonly organizationId: string
  readonly id: string
  readonly name: string
  readonly enabled: boolean
  readonly joinsMembers: boolean
  readonly defaultRole: SsoRole
  readonly roleRules: readonly { readonly group: string; readonly role: SsoRole }[]
  readonly provider: Provider
  readonly version: number
  readonly secretVersion: number
  /** OIDC: the secret of our client; null: PKCE alone protects it. SAML: the private half of our key pair; null: there is none. */
  readonly sealed: SealedSecret | null
  /** SAML: the public half, as the provider is given it. */
  readonly ownCertificate: string | null
  /** Since when sign-ins go as they do now. */
  readonly configuredAt: Date
  readonly lastUsedAt: Date | null
  readonly problem: string | null
  readonly problemAt: Date | null
}

export interface OidcConnection extends Connection {
  readonly provider: { readonly kind: 'oidc'; readonly settings: OidcSettings }
}
export interface SamlConnection extends Connection {
  readonly provider: { readonly kind: 'saml'; readonly settings: SamlSettings }
}
export const isOidc = (connection: Connection): connection is OidcConnection =>
  connection.provider.kind === 'oidc'
export const isSaml = (connection: Connection): connection is SamlConnection =>
  connection.provider.kind === 'saml'

/**
 * What the identity provider is told of us. Each connection has addresses of its own: an answer of one provider that is
 * brought to another's address fits no attempt there (mix-up).
 */
export interface Addresses {
  readonly redirectUri: string
  /** OIDC: where the provider says that somebody has signed out there. */
  readonly backChannelLogoutUri: string
  /** OIDC: where it sends whom we sent there to sign out. */
  readonly postLogoutRedirectUri: string
  readonly entityId: string
  readonly acsUrl: string
  /** SAML: where the browser brings the provider's word that its person has signed out there. */
  readonly logoutUrl: string
  readonly metadataUrl: string
}

export const addressesOf = (baseUrl: string, connectionId: string): Addresses => {
  const saml = `${baseUrl}/sso/saml/${connectionId}`
  return {
    redirectUri: `${baseUrl}${pageOf(connectionId)}`,
    backChannelLogoutUri: `${baseUrl}/sso/oidc/${connectionId}/logout`,
    postLogoutRedirectUri: `${baseUrl}/sign-in`,
    entityId: `${saml}/metadata`,
    acsUrl: saml,
    logoutUrl: `${saml}/logout`,
    metadataUrl: `${saml}/metadata`,
  }
}

/**
 * Whom a SAML assertion is for is compared with our own address: one that a request made up itself compares with nothing.
 * Null: it is configured, or of this very machine.
 */
export const problemOfAddress = (baseUrl: string, isConfigured: boolean) => {
  const host = URL.parse(baseUrl)?.hostname ?? ''
  return isConfigured || isLoopbackName(host) || /^127(?:\.\d+){3}$|^\[::1\]$/.test(host) ? null : noAddress
}
const noAddress = refused(
  'Sign-in by SAML needs the public address of this installation.',
  'Whoever runs it has to set AIDEON_PUBLIC_URL to the address that browsers use.',
)

/** The page that carries what came from elsewhere over to a request of our own origin. */
export const pageOf = (connectionId: string): string => `/sign-in/company/${connectionId}`

export const bindingOf = (
  { organizationId, id }: Pick<Connection, 'organizationId' | 'id'>,
  version: number,
): SecretBinding => ({
  organizationId,
  owner: 'organization',
  userId: null,
  serviceId: 'single sign-on',
  serviceKeyId: id,
  version,
})
