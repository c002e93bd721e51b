import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** What an organisation asks of its members' sessions, and who gets in when its own sign-on does not work. */

/** An address or a range; whether it is one is checked by the server. */
const network = z
  .string()
  .trim()
  .regex(
    /^[0-9A-Fa-f:.]{2,45}(?:\/\d{1,3})?$/,
    'must be an address such as 198.51.100.7, or a range such as 198.51.100.0/24',
  )

export const sessionPolicy = z.object({
  idleMinutes: z
    .number()
    .int()
    .min(5)
    .max(43_200)
    .nullable()
    .describe('A session ends after this long without a request. null: as the installation says'),
  sessionHours: z
    .number()
    .int()
    .min(1)
    .max(2160)
    .nullable()
    .describe('A session ends this long after sign-in. null: as the installation says'),
  secondFactorRequired: z
    .boolean()
    .describe('Sessions without a second factor open nothing but the page where one is added'),
  trustsSingleSignOn: z
    .boolean()
    .describe(
      'The organisation’s identity provider asks for a second factor itself, so none is asked for here',
    ),
  networks: z
    .array(network)
    .max(100)
    .describe('Sessions and access tokens at this API open nothing from elsewhere. Empty: from anywhere'),
  bindsOperations: z
    .boolean()
    .default(false)
    .describe('Operations are refused from elsewhere, too, whatever stands for a member'),
  tokenDays: z
    .number()
    .int()
    .min(1)
    .max(3650)
    .nullable()
    .default(null)
    .describe(
      'Access tokens that may manage open nothing this many days after they were made, whatever else they may. null: until they end',
    ),
})
export type SessionPolicyOnWire = z.infer<typeof sessionPolicy>

export const breakGlassAccount = z.object({
  userId: wire.id,
  email: z.string(),
  name: z.string(),
  since: wire.time,
  hasSecondFactor: z.boolean(),
})
export type BreakGlassAccount = z.infer<typeof breakGlassAccount>

const reply = z.object({
  policy: sessionPolicy,
  breakGlass: z.array(breakGlassAccount),
  /** Where the caller is, to be put on the list first. */
  yourAddress: z.string(),
})

export const sessionPolicyEndpoints = defineEndpoints({
  readSessionPolicy: {
    method: 'GET',
    path: '/organization/session-policy',
    auth: 'session',
    permission: 'identity.read',
    browserOnly: false,
    group: 'organisation',
    summary: 'What the organisation asks of its members’ sessions, and its break-glass accounts',
    reply,
  },
  saveSessionPolicy: {
    method: 'PUT',
    path: '/organization/session-policy',
    auth: 'session',
    permission: 'identity.manage',
    stepUp: true,
    browserOnly: true,
    group: 'organisation',
    summary:
      'Change it; it holds for the next request of every session. Refused where it would keep the caller out',
    body: sessionPolicy,
    reply,
  },
  setBreakGlass: {
    method: 'PUT',
    path: '/organization/break-glass/:id',
    auth: 'session',
    permission: 'organization.own',
    stepUp: true,
    group: 'organisation',
    summary: 'Make a member with a password and a second factor a break-glass account, or no longer',
    params: wire.idParams,
    body: z.object({ enabled: z.boolean() }),
    reply,
  },
  readPlatformSessionPolicy: {
    method: 'GET',
    path: '/admin/session-policy',
    auth: 'administrator',
    browserOnly: true,
    group: 'users',
    summary: 'What is asked of sessions of platform administrators, wherever they work',
    reply: z.object({ policy: sessionPolicy, yourAddress: z.string() }),
  },
  savePlatformSessionPolicy: {
    method: 'PUT',
    path: '/admin/session-policy',
    auth: 'administrator',
    stepUp: true,
    browserOnly: true,
    group: 'users',
    summary: 'Change it; refused where it would keep the caller out',
    body: sessionPolicy,
    reply: z.object({ policy: sessionPolicy, yourAddress: z.string() }),
  },
})
