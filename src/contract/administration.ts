import { z } from 'zod'
import { accessToken, createdAccessToken, newPlatformToken } from './access-tokens.ts'
import { creditGrant, tier } from './credits.ts'
import { defineEndpoints } from './endpoint.ts'
import { operation, operationFilters, operationPage, receipt } from './operations.ts'
import { organization } from './session.ts'
import * as wire from './wire.ts'

export const overview = z.object({
  organizations: wire.count,
  users: wire.count,
  lastDay: z
    .object({
      operations: wire.count,
      succeeded: wire.count,
      failed: wire.count,
      refused: wire.count,
      cancelled: wire.count,
      interrupted: wire.count,
      ownKeyOperations: wire.count,
      systemKeyOperations: wire.count,
      systemCostNanoUsd: wire.nanoUsd.describe('What the services charge for operations on system keys'),
      chargedMicros: wire.micros.describe('What was charged for them'),
    })
    .describe('The last 24 hours'),
  systemKeys: z.object({ total: wire.count, usable: wire.count, attention: wire.count }),
  userKeys: z.object({ total: wire.count, attention: wire.count }),
  unresolvedHolds: wire.count,
  processes: z.array(
    z.object({
      id: wire.id,
      host: z.string(),
      pid: z.number().int(),
      version: z.string(),
      startedAt: wire.time,
      live: z.boolean(),
    }),
  ),
})
export type Overview = z.infer<typeof overview>

export const adminUser = z.object({
  id: wire.id,
  email: z.string(),
  name: z.string(),
  organizationId: wire.id,
  organizationName: z.string(),
  role: wire.role,
  isPlatformAdministrator: z.boolean(),
  suspendedAt: wire.time.nullable(),
  deleteAt: wire.time.nullable().describe('Not null: the account is deleted then, unless it is kept'),
  hasSecondFactor: z.boolean(),
  createdAt: wire.time,
  tierId: wire.tierId.nullable(),
  availableMicros: wire.micros,
  heldMicros: wire.micros,
  debtMicros: wire.micros,
  serviceKeyCount: wire.count,
  lastOperationAt: wire.time.nullable(),
})
export type AdminUser = z.infer<typeof adminUser>

export const signInLink = z.object({
  path: z
    .string()
    .describe('/sign-in#<token>: put the address of this installation in front. Shown this once'),
  expiresAt: wire.time,
})
export type SignInLink = z.infer<typeof signInLink>

export const adminOrganization = organization.extend({
  memberCount: wire.count,
  suspendedKeyCount: wire.count,
  createdAt: wire.time,
})
export type AdminOrganization = z.infer<typeof adminOrganization>

export const adminService = z.object({
  id: wire.serviceId,
  name: z.string(),
  defaultBaseUrl: z.string().nullable(),
  baseUrl: z.string().nullable().describe('Replaces the default when not null'),
  enabled: z.boolean(),
  systemKeyCount: wire.count,
})
export type AdminService = z.infer<typeof adminService>

export const adminOperation = operation.extend({
  organizationId: wire.id,
  organizationName: z.string(),
  userEmail: z.string(),
})
export type AdminOperation = z.infer<typeof adminOperation>

/** host:port or CIDR; what outbound calls may reach though it is private. */
export const outboundAddress = z.string().regex(/^[A-Za-z0-9.:[\]/_-]{1,120}$/, 'must be host:port or CIDR')
export const outboundAllowance = z.object({ address: z.string() })

