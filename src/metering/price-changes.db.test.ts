import { afterEach, expect, test } from 'vitest'
import { cloneDatabase } from '../../tests/database.ts'
import { changePrices, setOwnPrice } from '../../tests/set-price.ts'
import type { Actor } from '../audit/audit.ts'
import { makeEpoch } from '../db/epoch.ts'
import { must } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import type { PriceEdit } from './price-terms.ts'
import { makePrices } from './prices.ts'
import { noUsage } from './usage.ts'

const [ada, grace] = [newId(), newId()].map((id): Actor => ({ kind: 'user', id })) as [Actor, Actor]
const gpt = { serviceId: 'openai', model: 'gpt-5.4', unit: 'input', per: 1_000_000n }
const shippedRate = 2_500_000_000n

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** Processes on one database, on one clock that tests set, and what a million tokens cost by each. */
const openProcesses = async ({ alone = false } = {}) => {
  const clone = await cloneDatabase()
  closing.push(() => clone.drop())
  const { database } = clone
  let offset = 0
  const clock = () => new Date(Date.now() + offset)
  const open = async () => {
    const epoch = makeEpoch({ database, clock: () => new Date(), log: silentLog })
    const prices = makePrices({
      database,
      clock,
      announce: (work) => epoch.announce(platformOrganizationId, work),
      change: (work) => epoch.change(platformOrganizationId, work),
    })
    epoch.onChange(() => prices.reload())
    await epoch.start()
    closing.push(() => epoch.stop())
    await prices.start()
    const charge = (model = 'gpt-5.4') => {
      const book = prices.current()
      const price = book.find('openai', model)
      if (price === null) throw new Error('no price')
      // Prompts that are much longer have another price.
      return 10n * book.creditMicros(book.costNanoUsd(price, { ...noUsage, input: 100_000 }), price)
    }
    return { prices, charge }
  }
  const a = await open()
  const b = alone ? a : await open()
  return { database, clock, pass: (seconds: number) => (offset += seconds * 1000), a, b }
}
type Side = Awaited<ReturnType<typeof openProcesses>>['a']

const set = (nanoUsd: bigint): PriceEdit => ({ kind: 'set_price', ...gpt, nanoUsd })
const draft = (edits: readonly PriceEdit[], effectiveAt: Date | null = null) => ({
  edits,
  reason: 'Contract',
  effectiveAt,
})
const approve = async ({ prices }: Side, actor: Actor, id: string) => {
  const { change, preview } = must(await prices.changes.read(id))
  return prices.changes.approve(actor, id, {
    revision: change.revision,
    baseVersion: preview?.baseVersion ?? 0,
  })
}

test('a price that was changed holds in every process when the change returns', async () => {
  const { a, b } = await openProcesses()
  expect([a.charge(), b.charge()]).toEqual([250_000_000n, 250_000_000n])
  must(await a.prices.changes.create(ada, draft([set(3_000_000_000n)]), true))
  expect([a.charge(), b.charge()]).toEqual([300_000_000n, 300_000_000n])
})

test('a version that is to come takes effect in every process at its instant, and those before keep their prices', async () => {
  const { a, b, clock, pass } = await openProcesses()
  const before = a.prices.current()
  const at = new Date(clock().getTime() + 3_600_000)
  const view = must(await a.prices.changes.create(ada, draft([set(3_000_000_000n)], at), true))
  expect(view.change).toMatchObject({ status: 'approved', version: 2 })
  expect((await b.prices.scheduled()).map(({ version }) => version)).toEqual([2])
  expect([a.charge(), b.charge()]).toEqual([250_000_000n, 250_000_000n])
  pass(3_590)
  expect([a.charge(), b.charge()]).toEqual([250_000_000n, 250_000_000n])
  pass(15)
  expect([a.charge(), b.charge()]).toEqual([300_000_000n, 300_000_000n])
  expect(b.prices.current().version).toBe(2)
  // An operation that began before has the book it began with, which nothing changes.
  expect(before.find('openai', 'gpt-5.4')?.rates.input?.[0]?.nanoUsdPerMillion).toBe(shippedRate)
  expect((await b.prices.at(1))?.version).toBe(1)
})

test('what is to come is made again upon a change before it, and stays away once it is withdrawn', async () => {
  const { a, b, clock, pass } = await openProcesses()
  const later = (hours: number) => new Date(clock().getTime() + hours * 3_600_000)
  const mini = {
    kind: 'set_markup',
    serviceId: 'openai',
    model: 'gpt-5.4',
    chargeBasisPoints: 12_000n,
  } as const
  must(await a.prices.changes.create(ada, draft([set(3_000_000_000n)], later(2)), true))
  must(await a.prices.changes.create(ada, draft([mini], later(1)), true))
  // Both hold at the end, in whichever order they were approved.
  pass(2.5 * 3_600)
  expect([a.charge(), b.charge()]).toEqual([360_000_000n, 360_000_000n])

  const next = must(await a.prices.changes.create(ada, draft([set(3_500_000_000n)], later(1)), true))
  const last = must(await a.prices.changes.create(ada, draft([set(4_000_000_000n)], later(2)), true))
  must(await b.prices.changes.withdraw(ada, next.change.version as number, 'Not yet'))
  const coming = await a.prices.scheduled()
  expect(coming).toHaveLength(1)
  expect(must(await a.prices.changes.read(last.change.id)).change.version).toBe(coming[0]?.version)
  expect(must(await a.prices.changes.read(next.change.id)).change.status).toBe('withdrawn')
  pass(3_700)
  expect(b.charge()).toBe(360_000_000n)
  pass(3_700)
  expect(b.charge()).toBe(480_000_000n)
})

