import { expect, test } from 'vitest'
import { type TierTerms, tierChanges } from './tier-changes.ts'

const pro: TierTerms = {
  name: 'Pro',
  priceMinor: '2900',
  currency: 'USD',
  allocationMicros: '3000000000',
  rolloverCapMicros: '0',
  entitlements: { services: null, groups: null, rateLimits: null },
}

test('a version tells only what is different from the one before it', () => {
  expect(tierChanges(pro, { ...pro })).toEqual([])
  expect(tierChanges(pro, { ...pro, priceMinor: '3900', rolloverCapMicros: '500000000' })).toEqual([
    { name: 'Price', before: '$29.00 a month', after: '$39.00 a month' },
    { name: 'Rollover', before: 'None', after: 'up to 500 credits' },
  ])
})

test('nothing allowed is told apart from everything allowed, and the order of names does not matter', () => {
  const entitled = (services: string[] | null): TierTerms => ({
    ...pro,
    entitlements: { ...pro.entitlements, services },
  })
  expect(tierChanges(entitled(null), entitled([]))).toEqual([
    { name: 'Services', before: 'All', after: 'None' },
  ])
  expect(tierChanges(entitled(['openai', 'groq']), entitled(['groq', 'openai']))).toEqual([])
})

test('of two lists only what came and what went is told', () => {
  const entitled = (groups: string[]): TierTerms => ({
    ...pro,
    entitlements: { ...pro.entitlements, groups },
  })
  expect(tierChanges(entitled(['fast', 'smart']), entitled(['smart', 'cheap', 'best']))).toEqual([
    { name: 'Model groups', before: null, after: 'best, cheap added; fast removed' },
  ])
})

test('the first version says everything', () => {
  expect(tierChanges(null, pro).map(({ name }) => name)).toEqual([
    'Name',
    'Price',
    'Allocation',
    'Rollover',
    'Services',
    'Model groups',
    'Rate limits',
  ])
})
