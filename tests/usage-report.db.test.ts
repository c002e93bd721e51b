import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Reply, Request } from '../src/contract/endpoints.ts'
import type { UsageGroup, UsagePayer, UsageReport, UsageSums } from '../src/contract/usage.ts'
import { newId } from '../src/kit/id.ts'
import { type Browser, type Http, operator, startHttp } from './http-harness.ts'
import { insertOperation } from './operation-row.ts'

/* Every number of the usage report is that of the operations its link leads to. */

let http: Http
let user: Browser
let neighbour: Browser
let administrator: Browser
let laptop: string

type Columns = NonNullable<Parameters<typeof insertOperation>[2]>

const insert = (at: string, columns: Columns, of: Browser = user) => {
  const started = new Date(at)
  return insertOperation(http.database, of, { id: newId(started.getTime()), started_at: started, ...columns })
}

const system = { key_owner: 'system', service_id: 'anthropic', model: 'claude-haiku-4-5' } as const
const refused: Columns = {
  key_owner: null,
  service_id: null,
  model: null,
  status: 'refused',
  cost_nano_usd: null,
  input_tokens: 0n,
  output_tokens: 0n,
}

beforeAll(async () => {
  http = await startHttp()
  const company = await http.organizations.create(operator, { name: 'C', kind: 'company' })
  user = await http.createBrowser({ organizationId: company.id, email: 'first@example.com' })
  neighbour = await http.createBrowser({ organizationId: company.id, email: 'second@example.com' })
  administrator = await http.createBrowser({ isPlatformAdministrator: true })
  laptop = (await http.call('createAccessToken', user, { body: { name: 'Laptop' } })).json<
    Reply<'createAccessToken'>
  >().accessToken.id
  // Midnights of Berlin, a day that is 25 hours long there, and moments at the edges of the period.
  await insert('2026-10-23T21:59:59.999Z', { cost_nano_usd: 7n })
  await insert('2026-10-23T22:00:00.000Z', { cost_nano_usd: 1_000n, access_token_id: laptop })
  await insert('2026-10-24T21:59:59.999Z', { cost_nano_usd: 20_000n, key_owner: 'organization' })
  await insert('2026-10-25T22:59:59.999Z', { ...system, credit_micros: 41n, cost_nano_usd: 410n })
  await insert('2026-10-25T23:00:00.000Z', { ...system, credit_micros: 59n, access_token_id: laptop })
  await insert('2026-10-26T10:00:00.000Z', { cost_nano_usd: null, model: 'gpt-unpriced' })
  await insert('2026-10-26T10:00:01.000Z', refused)
  await insert('2026-10-26T23:00:00.000Z', { cost_nano_usd: 11n })
  await insert('2026-10-25T10:00:00.000Z', { ...system, credit_micros: 5n }, neighbour)
})
afterAll(() => http.close())

const period = { from: '2026-10-24', to: '2026-10-26', timeZone: 'Europe/Berlin' } as const

const report = async (by: 'service' | 'model' | 'access_token', query: Partial<Query> = {}, as = user) =>
  (await http.call('readUsageReport', as, { query: { by, ...period, ...query } })).json<UsageReport>()
type Query = NonNullable<Request<'readUsageReport'>['query']>

const payers: readonly UsagePayer[] = ['own', 'system', 'none']

/** The filters that a number of a group links to. */
const groupFilters = (by: UsageReport['by'], group: UsageGroup) => ({
  ...(by === 'access_token' ? { accessToken: group.id ?? '' } : { service: group.serviceId ?? 'none' }),
  ...(by === 'model' && { usedModel: group.model ?? 'none' }),
})

const listed = async (query: object): Promise<Reply<'listOperations'>> =>
  (await http.call('listOperations', user, { query: { limit: 200, ...query } })).json()

const same = async (sums: UsageSums, query: object) => {
  const { items, totals } = await listed(query)
  expect(sums, JSON.stringify(query)).toMatchObject(totals)
  expect(items).toHaveLength(sums.operations)
  expect(items.reduce((sum, item) => sum + BigInt(item.creditMicros), 0n)).toBe(BigInt(sums.creditMicros))
  expect(items.reduce((sum, item) => sum + BigInt(item.costNanoUsd ?? '0'), 0n)).toBe(
    BigInt(sums.costNanoUsd),
  )
}

test.each(['service', 'model', 'access_token'] as const)(
  'by %s, every number is the sum of the operations that its link lists',
  async (by) => {
    const usage = await report(by)
    const since = usage.days[0]?.since
    const until = usage.days.at(-1)?.until
    for (const payer of payers) {
      await same(usage.totals[payer], { keyOwner: payer, since, until })
      for (const group of usage.groups)
        await same(group[payer], { ...groupFilters(by, group), keyOwner: payer, since, until })
    }
    expect(usage.cells.length).toBeGreaterThan(4)
    for (const cell of usage.cells) {
      const day = usage.days.find((each) => each.day === cell.day)
      const group = usage.groups.find(({ key }) => key === cell.group)
      if (!day || !group) throw new Error('A cell of no day or group.')
      await same(cell, {
        ...groupFilters(by, group),
        keyOwner: cell.payer,
        since: day.since,
        until: day.until,
      })
    }
  },
)

