import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BudgetViewOnWire } from '../src/contract/budgets.ts'
import { type Browser, type Http, startHttp } from './http-harness.ts'

let http: Http
let user: Browser

beforeAll(async () => {
  http = await startHttp()
  user = await http.createBrowser()
})
afterAll(() => http.close())

const draft = { name: 'Everyday use', limit: '5000000', enforcement: 'hard' } as const
const make = async () => (await http.call('createBudget', user, { body: draft })).json<BudgetViewOnWire>()
const listed = async (archived: 'true' | 'false') =>
  (await http.call('listBudgets', user, { query: { archived } }))
    .json<{ items: BudgetViewOnWire[] }>()
    .items.map(({ id }) => id)

test('an archived budget can be restored once, as it was, by whom it is of', async () => {
  const { id, ...before } = await make()
  await http.call('archiveBudget', user, { params: { id } })
  expect(await listed('true')).toContain(id)
  expect((await http.call('changeBudget', user, { params: { id }, body: { name: 'X' } })).statusCode).toBe(
    409,
  )

  const stranger = await http.createBrowser()
  expect((await http.call('restoreBudget', stranger, { params: { id } })).statusCode).toBe(404)
  const restored = await http.call('restoreBudget', user, { params: { id } })
  expect(restored.json()).toMatchObject({
    id,
    name: before.name,
    limit: before.limit,
    enforcement: 'hard',
    archivedAt: null,
    mayChange: true,
  })
  expect(await listed('false')).toContain(id)
  expect((await http.call('restoreBudget', user, { params: { id } })).statusCode).toBe(409)
})

test('restoring does not get around how many budgets there may be', async () => {
  const { id } = await make()
  await http.call('archiveBudget', user, { params: { id } })
  for (let count = (await listed('false')).length; count < 50; count += 1) await make()
  expect((await http.call('restoreBudget', user, { params: { id } })).statusCode).toBe(409)
})
