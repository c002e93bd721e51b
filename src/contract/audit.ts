import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

export const auditEntry = z.object({
  id: wire.id,
  organizationId: wire.id,
  organizationName: z.string(),
  at: wire.time,
  actor: z.object({
    kind: z.enum(['user', 'platform_token', 'operator', 'gateway']),
    id: z.string().nullable(),
    email: z.string().nullable(),
    accessTokenId: wire.id.nullable().describe('With which access token it was done; null: signed in'),
  }),
  action: z.string().describe('`<subject>.<past participle>`'),
  subject: z.object({
    kind: z.string(),
    id: z.string(),
    email: z.string().nullable().describe('Where it is a user'),
  }),
  before: z.unknown().describe('null: there was nothing'),
  after: z.unknown().describe('null: there is nothing any more'),
  reason: z.string().nullable(),
  sequence: z
    .string()
    .regex(/^\d{1,19}$/)
    .describe('Its link in the chain of its organisation'),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
})
export type AuditEntryOnWire = z.infer<typeof auditEntry>

export const auditFilters = z.object({
  action: z
    .string()
    .regex(/^[a-z_]{1,60}(\.[a-z_]{1,60})?$/, 'must be an action or what stands before its dot')
    .optional()
    .describe('service_key.revoked, or service_key for everything about service keys'),
  subjectKind: z
    .string()
    .regex(/^[a-z_]{1,60}$/)
    .optional(),
  subject: z.string().min(1).max(200).optional().describe('The id of what was changed'),
  actor: z.string().min(1).max(200).optional().describe('The id of who changed it'),
  since: wire.time.optional(),
  until: wire.time.optional().describe('Before'),
})
export type AuditFilters = z.infer<typeof auditFilters>

export const auditVerification = z.object({
  ok: z.boolean(),
  chains: z.array(
    z.object({
      organizationId: wire.id,
      links: wire.count,
      checkpoint: z
        .object({
          sequence: z.string(),
          hash: z.string(),
          at: wire.time,
          signingKeyId: z.string(),
          signature: z.string().describe('Ed25519 in base64'),
        })
        .nullable()
        .describe('The newest; null: not signed yet'),
    }),
  ),
  problems: z
    .array(
      z.object({
        organizationId: wire.id,
        sequence: z.string().nullable(),
        kind: z.string(),
        text: z.string(),
      }),
    )
    .describe('The first hundred'),
  problemCount: wire.count,
  signingKeys: z
    .array(z.object({ id: z.string(), publicKey: z.string() }))
    .describe('SPKI in base64: compare them with what you wrote down'),
})
export type AuditVerification = z.infer<typeof auditVerification>

export const auditStream = z.object({
  sink: z.string().describe('The place, without what may be secret'),
  kind: z.enum(['file', 'stdout', 'syslog', 'webhook']),
  behind: wire.count.describe('Entries that it has not taken yet'),
  oldestWaitingAt: wire.time.nullable().describe('When the oldest of them was written'),
  lastDeliveredAt: wire.time.nullable(),
  failures: wire.count.describe('Deliveries that failed since the last that succeeded'),
  failingSince: wire.time.nullable(),
  problem: z.string().nullable(),
  nextAttemptAt: wire.time.nullable().describe('null: as soon as there is something'),
})
export type AuditStreamOnWire = z.infer<typeof auditStream>

const everybody = { organization: wire.id.optional() }
const exported = ['application/jsonl'] as const

export const auditEndpoints = defineEndpoints({
  listAudit: {
    method: 'GET',
    path: '/audit',
    auth: 'session',
    permission: 'audit.read',
    group: 'audit',
    summary: 'What was changed in your organisation, newest first; for its owners and administrators',
    query: wire.pageQuery.extend(auditFilters.shape),
    reply: wire.page(auditEntry),
  },
  exportAudit: {
    method: 'GET',
    path: '/audit/export',
    auth: 'session',
    permission: 'audit.read',
    group: 'audit',
    summary:
      'The chain of your organisation as JSON lines, oldest first: whoever has it can check it without us',
    file: exported,
    reply: wire.file,
  },
  verifyAudit: {
    method: 'POST',
    path: '/audit/verify',
    auth: 'session',
    permission: 'audit.read',
    group: 'audit',
    summary: 'Proves that no entry of your organisation was changed, left out or put in',
    reply: auditVerification,
  },
  listAllAudit: {
    method: 'GET',
    path: '/admin/audit',
    auth: 'administrator',
    group: 'audit',
    summary: 'What was changed, newest first',
    query: wire.pageQuery.extend({ ...auditFilters.shape, ...everybody }),
    reply: wire.page(auditEntry),
  },
  exportAllAudit: {
    method: 'GET',
    path: '/admin/audit/export',
    auth: 'administrator',
    group: 'audit',
    summary: 'One chain, or all of them one after the other, as JSON lines',
    query: z.object(everybody),
    file: exported,
    reply: wire.file,
  },
  verifyAllAudit: {
    method: 'POST',
    path: '/admin/audit/verify',
    auth: 'administrator',
    group: 'audit',
    summary: 'Proves that no entry was changed, left out or put in, of one organisation or of all',
    query: z.object(everybody),
    reply: auditVerification,
  },
  listAuditStreams: {
    method: 'GET',
    path: '/admin/audit/streams',
    auth: 'administrator',
    group: 'audit',
    summary: 'Places that the audit trail is streamed to, and how far behind each is',
    reply: z.object({ items: z.array(auditStream) }),
  },
})