test('cells, groups and totals add up to each other, and to nobody else’s', async () => {
  const usage = await report('model')
  for (const payer of payers) {
    const cells = usage.cells.filter((cell) => cell.payer === payer)
    expect(cells.reduce((sum, cell) => sum + cell.operations, 0)).toBe(usage.totals[payer].operations)
    expect(usage.groups.reduce((sum, group) => sum + group[payer].operations, 0)).toBe(
      usage.totals[payer].operations,
    )
  }
  expect(usage.totals.own).toMatchObject({ operations: 3, costNanoUsd: '21000', unpricedOperations: 1 })
  expect(usage.totals.system).toMatchObject({ operations: 2, creditMicros: '100' })
  expect(usage.totals.none.operations).toBe(1)
  expect((await report('model', {}, neighbour)).totals.system.creditMicros).toBe('5')
})

test('days are those of the asked time zone, empty ones too', async () => {
  const usage = await report('service')
  expect(usage.days.map(({ day }) => day)).toEqual(['2026-10-24', '2026-10-25', '2026-10-26'])
  const credits = (of: UsageReport) =>
    of.cells.filter(({ payer }) => payer === 'system').map(({ day, creditMicros }) => [day, creditMicros])
  expect(credits(usage)).toEqual([
    ['2026-10-25', '41'],
    ['2026-10-26', '59'],
  ])
  expect(credits(await report('service', { timeZone: 'UTC' }))).toEqual([['2026-10-25', '100']])
})

test('an access token is called by its name, and narrows the report', async () => {
  const usage = await report('access_token')
  expect(usage.groups.find(({ id }) => id === laptop)).toMatchObject({
    name: expect.stringMatching(/^Laptop ….{4}$/),
    own: { operations: 1 },
  })
  const narrowed = await report('model', { accessToken: laptop })
  expect(narrowed.totals.own.operations + narrowed.totals.system.operations).toBe(2)
})

test('what is beyond the charted groups is one cell, and beyond the listed ones one line', async () => {
  const many = await http.createBrowser()
  for (let number = 0; number < 203; number += 1)
    await insert('2026-10-25T12:00:00Z', { model: `m${number}`, cost_nano_usd: BigInt(number) }, many)
  const usage = await report('model', {}, many)
  expect(usage.groups).toHaveLength(201)
  expect(usage.groups[0]).toMatchObject({ model: 'm202', more: 0 })
  expect(usage.groups.at(-1)).toMatchObject({ key: 'more', model: null, more: 3, own: { costNanoUsd: '3' } })
  expect(usage.charted).toBe(6)
  expect(usage.cells).toHaveLength(7)
  expect(usage.cells.find(({ group }) => group === null)).toMatchObject({ operations: 197 })
  const sum = usage.groups.reduce((total, group) => total + BigInt(group.own.costNanoUsd), 0n)
  expect(String(sum)).toBe(usage.totals.own.costNanoUsd)
})

test('administrators see everybody’s, by user and organisation too, and it is what they list', async () => {
  const all = async (query: object) =>
    (await http.call('readAllUsage', administrator, { query: { ...period, ...query } })).json<UsageReport>()
  const byUser = await all({ by: 'user', organization: user.organizationId })
  expect(new Set(byUser.groups.map(({ name }) => name))).toEqual(
    new Set(['first@example.com', 'second@example.com']),
  )
  for (const group of byUser.groups)
    for (const keyOwner of payers) {
      const query = {
        organization: user.organizationId,
        user: group.id ?? '',
        keyOwner,
        since: byUser.days[0]?.since ?? '',
        until: byUser.days.at(-1)?.until ?? '',
      }
      const list = await http.call('listAllOperations', administrator, { query })
      expect(group[keyOwner]).toMatchObject(list.json<Reply<'listAllOperations'>>().totals)
    }
  const byOrganization = await all({ by: 'organization', organization: user.organizationId })
  expect(byOrganization.groups).toMatchObject([{ name: 'C', system: { creditMicros: '105' } }])
})

test('a period that is none is refused, naming the field', async () => {
  const wrong = async (query: object) =>
    (await http.call('readUsageReport', user, { query: { ...period, ...query } })).json()
  expect(await wrong({ timeZone: 'Mars/Olympus' })).toMatchObject({ error: { field: 'timeZone' } })
  expect(await wrong({ to: '2026-10-01' })).toMatchObject({ error: { field: 'to' } })
})
