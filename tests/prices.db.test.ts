import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Reply, Request } from '../src/contract/endpoints.ts'
import { noUsage } from '../src/metering/usage.ts'
import { services } from '../src/services/registry.ts'
import { insertOperation } from './operation-row.ts'
import { type Browser, type Http, startHttp } from './http-harness.ts'

/** Own prices, and receipts that show how a cost was made. */

let http: Http
let owner: Browser
let administrator: Browser

beforeAll(async () => {
  http = await startHttp()
  owner = await http.createBrowser()
  administrator = await http.createBrowser({ isPlatformAdministrator: true })
})
afterAll(() => http.close())

const imagine = { serviceId: 'midjourney', model: '*', unit: 'task:imagine' }
const readReceipt = async (id: string) =>
  (await http.call('readOperation', owner, { params: { id } })).json<{
    units: Record<string, number> | null
    costNanoUsd: string
    costLines: { what: string; quantity: number; nanoUsd: string; per: string; costNanoUsd: string }[]
  }>()
const record = async (columns: Record<string, unknown>): Promise<string> => {
  const id = await insertOperation(http.database, owner)
  const names = Object.keys(columns)
  const sets = names.map((name, index) => `${name} = $${index + 2}`).join(', ')
  await http.database.pool.query(`UPDATE operations SET ${sets} WHERE id = $1`, [
    id,
    ...Object.values(columns),
  ])
  return id
}

type Edit = Request<'createPriceChange'>['body']['edits'][number]
const changePrice = (edit: Edit, reason = 'Contract of May') =>
  http.call('createPriceChange', administrator, { body: { edits: [edit], reason, approve: true } })

test('an administrator sets, sees and takes back an own price', async () => {
  const set = await changePrice({ kind: 'set_price', ...imagine, nanoUsd: '40000000', per: '1' })
  expect(set.json()).toMatchObject({ change: { status: 'approved', createdBy: administrator.userId } })
  const listed = await http.call('listPrices', administrator, {})
  expect(listed.json()).toMatchObject({
    priceBookVersion: http.prices.current().version,
    items: [{ ...imagine, nanoUsd: '40000000', reason: 'Contract of May', changedBy: administrator.userId }],
  })
  expect((await changePrice({ kind: 'remove_price', ...imagine })).statusCode).toBe(201)
  expect((await changePrice({ kind: 'remove_price', ...imagine })).statusCode).toBe(409)
  expect((await http.call('listPrices', administrator, {})).json()).toMatchObject({ items: [] })
})

test('an administrator sees every model’s prices, whose each is, and how many models have one', async () => {
  const own = { serviceId: 'openai', model: 'gpt-4.1-mini', unit: 'input', nanoUsd: '300000', per: '1000' }
  await changePrice({ kind: 'set_price', ...own })
  const read = async () => {
    const reply = await http.call('listModelPrices', administrator, { params: { id: 'openai' } })
    const { items } = reply.json<Reply<'listModelPrices'>>()
    return items.find(({ model }) => model === 'gpt-4.1-mini')?.lines
  }
  const lines = await read()
  expect(lines).toContainEqual({
    unit: 'input',
    fromInputTokens: 0,
    nanoUsd: '300000000',
    per: '1000000',
    setFor: 'gpt-4.1-mini',
  })
  expect(lines?.find(({ unit }) => unit === 'output')?.setFor).toBeNull()
  const coverage = await http.call('listPriceCoverage', administrator, {})
  const { items } = coverage.json<Reply<'listPriceCoverage'>>()
  expect(items).toHaveLength(services.length)
  const openai = items.find(({ serviceId }) => serviceId === 'openai')
  expect(openai?.ownPrices).toBe(1)
  expect(openai?.priced).toBeGreaterThan(20)
  expect(openai?.models).toBeGreaterThanOrEqual(openai?.priced ?? 0)

  const { serviceId, model, unit } = own
  await changePrice({ kind: 'remove_price', serviceId, model, unit })
  expect((await read())?.every(({ setFor }) => setFor === null)).toBe(true)
  const nobody = await http.call('listModelPrices', administrator, { params: { id: 'nobody' } })
  expect(nobody.statusCode).toBe(404)
})

test.each([
  ['a price below zero', { nanoUsd: '-1' }],
  ['a fraction', { nanoUsd: '0.5' }],
  ['nothing to divide by', { per: '0' }],
  ['a third of a million tokens', { unit: 'input', per: '3' }],
  ['an unknown service', { serviceId: 'nobody' }],
  ['no reason', { reason: ' ' }],
])('%s is refused', async (_, wrong) => {
  const { reason, ...edit } = { ...imagine, nanoUsd: '1', per: '1', reason: 'x', ...wrong }
  expect((await changePrice({ kind: 'set_price', ...edit }, reason)).statusCode).toBe(400)
})

test('a receipt shows its units and how its cost was made, and the lines are the cost', async () => {
  const book = http.prices.current()
  const price = book.find('openai', 'gpt-image-1')
  if (price === null) throw new Error('gpt-image-1 has no price any more')
  const units = { output_image_tokens: 4_160, input_image_tokens: 323 }
  const cost = book.costNanoUsd(price, { ...noUsage, input: 11, units }, new Date())
  const id = await record({
    service_id: 'openai',
    model: 'gpt-image-1',
    endpoint: 'image_generations',
    input_tokens: 11,
    cache_read_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    units: JSON.stringify(units),
    cost_nano_usd: cost,
    price_book_version: book.version,
  })
  const receipt = await readReceipt(id)
  expect(receipt.units).toEqual(units)
  expect(receipt.costLines).toEqual([
    { what: 'input', quantity: 11, nanoUsd: '5000000000', per: '1000000', costNanoUsd: '55000' },
    {
      what: 'input_image_tokens',
      quantity: 323,
      nanoUsd: '10000000000',
      per: '1000000',
      costNanoUsd: '3230000',
    },
    {
      what: 'output_image_tokens',
      quantity: 4_160,
      nanoUsd: '40000000000',
      per: '1000000',
      costNanoUsd: '166400000',
    },
  ])
  const sum = receipt.costLines.reduce((total, line) => total + BigInt(line.costNanoUsd), 0n)
  expect(`${sum}`).toBe(receipt.costNanoUsd)
})

test('a receipt whose cost has another origin shows no lines rather than wrong ones', async () => {
  const { version } = http.prices.current()
  const columns = {
    service_id: 'openai',
    model: 'gpt-image-1',
    cost_nano_usd: 1n,
    price_book_version: version,
  }
  expect((await readReceipt(await record(columns))).costLines).toEqual([])
  expect((await readReceipt(await record({ ...columns, price_book_version: 999 }))).costLines).toEqual([])
})