test('markups: the most specific holds, a credit’s worth too, and no version before is touched', async () => {
  const { a, b } = await openProcesses()
  const markup = (serviceId: string | null, model: string | null, percent: bigint): PriceEdit => ({
    kind: 'set_markup',
    serviceId,
    model,
    chargeBasisPoints: 10_000n + percent * 100n,
  })
  await changePrices(a.prices, [markup(null, null, 10n)])
  expect([b.charge(), b.charge('gpt-4.1')]).toEqual([275_000_000n, 220_000_000n])
  await changePrices(a.prices, [markup('openai', null, 20n), markup('openai', 'gpt-5*', 30n)])
  expect([b.charge(), b.charge('gpt-4.1')]).toEqual([325_000_000n, 240_000_000n])
  await changePrices(a.prices, [markup('openai', 'gpt-5.4', -50n)])
  expect([b.charge(), b.charge('gpt-4.1')]).toEqual([125_000_000n, 240_000_000n])
  await changePrices(a.prices, [{ kind: 'set_credit_worth', nanoUsdPerCredit: 20_000_000n }])
  expect([b.charge(), b.charge('gpt-4.1')]).toEqual([62_500_000n, 120_000_000n])
  const first = await b.prices.at(1)
  const price = first?.find('openai', 'gpt-5.4')
  expect(price && first?.creditMicros(shippedRate, price)).toBe(250_000_000n)
})

test('a change above the limit needs a second administrator, who has written none of it', async () => {
  const { a } = await openProcesses({ alone: true })
  const { changes } = a.prices
  const doubled = must(await changes.create(ada, draft([set(2n * shippedRate)]), true))
  expect(doubled).toMatchObject({ change: { status: 'waiting', version: null } })
  expect(doubled.preview?.needsBecause).toBe('A price rises by 100 %, which is more than 50 %.')
  expect(a.charge()).toBe(250_000_000n)
  expect(await approve(a, ada, doubled.change.id)).toMatchObject({ fault: { code: 'forbidden' } })
  // Whoever edits what waits has written it, and it has to be asked for anew.
  must(await changes.edit(grace, doubled.change.id, draft([set(3n * shippedRate)]), 1))
  expect(await changes.approve(ada, doubled.change.id, { revision: 1, baseVersion: 1 })).toMatchObject({
    fault: { code: 'conflict' },
  })
  expect(must(await approve(a, grace, doubled.change.id)).change.status).toBe('waiting')
  expect(await approve(a, ada, doubled.change.id)).toMatchObject({ fault: { code: 'forbidden' } })
  const third: Actor = { kind: 'user', id: newId() }
  expect(must(await approve(a, third, doubled.change.id)).change).toMatchObject({
    status: 'approved',
    decidedBy: third.id,
  })
  expect(a.charge()).toBe(750_000_000n)
})

test('an installation may ask for a second administrator always, or never', async () => {
  const { a } = await openProcesses({ alone: true })
  const { changes } = a.prices
  must(await changes.saveApproval(ada, { secondApprover: 'always', limitBasisPoints: 0 }, 'Policy'))
  const small = must(await changes.create(ada, draft([set(shippedRate + 1n)]), true))
  expect(small.change.status).toBe('waiting')
  must(await changes.saveApproval(ada, { secondApprover: 'never', limitBasisPoints: 0 }, 'Alone here'))
  expect(must(await approve(a, ada, small.change.id)).change.status).toBe('approved')
})

test('what was looked at is what is approved: not upon another version, and nothing that changes nothing', async () => {
  const { a } = await openProcesses({ alone: true })
  const { changes } = a.prices
  const drafted = must(await changes.create(ada, draft([set(3_000_000_000n)]), false))
  await setOwnPrice(a.prices, { ...gpt, nanoUsd: 2_600_000_000n })
  const seen = { revision: 1, baseVersion: drafted.preview?.baseVersion ?? 0 }
  expect(await changes.approve(ada, drafted.change.id, seen)).toMatchObject({ fault: { code: 'conflict' } })
  const same = must(await changes.create(ada, draft([set(2_600_000_000n)]), false))
  expect(await approve(a, ada, same.change.id)).toMatchObject({ fault: { code: 'conflict' } })
  must(await changes.discard(ada, same.change.id, 'Nothing in it'))
  expect(await approve(a, ada, same.change.id)).toMatchObject({ fault: { code: 'conflict' } })
})

test('a version and what it was made of can never be changed', async () => {
  const { a, database } = await openProcesses({ alone: true })
  await setOwnPrice(a.prices, { ...gpt, nanoUsd: 1n })
  for (const statement of [
    `UPDATE price_books SET charge_basis_points = 1`,
    `UPDATE price_books SET overrides = '[]' WHERE version = 2`,
    `DELETE FROM price_books WHERE version = 2`,
    `UPDATE price_rates SET nano_usd_per_million = 0`,
    `DELETE FROM price_models`,
  ])
    await expect(database.pool.query(statement)).rejects.toThrow(/cannot be changed|append/i)
})

test('of many who approve one change at once, one makes its version', async () => {
  const { a, b, database } = await openProcesses()
  const view = must(await a.prices.changes.create(ada, draft([set(3_000_000_000n)]), false))
  const seen = { revision: 1, baseVersion: 1 }
  const all = await Promise.all(
    [a, b, a, b].map(({ prices }) => prices.changes.approve(ada, view.change.id, seen)),
  )
  expect(all.filter(({ ok }) => ok)).toHaveLength(1)
  const { rows } = await database.pool.query('SELECT version FROM price_books ORDER BY 1')
  expect(rows).toEqual([{ version: 1 }, { version: 2 }])
})
