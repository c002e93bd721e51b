import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { priceAmount, priceName } from './prices.ts'
import * as wire from './wire.ts'

/** The price book's versions: what is in force, what is to come, and the changes that become versions. */

const markup = z
  .number()
  .int()
  .min(-9_999)
  .max(990_000)
  .describe('On what the service charges, in hundredths of a percent: 0 at cost, 2000 is 20 % on top')

const worth = priceAmount
  .regex(/[1-9]/, 'must be more than 0')
  .describe('What one credit is worth in nano-dollars: 10000000 is a cent')

/** Whose markup. Without a service that of the whole installation; without a model that of the whole service. */
const markupName = z.object({
  serviceId: wire.serviceId.nullable(),
  model: priceName.shape.model.nullable().describe('A name, or a pattern with *; null: all'),
})

export const priceEdit = z.discriminatedUnion('kind', [
  priceName.extend({ kind: z.literal('set_price'), nanoUsd: priceAmount, per: priceAmount.regex(/[1-9]/) }),
  priceName.extend({ kind: z.literal('remove_price') }),
  markupName.extend({ kind: z.literal('set_markup'), markupBasisPoints: markup }),
  markupName.extend({ kind: z.literal('remove_markup') }),
  z.object({ kind: z.literal('set_credit_worth'), nanoUsdPerCredit: worth }),
])
export type PriceEdit = z.infer<typeof priceEdit>

const edits = z.array(priceEdit).min(1).max(200)
const reason = z.string().trim().min(1).max(500)

const price = z.object({ nanoUsd: priceAmount, per: priceAmount })

export const priceDifference = z.object({
  creditWorth: z.object({ before: worth, after: worth }).nullable().describe('null: as it was'),
  markups: z.array(
    markupName.extend({
      before: markup.nullable().describe('null: none of its own'),
      after: markup.nullable(),
    }),
  ),
  ownPrices: z.array(priceName.extend({ before: price.nullable(), after: price.nullable() })),
  effects: z
    .object({
      affected: wire.count.describe('Prices of models that change for whoever pays in credits'),
      largestRiseBasisPoints: wire.count,
      largestFallBasisPoints: wire.count,
      items: z
        .array(
          z.object({
            serviceId: wire.serviceId,
            model: z.string(),
            unit: z.string(),
            fromInputTokens: wire.count,
            per: priceAmount.describe('The amounts are for so many'),
            beforeMicros: wire.micros.nullable().describe('null: had no price'),
            afterMicros: wire.micros.nullable().describe('null: has none any more'),
            changeBasisPoints: z
              .number()
              .int()
              .nullable()
              .describe('null: one of the two is missing or free of charge'),
          }),
        )
        .describe('The largest changes first; at most 200'),
    })
    .describe('What is charged in credits, with markup'),
})
export type PriceDifference = z.infer<typeof priceDifference>

export const priceBookVersion = z.object({
  version: z.number().int(),
  state: z.enum(['in_force', 'scheduled', 'past', 'withdrawn']),
  effectiveAt: wire.time,
  createdAt: wire.time,
  source: z.enum(['shipped', 'change']).describe('shipped: prices that came with a release'),
  reason: z.string().nullable(),
  createdBy: wire.id.nullable(),
  approvedBy: wire.id.nullable(),
  changeId: wire.id.nullable(),
  nanoUsdPerCredit: worth,
  ownPrices: wire.count,
  markups: wire.count,
})
export type PriceBookVersion = z.infer<typeof priceBookVersion>

export const priceChange = z.object({
  id: wire.id,
  status: z
    .enum(['draft', 'waiting', 'approved', 'discarded', 'withdrawn'])
    .describe('waiting: its author wants it, and another administrator has to approve'),
  revision: wire.count.describe('Counts edits'),
  edits,
  reason: z.string(),
  effectiveAt: wire.time.nullable().describe('null: when it is approved'),
  version: z.number().int().nullable().describe('That it became'),
  createdBy: wire.id.nullable().describe('null: on the machine itself'),
  createdAt: wire.time,
  decidedBy: wire.id.nullable(),
  decidedAt: wire.time.nullable(),
  decisionReason: z.string().nullable().describe('Why it was discarded or withdrawn'),
})
export type PriceChange = z.infer<typeof priceChange>

const preview = z.object({
  baseVersion: z.number().int().describe('What it is compared with: the version in force just before it'),
  difference: priceDifference,
  needsSecondApprover: z.boolean(),
  needsBecause: z.string().nullable(),
})
export type PriceChangePreview = z.infer<typeof preview>

const changeView = z.object({ change: priceChange, preview: preview.nullable().describe('null: decided') })

