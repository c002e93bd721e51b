import { expect, test } from 'vitest'
import { cloneDatabase } from '../../tests/database.ts'
import { type Database, openDatabase } from '../db/database.ts'
import { systemClock } from '../kit/clock.ts'
import { services } from '../services/registry.ts'
import { shippedModels } from './genai-prices.ts'
import { costNanoUsd } from './cost.ts'
import { makePrices, type Prices } from './prices.ts'
import type { PriceOverride } from './price-overrides.ts'
import type { PriceEdit } from './price-terms.ts'
import { noUsage } from './usage.ts'

const clock = () => new Date('2026-11-22T12:00:00Z')
const units = { 'image:1024x1024:hd': 3, audio_seconds: 61, input_audio_tokens: 900, search: 2 }
const usage = {
  input: 271_990,
  cacheRead: 30,
  cacheWrite: 7,
  cacheWrite1h: 5,
  output: 11,
  reasoning: 3,
  units,
}

test('many processes that start at once make one version, and all use it', async () => {
  await using clone = await cloneDatabase()
  const databases = Array.from({ length: 4 }, () => openDatabase({ url: clone.url, maximumConnections: 2 }))
  const all = databases.map((database) => makePrices({ database, clock: systemClock }))
  await Promise.all(all.map((prices) => prices.start()))
  expect(all.map((prices) => prices.current().version)).toEqual([1, 1, 1, 1])
  const { rows } = await clone.database.pool.query('SELECT version FROM price_books')
  expect(rows).toEqual([{ version: 1 }])
  for (const database of databases) await database.close()
})

test('what comes back from the database costs exactly what was shipped, for every model', async () => {
  await using clone = await cloneDatabase()
  const prices = makePrices({ database: clone.database, clock })
  await prices.start()
  const shipped = shippedModels(services)
  for (const service of services) {
    const stored = prices.current().models(service.id)
    expect(stored).toEqual(shipped.filter((model) => model.serviceId === service.id))
    for (const [index, model] of stored.entries())
      expect(prices.current().costNanoUsd(model, usage)).toBe(
        costNanoUsd(shipped.filter((m) => m.serviceId === service.id)[index] ?? model, usage),
      )
  }
})

test('a new version is in force after a reload, and the old one can still be looked up', async () => {
  await using clone = await cloneDatabase()
  const { database } = clone
  const prices = makePrices({ database, clock: systemClock })
  await prices.start()
  await database.pool.query(`
    INSERT INTO price_books (version, content_hash, source, nano_usd_per_credit, charge_basis_points, effective_at)
    VALUES (2, 'test', 'test', 10000000, 12000, clock_timestamp()),
      (3, 'later', 'test', 10000000, 99000, now() + interval '1 day');
    INSERT INTO price_models VALUES (2, 'openai', 'gpt-5.4', '{"equals": "gpt-5.4"}', 1000, '{}', 0);
    INSERT INTO price_rates VALUES (2, 'openai', 'gpt-5.4', 'input', 0, 1000000000)`)
  expect(prices.current().version).toBe(1)
  await prices.reload()
  const book = prices.current()
  expect(book.version).toBe(2)
  const price = book.find('openai', 'gpt-5.4')
  const cost = price && book.costNanoUsd(price, { ...noUsage, input: 100 })
  expect(cost).toBe(100_000n)
  expect(book.creditMicros(cost ?? 0n, price ?? {})).toBe(12_000n)
  const old = await prices.at(1)
  expect(old?.version).toBe(1)
  expect(old?.find('openai', 'gpt-5.4')?.rates.input?.[0]?.nanoUsdPerMillion).toBe(2_500_000_000n)
  expect(await prices.at(77)).toBeNull()
  // A second start finds its own prices stored and does not make them current again.
  const restarted = makePrices({ database, clock: systemClock })
  await restarted.start()
  expect(restarted.current().version).toBe(2)
})

test('asking before the start is an error, not a missing price', async () => {
  await using clone = await cloneDatabase()
  expect(() => makePrices({ database: clone.database, clock: systemClock }).current()).toThrow('not loaded')
})

const administrator = { kind: 'user', id: '00000000-0000-7000-8000-000000000001' } as const
const imagine = {
  serviceId: 'midjourney',
  model: 'midjourney*',
  unit: 'task:imagine',
  nanoUsd: 40_000_000n,
  per: 1n,
}

const change = async (prices: Prices, edits: readonly PriceEdit[], reason = 'By our contract') =>
  prices.changes.create(administrator, { edits, reason, effectiveAt: null }, true)
