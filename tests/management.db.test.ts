import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Reply, Request } from '../src/contract/endpoints.ts'
import type { PolicyDocument } from '../src/contract/policy.ts'
import { makeLog } from '../src/kit/log.ts'
import { type Browser, goodSecret, type Http, operator, startHttp } from './http-harness.ts'
import { insertOperation } from './operation-row.ts'

type Preferences = Request<'changePreferences'>['body']

let http: Http
let user: Browser
let administrator: Browser
let logged = ''

beforeAll(async () => {
  const destination = new Writable({
    write: (chunk: Buffer, _, done) => {
      logged += chunk.toString()
      done()
    },
  })
  http = await startHttp({ log: makeLog({ level: 'debug', destination }) })
  user = await http.createBrowser()
  administrator = await http.createBrowser({ isPlatformAdministrator: true })
})
afterAll(() => http.close())

describe('service keys', () => {
  test('a stored secret is in no reply, no log line and no audit row, whole or in part', async () => {
    const secret = goodSecret()
    const added = await http.call('addServiceKey', user, { body: { serviceId: 'openai', secret } })
    expect(added.statusCode, added.body).toBe(201)
    const { id } = added.json<{ id: string }>()
    const replies = [
      added,
      await http.call('listServiceKeys', user, {}),
      await http.call('recheckServiceKey', user, { params: { id } }),
      await http.call('changeServiceKey', user, { params: { id }, body: { label: 'Mine' } }),
      await http.call('addServiceKey', user, { body: { serviceId: 'openai', secret } }),
      await http.call('listServices', user, {}),
      await http.call('revokeServiceKey', user, { params: { id } }),
    ]
    const { rows } = await http.database.pool.query('SELECT a::text FROM audit_entries a')
    const seen = replies.map((reply) => reply.body).join() + logged + JSON.stringify(rows)
    for (const shape of [
      secret,
      Buffer.from(secret).toString('base64').slice(0, 40),
      Buffer.from(secret).toString('hex'),
    ])
      expect(seen).not.toContain(shape)
    expect(seen).not.toContain(secret.slice(0, 24))
    expect(added.json()).toMatchObject({ lastFour: secret.slice(-4), status: 'active', verdict: 'valid' })
    expect(replies[4]?.json()).toMatchObject({ error: { code: 'key_duplicate' } })
  })

  test('an access token is shown once and never again', async () => {
    const created = await http.call('createAccessToken', user, { body: { name: 'Once' } })
    const { token } = created.json<{ token: string }>()
    expect(token).toMatch(/^aik_[0-9A-Za-z]{36}$/)
    const list = await http.call('listAccessTokens', user, {})
    expect(list.body).toContain(token.slice(-4))
    expect(list.body + logged).not.toContain(token)
  })

  test('a key that the service refuses is not stored', async () => {
    const body = { serviceId: 'openai', secret: `sk-proj-bad${'0'.repeat(30)}` }
    expect((await http.call('checkNewServiceKey', user, { body })).json()).toMatchObject({
      verdict: 'invalid',
    })
    const added = await http.call('addServiceKey', user, { body })
    expect(added.json()).toMatchObject({ error: { code: 'key_rejected' } })
    expect(added.body).not.toContain(body.secret)
  })

  test('a base URL that points inside is refused', async () => {
    for (const baseUrl of [
      'http://169.254.169.254/',
      'https://127.0.0.1:1',
      'https://[::1]/',
      'https://10.0.0.1',
    ]) {
      const body = { serviceId: 'midjourney', secret: 'a-long-enough-secret', baseUrl }
      const reply = await http.call('checkNewServiceKey', user, { body })
      expect(reply.json(), baseUrl).toMatchObject({ error: { code: 'unsafe_address' } })
    }
  })
})

