import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

export const meta = z.object({
  version: z.string(),
  demo: z.boolean().describe('Demo data and simulated services; never true without --demo'),
  needsSetup: z
    .boolean()
    .describe('No administrator exists yet: open the set-up link that the first start printed'),
  dashboardsReady: z.boolean(),
  vaultSealed: z
    .boolean()
    .describe('Nothing that needs a secret works: operations, and adding and checking keys'),
})
export type Meta = z.infer<typeof meta>

export const organization = z.object({
  id: wire.id,
  name: z.string(),
  kind: z.enum(['platform', 'personal', 'company']),
  controlPolicy: wire.controlPolicy,
  criticalServices: z
    .array(wire.serviceId)
    .describe('Under hybrid control: services whose keys only IT manages'),
  systemKeysAllowed: z.boolean(),
  lockedFallback: wire.fallback.nullable().describe('Not null: every member has this fallback preference'),
  allowed: wire.allowedUses.nullable().describe('null: everything'),
})
export type Organization = z.infer<typeof organization>

export const stepUpMethod = z.enum([
  'passkey',
  'totp',
  'recovery_code',
  'single_sign_on',
  'password',
  'sign_in_link',
])
export type StepUpMethod = z.infer<typeof stepUpMethod>

export const me = z.object({
  user: z.object({
    id: wire.id,
    email: z.string(),
    name: z.string(),
    hasPassword: z.boolean(),
    hasSecondFactor: z.boolean().describe('An authenticator app or a passkey is asked for at each sign-in'),
    deleteAt: wire.time.nullable().describe('Not null: the account is deleted then, unless it is kept'),
  }),
  organization,
  role: wire.role,
  isPlatformAdministrator: z.boolean(),
  csrfToken: z.string().describe('Send as x-csrf-token with everything but GET'),
  stepUp: z.object({
    validUntil: wire.time
      .nullable()
      .describe(
        'Until when endpoints that need a fresh proof take requests without a new one; null: not now',
      ),
    methods: z.array(stepUpMethod).describe('What this user can prove it with, the best first'),
  }),
  obstacle: z
    .enum(['network', 'single_sign_on', 'second_factor'])
    .nullable()
    .describe('Not null: the organisation lets this session do nothing but see and mend that'),
  demo: z.boolean(),
})
export type Me = z.infer<typeof me>

export const session = z.object({
  id: wire.id,
  userAgent: z.string().nullable(),
  address: z.string().nullable().describe('Where it was used from last'),
  method: z.string().nullable().describe('How it was opened; null: before that was noted'),
  createdAt: wire.time,
  lastSeenAt: wire.time,
  expiresAt: wire.time,
  current: z.boolean(),
})
export type Session = z.infer<typeof session>

/** Six digits of an app. */
export const totpCode = z.string().regex(/^\s*\d{3}\s?\d{3}\s*$/, 'must be six digits')
const recoveryCode = z.string().trim().min(16).max(40)
const codeProof = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('totp'), code: totpCode }),
  z.object({ kind: z.literal('recovery_code'), code: recoveryCode }),
])

const base64url = (most: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, 'must be base64url')
    .max(most)
/** What every answer of a passkey has; browsers may add to it: https://www.w3.org/TR/webauthn-3/#dictdef-authenticationresponsejson */
export const passkeyReply = <Response extends z.ZodType>(response: Response) =>
  z.looseObject({
    id: base64url(1400),
    rawId: base64url(1400),
    type: z.literal('public-key'),
    authenticatorAttachment: z.enum(['platform', 'cross-platform']).optional(),
    clientExtensionResults: z.record(z.string().max(60), z.unknown()).default({}),
    response,
  })
export const clientDataJson = base64url(4000)
export const authenticatorBytes = base64url
const assertion = passkeyReply(
  z.looseObject({
    clientDataJSON: clientDataJson,
    authenticatorData: base64url(8000),
    signature: base64url(8000),
    userHandle: base64url(200).optional(),
  }),
)
/** For `navigator.credentials`: what @simplewebauthn/browser takes as optionsJSON. */
export const passkeyOptions = z.object({ options: z.record(z.string(), z.unknown()) })

/** What shows that it is the user who sits there. */
const proof = (linkToken: z.ZodType<string, string>) =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('password'), password: z.string().min(1).max(256) }),
    z.object({ kind: z.literal('sign_in_link'), token: linkToken }),
    z.object({ kind: z.literal('totp'), code: totpCode }),
    z.object({ kind: z.literal('recovery_code'), code: recoveryCode }),
    z.object({ kind: z.literal('passkey'), response: assertion }),
  ])

/** 32 random bytes, base64url: the part of /sign-in#<token> after the hash, which browsers send to nobody. */
const linkToken = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be the whole link')