export const administrationEndpoints = defineEndpoints({
  readOverview: {
    method: 'GET',
    path: '/admin/overview',
    auth: 'administrator',
    group: 'administration',
    summary: 'The state of this installation',
    reply: overview,
  },
  listTiers: {
    method: 'GET',
    path: '/admin/tiers',
    auth: 'administrator',
    group: 'administration',
    summary: 'Subscription tiers',
    reply: z.object({ items: z.array(tier) }),
  },

  listUsers: {
    method: 'GET',
    path: '/admin/users',
    auth: 'administrator',
    group: 'users',
    summary: 'Users with balances',
    query: wire.pageQuery.extend({
      search: z.string().max(120).optional().describe('Part of name or e-mail'),
      organization: wire.id.optional(),
      user: wire.id.optional().describe('This one only'),
    }),
    reply: wire.page(adminUser).extend({ total: wire.count }),
  },
  createUser: {
    method: 'POST',
    path: '/admin/users',
    auth: 'administrator',
    // Its reply has a link to sign in with: a token that got one would have a browser session.
    browserOnly: true,
    stepUp: true,
    group: 'users',
    status: 201,
    summary: 'Create a user, in an organisation or in a personal one, and a link to sign in',
    body: z.object({
      email: wire.email,
      name: wire.personName,
      organizationId: wire.id.nullable().default(null).describe('null: a personal organisation of their own'),
      role: wire.role.default('member'),
      tierId: wire.tierId.default('free'),
    }),
    reply: z.object({ user: adminUser, signInLink }),
  },
  changeUser: {
    method: 'PATCH',
    path: '/admin/users/:id',
    auth: 'administrator',
    stepUp: true,
    group: 'users',
    summary: 'Change tier, suspension, administration',
    params: wire.idParams,
    body: z.object({
      tierId: wire.tierId.optional(),
      suspended: z.boolean().optional(),
      isPlatformAdministrator: z.boolean().optional(),
    }),
    reply: adminUser,
  },
  grantCredits: {
    method: 'POST',
    path: '/admin/users/:id/grants',
    auth: 'administrator',
    stepUp: true,
    group: 'users',
    status: 201,
    summary: 'Give credits; the same idempotency key gives them once',
    params: wire.idParams,
    body: z.object({
      credits: z
        .string()
        .regex(/^\d{1,9}(\.\d{1,6})?$/, 'must be a decimal number of credits, at most six places'),
      reason: z.string().trim().min(1).max(300),
      idempotencyKey: z.string().min(8).max(120),
    }),
    reply: z.object({ grant: creditGrant, created: z.boolean().describe('false: it had been given before') }),
  },
  endUserSessions: {
    method: 'DELETE',
    path: '/admin/users/:id/sessions',
    auth: 'administrator',
    group: 'users',
    summary: 'Sign a user out everywhere',
    params: wire.idParams,
    reply: z.object({ ended: wire.count }),
  },
  createSignInLink: {
    method: 'POST',
    path: '/admin/users/:id/sign-in-link',
    auth: 'administrator',
    stepUp: true,
    group: 'users',
    status: 201,
    summary: 'A link that signs this user in once',
    params: wire.idParams,
    reply: signInLink,
  },

  listAllOperations: {
    method: 'GET',
    path: '/admin/operations',
    auth: 'administrator',
    group: 'administration',
    summary: 'Operations of everybody, newest first',
    query: wire.pageQuery
      .extend(operationFilters.shape)
      .extend({ organization: wire.id.optional(), user: wire.id.optional() }),
    reply: operationPage(adminOperation),
  },
  readAnyOperation: {
    method: 'GET',
    path: '/admin/organizations/:organization/operations/:id',
    auth: 'administrator',
    group: 'administration',
    summary: 'The whole receipt of an operation of anybody',
    params: z.object({ organization: wire.id, id: wire.id }),
    reply: receipt,
  },

  listOrganizations: {
    method: 'GET',
    path: '/admin/organizations',
    auth: 'administrator',
    group: 'organizations',
    summary: 'Organisations',
    query: wire.pageQuery,
    reply: wire.page(adminOrganization),
  },
  createOrganization: {
    method: 'POST',
    path: '/admin/organizations',
    auth: 'administrator',
    stepUp: true,
    group: 'organizations',
    status: 201,
    summary: 'Create a company',
    body: z.object({ name: wire.personName, controlPolicy: wire.controlPolicy.default('user_control') }),
    reply: adminOrganization,
  },
  readOrganization: {
    method: 'GET',
    path: '/admin/organizations/:id',
    auth: 'administrator',
    group: 'organizations',
    summary: 'One organisation',
    params: wire.idParams,
    reply: adminOrganization,
  },
  changeOrganization: {
    method: 'PATCH',
    path: '/admin/organizations/:id',
    auth: 'administrator',
    stepUp: true,
    group: 'organizations',
    summary: 'Rename an organisation; its control policy has versions of its own',
    params: wire.idParams,
    body: z.object({ name: wire.personName }),
    reply: adminOrganization,
  },

  listAdminServices: {
    method: 'GET',
    path: '/admin/services',
    auth: 'administrator',
    group: 'services',
    summary: 'Services and their base URLs',
    reply: z.object({ items: z.array(adminService) }),
  },
  changeService: {
    method: 'PATCH',
    path: '/admin/services/:id',
    auth: 'administrator',
    stepUp: true,
    group: 'services',
    summary: 'Replace the base URL, switch on or off',
    params: wire.serviceIdParams,
    body: z.object({ baseUrl: wire.baseUrl.nullable().optional(), enabled: z.boolean().optional() }),
    reply: adminService,
  },
  listOutboundAllowances: {
    method: 'GET',
    path: '/admin/outbound-allowances',
    auth: 'administrator',
    group: 'services',
    summary: 'Private addresses that outbound calls may reach',
    reply: z.object({ items: z.array(outboundAllowance) }),
  },
  addOutboundAllowance: {
    method: 'POST',
    path: '/admin/outbound-allowances',
    auth: 'administrator',
    stepUp: true,
    group: 'services',
    status: 201,
    summary: 'Allow a private address',
    body: z.object({ address: outboundAddress }),
    reply: outboundAllowance,
  },
  removeOutboundAllowance: {
    method: 'DELETE',
    path: '/admin/outbound-allowances',
    auth: 'administrator',
    stepUp: true,
    group: 'services',
    summary: 'Stop allowing it',
    query: z.object({ address: outboundAddress }),
    reply: wire.done,
  },

  listPlatformTokens: {
    method: 'GET',
    path: '/admin/platform-tokens',
    auth: 'administrator',
    group: 'platform tokens',
    summary: 'Tokens of trusted applications that act for users',
    reply: z.object({ items: z.array(accessToken) }),
  },
  createPlatformToken: {
    method: 'POST',
    path: '/admin/platform-tokens',
    auth: 'administrator',
    stepUp: true,
    group: 'platform tokens',
    status: 201,
    summary: 'Create a platform token; it is shown once',
    body: newPlatformToken,
    reply: createdAccessToken,
  },
  revokePlatformToken: {
    method: 'DELETE',
    path: '/admin/platform-tokens/:id',
    auth: 'administrator',
    group: 'platform tokens',
    summary: 'Revoke a platform token',
    params: wire.idParams,
    reply: wire.done,
  },
})
