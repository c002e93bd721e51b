import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Reply } from '../src/contract/endpoints.ts'
import { exportApi } from '../src/exports/api.ts'
import type { ReaderContext, SessionContext } from '../src/http/handler.ts'
import { formatDecimal } from '../src/kit/money.ts'
import { parseCsv } from '../src/reconciliation/csv.ts'
import { type Browser, type Http, startHttp } from './http-harness.ts'
import { insertOperation } from './operation-row.ts'
import { live } from './statement-life.ts'

let http: Http
let owner: Browser
let administrator: Browser
const operations = 1_203
beforeAll(async () => {
  http = await startHttp()
  owner = await http.createBrowser()
  administrator = await http.createBrowser({ isPlatformAdministrator: true })
  const accountId = (await http.ledger.accountOf(owner.organizationId, owner.userId)) ?? ''
  const time = { clock: () => new Date(), pass: () => {} }
  await live({ ...http, time, account: { ...owner, accountId } }, 120, 4)
  await insertOperation(http.database, owner, { model: '=HYPERLINK("http://x","a,b")' })
  // One statement for the many: only their number matters.
  await http.database.pool.query(
    `INSERT INTO operations SELECT (jsonb_populate_record(o, jsonb_build_object('id', first_id_at(now()
       - make_interval(secs => n)), 'model', 'm' || n, 'credit_micros', n, 'service_id', (ARRAY['openai', 'anthropic'])[1 + n % 2],
       'key_owner', (ARRAY['user', 'system'])[1 + n % 2], 'cost_nano_usd', n + CASE WHEN n < 600 THEN 9007199254740993 ELSE 0 END))).*
     FROM operations o, generate_series(1, $1) AS n WHERE o.user_id = $2`,
    [operations - 1, owner.userId],
  )
})
afterAll(() => http.close())

