import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

export const verdict = z.enum(['valid', 'invalid', 'valid_but_unusable', 'unknown'])
export type Verdict = z.infer<typeof verdict>

/** Where a user stands with a service. */
export const coverage = z.object({
  status: z
    .enum(['own_key', 'system_credits', 'alternative', 'not_covered', 'keys_only'])
    .describe('keys_only: keys can be stored and checked; calls are not possible'),
  keyOwner: wire.keyOwner.nullable().describe('Whose key the next operation starts on'),
  reason: z.string(),
  next: z.string().nullable().describe('What to do about it; null: nothing needs doing'),
})
export type Coverage = z.infer<typeof coverage>

/** How many services stand where. */
export const coverageSummary = z.object({
  total: wire.count,
  ownKey: wire.count,
  alternative: wire.count,
  systemCredits: wire.count,
  notCovered: wire.count,
  keysOnly: wire.count,
})
export type CoverageSummary = z.infer<typeof coverageSummary>

export const settingField = z.object({
  id: z.string(),
  label: z.string(),
  hint: z.string(),
  required: z.boolean(),
  pattern: z.string().describe('Anchored regular expression'),
  flags: z.string().describe('Of the regular expression'),
  expected: z.string().describe('What to say when the pattern does not match'),
  inSecret: z
    .string()
    .nullable()
    .describe('The field of a JSON secret that says it too; then it may be left out'),
})
export type SettingField = z.infer<typeof settingField>

export const service = z.object({
  id: wire.serviceId,
  name: z.string(),
  docsUrl: z.string(),
  keysUrl: z.string().nullable().describe('Where a person makes a key'),
  keyHint: z.string(),
  keyShapes: z
    .array(z.object({ pattern: z.string(), specific: z.boolean() }))
    .describe('Anchored regular expressions that recognise a secret offline; a hint, never a refusal'),
  needsBaseUrl: z.boolean().describe('Every key of this service brings the address of its server'),
  baseUrlHint: z.string().nullable().describe('What the address of such a server looks like'),
  secretKind: z
    .enum(['word', 'json'])
    .describe('json: the secret is a whole JSON document, such as that of a service account'),
  settingFields: z.array(settingField).describe('What a key needs beside the secret'),
  tasks: z.array(z.string()),
  enabled: z.boolean(),
  coverage,
  mayManageKey: z.boolean(),
  mayNotBecause: z.string().nullable(),
  exception: z
    .object({ expiresAt: wire.time.nullable().describe('null: until somebody takes it back') })
    .nullable()
    .describe(
      'By which you may have own keys although the control policy gives them to the organisation alone',
    ),
})
export type Service = z.infer<typeof service>

export const serviceKey = z.object({
  id: wire.id,
  serviceId: wire.serviceId,
  owner: wire.keyOwner,
  label: z.string(),
  priority: z
    .number()
    .int()
    .min(1)
    .max(3)
    .nullable()
    .describe('System keys: 1 Primary, 2 Secondary, 3 Tertiary'),
  position: z.number().int(),
  baseUrl: z.string().nullable(),
  settings: z.record(z.string(), z.string()).describe('Beside the secret, by field id; none is secret'),
  status: z.enum(['active', 'cooling', 'invalid', 'exhausted', 'suspended', 'revoked']),
  statusReason: z.string().nullable(),
  statusCause: z
    .enum(['possibly_leaked'])
    .nullable()
    .describe('possibly_leaked: it had worked, then its service refused it all at once'),
  scopeWarnings: z.array(z.string()).describe('What the key may do beyond serving operations'),
  next: z.string().nullable().describe('What to do about the status; null: nothing needs doing'),
  coolingUntil: wire.time.nullable(),
  verdict,
  verdictDetail: z.string().nullable(),
  validatedAt: wire.time.nullable(),
  lastFour: z.string(),
  version: z.number().int().positive(),
  lastUsedAt: wire.time.nullable(),
  createdAt: wire.time,
})
export type ServiceKey = z.infer<typeof serviceKey>

export const keyCheck = z.object({
  verdict,
  detail: z.string(),
  warning: z.string().nullable().describe('The secret looks like one of another service'),
  scopeWarnings: z.array(z.string()).describe('What the key may do beyond serving operations'),
  sameSecret: z.string().nullable().describe('Where the same secret is stored already'),
})
export type KeyCheck = z.infer<typeof keyCheck>

export const secretToCheck = z.object({
  serviceId: wire.serviceId,
  secret: wire.secret,
  baseUrl: wire.baseUrl.optional(),
  settings: wire.keySettings.optional(),
})
export const newServiceKey = secretToCheck.extend({ label: wire.label.optional() })

const changedSettings = wire.keySettings
  .optional()
  .describe('Those named change, an empty text takes one away, the others stay')
export const replacement = z.object({ secret: wire.secret, settings: changedSettings })
export const keyChange = z.object({ label: wire.label.optional(), settings: changedSettings })

export const serviceKeyEndpoints = defineEndpoints({
  listServices: {
    method: 'GET',
    path: '/services',
    auth: 'session',
    permission: 'own.read',
    group: 'service keys',
    summary: 'Every integrated service, how a key of it looks, and how you are covered',
    reply: z.object({ items: z.array(service), summary: coverageSummary }),
  },
  listServiceKeys: {
    method: 'GET',
    path: '/service-keys',
    auth: 'session',
    permission: 'own.read',
    group: 'service keys',
    summary: 'Your service keys and those of your organisation, without secrets',
    reply: z.object({ items: z.array(serviceKey) }),
  },
  checkNewServiceKey: {
    method: 'POST',
    path: '/service-keys/check',
    auth: 'session',
    permission: 'own.use',
    group: 'service keys',
    summary: 'Prove a key at its service without storing it',
    body: secretToCheck,
    reply: keyCheck,
  },
  addServiceKey: {
    method: 'POST',
    path: '/service-keys',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'service keys',
    status: 201,
    summary: 'Add a key; the next operation uses it',
    body: newServiceKey,
    reply: serviceKey,
  },
  recheckServiceKey: {
    method: 'POST',
    path: '/service-keys/:id/check',
    auth: 'session',
    permission: 'own.use',
    group: 'service keys',
    summary: 'Prove a stored key again',
    params: wire.idParams,
    reply: serviceKey,
  },
  replaceServiceKey: {
    method: 'POST',
    path: '/service-keys/:id/replace',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'service keys',
    summary: 'Put a new secret in the place of the old one',
    params: wire.idParams,
    body: replacement,
    reply: serviceKey,
  },
  changeServiceKey: {
    method: 'PATCH',
    path: '/service-keys/:id',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'service keys',
    summary: 'Rename a key, or change its settings, which proves it anew',
    params: wire.idParams,
    body: keyChange,
    reply: serviceKey,
  },
  revokeServiceKey: {
    method: 'DELETE',
    path: '/service-keys/:id',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'service keys',
    summary: 'Revoke a key: no operation that starts after the reply uses it',
    params: wire.idParams,
    reply: wire.done,
  },
})