describe('control policy', () => {
  const changePolicy = async (organization: string, wanted: Partial<PolicyDocument>) => {
    const params = { organization }
    const state = await http.call('readOrganizationPolicy', administrator, { params })
    const { current } = state.json<Reply<'readOrganizationPolicy'>>()
    const document = { ...current.document, ...wanted }
    const body = { document, reason: 'Test', basedOn: current.version }
    const saved = await http.call('saveOrganizationPolicy', administrator, { params, body })
    expect(saved.statusCode, saved.body).toBe(201)
  }

  test('IT control suspends users’ keys and refuses new ones; user control restores them', async () => {
    const company = await http.organizations.create(operator, { name: 'Acme', kind: 'company' })
    const member = await http.createBrowser({ organizationId: company.id })
    const add = (serviceId: string) =>
      http.call('addServiceKey', member, { body: { serviceId, secret: goodSecret() } })
    const statuses = async () => {
      const { items } = (await http.call('listServiceKeys', member, {})).json<{
        items: { serviceId: string; status: string }[]
      }>()
      return Object.fromEntries(items.map((key) => [key.serviceId, key.status]))
    }
    const change = async (wanted: Partial<PolicyDocument>) => {
      await changePolicy(company.id, wanted)
      const reply = await http.call('readOrganization', administrator, { params: { id: company.id } })
      return reply.json<{ controlPolicy: string; suspendedKeyCount: number }>()
    }
    expect((await add('openai')).statusCode).toBe(201)
    expect((await add('openrouter')).statusCode).toBe(201)

    expect(await change({ controlPolicy: 'it_control' })).toMatchObject({ suspendedKeyCount: 2 })
    expect(await statuses()).toEqual({ openai: 'suspended', openrouter: 'suspended' })
    const refused = await add('anthropic')
    expect(refused.statusCode).toBe(403)
    expect(refused.json()).toMatchObject({ error: { code: 'policy_denied' } })
    const services = (await http.call('listServices', member, {})).json<{
      items: { id: string; mayManageKey: boolean }[]
    }>()
    expect(services.items.every((service) => !service.mayManageKey)).toBe(true)

    await change({ controlPolicy: 'hybrid', criticalServices: ['openai'] })
    expect(await statuses()).toEqual({ openai: 'suspended', openrouter: 'active' })
    expect((await add('openai')).json()).toMatchObject({ error: { code: 'policy_denied' } })
    expect((await add('openrouter')).statusCode).toBe(201)

    expect(await change({ controlPolicy: 'user_control' })).toMatchObject({
      controlPolicy: 'user_control',
      suspendedKeyCount: 0,
    })
    expect(await statuses()).toEqual({ openai: 'active', openrouter: 'active' })
  })

  test('is changed by its own endpoints alone, which ask for a reason and the version in force', async () => {
    const company = await http.organizations.create(operator, { name: 'Bypass', kind: 'company' })
    const patched = await http.call('changeOrganization', administrator, {
      params: { id: company.id },
      body: { name: 'Renamed', controlPolicy: 'it_control' } as { name: string },
    })
    expect(patched.json()).toMatchObject({ error: { code: 'invalid_request', field: 'controlPolicy' } })
    expect(await http.organizations.read(company.id)).toMatchObject({
      value: { name: 'Bypass', controlPolicy: 'user_control' },
    })
  })

  test('a locked fallback holds for everybody and cannot be changed by a member', async () => {
    const company = await http.organizations.create(operator, { name: 'Locked', kind: 'company' })
    const member = await http.createBrowser({ organizationId: company.id })
    const wanted: Preferences = { default: 'none', services: [{ serviceId: 'openai', fallback: 'system' }] }
    expect((await http.call('changePreferences', member, { body: wanted })).json()).toEqual({
      ...wanted,
      locked: null,
    })
    await changePolicy(company.id, { lockedFallback: 'system' })
    expect((await http.call('changePreferences', member, { body: wanted })).json()).toMatchObject({
      error: { code: 'policy_denied' },
    })
    expect((await http.call('readPreferences', member, {})).json()).toEqual({ ...wanted, locked: 'system' })
  })
})