type Query = Record<string, string>
const get = async (name: Parameters<Http['call']>[0], query: Query, as = owner, params?: Query) => {
  const reply = await http.call(name, as, { query, ...(params ? { params } : {}) })
  expect(reply.statusCode, reply.body.slice(0, 300)).toBe(200)
  return reply
}
const allPages = async <Item>(
  name: Parameters<Http['call']>[0],
  query: Query,
  as = owner,
  params?: Query,
) => {
  const items: Item[] = []
  let cursor: string | null = null
  do {
    const at: Query = cursor === null ? {} : { cursor }
    const reply = await get(name, { ...query, ...at, limit: '200' }, as, params)
    const page: { items: Item[]; nextCursor: string | null } = reply.json()
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return items
}
const rowsOf = (csv: string) => {
  const [header = [], ...rows] = parseCsv(csv)
  return rows.map((row) => Object.fromEntries(header.map((name, index) => [name, row[index] ?? ''])))
}
const sum = (values: readonly (string | undefined)[]) =>
  values.reduce((total, value) => total + BigInt((value ?? '').replace('.', '') || 0), 0n)

describe('a statement', () => {
  test.each<Query>([
    {},
    { detail: 'all' },
    { categories: 'usage,purchase' },
    { until: '2020-01-01T00:00:00.000Z' },
  ])('as a file is all pages of the screen, line by line: %o', async (query) => {
    type Line = Reply<'listStatement'>['items'][number]
    const lines = await allPages<Line>('listStatement', query)
    const json = await get('exportStatement', { ...query, format: 'json' })
    const file = json.json<Reply<'listStatement'>>()
    const first = (await get('listStatement', query)).json<Reply<'listStatement'>>()
    expect(file.items).toEqual(lines)
    expect([file.opening, file.closing]).toEqual([first.opening, first.closing])

    const csv = await get('exportStatement', { ...query, format: 'csv' })
    const rows = rowsOf(csv.body)
    expect(rows.map((row) => row['number'])).toEqual(lines.map(({ number }) => String(number)))
    expect(rows.map((row) => row['balance_credits'])).toEqual(
      lines.map((line) => formatDecimal(BigInt(line.balanceMicros), 6)),
    )
    expect(sum(rows.map((row) => row['change_credits']))).toBe(sum(lines.map((line) => line.changeMicros)))
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8; header=present')
    expect(csv.headers['content-disposition']).toMatch(/^attachment; filename="statement-[\d-]+\.csv"$/)
  })

  test('of a user is the same for an administrator', async () => {
    const params = { organization: owner.organizationId, id: owner.userId }
    const theirs = await get('exportUserStatement', { format: 'csv' }, administrator, params)
    expect(theirs.body).toBe((await get('exportStatement', { format: 'csv' })).body)
  })
})

describe('operations', () => {
  test.each<Query>([{}, { service: 'openai' }, { keyOwner: 'own' }, { model: 'm11' }])(
    'as a file are all pages of the screen, and their sums are its totals: %o',
    async (query) => {
      const items = await allPages<Reply<'listOperations'>['items'][number]>('listOperations', query)
      const { totals } = (await get('listOperations', { ...query, limit: '1' })).json<
        Reply<'listOperations'>
      >()
      const file = (await get('exportOperations', { ...query, format: 'json' })).json<{ items: unknown[] }>()
      expect(file.items).toEqual(items)

      const rows = rowsOf((await get('exportOperations', { ...query, format: 'csv' })).body)
      expect(rows.map(({ id }) => id)).toEqual(items.map(({ id }) => id))
      expect(rows.length).toBe(totals.operations)
      expect(sum(rows.map((row) => row['credits']))).toBe(BigInt(totals.creditMicros))
      // Above 2^53: a float on the way would have been rounded.
      for (const [index, row] of rows.entries()) {
        const cost = items[index]?.costNanoUsd
        expect(row['cost_usd']).toBe(cost == null ? '' : formatDecimal(BigInt(cost), 9))
      }
    },
  )

  test('of everybody are those of the administrator’s screen, with whose they are', async () => {
    const query = { organization: owner.organizationId }
    const items = await allPages<Reply<'listAllOperations'>['items'][number]>(
      'listAllOperations',
      query,
      administrator,
    )
    const rows = rowsOf((await get('exportAllOperations', { ...query, format: 'csv' }, administrator)).body)
    expect(rows.map((row) => [row['id'], row['email']])).toEqual(
      items.map(({ id, userEmail }) => [id, userEmail]),
    )
  })

  test('with names that a spreadsheet would calculate are text in it', async () => {
    const { body } = await get('exportOperations', { format: 'csv' })
    expect(rowsOf(body).map(({ model }) => model)).toContain(`'=HYPERLINK("http://x","a,b")`)
    expect(body).not.toMatch(/(^|,|")[=@]/m)
  })

  test('are asked for as the file is read, and no longer once the reader has gone', async () => {
    const asked: number[] = []
    const counted = { ...http.insights, operationRows: counting(http.insights.operationRows, asked) }
    const { exportOperations } = exportApi({
      statements: http.statements,
      billing: http.billing,
      insights: counted,
      clock: () => new Date(),
    })
    const context = {
      signedIn: { organization: { id: owner.organizationId }, userId: owner.userId },
    } as unknown as SessionContext & ReaderContext
    const received = { params: undefined, query: { format: 'csv' as const }, body: undefined }
    const file = await exportOperations(received, context)
    const pieces = (file.body as AsyncIterable<string>)[Symbol.asyncIterator]()
    await pieces.next()
    expect(asked).toEqual([])
    await pieces.next()
    expect(asked).toEqual([500])
    await pieces.next()
    expect(asked).toEqual([500, 500])
    await pieces.return?.()
    expect((await pieces.next()).done).toBe(true)
    expect(asked).toEqual([500, 500])
  })
})

const counting =
  <Arguments extends unknown[], Row>(ask: (...given: Arguments) => Promise<Row[]>, asked: number[]) =>
  async (...given: Arguments): Promise<Row[]> => {
    const rows = await ask(...given)
    asked.push(rows.length)
    return rows
  }

describe('usage', () => {
  test('as a file has own and system apart, and adds up to the report', async () => {
    const day = new Date().toISOString().slice(0, 10)
    const query = {
      from: new Date(Date.now() - 5 * 86_400_000).toISOString().slice(0, 10),
      to: day,
      by: 'service',
    }
    const { totals } = (await get('readUsageReport', query)).json<Reply<'readUsageReport'>>()
    for (const rows of ['groups', 'days']) {
      const read = rowsOf((await get('exportUsage', { ...query, rows, format: 'csv' })).body)
      for (const payer of ['own', 'system', 'none'] as const) {
        const ofPayer = read.filter((row) => row['payer'] === payer)
        expect(sum(ofPayer.map((row) => row['credits']))).toBe(BigInt(totals[payer].creditMicros))
        expect(sum(ofPayer.map((row) => row['cost_usd']))).toBe(BigInt(totals[payer].costNanoUsd))
        expect(sum(ofPayer.map((row) => row['operations']))).toBe(BigInt(totals[payer].operations))
      }
    }
    const json = (await get('exportUsage', { ...query, format: 'json' })).json<Record<string, unknown>>()
    expect(json['totals']).toEqual(totals)
    const all = await get('exportAllUsage', { ...query, by: 'user', format: 'csv' }, administrator)
    expect(rowsOf(all.body).map(({ name }) => name)).toContain('person1@example.com')
  })
})
