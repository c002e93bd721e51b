import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

export const priceAmount = z.string().regex(/^\d{1,18}$/, 'must be a decimal integer in quotes')

/** What an own price is for. */
export const priceName = z.object({
  serviceId: wire.serviceId,
  model: z
    .string()
    .trim()
    .min(1)
    .max(256)
    .regex(/^[\x21-\x7e]+$/, 'must be one word of printable ASCII')
    .describe('A model’s name; * stands for any text'),
  unit: z
    .string()
    .regex(/^[a-z][\w.:-]{0,79}$/i, 'must be a token class or a unit')
    .describe(
      'A token class (input, output, …) or a unit (image, image:1024x1024:hd, audio_seconds, task:imagine, …)',
    ),
})

export const ownPrice = priceName.extend({
  nanoUsd: priceAmount.describe('Nano-dollars for each `per`: 1 USD = 1000000000'),
  per: priceAmount
    .regex(/[1-9]/, 'must be more than 0')
    .describe('For each so many; of token classes 1, 10, 100, … or 1000000'),
  reason: z.string().trim().min(1).max(500),
  changedBy: wire.id.nullable(),
  changedAt: wire.time,
})
export type OwnPrice = z.infer<typeof ownPrice>

const priceLine = z.object({
  unit: z.string().describe('A token class or a unit'),
  fromInputTokens: wire.count.describe('Holds for the whole operation from this many input tokens on'),
  nanoUsd: priceAmount,
  per: priceAmount,
  setFor: z
    .string()
    .nullable()
    .describe('The model, or the pattern, of the own price that this is; null: it came with the product'),
})
export type PriceLine = z.infer<typeof priceLine>

export const modelPrice = z.object({
  model: z.string(),
  contextTokens: wire.count.nullable(),
  isPriced: z.boolean().describe('Without a price it does not run on system keys'),
  lines: z.array(priceLine),
  periods: wire.count.describe('Further prices that hold at certain hours or from a day on'),
})
export type ModelPrice = z.infer<typeof modelPrice>

export const priceCoverage = z.object({
  serviceId: wire.serviceId,
  models: wire.count.describe('Known to the price book'),
  priced: wire.count,
  ownPrices: wire.count,
})
export type PriceCoverage = z.infer<typeof priceCoverage>

export const priceEndpoints = defineEndpoints({
  listPriceCoverage: {
    method: 'GET',
    path: '/admin/price-coverage',
    auth: 'administrator',
    group: 'prices',
    summary: 'How many models of every service have a price',
    reply: z.object({ items: z.array(priceCoverage) }),
  },
  listModelPrices: {
    method: 'GET',
    path: '/admin/services/:id/prices',
    auth: 'administrator',
    group: 'prices',
    summary: 'The models of a service that the price book knows, with their prices in force',
    params: wire.serviceIdParams,
    reply: z.object({ priceBookVersion: z.number().int(), items: z.array(modelPrice) }),
  },
  listPrices: {
    method: 'GET',
    path: '/admin/prices',
    auth: 'administrator',
    group: 'prices',
    summary: 'Your own prices; they count before the shipped ones',
    reply: z.object({
      priceBookVersion: z.number().int().describe('In force now'),
      items: z.array(ownPrice),
    }),
  },
})