describe('users', () => {
  test('a suspended user is out at once; the last administrator stays', async () => {
    const member = await http.createBrowser()
    await http.call('changeUser', administrator, { params: { id: member.userId }, body: { suspended: true } })
    expect((await http.call('readMe', member, {})).statusCode).toBe(401)
    const self = { params: { id: administrator.userId } }
    for (const body of [{ suspended: true }, { isPlatformAdministrator: false }])
      expect((await http.call('changeUser', administrator, { ...self, body })).statusCode).toBe(409)
  })

  test('a new user has an account with the tier’s allocation, and a link that works once', async () => {
    const created = await http.call('createUser', administrator, {
      body: { email: 'grace@example.com', name: 'Grace', tierId: 'pro' },
    })
    const { user: grace, signInLink } = created.json<{ user: { id: string }; signInLink: { path: string } }>()
    expect(created.json()).toMatchObject({
      user: { tierId: 'pro', availableMicros: '2000000000', role: 'owner' },
    })
    const token = signInLink.path.split('#')[1] ?? ''
    const opened = await http.call('signInWithLink', null, { body: { token } })
    expect(opened.json()).toMatchObject({ user: { id: grace.id, hasPassword: false } })
    expect((await http.call('signInWithLink', null, { body: { token } })).statusCode).toBe(410)
    const again = await http.call('createUser', administrator, {
      body: { email: 'GRACE@example.com', name: 'G' },
    })
    expect(again.json()).toMatchObject({ error: { code: 'conflict', field: 'email' } })
    const found = await http.call('listUsers', administrator, { query: { search: 'grace@' } })
    expect(found.json()).toMatchObject({ total: 1, items: [{ id: grace.id }] })
    const byId = await http.call('listUsers', administrator, { query: { user: grace.id } })
    expect(byId.json()).toMatchObject({ total: 1, items: [{ id: grace.id }] })
  })

  test('the same idempotency key grants once, even at the same time; the statement shows it', async () => {
    const member = await http.createBrowser()
    const give = () =>
      http.call('grantCredits', administrator, {
        params: { id: member.userId },
        body: { credits: '2.5', reason: 'Goodwill', idempotencyKey: 'ticket-4711' },
      })
    const replies = await Promise.all([give(), give(), give()])
    const created = replies.filter((reply) => reply.json<{ created: boolean }>().created)
    expect(created).toHaveLength(1)
    const credits = (await http.call('readCredits', member, {})).json()
    expect(credits).toMatchObject({ availableMicros: '102500000', heldMicros: '0', tier: { id: 'free' } })
    const statement = (await http.call('listStatement', member, { query: { limit: 1 } })).json<{
      items: unknown[]
      nextCursor: string
    }>()
    expect(statement.items).toMatchObject([
      { kind: 'grant', reason: 'Goodwill', availableChangeMicros: '2500000', availableMicros: '102500000' },
    ])
    const rest = await http.call('listStatement', member, { query: { cursor: statement.nextCursor } })
    expect(rest.json()).toMatchObject({
      items: [{ number: 1, availableMicros: '100000000' }],
      nextCursor: null,
    })
  })

  test('one administrator alone gives no more than the limit, in parts neither; the rest goes by an adjustment', async () => {
    const member = await http.createBrowser()
    const give = (credits: string) =>
      http.call('grantCredits', administrator, {
        params: { id: member.userId },
        body: { credits, reason: 'Goodwill', idempotencyKey: `the-limit-${credits}` },
      })
    expect((await give('10000')).statusCode).toBe(201)
    const above = await give('10000.000001')
    expect(above.json()).toMatchObject({ error: { code: 'forbidden', field: 'credits' } })
    expect((await give('1')).json()).toMatchObject({ error: { code: 'forbidden', field: 'credits' } })
    expect((await give('10000')).json()).toMatchObject({ created: false })
    expect((await http.call('readCredits', member, {})).json()).toMatchObject({
      availableMicros: '10100000000',
    })
    const { items } = (await http.call('listAdjustments', administrator, { query: {} })).json<{
      items: unknown[]
    }>()
    expect(items).toContainEqual(expect.objectContaining({ amountMicros: '10000000000', status: 'done' }))
  })

  test('pages of users hold each user once', async () => {
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = (await http.call('listUsers', administrator, { query: { limit: 3, cursor } })).json<{
        items: { id: string }[]
        nextCursor: string | null
        total: number
      }>()
      seen.push(...page.items.map((item) => item.id))
      if (page.nextCursor === null) expect(seen).toHaveLength(page.total)
      cursor = page.nextCursor ?? undefined
    } while (cursor)
    expect(new Set(seen).size).toBe(seen.length)
  })
})

