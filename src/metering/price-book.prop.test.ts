import fc from 'fast-check'
import { expect, test } from 'vitest'
import { costNanoUsd, makePriceBook, type ModelPrice, worstCostNanoUsd } from './price-book.ts'
import { addUsage, inputTokens, noUsage, outputTokens, type TokenUsage } from './usage.ts'

const rate = fc.bigInt(0n, 100_000_000_000n)
const rates = fc
  .tuple(rate, fc.option(fc.tuple(fc.integer({ min: 1, max: 300_000 }), rate), { nil: null }))
  .map(([base, tier]) => [
    { fromInputTokens: 0, nanoUsdPerMillion: base },
    ...(tier ? [{ fromInputTokens: tier[0], nanoUsdPerMillion: tier[1] }] : []),
  ])
const some = fc.option(rates, { nil: undefined })
const price: fc.Arbitrary<ModelPrice> = fc
  .record({
    input: rates,
    cacheRead: some,
    cacheWrite: some,
    cacheWrite1h: some,
    output: some,
    reasoning: some,
  })
  .map((byClass) => ({
    serviceId: 'openai',
    modelId: 'm',
    match: { equals: 'm' },
    contextTokens: null,
    rates: byClass,
    unmetered: [],
    isPriced: true,
  }))
const count = fc.integer({ min: 0, max: 400_000 })
const usage: fc.Arbitrary<TokenUsage> = fc.record({
  input: count,
  cacheRead: count,
  cacheWrite: count,
  cacheWrite1h: count,
  output: count,
  reasoning: count,
})

test('a hold of the worst cost covers every usage of that many tokens', () => {
  fc.assert(
    fc.property(price, usage, (model, used) => {
      const worst = worstCostNanoUsd(model, {
        inputTokens: inputTokens(used),
        outputTokens: outputTokens(used),
      })
      expect(worst).toBeGreaterThanOrEqual(costNanoUsd(model, used))
    }),
  )
})

test('the worst cost never falls when there are more tokens', () => {
  fc.assert(
    fc.property(price, count, count, count, (model, tokens, more, out) => {
      const less = worstCostNanoUsd(model, { inputTokens: tokens, outputTokens: out })
      expect(
        worstCostNanoUsd(model, { inputTokens: tokens + more, outputTokens: out }),
      ).toBeGreaterThanOrEqual(less)
      expect(
        worstCostNanoUsd(model, { inputTokens: tokens, outputTokens: out + more }),
      ).toBeGreaterThanOrEqual(less)
    }),
  )
})

test('a cost is the exact sum over disjoint classes, rounded up by less than one nano-dollar', () => {
  fc.assert(
    fc.property(price, usage, (model, used) => {
      const at = inputTokens(used)
      const rateAt = (list: ModelPrice['rates']['input']) =>
        list?.findLast((r) => r.fromInputTokens <= at)?.nanoUsdPerMillion
      const input = rateAt(model.rates.input) ?? 0n
      const output = rateAt(model.rates.output) ?? 0n
      const cacheWrite = rateAt(model.rates.cacheWrite) ?? input
      const exact =
        BigInt(used.input) * input +
        BigInt(used.cacheRead) * (rateAt(model.rates.cacheRead) ?? input) +
        BigInt(used.cacheWrite) * cacheWrite +
        BigInt(used.cacheWrite1h) * (rateAt(model.rates.cacheWrite1h) ?? cacheWrite) +
        BigInt(used.output) * output +
        BigInt(used.reasoning) * (rateAt(model.rates.reasoning) ?? output)
      const excess = costNanoUsd(model, used) * 1_000_000n - exact
      expect(excess >= 0n && excess < 1_000_000n).toBe(true)
    }),
  )
})

test('credits are rounded up, are zero only for no cost, and grow with the cost', () => {
  const basisPoints = fc.bigInt(1n, 100_000n)
  fc.assert(
    fc.property(fc.bigInt(0n, 10n ** 15n), fc.bigInt(0n, 10n ** 12n), basisPoints, (cost, more, charge) => {
      const book = makePriceBook({
        version: 1,
        nanoUsdPerCredit: 10_000_000n,
        chargeBasisPoints: charge,
        models: [],
      })
      const credits = book.creditMicros(cost)
      expect(credits === 0n).toBe(cost === 0n)
      expect(book.creditMicros(cost + more)).toBeGreaterThanOrEqual(credits)
      // 1 micro-credit = 10 nano-dollars at cost.
      const excess = credits * 10n * 10_000n - cost * charge
      expect(excess >= 0n && excess < 10n * 10_000n).toBe(true)
    }),
  )
})

test('one nano-dollar costs one micro-credit', () => {
  const book = makePriceBook({
    version: 1,
    nanoUsdPerCredit: 10_000_000n,
    chargeBasisPoints: 10_000n,
    models: [],
  })
  expect(book.creditMicros(1n)).toBe(1n)
  expect(book.creditMicros(10_000_000n)).toBe(1_000_000n)
})

test('usages add class by class', () => {
  fc.assert(
    fc.property(usage, usage, (a, b) => {
      expect(inputTokens(addUsage(a, b))).toBe(inputTokens(a) + inputTokens(b))
      expect(outputTokens(addUsage(a, b))).toBe(outputTokens(a) + outputTokens(b))
      expect(addUsage(a, noUsage)).toEqual(a)
    }),
  )
})
