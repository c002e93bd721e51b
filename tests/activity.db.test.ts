import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Request } from '../src/contract/endpoints.ts'
import type { BrowsedModel } from '../src/contract/models.ts'
import { type Browser, goodSecret, type Http, startHttp } from './http-harness.ts'
import { insertOperation } from './operation-row.ts'

/* Filters, the newest operations, and the models of the dashboard, as a browser meets them. */

let http: Http
let user: Browser

beforeAll(async () => {
  http = await startHttp()
  user = await http.createBrowser()
})
afterAll(() => http.close())

type Query = NonNullable<Request<'listOperations'>['query']>
const idsOf = async (name: 'listOperations' | 'tailOperations', query: Query, as = user) =>
  (await http.call(name, as, { query })).json<{ items: { id: string }[] }>().items.map(({ id }) => id)

test('the list and the newest operations are of the same rows, whatever the filters', async () => {
  const old = new Date(Date.now() - 3 * 3_600_000)
  const first = await insertOperation(http.database, user, { started_at: old, status: 'failed' })
  const second = await insertOperation(http.database, user, { service_id: 'groq' })
  const stranger = await http.createBrowser()
  const hour = new Date(Date.now() - 3_600_000).toISOString()
  const cases: readonly (readonly [Query, readonly string[]])[] = [
    [{}, [second, first]],
    [{ until: hour }, [first]],
    [{ since: hour }, [second]],
    [{ model: 'GPT-5' }, [second, first]],
    [{ model: 'claude' }, []],
    [{ endpoint: 'chat_completions', service: 'groq' }, [second]],
    [{ endpoint: 'embeddings' }, []],
    [{ limit: 1 }, [second]],
  ]
  for (const [query, expected] of cases)
    for (const name of ['listOperations', 'tailOperations'] as const)
      expect(await idsOf(name, query), `${name} ${JSON.stringify(query)}`).toEqual(expected)
  expect(await idsOf('tailOperations', {}, stranger)).toEqual([])
})

interface ModelPage {
  readonly items: BrowsedModel[]
  readonly nextCursor: string | null
  readonly total: number
  readonly counts: Record<BrowsedModel['servedBy'], number>
}

test('every model is listed page by page once, and the counts add up', async () => {
  const person = await http.createBrowser()
  await http.call('addServiceKey', person, { body: { serviceId: 'openai', secret: goodSecret() } })
  const page = async (query: Request<'browseModels'>['query']) =>
    (await http.call('browseModels', person, { query })).json<ModelPage>()
  const names: string[] = []
  let cursor: string | undefined
  let last: ModelPage
  do {
    last = await page({ limit: 200, search: 'gpt', ...(cursor && { cursor }) })
    names.push(...last.items.map(({ model }) => model))
    cursor = last.nextCursor ?? undefined
  } while (cursor)
  expect(new Set(names).size).toBe(last.total)
  expect(names).toHaveLength(last.total)
  expect(Object.values(last.counts).reduce((sum, count) => sum + count, 0)).toBe(last.total)

  const own = await page({ search: 'gpt-4.1-mini openai', servedBy: 'own_key' })
  expect(own.items[0]).toMatchObject({
    servedBy: 'own_key',
    serviceId: 'openai',
    why: null,
    creditMicros: '0',
  })
  expect(own.items[0]?.prices).toContainEqual({
    what: 'input',
    nanoUsd: '400000000',
    per: '1000000',
    fromInputTokens: 0,
  })
  const none = await page({ search: 'claude-haiku-4-5', service: 'anthropic' })
  expect(none.items[0]).toMatchObject({ servedBy: 'not_available', creditMicros: null })
  expect(none.items[0]?.why).toContain('Anthropic')
})
