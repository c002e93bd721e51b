import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Explanation, UsableModel } from '../src/contract/explain.ts'
import type { AdminGroup, ListedGroup } from '../src/contract/groups.ts'
import type { Request } from '../src/contract/endpoints.ts'
import { type Browser, goodSecret, type Http, operator, startHttp } from './http-harness.ts'

/* Model groups and explained routes, as a browser or an access token meets them. */

let http: Http
let user: Browser
let administrator: Browser

beforeAll(async () => {
  http = await startHttp()
  user = await http.createBrowser()
  administrator = await http.createBrowser({ isPlatformAdministrator: true })
})
afterAll(() => http.close())

const adminGroups = async () =>
  (await http.call('listAdminGroups', administrator, {})).json<{ items: AdminGroup[] }>().items
const groups = async (as = user) =>
  (await http.call('listGroups', as, {})).json<{ items: ListedGroup[] }>().items
const explain = async (body: Request<'explainRoute'>['body'], as = user) => {
  const reply = await http.call('explainRoute', as, { body })
  expect(reply.statusCode, reply.body).toBe(200)
  return reply.json<Explanation>()
}
const audited = async (action: string) => {
  const { rows } = await http.database.pool.query<{ before: unknown; after: unknown }>(
    'SELECT before, after FROM audit_entries WHERE action = $1 ORDER BY at DESC, id DESC LIMIT 1',
    [action],
  )
  return rows[0]
}

describe('groups', () => {
  const mine = { id: 'house', label: 'House', description: 'Ours', task: 'chat' as const, models: ['gpt-4o'] }

  test('come with the product, and say which services offer their models', async () => {
    const smart = (await adminGroups()).find(({ id }) => id === 'smart')
    expect(smart).toMatchObject({ origin: 'shipped', task: 'chat' })
    expect(smart?.offers.every(({ services }) => services.length > 0)).toBe(true)
  })

  test('an administrator’s own is there for everybody with the reply, on record, until it is removed', async () => {
    const created = await http.call('createGroup', administrator, { body: mine })
    expect(created.statusCode, created.body).toBe(201)
    expect((await groups()).find(({ id }) => id === 'house')).toMatchObject({
      model: 'group/house',
      next: null,
    })
    expect(await audited('model_group.created')).toMatchObject({
      before: null,
      after: { models: ['gpt-4o'] },
    })
    expect((await http.call('createGroup', administrator, { body: mine })).statusCode).toBe(409)
    await http.call('removeGroup', administrator, { params: { id: 'house' } })
    expect((await groups()).some(({ id }) => id === 'house')).toBe(false)
  })

  test('a shipped one that was changed or removed comes back as it was', async () => {
    const before = (await adminGroups()).find(({ id }) => id === 'code')
    const body = { models: ['openai/gpt-4o', 'claude-opus-5'] }
    await http.call('changeGroup', administrator, { params: { id: 'code' }, body })
    expect((await adminGroups()).find(({ id }) => id === 'code')).toMatchObject({
      origin: 'changed',
      label: before?.label,
      ...body,
    })
    await http.call('removeGroup', administrator, { params: { id: 'code' } })
    expect((await groups()).some(({ id }) => id === 'code')).toBe(false)
    expect((await explain({ model: 'group/code' })).refusal).toMatchObject({ code: 'unknown_model' })
    await http.call('resetGroup', administrator, { params: { id: 'code' } })
    expect((await adminGroups()).find(({ id }) => id === 'code')).toEqual(before)
    expect(await audited('model_group.reset')).toMatchObject({ after: { models: before?.models } })
  })

  test.each([
    ['a group within a group', { ...mine, id: 'nest', models: ['group/smart'] }],
    ['a model listed twice', { ...mine, id: 'twice', models: ['gpt-4o', 'gpt-4o'] }],
    ['no model', { ...mine, id: 'none', models: [] }],
    ['an id that is no name', { ...mine, id: 'My group' }],
  ])('%s is refused', async (_, body) => {
    expect((await http.call('createGroup', administrator, { body })).statusCode).toBe(400)
  })

  test('another process hears of a change', async () => {
    const seen: (string | null)[] = []
    http.epoch.onChange((organizationId) => void seen.push(organizationId))
    await http.call('changeGroup', administrator, { params: { id: 'fast' }, body: { label: 'Quick' } })
    expect(seen).toContain('00000000-0000-7000-8000-000000000000')
  })
})