const settings = z.object({
  secondApprover: z.enum(['never', 'above_limit', 'always']),
  limitBasisPoints: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .describe('above_limit: the largest rise or fall of a price that needs no second administrator'),
})
export type PriceApproval = z.infer<typeof settings>

const draft = z.object({
  edits,
  reason,
  effectiveAt: wire.time.nullable().default(null).describe('null: when it is approved'),
})
const versionParams = z.object({ version: z.coerce.number<number | string>().int().positive() })

export const priceBookEndpoints = defineEndpoints({
  readPriceBook: {
    method: 'GET',
    path: '/admin/price-book',
    auth: 'administrator',
    group: 'prices',
    summary: 'The price book in force, and what is to come',
    reply: z.object({
      inForce: priceBookVersion,
      scheduled: z.array(priceBookVersion).describe('The next first'),
      openChanges: wire.count.describe('Drafts, and what waits for another administrator'),
      markups: z.array(markupName.extend({ markupBasisPoints: markup })).describe('The most general first'),
      approval: settings,
    }),
  },
  listPriceBookVersions: {
    method: 'GET',
    path: '/admin/price-book/versions',
    auth: 'administrator',
    group: 'prices',
    summary: 'All versions, newest first',
    query: wire.pageQuery,
    reply: wire.page(priceBookVersion),
  },
  readPriceBookVersion: {
    method: 'GET',
    path: '/admin/price-book/versions/:version',
    auth: 'administrator',
    group: 'prices',
    summary: 'A version, and what it changed',
    params: versionParams,
    reply: z.object({
      version: priceBookVersion,
      baseVersion: z.number().int().nullable().describe('null: the first'),
      difference: priceDifference.nullable(),
    }),
  },
  withdrawPriceBookVersion: {
    method: 'POST',
    path: '/admin/price-book/versions/:version/withdraw',
    auth: 'administrator',
    stepUp: true,
    group: 'prices',
    summary: 'A version that is to come does not come',
    params: versionParams,
    body: z.object({ reason }),
    reply: priceBookVersion,
  },
  listPriceChanges: {
    method: 'GET',
    path: '/admin/price-book/changes',
    auth: 'administrator',
    group: 'prices',
    summary: 'Changes of prices, newest first',
    query: wire.pageQuery.extend({
      open: z.enum(['true']).optional().describe('Only drafts and waiting ones'),
    }),
    reply: wire.page(priceChange),
  },
  previewPriceChange: {
    method: 'POST',
    path: '/admin/price-book/changes/preview',
    auth: 'administrator',
    group: 'prices',
    summary: 'What a change would change; nothing is kept',
    body: draft.pick({ edits: true, effectiveAt: true }),
    reply: preview,
  },
  createPriceChange: {
    method: 'POST',
    path: '/admin/price-book/changes',
    auth: 'administrator',
    stepUp: true,
    group: 'prices',
    status: 201,
    summary: 'Draft a change of prices; with `approve` it takes effect at once, if you may decide it alone',
    body: draft.extend({
      approve: z
        .boolean()
        .default(false)
        .describe('Approve it in the same step; it waits where another administrator is needed'),
    }),
    reply: changeView,
  },
  readPriceChange: {
    method: 'GET',
    path: '/admin/price-book/changes/:id',
    auth: 'administrator',
    group: 'prices',
    summary: 'A change, and what it would change now',
    params: wire.idParams,
    reply: changeView,
  },
  editPriceChange: {
    method: 'PUT',
    path: '/admin/price-book/changes/:id',
    auth: 'administrator',
    group: 'prices',
    summary: 'Change a draft; one that waited has to be approved anew',
    params: wire.idParams,
    body: draft.extend({ revision: wire.count.describe('That you have seen') }),
    reply: changeView,
  },
  approvePriceChange: {
    method: 'POST',
    path: '/admin/price-book/changes/:id/approve',
    auth: 'administrator',
    stepUp: true,
    group: 'prices',
    summary: 'Approve a change: it becomes a version; or it waits for another administrator',
    params: wire.idParams,
    body: z.object({
      revision: wire.count.describe('That you have seen'),
      baseVersion: z.number().int().describe('That you have seen it compared with'),
    }),
    reply: changeView,
  },
  discardPriceChange: {
    method: 'POST',
    path: '/admin/price-book/changes/:id/discard',
    auth: 'administrator',
    group: 'prices',
    summary: 'A draft, or a change that waits, is not made',
    params: wire.idParams,
    body: z.object({ reason }),
    reply: changeView,
  },
  savePriceApproval: {
    method: 'PUT',
    path: '/admin/price-book/approval',
    auth: 'administrator',
    stepUp: true,
    group: 'prices',
    summary: 'When a change of prices needs a second administrator',
    body: settings.extend({ reason }),
    reply: settings,
  },
})