const setPrice = (prices: Prices, price: PriceOverride, reason?: string) =>
  change(prices, [{ kind: 'set_price', ...price }], reason)

test('an own price is in force when it is set, in a version of its own, and on the audit trail', async () => {
  await using clone = await cloneDatabase()
  const { database } = clone
  const prices = makePrices({ database, clock: systemClock })
  await prices.start()
  expect(prices.current().find('midjourney', 'midjourney-v7')).toBeNull()
  const set = await setPrice(prices, imagine)
  expect(set).toMatchObject({ ok: true, value: { change: { status: 'approved', version: 2 } } })
  const book = prices.current()
  expect(book.version).toBe(2)
  const price = book.find('midjourney', 'midjourney-v7')
  expect(price && book.costNanoUsd(price, { ...noUsage, units: { 'task:imagine': 3 } })).toBe(120_000_000n)
  // Shipped prices are still there, from the rows of the version before.
  expect(book.models('openai')).toEqual((await prices.at(1))?.models('openai'))
  const { rows } = await database.pool.query('SELECT action, before, after, reason FROM audit_entries')
  expect(rows).toMatchObject([
    {
      action: 'price_book.changed',
      before: { ownPrices: [{ model: 'midjourney*', unit: 'task:imagine', before: null }] },
      after: { version: 2, edits: [{ kind: 'set_price', nanoUsd: '40000000', per: '1' }] },
      reason: 'By our contract',
    },
  ])
})

test('an own price that is taken back gives the shipped one again, as a new version', async () => {
  await using clone = await cloneDatabase()
  const prices = makePrices({ database: clone.database, clock: systemClock })
  await prices.start()
  await prices.changes.saveApproval(administrator, { secondApprover: 'never', limitBasisPoints: 0 }, 'Alone')
  const gpt = { serviceId: 'openai', model: 'GPT-5.4', unit: 'input', nanoUsd: 7n, per: 1_000n }
  await setPrice(prices, gpt)
  const costOf = () => {
    const price = prices.current().find('openai', 'gpt-5.4')
    return price && prices.current().costNanoUsd(price, { ...noUsage, input: 1_000 })
  }
  expect(costOf()).toBe(7n)
  expect((await change(prices, [{ kind: 'remove_price', ...gpt }])).ok).toBe(true)
  expect(costOf()).toBe(2_500_000n)
  expect(prices.current().version).toBe(3)
  expect(await change(prices, [{ kind: 'remove_price', ...gpt }])).toMatchObject({
    fault: { code: 'conflict' },
  })
  // Receipts of the time between are still explained by their own version.
  expect((await prices.at(2))?.find('openai', 'gpt-5.4')?.rates.input?.[0]?.nanoUsdPerMillion).toBe(7_000n)
})

test('own prices go on under newly shipped ones, and under those who set them at once', async () => {
  await using clone = await cloneDatabase()
  const { database } = clone
  const prices = makePrices({ database, clock: systemClock })
  await prices.start()
  await Promise.all(
    ['task:imagine', 'task:upscale', 'task:blend'].map((unit) => setPrice(prices, { ...imagine, unit })),
  )
  const find = () =>
    prices
      .current()
      .find('midjourney', 'midjourney')
      ?.unitRates?.map((rate) => rate.unit)
  expect(find()).toEqual(['task:blend', 'task:imagine', 'task:upscale'])
  await forgetShipped(database)
  const upgraded = makePrices({ database, clock: systemClock })
  await upgraded.start()
  expect(upgraded.current().version).toBe(5)
  expect(upgraded.current().find('midjourney', 'midjourney')?.unitRates).toHaveLength(3)
})

/** As if another release had shipped other prices. Versions refuse to be changed, by triggers. */
const forgetShipped = (database: Database) =>
  database.pool.query(`ALTER TABLE price_books DISABLE TRIGGER price_books_append_only;
    UPDATE price_books SET content_hash = 'older';
    ALTER TABLE price_books ENABLE TRIGGER price_books_append_only`)

test('a price that would not be exact, or is of no service, is refused', async () => {
  await using clone = await cloneDatabase()
  const prices = makePrices({ database: clone.database, clock: systemClock })
  await prices.start()
  const third = { serviceId: 'openai', model: 'gpt-5.4', unit: 'input', nanoUsd: 1n, per: 3n }
  expect(await setPrice(prices, third)).toMatchObject({ fault: { field: 'per' } })
  const nobody = { ...third, serviceId: 'nobody', per: 1n }
  expect(await setPrice(prices, nobody)).toMatchObject({ fault: { field: 'serviceId' } })
  expect(prices.current().version).toBe(1)
})
