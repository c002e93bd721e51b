import type { ModelPrice, UnitRate } from './model-price.ts'
import type { MatchRule } from './price-match.ts'

/**
 * List prices of what is not charged by the token, which the price data lacks. Only what a service's own pages say, or
 * what two independent lists agree on, is here: without a price a system key refuses, with a wrong one it loses money.
 * Left out on purpose: ElevenLabs, Deepgram, Jina and newer rerankers of Cohere (lists disagree, or there is one only),
 * FLUX.2 (by the megapixel), Luma, fal and Replicate (by resolution, length or machine). Administrators set those
 * themselves (docs/metering.md).
 *
 * Checked: 2026-11-22. A change here is a new version of the price book.
 */
interface UnitPrice {
  readonly serviceId: string
  readonly models: readonly string[]
  readonly unitRates: readonly UnitRate[]
  /** A model of the price data whose pattern takes names that nobody has heard of. */
  readonly replaces?: string
  /** Rerankers that charge for what they read. */
  readonly inputNanoUsdPerMillion?: bigint
}

const cent = 10_000_000n
const dollar = 100n * cent

/** `nanoUsd` of a `unit` for each `per`. */
const rate = (unit: string, nanoUsd: bigint, per = 1n): UnitRate => ({ unit, nanoUsd, per })
const images = (nanoUsd: bigint): UnitRate[] => [rate('image', nanoUsd)]

const unitPrices: readonly UnitPrice[] = [
  // https://developers.openai.com/api/docs/models/tts-1
  {
    serviceId: 'openai',
    models: ['tts-1', 'tts-1-1106'],
    unitRates: [rate('characters', 15n * dollar, 1_000_000n)],
  },
  {
    serviceId: 'openai',
    models: ['tts-1-hd', 'tts-1-hd-1106'],
    unitRates: [rate('characters', 30n * dollar, 1_000_000n)],
  },
  // https://developers.openai.com/api/docs/guides/moderation: free of charge.
  {
    serviceId: 'openai',
    models: [
      'omni-moderation-latest',
      'omni-moderation-2024-09-26',
      'text-moderation-latest',
      'text-moderation-stable',
    ],
    unitRates: [rate('request', 0n)],
    replaces: 'moderation',
  },
  // Shut down at OpenAI; compatible hosts and old keys still know them. Sizes that are not listed have no price.
  {
    serviceId: 'openai',
    models: ['dall-e-3'],
    unitRates: [
      rate('image:1024x1024:standard', 4n * cent),
      rate('image:1024x1792:standard', 8n * cent),
      rate('image:1792x1024:standard', 8n * cent),
      rate('image:1024x1024:hd', 8n * cent),
      rate('image:1024x1792:hd', 12n * cent),
      rate('image:1792x1024:hd', 12n * cent),
    ],
  },
  {
    serviceId: 'openai',
    models: ['dall-e-2'],
    unitRates: [
      rate('image:256x256', (16n * cent) / 10n),
      rate('image:512x512', (18n * cent) / 10n),
      rate('image:1024x1024', 2n * cent),
    ],
  },
  // https://docs.bfl.ai/quick_start/pricing: 1 credit is a cent.
  {
    serviceId: 'black_forest_labs',
    models: ['flux-pro-1.1', 'flux-kontext-pro'],
    unitRates: images(4n * cent),
  },
  { serviceId: 'black_forest_labs', models: ['flux-pro-1.1-ultra'], unitRates: images(6n * cent) },
  // https://platform.stability.ai/pricing: 1 credit is a cent.
  { serviceId: 'stability', models: ['stable-image-ultra', 'ultra'], unitRates: images(8n * cent) },
  { serviceId: 'stability', models: ['stable-image-core', 'core'], unitRates: images(3n * cent) },
  { serviceId: 'stability', models: ['sd3.5-large'], unitRates: images((65n * cent) / 10n) },
  { serviceId: 'stability', models: ['sd3.5-large-turbo'], unitRates: images(4n * cent) },
  { serviceId: 'stability', models: ['sd3.5-medium'], unitRates: images((35n * cent) / 10n) },
  // https://www.assemblyai.com/pricing
  {
    serviceId: 'assemblyai',
    models: ['universal-2'],
    unitRates: [rate('audio_seconds', 15n * cent, 3_600n)],
  },
  // https://cohere.com/pricing: a search unit is a query with up to 100 documents.
  {
    serviceId: 'cohere',
    models: ['rerank-v3.5', 'rerank-english-v3.0', 'rerank-multilingual-v3.0'],
    unitRates: [rate('search_units', 2n * dollar, 1_000n)],
  },
  // https://docs.voyageai.com/docs/pricing
  {
    serviceId: 'voyage',
    models: ['rerank-2', 'rerank-2.5'],
    unitRates: [],
    inputNanoUsdPerMillion: 5n * cent,
  },
  {
    serviceId: 'voyage',
    models: ['rerank-2-lite', 'rerank-2.5-lite'],
    unitRates: [],
    inputNanoUsdPerMillion: 2n * cent,
  },
]

/** A service's models with these prices: added to those that the price data has, and before them where it has none. */
export const withUnitPrices = (serviceId: string, models: readonly ModelPrice[]): ModelPrice[] => {
  const own = unitPrices.filter((price) => price.serviceId === serviceId)
  const known = new Set(models.map((model) => model.modelId))
  const added = own.flatMap((price) =>
    price.models.filter((modelId) => !known.has(modelId)).map((modelId) => newModel(price, modelId)),
  )
  const replaced = new Set(own.map(({ replaces }) => replaces))
  const kept = models.filter(({ modelId }) => !replaced.has(modelId))
  return [...added, ...kept.map((model) => priced(model, own))]
}

const priced = (model: ModelPrice, own: readonly UnitPrice[]): ModelPrice => {
  const price = own.find(({ models }) => models.includes(model.modelId))
  return price === undefined ? model : { ...model, unitRates: price.unitRates, isPriced: true }
}

const newModel = (price: UnitPrice, modelId: string): ModelPrice => ({
  serviceId: price.serviceId,
  modelId,
  match: { equals: modelId } satisfies MatchRule,
  contextTokens: null,
  rates:
    price.inputNanoUsdPerMillion === undefined
      ? {}
      : { input: [{ fromInputTokens: 0, nanoUsdPerMillion: price.inputNanoUsdPerMillion }] },
  unitRates: price.unitRates,
  periods: [],
  unmetered: [],
  isPriced: true,
})
