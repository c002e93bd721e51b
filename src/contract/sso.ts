import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { me } from './session.ts'
import * as wire from './wire.ts'

/** Sign-in at the identity provider of a company. */

export const ssoKind = z.enum(['oidc', 'saml'])
export type SsoKind = z.infer<typeof ssoKind>

export const ssoWay = z.object({
  connectionId: wire.id,
  kind: ssoKind,
  name: z.string().describe('As the company calls it'),
})
export type SsoWay = z.infer<typeof ssoWay>

const domainName = z.string().trim().min(3).max(253)

export const ssoDomain = z.object({
  domain: z.string(),
  recordName: z.string().describe('Where the TXT record belongs'),
  recordValue: z.string().describe('What it says'),
  verifiedAt: wire.time.nullable(),
  checkedAt: wire.time.nullable(),
  problem: z.string().nullable().describe('What the last check found wrong'),
  enforced: z.boolean().describe('People of this domain sign in at the identity provider only'),
})
export type SsoDomain = z.infer<typeof ssoDomain>

/** Roles that an identity provider may give: owners are made by owners. */
export const ssoRole = z.enum(['administrator', 'billing', 'auditor', 'member'])

export const ssoRoleRule = z.object({ group: z.string().trim().min(1).max(200), role: ssoRole })

const claimName = z.string().trim().min(1).max(200)

export const oidcSettings = z.object({
  issuer: z.url({ protocol: /^https?$/ }).max(500),
  clientId: z.string().trim().min(1).max(300),
  scopes: z
    .string()
    .trim()
    .regex(/^(?:[\x21\x23-\x5b\x5d-\x7e]+ ?)+$/, 'must be names with spaces between them')
    .max(300)
    .default('openid email profile')
    .refine((scopes) => scopes.split(' ').includes('openid'), 'must hold openid'),
  groupsClaim: claimName.default('groups'),
  trustsEmail: z
    .boolean()
    .default(false)
    .describe(
      'Take e-mail addresses that the provider does not mark as verified: only where nobody can change their own',
    ),
  signsOutThere: z
    .boolean()
    .default(false)
    .describe('Who signs out here is sent there to sign out, too (RP-initiated logout)'),
})

const certificate = z
  .string()
  .trim()
  .max(20_000)
  .regex(/^[A-Za-z0-9+/=\s-]+$/, 'must be a PEM certificate, or its base64')

export const samlSettings = z.object({
  entityId: z.string().trim().min(1).max(1024).describe('Of the identity provider'),
  signInUrl: z
    .url({ protocol: /^https?$/ })
    .max(1000)
    .describe('Its HTTP-Redirect endpoint'),
  certificates: z.array(certificate).min(1).max(5).describe('Which it signs with; several while they change'),
  emailAttribute: claimName.nullable().default(null).describe('null: the NameID, or a usual attribute'),
  groupsAttribute: claimName.default('groups'),
  allowUnsolicited: z
    .boolean()
    .default(false)
    .describe('Sign-ins may begin at the identity provider; the person then confirms here'),
  signsRequests: z.boolean().default(false).describe('Requests are signed with our key pair'),
  encryption: z
    .enum(['off', 'accepted', 'required'])
    .default('off')
    .describe('Of assertions, for our key pair; off: an encrypted one is refused, required: a plain one'),
  signOutUrl: z
    .url({ protocol: /^https?$/ })
    .max(1000)
    .nullable()
    .default(null)
    .describe(
      'Its HTTP-Redirect endpoint for single logout, where its requests are answered; null: none is taken',
    ),
})

const connectionOf = <const Kind extends SsoKind, Settings extends z.ZodType>(
  kind: Kind,
  settings: Settings,
) => z.object({ kind: z.literal(kind), settings })

const connectionBase = z.object({
  name: wire.label,
  enabled: z.boolean().default(true),
  joinsMembers: z.boolean().default(true).describe('Whoever signs in there becomes a member'),
  defaultRole: ssoRole.default('member'),
  roleRules: z.array(ssoRoleRule).max(100).default([]).describe('The first whose group somebody has decides'),
  clientSecret: z
    .string()
    .min(1)
    .max(2000)
    .optional()
    .describe('OIDC. Left out: the stored one, or none; never shown again'),
  provider: z.discriminatedUnion('kind', [
    connectionOf('oidc', oidcSettings),
    connectionOf('saml', samlSettings),
  ]),
})

