import { expect, test } from 'vitest'
import type { BrowsedModel } from '../../src/contract/models.ts'
import { contextWords, shownPrices } from './model-prices.ts'

const model = (prices: BrowsedModel['prices']): BrowsedModel => ({
  model: 'm',
  kind: 'model',
  label: null,
  description: null,
  task: 'chat',
  endpoint: 'chat_completions',
  servedBy: 'credits',
  serviceId: 'openai',
  serviceName: 'OpenAI',
  serviceModel: 'm',
  translated: false,
  why: null,
  contextTokens: null,
  prices,
  creditMicros: null,
})
const price = (what: string, nanoUsd: string, per = '1000000', fromInputTokens = 0) => ({
  what,
  nanoUsd,
  per,
  fromInputTokens,
})

test('prices are written whole and never as powers of ten', () => {
  const shown = shownPrices(model([price('input', '20000000'), price('output', '1250000000')]))
  expect(shown).toMatchObject({ input: '$0.02', output: '$1.25', unit: undefined, tiered: false })
})

test('where text has no price, the unit that has one is shown', () => {
  const shown = shownPrices(
    model([price('image:1024x1024:hd', '80000000', '1'), price('image', '40000000', '1')]),
  )
  expect(shown).toMatchObject({ unit: '$0.08 each: image, 1024x1024, hd', more: 1 })
})

test('a price that rises with the input says so, and the first is shown', () => {
  const shown = shownPrices(
    model([price('input', '1000000000'), price('input', '2000000000', '1000000', 200_000)]),
  )
  expect(shown).toMatchObject({ input: '$1.00', tiered: true })
})

test('context is written short', () => {
  expect([null, 512, 8_192, 200_000, 1_048_576].map(contextWords)).toEqual([
    '—',
    '512',
    '8K',
    '200K',
    '1.05M',
  ])
})
