import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { idempotencyKey } from './billing.ts'
import * as wire from './wire.ts'

/** Past operations at other prices: a preview, then new entries of the ledger. No operation and no entry is changed. */

const reason = z.string().trim().min(1).max(300)

export const reratingScope = z.object({
  from: wire.time.describe('Operations that started then or later'),
  until: wire.time.describe('… and before this'),
  serviceId: wire.serviceId.nullable().default(null),
  model: z.string().trim().min(1).max(256).nullable().default(null).describe('A name, or a pattern with *'),
  priceBookVersion: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe('That they were charged by'),
  userId: wire.id.nullable().default(null),
})

const terms = z.object({
  scope: reratingScope,
  toVersion: z.number().int().positive().describe('The version of the price book that should have held'),
  chargesMore: z
    .boolean()
    .default(false)
    .describe('Whether whoever was charged too little is charged the difference; false: refunds only'),
})

export const reratingTotals = z.object({
  operations: wire.count.describe('That are in the range'),
  refunds: wire.count,
  refundMicros: wire.micros,
  charges: wire.count.describe('That would be charged more'),
  chargeMicros: wire.micros,
  unchanged: wire.count,
  notRated: wire.count.describe('For which the other version has no price; they stay as they are'),
})
export type ReratingTotals = z.infer<typeof reratingTotals>

export const reratedAccount = z.object({
  organizationId: wire.id,
  accountId: wire.id,
  userId: wire.id,
  email: z.string().nullable(),
  operations: wire.count.describe('Whose charge would change'),
  oldMicros: wire.micros,
  newMicros: wire.micros,
  refundMicros: wire.micros,
  chargeMicros: wire.micros,
})

export const reratedOperation = z.object({
  organizationId: wire.id,
  operationId: wire.id,
  accountId: wire.id,
  startedAt: wire.time,
  serviceId: z.string(),
  model: z.string(),
  priceBookVersion: z.number().int().nullable(),
  oldMicros: wire.micros.describe('What was charged, less what was given back'),
  newMicros: wire.micros,
  differenceMicros: wire.micros.describe('Below zero: given back'),
  state: z
    .enum(['waiting', 'done', 'changed'])
    .describe('changed: its charge was corrected otherwise meanwhile, so it was left alone'),
})
export type ReratedOperation = z.infer<typeof reratedOperation>

export const rerating = terms.extend({
  id: wire.id,
  status: z.enum(['waiting', 'running', 'done', 'denied']).describe('waiting: for a second administrator'),
  totals: reratingTotals,
  done: wire.count.describe('Operations whose entry is written'),
  changed: wire.count.describe('Operations that were left alone, as their charge had changed'),
  reason: z.string(),
  chargeReason: z.string().nullable(),
  requestedBy: wire.id.nullable(),
  decidedBy: wire.id.nullable(),
  createdAt: wire.time,
  decidedAt: wire.time.nullable(),
  finishedAt: wire.time.nullable(),
})
export type Rerating = z.infer<typeof rerating>

export const reratingPreview = z.object({
  totals: reratingTotals,
  accounts: z.array(reratedAccount).describe('The largest differences first; at most 200'),
  accountCount: wire.count,
  operations: z.array(reratedOperation).describe('The largest differences first; at most 200'),
  needsSecondApprover: z.boolean(),
  digest: z.string().describe('Of everything it would do; the request gives it back'),
})
export type ReratingPreview = z.infer<typeof reratingPreview>

export const reratingEndpoints = defineEndpoints({
  previewRerating: {
    method: 'POST',
    path: '/admin/reratings/preview',
    auth: 'administrator',
    group: 'prices',
    summary: 'What past operations would cost by another version of the price book; nothing is written',
    body: terms,
    reply: reratingPreview,
  },
  requestRerating: {
    method: 'POST',
    path: '/admin/reratings',
    auth: 'administrator',
    stepUp: true,
    group: 'prices',
    status: 201,
    summary: 'Write the differences as new entries; above a limit a second administrator has to approve',
    body: terms.extend({
      digest: z
        .string()
        .min(1)
        .max(120)
        .describe('Of the preview; refused where it would do something else now'),
      reason,
      chargeReason: reason.nullable().default(null).describe('Needed with `chargesMore`; on the statements'),
      idempotencyKey,
    }),
    reply: rerating,
  },
  listReratings: {
    method: 'GET',
    path: '/admin/reratings',
    auth: 'administrator',
    group: 'prices',
    summary: 'Re-ratings, newest first',
    query: wire.pageQuery,
    reply: wire.page(rerating),
  },
  readRerating: {
    method: 'GET',
    path: '/admin/reratings/:id',
    auth: 'administrator',
    group: 'prices',
    summary: 'A re-rating, with its accounts',
    params: wire.idParams,
    reply: z.object({ rerating, accounts: z.array(reratedAccount), accountCount: wire.count }),
  },
  listReratedOperations: {
    method: 'GET',
    path: '/admin/reratings/:id/operations',
    auth: 'administrator',
    group: 'prices',
    summary: 'The operations of a re-rating whose charge changes',
    params: wire.idParams,
    query: wire.pageQuery,
    reply: wire.page(reratedOperation),
  },
  approveRerating: {
    method: 'POST',
    path: '/admin/reratings/:id/approve',
    auth: 'administrator',
    stepUp: true,
    group: 'prices',
    summary: 'The second administrator agrees',
    params: wire.idParams,
    reply: rerating,
  },
  denyRerating: {
    method: 'POST',
    path: '/admin/reratings/:id/deny',
    auth: 'administrator',
    group: 'prices',
    summary: 'Do not re-rate',
    params: wire.idParams,
    body: z.object({ reason }),
    reply: rerating,
  },
})