const ssoAddresses = z
  .object({
    redirectUri: z.string(),
    backChannelLogoutUri: z.string().describe('OIDC: where it tells of sign-outs'),
    postLogoutRedirectUri: z.string().describe('OIDC: where it sends whom we sent there to sign out'),
    entityId: z.string(),
    acsUrl: z.string(),
    logoutUrl: z.string().describe('SAML: single logout'),
    metadataUrl: z.string(),
  })
  .describe('What the identity provider has to be told')
export type SsoAddresses = z.infer<typeof ssoAddresses>

export const ssoConnection = z.object({
  id: wire.id,
  name: z.string(),
  enabled: z.boolean(),
  joinsMembers: z.boolean(),
  defaultRole: ssoRole,
  roleRules: z.array(ssoRoleRule),
  hasClientSecret: z.boolean(),
  provider: z.discriminatedUnion('kind', [
    connectionOf('oidc', oidcSettings),
    connectionOf('saml', samlSettings),
  ]),
  addresses: ssoAddresses,
  ownCertificate: z
    .string()
    .nullable()
    .describe('SAML: of our key pair, for the provider; null: there is none'),
  ownCertificateUntil: wire.time.nullable(),
  certificatesUntil: wire.time
    .nullable()
    .describe('SAML: when the last of the certificates that it signs with expires'),
  lastUsedAt: wire.time.nullable(),
  problem: z.string().nullable().describe('Why the last sign-in was refused'),
  problemAt: wire.time.nullable(),
})
export type SsoConnection = z.infer<typeof ssoConnection>

/** What the browser brings back; see docs/decisions/0075-single-sign-on.md. */
const answer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('oidc'),
    parameters: z
      .record(z.string().max(100), z.string().max(8000))
      .describe('Of the address it came back to'),
  }),
  z.object({ kind: z.literal('saml'), ticket: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }),
])

