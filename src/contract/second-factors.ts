import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { authenticatorBytes, clientDataJson, me, passkeyOptions, passkeyReply, totpCode } from './session.ts'
import * as wire from './wire.ts'

/** Second factors of the signed-in user: an authenticator app, passkeys, and codes for the day when these are lost. */

export const passkey = z.object({
  id: wire.id,
  name: z.string(),
  host: z.string().describe('The host name it was made for; at another one it is no use'),
  isSynced: z.boolean().describe('Kept by a service that has it on several devices'),
  createdAt: wire.time,
  lastUsedAt: wire.time.nullable(),
})
export type Passkey = z.infer<typeof passkey>

export const factors = z.object({
  totp: z.object({ since: wire.time }).nullable(),
  passkeys: z.array(passkey),
  recoveryCodesLeft: wire.count,
})
export type Factors = z.infer<typeof factors>

/** What every change of factors gives: a session that goes on, and codes where new ones were made. */
const changed = z.object({
  me,
  recoveryCodes: z
    .array(z.string())
    .nullable()
    .describe('Shown this once; each works once. null: those that there are stay'),
})

const attestation = passkeyReply(
  z.looseObject({
    clientDataJSON: clientDataJson,
    attestationObject: authenticatorBytes(32_000),
    transports: z.array(z.string().max(40)).max(10).optional(),
    authenticatorData: authenticatorBytes(32_000).optional(),
    publicKeyAlgorithm: z.number().int().optional(),
    publicKey: authenticatorBytes(8_000).optional(),
  }),
)

/** Kept in the audit trail. */
const reason = z.string().trim().min(1).max(500)

export const secondFactorEndpoints = defineEndpoints({
  readFactors: {
    method: 'GET',
    path: '/me/factors',
    auth: 'session',
    permission: 'own.read',
    despiteObstacle: true,
    group: 'session',
    summary: 'Which second factors are set up',
    reply: factors,
  },
  beginTotp: {
    method: 'POST',
    path: '/me/totp',
    auth: 'session',
    permission: 'own.read',
    stepUp: true,
    despiteObstacle: true,
    group: 'session',
    summary: 'A secret for an authenticator app; it counts once a code of it was entered',
    reply: z.object({
      secret: z.string().describe('Base32, to be typed where no camera is'),
      uri: z.string().describe('otpauth://…, to be shown as a QR code'),
    }),
  },
  confirmTotp: {
    method: 'POST',
    path: '/me/totp/confirm',
    auth: 'session',
    permission: 'own.read',
    stepUp: true,
    despiteObstacle: true,
    throttled: true,
    group: 'session',
    summary: 'Enter the first code of the app; signs every other session out and renews this one',
    body: z.object({ code: totpCode }),
    reply: changed,
  },
  removeTotp: {
    method: 'DELETE',
    path: '/me/totp',
    auth: 'session',
    ofWholeAccount: true,
    permission: 'own.read',
    stepUp: true,
    despiteObstacle: true,
    group: 'session',
    summary: 'Forget the authenticator app; signs every other session out and renews this one',
    reply: changed,
  },
  beginPasskey: {
    method: 'POST',
    path: '/me/passkeys/challenge',
    auth: 'session',
    ofWholeAccount: true,
    permission: 'own.read',
    stepUp: true,
    despiteObstacle: true,
    group: 'session',
    summary: 'What a new passkey signs; this session answers it once',
    reply: passkeyOptions,
  },
  addPasskey: {
    method: 'POST',
    path: '/me/passkeys',
    auth: 'session',
    ofWholeAccount: true,
    permission: 'own.read',
    stepUp: true,
    despiteObstacle: true,
    group: 'session',
    summary: 'Add a passkey; signs every other session out and renews this one',
    body: z.object({ name: wire.label, response: attestation }),
    reply: changed,
  },
  renamePasskey: {
    method: 'PATCH',
    path: '/me/passkeys/:id',
    auth: 'session',
    permission: 'own.read',
    despiteObstacle: true,
    group: 'session',
    summary: 'Call a passkey something else',
    params: wire.idParams,
    body: z.object({ name: wire.label }),
    reply: wire.done,
  },
  removePasskey: {
    method: 'DELETE',
    path: '/me/passkeys/:id',
    auth: 'session',
    ofWholeAccount: true,
    permission: 'own.read',
    stepUp: true,
    despiteObstacle: true,
    group: 'session',
    summary: 'Forget a passkey; signs every other session out and renews this one',
    params: wire.idParams,
    reply: changed,
  },
  renewRecoveryCodes: {
    method: 'POST',
    path: '/me/recovery-codes',
    auth: 'session',
    ofWholeAccount: true,
    permission: 'own.read',
    stepUp: true,
    despiteObstacle: true,
    group: 'session',
    summary: 'Make new recovery codes; the old ones work no more, every other session is signed out',
    reply: changed,
  },
  resetUserFactors: {
    method: 'POST',
    path: '/admin/users/:id/factors/reset',
    auth: 'administrator',
    stepUp: true,
    group: 'users',
    summary: 'Take every second factor of a user who lost them away, and sign them out everywhere',
    params: wire.idParams,
    body: z.object({ reason }),
    reply: wire.done,
  },
  resetMemberFactors: {
    method: 'POST',
    path: '/organization/members/:id/factors/reset',
    auth: 'session',
    permission: 'members.manage',
    stepUp: true,
    group: 'members',
    summary:
      'The same for a member below your role who works nowhere else; of others only administrators of this installation',
    params: wire.idParams,
    body: z.object({ reason }),
    reply: wire.done,
  },
})
