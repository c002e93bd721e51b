import type { PriceBook } from '../metering/price-book.ts'
import type { Units, Usage } from '../metering/usage.ts'
import type { Task } from '../services/service.ts'
import type { Offer } from './offers.ts'

/** About how much an operation will use. */
export interface OperationSize {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly units?: Units
}

/**
 * For a call whose size is not known: what its offers are compared by. Services of one task charge by different things, so
 * each size says the same in all of them: an image of 1,300 tokens or one task, a minute of speech.
 */
const typicalSizes: Readonly<Partial<Record<Task, OperationSize>>> = {
  embedding: { inputTokens: 1_000, outputTokens: 0 },
  rerank: { inputTokens: 1_000, outputTokens: 0, units: { search_units: 1 } },
  moderation: { inputTokens: 500, outputTokens: 0 },
  image: {
    inputTokens: 100,
    outputTokens: 1_300,
    units: { 'image:1024x1024:standard': 1, 'task:imagine': 1 },
  },
  speech: { inputTokens: 250, outputTokens: 1_200, units: { characters: 1_000 } },
  transcription: {
    inputTokens: 0,
    outputTokens: 150,
    units: { audio_seconds: 60, input_audio_tokens: 600 },
  },
}
const typicalChat: OperationSize = { inputTokens: 1_000, outputTokens: 500 }

export const typicalSize = (task: Task): OperationSize => typicalSizes[task] ?? typicalChat

/**
 * Sizes count in powers of two when offers are compared: a conversation that grows by a turn must not go to another
 * service for a thousandth of a credit, where its prompt is in nobody's cache.
 */
export const roughly = (size: OperationSize): OperationSize => ({
  ...size,
  inputTokens: upToPower(size.inputTokens),
  outputTokens: upToPower(size.outputTokens),
})
const upToPower = (count: number): number => (count <= 0 ? 0 : 2 ** Math.ceil(Math.log2(count)))

/**
 * What an operation of this size costs at an offer, without caches, in micro-credits; null where there is no price. Where
 * prices depend on the time of day, at the dearest: a route does not change its order by the clock.
 */
export const creditsFor = (
  book: PriceBook,
  offer: Pick<Offer, 'price'>,
  size: OperationSize,
): bigint | null => {
  if (offer.price === null) return null
  const usage: Usage = {
    input: size.inputTokens,
    output: size.outputTokens,
    cacheRead: 0,
    cacheWrite: 0,
    cacheWrite1h: 0,
    reasoning: 0,
    ...(size.units === undefined ? {} : { units: size.units }),
  }
  return book.creditMicros(book.costNanoUsd(offer.price, usage), offer.price)
}