describe('operations and usage', () => {
  test('list, totals, usage and receipt add up to the same rows, and to nobody else’s', async () => {
    const [member, other] = [await http.createBrowser(), await http.createBrowser()]
    await insertOperation(http.database, other, { credit_micros: 999n, key_owner: 'system' })
    await insertOperation(http.database, member, { cache_read_tokens: 3n, reasoning_tokens: 2n })
    await insertOperation(http.database, member, { key_owner: 'system', credit_micros: 700n })
    await insertOperation(http.database, member, {
      key_owner: 'system',
      credit_micros: 11n,
      service_id: 'anthropic',
    })
    const failed = { status: 'refused', service_id: null, key_owner: null, cost_nano_usd: 0n } as const
    const last = await insertOperation(http.database, member, failed)

    const totals = {
      operations: 4,
      creditMicros: '711',
      costNanoUsd: '3000',
      inputTokens: 43,
      outputTokens: 22,
    }
    const first = (await http.call('listOperations', member, { query: { limit: 3 } })).json<{
      items: { id: string; creditMicros: string }[]
      nextCursor: string
    }>()
    expect(first).toMatchObject({ totals, items: [{ id: last }, {}, {}] })
    const second = await http.call('listOperations', member, {
      query: { limit: 3, cursor: first.nextCursor },
    })
    expect(second.json()).toMatchObject({
      totals,
      nextCursor: null,
      items: [{ inputTokens: 13, outputTokens: 7 }],
    })

    const usage = (await http.call('readUsage', member, { query: { days: 1 } })).json<{
      days: { operations: number }[]
      services: { serviceId: string | null; keyOwner: string | null; creditMicros: string }[]
    }>()
    expect(usage).toMatchObject({ totals, timeZone: 'UTC' })
    expect(usage.days.reduce((sum, day) => sum + day.operations, 0)).toBe(4)
    expect(usage.services).toContainEqual(
      expect.objectContaining({ serviceId: 'anthropic', keyOwner: 'system', creditMicros: '11' }),
    )
    expect(usage.services).toContainEqual(
      expect.objectContaining({ serviceId: null, keyOwner: null, operations: 1 }),
    )

    const filtered = await http.call('listOperations', member, {
      query: { keyOwner: 'system', service: 'openai' },
    })
    expect(filtered.json()).toMatchObject({ totals: { operations: 1, creditMicros: '700' } })
    const keyless = await http.call('listOperations', member, { query: { keyOwner: 'none' } })
    expect(keyless.json()).toMatchObject({ totals: { operations: 1 }, items: [{ id: last }] })
    const credits = (await http.call('readCredits', member, {})).json<{ usageByService: unknown[] }>()
    expect(credits.usageByService).toContainEqual({
      serviceId: 'openai',
      ownOperations: 1,
      systemOperations: 1,
      creditMicros: '700',
      costNanoUsd: '2000',
    })
  })

  test('a receipt opens with an access token that may read, and with no other', async () => {
    const id = await insertOperation(http.database, user)
    const other = await http.createBrowser()
    const tokenOf = async (browser: Browser, scopes: ('operations' | 'read')[]) =>
      (await http.call('createAccessToken', browser, { body: { name: 'x', scopes } })).json<{
        token: string
      }>().token
    const read = (token: string, headers: Record<string, string> = {}) =>
      http.app.inject({
        url: `/api/operations/${id}`,
        headers: { authorization: `Bearer ${token}`, ...headers },
      })
    const reply = await read(await tokenOf(user, ['read']))
    expect(reply.json()).toMatchObject({
      id,
      tokens: { input: 10, output: 5 },
      ledgerEntries: [],
      attempts: [{ outcome: 'ok' }],
    })
    expect((await read(await tokenOf(user, ['operations']))).json()).toMatchObject({
      error: { code: 'insufficient_scope' },
    })
    expect((await read(await tokenOf(other, ['read']))).statusCode).toBe(404)
    expect((await read('aik_nonsense')).json()).toMatchObject({ error: { code: 'invalid_token' } })

    const platform = (await http.call('createPlatformToken', administrator, { body: { name: 'App' } })).json<{
      token: string
    }>()
    expect((await read(platform.token, { 'x-aideon-user': user.userId })).statusCode).toBe(200)
    expect((await read(platform.token, { 'x-aideon-user': other.userId })).statusCode).toBe(404)
    expect((await read(platform.token)).json()).toMatchObject({ error: { code: 'unknown_user' } })
  })
})
