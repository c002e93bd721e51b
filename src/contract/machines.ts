import { z } from 'zod'
import { accessTokenScope } from './access-tokens.ts'
import { defineEndpoints } from './endpoint.ts'
import { me } from './session.ts'
import * as wire from './wire.ts'

/** A service account is never an owner: what owners decide, a person decides. */
export const machineRole = z.enum(['administrator', 'billing', 'auditor', 'member'])

export const serviceAccount = z.object({
  id: wire.id,
  name: z.string(),
  description: z.string(),
  role: wire.role,
  suspended: z.boolean(),
  paysUserId: wire.id.nullable().describe('Who answers for it: it works on system keys on their credits'),
  paysEmail: z.string().nullable(),
  credentialCount: wire.count,
  lastUsedAt: wire.time.nullable(),
  createdAt: wire.time,
})
export type ServiceAccount = z.infer<typeof serviceAccount>

const description = z.string().trim().max(300)
export const newServiceAccount = z.object({
  name: wire.label,
  description: description.default(''),
  role: machineRole.default('member'),
})
export const serviceAccountChange = z
  .object({
    name: wire.label,
    description,
    role: machineRole,
    suspended: z.boolean(),
    takeOver: z.literal(true).describe('You answer for it from now on: it works on your credits'),
  })
  .partial()

/** An access token of a service account, or a client that exchanges its secret for short-lived ones. */
export const machineCredential = z.object({
  id: wire.id,
  kind: z.enum(['token', 'client']),
  name: z.string(),
  lastFour: z.string(),
  scopes: z.array(z.string()),
  expiresAt: wire.time.nullable(),
  lastUsedAt: wire.time.nullable(),
  createdAt: wire.time,
})
export type MachineCredential = z.infer<typeof machineCredential>

export const newMachineCredential = z.object({
  kind: z.enum(['token', 'client']),
  name: wire.label,
  scopes: z
    .array(accessTokenScope.exclude(['administer']))
    .min(1)
    .default(['operations', 'read']),
  expiresInDays: z.number().int().min(1).max(3660).nullable().default(null),
})

const httpsAddress = z.url({ protocol: /^https?$/ }).max(500)
/** An origin, as a browser names it: no path, no wildcard. */
const origin = z
  .string()
  .max(200)
  .regex(/^https:\/\/[a-z0-9.-]+(?::\d{1,5})?$|^http:\/\/(?:localhost|127\.0\.0\.1)(?::\d{1,5})?$/, {
    message: 'must be an https origin without a path, such as https://app.example.com',
  })

export const userMatching = z.enum(['user_id', 'email', 'external_id'])

/** Public keys as RFC 7517 writes them. Private parts and symmetric keys are refused. */
const jwks = z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1).max(20) })

const hostApplicationFields = z.object({
  name: wire.label,
  issuer: z.string().trim().min(1).max(500).describe('`iss` of its tokens, letter by letter'),
  jwksUri: httpsAddress.nullable().describe('Where its public keys are; null: they are given here'),
  jwks: jwks.nullable(),
  userClaim: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_:./-]{0,99}$/, 'must be the name of a claim')
    .describe('Which claim says who the user is'),
  matching: userMatching.describe('What that claim holds: our id, an e-mail address, or SCIM’s externalId'),
  scopes: z.array(accessTokenScope.extract(['operations', 'read'])).min(1),
  maximumTokenSeconds: z.number().int().min(60).max(86_400).describe('Longer-lived tokens are refused'),
  frameAncestors: z.array(origin).max(20).describe('Origins that may show embedded dashboards'),
})

const oneSourceOfKeys = (value: { jwksUri?: unknown; jwks?: unknown }): boolean =>
  (value.jwksUri == null) !== (value.jwks == null)

export const newHostApplication = hostApplicationFields
  .extend({
    jwksUri: hostApplicationFields.shape.jwksUri.default(null),
    jwks: hostApplicationFields.shape.jwks.default(null),
    userClaim: hostApplicationFields.shape.userClaim.default('sub'),
    matching: hostApplicationFields.shape.matching.default('email'),
    scopes: hostApplicationFields.shape.scopes.default(['operations', 'read']),
    maximumTokenSeconds: hostApplicationFields.shape.maximumTokenSeconds.default(3600),
    frameAncestors: hostApplicationFields.shape.frameAncestors.default([]),
  })
  .refine(oneSourceOfKeys, { path: ['jwksUri'], message: 'Give either jwksUri or jwks.' })

/** Keys are changed as a pair: one of the two is null. */
export const hostApplicationChange = hostApplicationFields
  .partial()
  .refine(
    (change) => (change.jwksUri === undefined && change.jwks === undefined) || oneSourceOfKeys(change),
    { path: ['jwksUri'], message: 'Give either jwksUri or jwks, and null for the other.' },
  )

export const hostApplication = hostApplicationFields.extend({
  id: wire.id,
  audience: z.string().describe('`aud` of its tokens'),
  lastUsedAt: wire.time.nullable(),
  createdAt: wire.time,
})
export type HostApplication = z.infer<typeof hostApplication>

export const hostApplicationCheck = z.object({
  keyCount: wire.count.describe('Of its public keys, those that can be used'),
  keysProblem: z.string().nullable(),
  tokenProblem: z
    .string()
    .nullable()
    .describe('Why the token is refused; null: it is taken, or none was given'),
  user: z.object({ id: wire.id, email: z.string() }).nullable().describe('Whom the token stands for'),
})