export const sessionEndpoints = defineEndpoints({
  readMeta: {
    method: 'GET',
    path: '/meta',
    auth: 'public',
    group: 'session',
    summary: 'What this installation is',
    reply: meta,
  },
  signIn: {
    method: 'POST',
    path: '/session',
    auth: 'public',
    group: 'session',
    throttled: true,
    summary: 'Sign in with e-mail and password; sets the session cookie',
    body: z.object({ email: wire.email, password: z.string().min(1).max(256) }),
    reply: me,
  },
  signInWithLink: {
    method: 'POST',
    path: '/session/link',
    auth: 'public',
    group: 'session',
    throttled: true,
    summary: 'Sign in with a link; sets the session cookie',
    body: z.object({ token: linkToken }),
    reply: me,
  },
  readPendingSignIn: {
    method: 'GET',
    path: '/session/second-factor',
    auth: 'public',
    group: 'session',
    summary: 'What the sign-in of this browser still waits for',
    reply: z.object({
      pending: z
        .object({ methods: z.array(stepUpMethod) })
        .nullable()
        .describe('null: for nothing, or it took too long'),
    }),
  },
  finishSignIn: {
    method: 'POST',
    path: '/session/second-factor',
    auth: 'public',
    group: 'session',
    throttled: true,
    summary: 'Show the second factor, after sign-in answered second_factor_required; sets the session cookie',
    body: z.object({ proof: codeProof }),
    reply: me,
  },
  createPasskeyChallenge: {
    method: 'POST',
    path: '/session/passkey/challenge',
    auth: 'public',
    group: 'session',
    throttled: true,
    summary: 'What a passkey signs to sign in; it names no passkeys, and this browser answers it once',
    reply: passkeyOptions,
  },
  signInWithPasskey: {
    method: 'POST',
    path: '/session/passkey',
    auth: 'public',
    group: 'session',
    throttled: true,
    summary: 'Sign in with a passkey, which is two factors; sets the session cookie',
    body: z.object({ response: assertion }),
    reply: me,
  },
  setUp: {
    method: 'POST',
    path: '/setup',
    auth: 'public',
    group: 'session',
    throttled: true,
    summary: 'Make the first administrator, by the one-time set-up link, and sign in',
    body: z.object({
      token: linkToken,
      email: wire.email,
      name: wire.personName,
      password: wire.newPassword,
    }),
    reply: me,
  },
  signOut: {
    method: 'DELETE',
    path: '/session',
    auth: 'session',
    despiteObstacle: true,
    permission: 'own.account',
    group: 'session',
    summary: 'Sign out',
    reply: wire.done.extend({
      continueAt: z
        .string()
        .nullable()
        .describe('Go there to sign out at the company’s identity provider, too; null: nowhere'),
    }),
  },
  stepUp: {
    method: 'POST',
    path: '/session/step-up',
    auth: 'session',
    despiteObstacle: true,
    permission: 'own.account',
    group: 'session',
    throttled: true,
    summary: 'Prove anew that it is you, for what needs it; renews the session cookie and the CSRF token',
    body: z.object({ proof: proof(linkToken) }),
    reply: me,
  },
  createProofChallenge: {
    method: 'POST',
    path: '/session/step-up/challenge',
    auth: 'session',
    permission: 'own.read',
    despiteObstacle: true,
    group: 'session',
    summary: 'What a passkey signs as a fresh proof; this session answers it once',
    reply: passkeyOptions,
  },
  readMe: {
    method: 'GET',
    path: '/me',
    auth: 'session',
    despiteObstacle: true,
    permission: 'own.read',
    group: 'session',
    summary: 'Who is signed in, for which organisation, under which policy',
    reply: me,
  },
  changePassword: {
    method: 'POST',
    path: '/me/password',
    auth: 'session',
    ofWholeAccount: true,
    despiteObstacle: true,
    permission: 'own.account',
    group: 'session',
    throttled: true,
    summary:
      'Change the password; signs every other session out and renews this one; a first password needs a fresh proof',
    body: z.object({
      currentPassword: z.string().max(256).optional().describe('Required once a password is set'),
      newPassword: wire.newPassword,
    }),
    reply: me,
  },
  listSessions: {
    method: 'GET',
    path: '/me/sessions',
    auth: 'session',
    despiteObstacle: true,
    permission: 'own.account',
    group: 'session',
    summary: 'Where you are signed in',
    reply: z.object({ items: z.array(session) }),
  },
  revokeSession: {
    method: 'DELETE',
    path: '/me/sessions/:id',
    auth: 'session',
    despiteObstacle: true,
    permission: 'own.account',
    stepUp: true,
    group: 'session',
    summary: 'Sign one session out',
    params: wire.idParams,
    reply: wire.done,
  },
  revokeOtherSessions: {
    method: 'DELETE',
    path: '/me/sessions',
    auth: 'session',
    despiteObstacle: true,
    permission: 'own.account',
    stepUp: true,
    group: 'session',
    summary: 'Sign every other session out',
    reply: z.object({ ended: wire.count }),
  },
})
