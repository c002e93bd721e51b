import { expect, test } from 'vitest'
import { cloneDatabase } from '../../tests/database.ts'
import { openDatabase } from '../db/database.ts'
import { systemClock } from '../kit/clock.ts'
import { services } from '../services/registry.ts'
import { shippedModels } from './genai-prices.ts'
import { costNanoUsd } from './price-book.ts'
import { makePrices } from './prices.ts'
import { noUsage } from './usage.ts'

const clock = () => new Date('2026-11-22T12:00:00Z')
const usage = { input: 271_990, cacheRead: 30, cacheWrite: 7, cacheWrite1h: 5, output: 11, reasoning: 3 }

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
  const shipped = shippedModels(services, clock())
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
    VALUES (2, 'test', 'test', 10000000, 12000, now() - interval '1 minute'),
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
  expect(book.creditMicros(cost ?? 0n)).toBe(12_000n)
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
