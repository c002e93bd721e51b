import type { ModelPrice, UnitRate } from './model-price.ts'
import type { MatchRule } from './price-match.ts'

/**
 * List prices of what is not charged by the token, which the price data lacks. Only what a service's own pages say, or
 * what two independent lists agree on, is here: without a price a system key refuses, with a wrong one it loses money.
 * Left out on purpose, looked up on 2026-11-23; administrators set those themselves (docs/metering.md):
 * ElevenLabs (5 to 30 cents for 1,000 characters in different lists, by plan and overage), Deepgram (0.43 or 0.52 cents a
 * minute by language, and what the AI SDK asks for beside it costs extra), Jina (sells bundles of tokens, no list price),
 * newer rerankers of Cohere (one list only), FLUX.2, Luma and fal (by the megapixel; lists of Luma's differ tenfold),
 * and what Replicate charges by the second of a machine.
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
  // https://replicate.com/luma/photon and /photon-flash, each model's own page. With a `:version` it is charged by time.
  { serviceId: 'replicate', models: ['luma/photon'], unitRates: images(3n * cent) },
  { serviceId: 'replicate', models: ['luma/photon-flash'], unitRates: images(cent) },
  // Two lists of May 2026 agree.
  {
    serviceId: 'replicate',
    models: ['black-forest-labs/flux-schnell'],
    unitRates: images((3n * cent) / 10n),
  },
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

/**
 * Azure lists OpenAI's models at OpenAI's own prices for its Global Standard deployments, of which the price data has a
 * few only: looked up on 2026-11-22 in three lists by others and in the data for those that both have, not on Azure's own page
 * (https://azure.microsoft.com/pricing/details/azure-openai/). Deployments in a data zone or a region cost about a tenth more, and provisioned ones by the hour: whoever
 * runs those on system keys sets prices of their own. Fine-tunes, which cost by the hour as well, are not among them.
 */
const azureOffers =
  /^(?:gpt-(?!oss|[\d.]+-image)|o[134](?:-|$)|text-embedding-|whisper-1$|tts-1(?:-hd)?$|dall-e-3$)/

export const withListPrices = (
  serviceId: string,
  models: readonly ModelPrice[],
  vendors: readonly ModelPrice[],
): ModelPrice[] => {
  const known = new Set(models.map(({ modelId }) => modelId))
  const added = vendors
    .filter(({ modelId }) => azureOffers.test(modelId) && !known.has(modelId))
    .map((model) => ({ ...model, serviceId, match: { or: exactNames(model.match) } }))
  return [...models, ...added.filter(({ match }) => match.or.length > 0)]
}

/** People name deployments: one that only begins like a model may be another, at another price. */
const exactNames = (rule: MatchRule): MatchRule[] => {
  if ('equals' in rule) return [rule]
  return 'or' in rule ? rule.or.flatMap(exactNames) : []
}