describe('an explained route', () => {
  test('is that of the user: their key, then what they would pay', async () => {
    const person = await http.createBrowser()
    await http.call('addServiceKey', person, { body: { serviceId: 'openai', secret: goodSecret() } })
    const own = await explain({ model: 'gpt-4o' }, person)
    expect(own).toMatchObject({
      kind: 'model',
      refusal: null,
      candidates: [{ keyOwner: 'user', creditMicros: '0' }],
    })
    const none = await explain({ model: 'gpt-4o', suppose: { withoutOwnKeyAt: ['openai'] } }, person)
    expect(none).toMatchObject({ candidates: [], refusal: { code: 'no_route', status: 424 } })
    expect((await groups(person)).find(({ id }) => id === 'smart')?.next).toMatchObject({ keyOwner: 'user' })

    const params = { id: person.userId }
    const seen = await http.call('explainRouteOfUser', administrator, { params, body: { model: 'gpt-4o' } })
    expect(seen.json<Explanation>().candidates).toEqual(own.candidates)
  })

  test('may be asked for with an access token that may read, and no other', async () => {
    const ask = async (scopes: ('read' | 'operations')[]) => {
      const { token } = await http.access.createToken(operator, {
        organizationId: user.organizationId,
        kind: 'user',
        userId: user.userId,
        name: 'script',
        scopes,
        expiresAt: null,
      })
      return http.app.inject({
        method: 'POST',
        url: '/api/route/explain',
        headers: { authorization: `Bearer ${token}` },
        payload: { model: 'group/smart', suppose: { withOwnKeyAt: ['anthropic'] } },
      })
    }
    const reply = await ask(['read'])
    expect(reply.statusCode, reply.body).toBe(200)
    expect((await ask(['operations'])).statusCode).toBe(403)
  })

  test('makes no call and leaves no trace', async () => {
    const count = async () =>
      (await http.database.pool.query('SELECT count(*)::int AS n FROM operations')).rows[0].n
    const before = await count()
    await explain({ model: 'gpt-4o', suppose: { withOwnKeyAt: ['openai'], noCredits: true } })
    expect(await count()).toBe(before)
  })
})

test('the models of a user are those of their keys, each with what it would run on', async () => {
  const person = await http.createBrowser()
  const models = async (query: Request<'listModels'>['query'] = {}) =>
    (await http.call('listModels', person, { query })).json<{ items: UsableModel[]; total: number }>()
  expect(await models()).toEqual({ items: [], total: 0 })
  await http.call('addServiceKey', person, { body: { serviceId: 'openai', secret: goodSecret() } })
  const { items, total } = await models({ limit: 2_000 })
  expect(total).toBe(items.length)
  expect(items.map(({ model }) => model)).toEqual(expect.arrayContaining(['group/smart', 'gpt-4o']))
  for (const item of items)
    expect(item).toMatchObject({ serviceId: 'openai', keyOwner: 'user', creditMicros: '0' })
  expect((await models({ search: 'embed', task: 'embedding', limit: 1 })).items).toHaveLength(1)
})

test('the services of a user add up to the summary', async () => {
  const { items, summary } = (await http.call('listServices', user, {})).json<{
    items: { coverage: { status: string } }[]
    summary: Record<string, number>
  }>()
  const { total, ...parts } = summary
  expect(total).toBe(items.length)
  expect(Object.values(parts).reduce((a, b) => a + b)).toBe(total)
  expect(parts['keysOnly']).toBe(items.filter(({ coverage }) => coverage.status === 'keys_only').length)
})