export const machineEndpoints = defineEndpoints({
  listServiceAccounts: {
    method: 'GET',
    path: '/service-accounts',
    auth: 'session',
    permission: 'identity.read',
    group: 'service accounts',
    summary: 'Members of your organisation that are machines',
    reply: z.object({ items: z.array(serviceAccount) }),
  },
  createServiceAccount: {
    method: 'POST',
    path: '/service-accounts',
    auth: 'session',
    stepUp: true,
    permission: 'identity.manage',
    group: 'service accounts',
    status: 201,
    summary: 'Add a machine as a member; you answer for it',
    body: newServiceAccount,
    reply: serviceAccount,
  },
  changeServiceAccount: {
    method: 'PATCH',
    path: '/service-accounts/:id',
    auth: 'session',
    stepUp: true,
    permission: 'identity.manage',
    group: 'service accounts',
    summary: 'Rename, give another role, suspend or let work again',
    params: wire.idParams,
    body: serviceAccountChange,
    reply: serviceAccount,
  },
  removeServiceAccount: {
    method: 'DELETE',
    path: '/service-accounts/:id',
    auth: 'session',
    stepUp: true,
    permission: 'identity.manage',
    group: 'service accounts',
    summary: 'Remove it with all its credentials; what it did stays on record',
    params: wire.idParams,
    reply: wire.done,
  },
  listMachineCredentials: {
    method: 'GET',
    path: '/service-accounts/:id/credentials',
    auth: 'session',
    permission: 'identity.read',
    group: 'service accounts',
    summary: 'Live access tokens and clients of a service account',
    params: wire.idParams,
    reply: z.object({ items: z.array(machineCredential) }),
  },
  createMachineCredential: {
    method: 'POST',
    path: '/service-accounts/:id/credentials',
    auth: 'session',
    stepUp: true,
    permission: 'identity.manage',
    group: 'service accounts',
    status: 201,
    summary: 'An access token, or a client for POST /oauth/token; the secret is shown once',
    params: wire.idParams,
    body: newMachineCredential,
    reply: z.object({
      credential: machineCredential,
      secret: z
        .string()
        .describe('Shown this once: the access token, or the client’s secret (its id is the client id)'),
    }),
  },
  revokeMachineCredential: {
    method: 'DELETE',
    path: '/service-accounts/:id/credentials/:credential',
    auth: 'session',
    permission: 'identity.manage',
    group: 'service accounts',
    summary: 'Revoke: refused everywhere once this has answered, with every token that a client was given',
    params: z.object({ id: wire.id, credential: wire.id }),
    reply: wire.done,
  },
  listHostApplications: {
    method: 'GET',
    path: '/host-applications',
    auth: 'session',
    permission: 'identity.read',
    group: 'host applications',
    summary: 'Applications whose signed tokens act for members of your organisation',
    reply: z.object({ items: z.array(hostApplication) }),
  },
  createHostApplication: {
    method: 'POST',
    path: '/host-applications',
    auth: 'session',
    stepUp: true,
    permission: 'identity.manage',
    group: 'host applications',
    status: 201,
    bodyLimitBytes: 64 * 1024,
    summary: 'Let an application act for members by tokens that it signs',
    body: newHostApplication,
    reply: hostApplication,
  },
  changeHostApplication: {
    method: 'PATCH',
    path: '/host-applications/:id',
    auth: 'session',
    // Who holds the keys that are named here speaks for members.
    browserOnly: true,
    stepUp: true,
    permission: 'identity.manage',
    group: 'host applications',
    bodyLimitBytes: 64 * 1024,
    summary: 'Change issuer, keys, matching, scopes or origins; in force everywhere once this has answered',
    params: wire.idParams,
    body: hostApplicationChange,
    reply: hostApplication,
  },
  removeHostApplication: {
    method: 'DELETE',
    path: '/host-applications/:id',
    auth: 'session',
    stepUp: true,
    permission: 'identity.manage',
    group: 'host applications',
    summary: 'None of its tokens, links and embedded sessions works once this has answered',
    params: wire.idParams,
    reply: wire.done,
  },
  checkHostApplication: {
    method: 'POST',
    path: '/host-applications/:id/check',
    auth: 'session',
    permission: 'identity.manage',
    group: 'host applications',
    summary: 'Fetch its public keys, and say why a token of it is taken or refused',
    params: wire.idParams,
    body: z.object({ token: z.string().max(8192).optional() }),
    reply: hostApplicationCheck,
  },
})

export const embedEndpoints = defineEndpoints({
  createEmbedLink: {
    method: 'POST',
    path: '/embed-links',
    auth: 'public',
    group: 'host applications',
    status: 201,
    summary: 'A link that shows a user’s dashboard inside the host application; works once, for a minute',
    body: z.object({ token: z.string().max(8192).describe('Signed by the host application, for that user') }),
    reply: z.object({ url: z.string(), expiresAt: wire.time }),
  },
  openEmbedded: {
    method: 'POST',
    path: '/session/embedded',
    auth: 'public',
    group: 'session',
    summary: 'Use such a link: a session for the user’s own pages, inside the host application only',
    body: z.object({ token: z.string().length(43) }),
    reply: me,
  },
})