export const ssoEndpoints = defineEndpoints({
  findSsoWays: {
    method: 'POST',
    path: '/sso/ways',
    auth: 'public',
    group: 'single sign-on',
    throttled: true,
    summary: 'How people of an e-mail domain sign in at their company',
    body: z.object({ email: wire.email }),
    reply: z.object({
      ways: z.array(ssoWay),
      enforced: z.boolean().describe('There is no other way for this domain'),
    }),
  },
  startSso: {
    method: 'POST',
    path: '/sso/start',
    auth: 'public',
    group: 'single sign-on',
    throttled: true,
    summary: 'Begin a sign-in at the identity provider; go to the address that this answers',
    body: z.object({ connectionId: wire.id }),
    reply: z.object({ url: z.string() }),
  },
  finishSso: {
    method: 'POST',
    path: '/sso/finish',
    auth: 'public',
    group: 'single sign-on',
    throttled: true,
    summary: 'End it in the browser that began it; sets the session cookie',
    body: z.object({ connectionId: wire.id, answer }),
    reply: me.extend({
      did: z
        .enum(['signed_in', 'tied', 'proved'])
        .describe('What was begun: a session, a tie to this account, or a fresh proof in this session'),
    }),
  },
  previewSsoTicket: {
    method: 'POST',
    path: '/sso/tickets',
    auth: 'public',
    group: 'single sign-on',
    throttled: true,
    summary: 'Who a sign-in that began at the identity provider is for, to be asked whether they want it',
    body: z.object({ connectionId: wire.id, ticket: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }),
    reply: z.object({
      mustConfirm: z.boolean(),
      email: z.string().nullable(),
      organization: z.string().nullable(),
    }),
  },
  linkSso: {
    method: 'POST',
    path: '/me/sso',
    auth: 'session',
    ofWholeAccount: true,
    permission: 'own.read',
    stepUp: true,
    group: 'single sign-on',
    summary: 'Tie this account to who one is at the company’s identity provider, by signing in there',
    body: z.object({ connectionId: wire.id }),
    reply: z.object({ url: z.string() }),
  },
  proveSso: {
    method: 'POST',
    path: '/session/step-up/company',
    auth: 'session',
    despiteObstacle: true,
    permission: 'own.account',
    group: 'single sign-on',
    throttled: true,
    summary: 'Prove anew that it is you by signing in again where this session comes from',
    reply: z.object({ url: z.string() }),
  },
  readOwnSso: {
    method: 'GET',
    path: '/me/sso',
    auth: 'session',
    permission: 'own.read',
    group: 'single sign-on',
    summary: 'The identity providers of the organisation, and who one is there',
    reply: z.object({
      items: z.array(
        ssoWay.extend({
          email: z.string().nullable().describe('As the provider named it last; null: nobody is tied'),
          tiedBySelf: z.boolean().describe('By oneself: it lets owners in, too'),
          lastUsedAt: wire.time.nullable(),
        }),
      ),
    }),
  },
  readSso: {
    method: 'GET',
    path: '/organization/sso',
    auth: 'session',
    permission: 'identity.read',
    group: 'single sign-on',
    summary: 'Domains and identity providers of the organisation',
    reply: z.object({
      domains: z.array(ssoDomain),
      connections: z.array(ssoConnection),
      next: z
        .object({ id: wire.id, addresses: ssoAddresses })
        .describe('Of a connection that may be added: the identity provider often wants the addresses first'),
    }),
  },
  addSsoDomain: {
    method: 'POST',
    path: '/organization/sso/domains',
    auth: 'session',
    browserOnly: true,
    permission: 'identity.manage',
    stepUp: true,
    group: 'single sign-on',
    summary: 'Name an e-mail domain of the organisation',
    body: z.object({ domain: domainName }),
    status: 201,
    reply: ssoDomain,
  },
  verifySsoDomain: {
    method: 'POST',
    path: '/organization/sso/domains/:domain/verify',
    auth: 'session',
    browserOnly: true,
    permission: 'identity.manage',
    stepUp: true,
    group: 'single sign-on',
    summary: 'Look for its TXT record',
    params: z.object({ domain: domainName }),
    reply: ssoDomain,
  },
  changeSsoDomain: {
    method: 'PATCH',
    path: '/organization/sso/domains/:domain',
    auth: 'session',
    browserOnly: true,
    permission: 'identity.manage',
    stepUp: true,
    group: 'single sign-on',
    summary: 'Let its people sign in at the identity provider only, or in every way',
    params: z.object({ domain: domainName }),
    body: z.object({ enforced: z.boolean() }),
    reply: ssoDomain,
  },
  removeSsoDomain: {
    method: 'DELETE',
    path: '/organization/sso/domains/:domain',
    auth: 'session',
    browserOnly: true,
    permission: 'identity.manage',
    stepUp: true,
    group: 'single sign-on',
    summary: 'Give a domain up',
    params: z.object({ domain: domainName }),
    reply: wire.done,
  },
  addSsoConnection: {
    method: 'POST',
    path: '/organization/sso/connections',
    auth: 'session',
    browserOnly: true,
    permission: 'identity.manage',
    stepUp: true,
    group: 'single sign-on',
    summary: 'Add an identity provider',
    body: connectionBase.extend({ id: wire.id.optional().describe('From `next`; left out: a new one') }),
    bodyLimitBytes: 256 * 1024,
    status: 201,
    reply: ssoConnection,
  },
  changeSsoConnection: {
    method: 'PUT',
    path: '/organization/sso/connections/:id',
    auth: 'session',
    browserOnly: true,
    permission: 'identity.manage',
    stepUp: true,
    group: 'single sign-on',
    summary: 'Change an identity provider',
    params: wire.idParams,
    body: connectionBase,
    bodyLimitBytes: 256 * 1024,
    reply: ssoConnection,
  },
  removeSsoConnection: {
    method: 'DELETE',
    path: '/organization/sso/connections/:id',
    auth: 'session',
    browserOnly: true,
    permission: 'identity.manage',
    stepUp: true,
    group: 'single sign-on',
    summary: 'Remove an identity provider, and who is who there',
    params: wire.idParams,
    reply: wire.done,
  },
  renewSsoCertificate: {
    method: 'POST',
    path: '/organization/sso/connections/:id/certificate',
    auth: 'session',
    browserOnly: true,
    permission: 'identity.manage',
    stepUp: true,
    group: 'single sign-on',
    summary: 'SAML: a new key pair of ours; the provider has to be given its certificate at once',
    params: wire.idParams,
    reply: ssoConnection,
  },
  checkSsoMetadata: {
    method: 'POST',
    path: '/organization/sso/metadata',
    auth: 'session',
    browserOnly: true,
    permission: 'identity.manage',
    group: 'single sign-on',
    summary: 'Read the metadata of a SAML identity provider, from its address or its text',
    body: z.object({
      url: z
        .url({ protocol: /^https?$/ })
        .max(1000)
        .optional(),
      xml: z.string().max(200_000).optional().describe('Instead of the address'),
    }),
    bodyLimitBytes: 256 * 1024,
    reply: samlSettings.pick({
      entityId: true,
      signInUrl: true,
      signOutUrl: true,
      signsRequests: true,
      certificates: true,
    }),
  },
})
