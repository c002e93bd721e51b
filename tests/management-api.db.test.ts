import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
// @ts-expect-error Plain JavaScript without declarations: it must run on Node 20 as it is.
import { commandScript } from '../bin/choose-node.mjs'
import { makeClient } from '../sdk/client.ts'
import { apiCommand } from '../src/cli/api.ts'
import { apiVersion, apiVersionHeader } from '../src/contract/api-version.ts'
import { type Endpoint, isForBrowsers } from '../src/contract/endpoint.ts'
import { type EndpointName, endpoints, urlOf } from '../src/contract/endpoints.ts'
import { may, type Role, roles } from '../src/contract/permissions.ts'
import type { OpenApiDocument } from '../src/http/openapi-examples.ts'
import { must } from '../src/kit/fault.ts'
import { newId } from '../src/kit/id.ts'
import { type Browser, goodSecret, type Http, operator, startHttp } from './http-harness.ts'

/** /api by access tokens: what they open and what never, idempotency keys, versions. */

let http: Http
let companyId: string
const people = {} as Record<Role, Browser>
/** By role; `administer` is a platform administrator's. */
const tokens = {} as Record<Role | 'administer' | 'lesser', string>

const tokenOf = async (as: Browser, scopes: ('manage' | 'administer' | 'operations' | 'read')[]) => {
  const made = await http.access.createToken(
    { kind: 'user', id: as.userId },
    {
      organizationId: as.organizationId,
      kind: 'user',
      userId: as.userId,
      name: 'Automation',
      scopes,
      expiresAt: null,
    },
  )
  return made.token
}

beforeAll(async () => {
  http = await startHttp()
  companyId = (await http.organizations.create(operator, { name: 'Company', kind: 'company' })).id
  for (const role of roles) {
    people[role] = await http.createBrowser({ organizationId: companyId, role })
    tokens[role] = await tokenOf(people[role], ['manage'])
  }
  tokens.lesser = await tokenOf(people.owner, ['operations', 'read'])
  const chief = await http.createBrowser({ isPlatformAdministrator: true })
  tokens.administer = await tokenOf(chief, ['administer'])
})
afterAll(() => http.close())

const send = (
  name: EndpointName,
  token: string,
  request: {
    params?: Record<string, string>
    query?: Record<string, string>
    body?: object
    headers?: Record<string, string>
  } = {},
) => {
  const endpoint: Endpoint = endpoints[name]
  return http.app.inject({
    method: endpoint.method,
    url: urlOf(endpoint, request),
    headers: { authorization: `Bearer ${token}`, ...request.headers },
    ...(request.body === undefined ? {} : { payload: request.body }),
  })
}
const codeOf = (reply: { json: () => unknown }) => (reply.json() as { error?: { code: string } }).error?.code

describe('what an access token opens', () => {
  const table = (Object.entries(endpoints) as [EndpointName, Endpoint][]).filter(
    ([, { auth }]) => auth !== 'public',
  )
  /** Let in, and then refused for something that every endpoint looks at before it does anything. */
  const opens = async (token: string, [name, endpoint]: [EndpointName, Endpoint]) => {
    const params = Object.fromEntries(
      [...endpoint.path.matchAll(/:(\w+)/g)].map(([, part]) => [part, newId()]),
    )
    const reply = await send(name, token, { params, headers: { [apiVersionHeader]: '1999-01-01' } })
    if (reply.statusCode === 400) return true
    expect(reply.statusCode, `${name}: ${reply.body}`).toBe(403)
    return false
  }
  const opened = async (token: string) => {
    const found: EndpointName[] = []
    for (const row of table) if (await opens(token, row)) found.push(row[0])
    return found
  }

  test.each(roles)(
    'as %s, with the scope manage: what the role may, and nothing about signing in',
    async (role) => {
      const expected = table.filter(
        ([, endpoint]) =>
          endpoint.auth === 'session_or_token' ||
          (endpoint.auth === 'session' &&
            !isForBrowsers(endpoint) &&
            endpoint.permission !== undefined &&
            may(role, endpoint.permission)),
      )
      expect(await opened(tokens[role])).toEqual(expected.map(([name]) => name))
    },
  )

  test('with administer alone: the platform’s pages, not those of the organisation', async () => {
    const expected = table.filter(
      ([, endpoint]) => endpoint.auth === 'administrator' && !isForBrowsers(endpoint),
    )
    expect(await opened(tokens.administer)).toEqual(expected.map(([name]) => name))
  })

  test('with neither: what it opened before', async () => {
    const expected = table.filter(([, { auth }]) => auth === 'session_or_token')
    expect(await opened(tokens.lesser)).toEqual(expected.map(([name]) => name))
  })

  test('no path about sessions, passwords, factors or links to sign in is open to tokens, and nothing says otherwise', () => {
    const telling =
      /session|password|passkey|factor|totp|recovery|sign-?in|step-?up|break-?glass|^\/me(\/|$)/i
    const open = table.filter(([, endpoint]) => telling.test(endpoint.path) && !isForBrowsers(endpoint))
    // What is asked of sessions may be read, as the rest of an organisation's rules.
    expect(open.map(([name]) => name)).toEqual(['readSessionPolicy'])
    const replies = table.filter(
      ([, endpoint]) =>
        !isForBrowsers(endpoint) && /signInLink|csrfToken|recoveryCodes/.test(shapeOf(endpoint)),
    )
    expect(replies.map(([name]) => name)).toEqual([])
  })

  const shapeOf = ({ reply }: Endpoint): string =>
    'shape' in reply ? Object.keys(reply.shape as object).join(' ') : ''
})

test('text that no database stores is refused by every endpoint, and where it stands is named', async () => {
  const bodied = (Object.entries(endpoints) as [EndpointName, Endpoint][]).filter(
    ([, endpoint]) => endpoint.body && endpoint.auth === 'session' && !isForBrowsers(endpoint),
  )
  let refused = 0
  for (const [name, endpoint] of bodied) {
    if (endpoint.permission === undefined || !may('owner', endpoint.permission)) continue
    const params = Object.fromEntries(
      [...endpoint.path.matchAll(/:(\w+)/g)].map(([, part]) => [part, newId()]),
    )
    const reply = await send(name, tokens.owner, { params, body: { label: { of: 'half \ud83d' } } })
    expect([name, reply.statusCode, reply.json()]).toMatchObject([
      name,
      400,
      { error: { code: 'invalid_request', field: 'label.of' } },
    ])
    refused += 1
  }
  expect(refused).toBeGreaterThan(50)
  const inQuery = await send('listOperations', tokens.owner, { query: { model: 'gpt\0' } })
  expect(inQuery.json()).toMatchObject({ error: { code: 'invalid_request', field: 'model' } })
  const inPath = await send('revokeAccessToken', tokens.owner, { params: { id: 'a\0' } })
  expect(inPath.json()).toMatchObject({ error: { code: 'invalid_request', field: 'id' } })
  const inScim = await http.app.inject({
    method: 'POST',
    url: '/scim/v2/Users',
    payload: { userName: 'ann\0@company.example' },
  })
  expect([inScim.statusCode, inScim.json()]).toMatchObject([400, { scimType: 'invalidValue' }])
})

test('a token sees its own organisation, stands where its user stands now, and dies with the membership', async () => {
  const person = await http.createBrowser({ organizationId: companyId, role: 'administrator' })
  const token = await tokenOf(person, ['manage'])
  const caller = await send('readCaller', token)
  expect(caller.json()).toMatchObject({
    user: { id: person.userId },
    organization: { id: companyId },
    role: 'administrator',
    accessToken: { scopes: ['manage'] },
  })
  const set = (change: string) =>
    http.database.pool.query(`UPDATE memberships SET ${change} WHERE user_id = $1`, [person.userId])
  await set("role = 'auditor'")
  expect((await send('readCaller', token)).json()).toMatchObject({ role: 'auditor' })
  expect(codeOf(await send('createWebhookEndpoint', token, { body: {} }))).toBe('forbidden')
  await set('suspended_at = now()')
  expect((await send('readCaller', token)).statusCode).toBe(403)
})

test('what a token did is in the audit trail with the token', async () => {
  const body = { serviceId: 'openai', secret: goodSecret(), label: 'By token' }
  const added = await send('addServiceKey', tokens.member, { body })
  expect(added.statusCode, added.body).toBe(201)
  const { accessToken } = (await send('readCaller', tokens.member)).json<{ accessToken: { id: string } }>()
  const trail = await http.call('listAudit', people.owner, { query: { action: 'service_key' } })
  const [entry] = trail.json<{ items: { actor: object }[] }>().items
  expect(entry?.actor).toMatchObject({ id: people.member.userId, accessTokenId: accessToken.id })
  const verified = await http.call('verifyAudit', people.owner, {})
  expect(verified.json()).toMatchObject({ ok: true })
})

test('a token makes nobody an owner or administrator, changes none, and hands nothing over', async () => {
  const { userId } = await http.createBrowser({ organizationId: companyId })
  const params = { id: userId }
  for (const role of ['owner', 'administrator'] as const) {
    const body = { email: `new-${role}@example.com`, role }
    expect(codeOf(await send('inviteMember', tokens.owner, { body }))).toBe('insufficient_scope')
    const promoted = await send('changeMemberRole', tokens.owner, { params, body: { role } })
    expect(codeOf(promoted)).toBe('insufficient_scope')
    const theirs = { params: { id: people[role].userId }, body: {} }
    expect(codeOf(await send('suspendMember', tokens.owner, theirs))).toBe('insufficient_scope')
  }
  const heir = { body: { userId } }
  expect((await send('transferOrganization', tokens.owner, heir)).statusCode).toBe(403)
  const body = { email: 'new-member@example.com', role: 'member' }
  expect((await send('inviteMember', tokens.owner, { body })).statusCode).toBe(201)
  const lesser = await send('changeMemberRole', tokens.owner, { params, body: { role: 'auditor' } })
  expect(lesser.statusCode, lesser.body).toBe(200)
})

test('a token makes no token that may manage, nor one of another scope or of longer life', async () => {
  const make = async (token: string, scopes: string[], expiresInDays: number | null = null) =>
    codeOf(await send('createAccessToken', token, { body: { name: 'Another', scopes, expiresInDays } }))
  expect(await make(tokens.owner, ['manage'])).toBe('insufficient_scope')
  expect(await make(tokens.owner, ['operations'])).toBe('insufficient_scope')
  const both = await tokenOf(people.owner, ['manage', 'operations'])
  expect(await make(both, ['operations'])).toBeUndefined()
  const brief = must(
    await http.access.authenticate((await import('../src/access/token.ts')).hashOfToken(both)),
  )
  await http.database.pool.query(
    "UPDATE access_tokens SET expires_at = now() + interval '1 day' WHERE id = $1",
    [brief.id],
  )
  expect(await make(both, ['operations'])).toBe('insufficient_scope')
  expect(await make(both, ['operations'], 2)).toBe('insufficient_scope')
})

test('only who runs the platform makes a token that may administer it', async () => {
  const body = { name: 'Platform', scopes: ['administer' as const] }
  expect(codeOf(await http.call('createAccessToken', people.owner, { body }))).toBe('forbidden')
})

describe('an idempotency key', () => {
  const create = (key: string, body: object, token = tokens.owner) =>
    send('createWebhookEndpoint', token, { body, headers: { 'idempotency-key': key } })
  const url = 'https://example.com/hook'
  const count = async () => (await http.webhookEndpoints.endpoints(companyId)).length

  test('makes a request that is repeated take effect once, with the same reply, its secret too', async () => {
    const key = randomUUID()
    const before = await count()
    const first = await create(key, { url })
    expect(first.statusCode, first.body).toBe(201)
    const again = await create(key, { url })
    expect([again.statusCode, again.body]).toEqual([201, first.body])
    expect([first.headers['idempotency-replayed'], again.headers['idempotency-replayed']]).toEqual([
      undefined,
      'true',
    ])
    expect(await count()).toBe(before + 1)
    const { rows } = await http.database.pool.query(
      'SELECT sealed_reply FROM idempotent_requests WHERE state = $1 AND sealed_reply IS NOT NULL',
      ['done'],
    )
    const { secret } = first.json<{ secret: string }>()
    for (const row of rows as { sealed_reply: Buffer }[])
      expect(row.sealed_reply.toString('latin1')).not.toContain(secret)
  })

  test('is refused for another body, another endpoint, and is another caller’s own', async () => {
    const key = randomUUID()
    expect((await create(key, { url })).statusCode).toBe(201)
    expect(codeOf(await create(key, { url: 'https://example.com/other' }))).toBe('idempotency_key_reused')
    const elsewhere = await send('markAllAlertsRead', tokens.owner, { headers: { 'idempotency-key': key } })
    expect(codeOf(elsewhere)).toBe('idempotency_key_reused')
    expect((await create(key, { url }, tokens.administrator)).statusCode).toBe(201)
  })

  test('of two at once one takes effect, and the other is told to wait or answered alike', async () => {
    const key = randomUUID()
    const before = await count()
    const both = await Promise.all([create(key, { url }), create(key, { url })])
    expect(await count()).toBe(before + 1)
    const codes = both.map((reply) => codeOf(reply) ?? reply.statusCode)
    expect(codes).toContain(201)
    for (const code of codes) expect([201, 'idempotency_under_way']).toContain(code)
  })

  test('may try again after a refusal; where nobody knows how it ended, that is said', async () => {
    const key = randomUUID()
    expect(codeOf(await create(key, { url: 'http://169.254.169.254/' }))).toBe('unsafe_address')
    expect((await create(key, { url })).statusCode).toBe(201)
    await http.database.pool.query(
      "UPDATE idempotent_requests SET state = 'under_way', sealed_reply = NULL, started_at = now() - interval '5 minutes'",
    )
    expect(codeOf(await create(key, { url }))).toBe('outcome_unknown')
    await http.database.pool.query("UPDATE idempotent_requests SET expires_at = now() - interval '1 second'")
    expect((await create(key, { url })).statusCode).toBe(201)
  })

  test('is refused where it is none, and where none is taken', async () => {
    expect(codeOf(await create('short', { url }))).toBe('invalid_request')
    const signIn = await http.app.inject({
      method: 'POST',
      url: '/api/session',
      headers: { 'idempotency-key': randomUUID() },
      payload: { email: 'ada@example.com', password: 'x' },
    })
    expect(signIn.json()).toMatchObject({ error: { code: 'invalid_request', field: 'idempotency-key' } })
  })
})

test('every reply names the version, and a request for another one is refused before anything is done', async () => {
  const reply = await send('readCaller', tokens.owner, { headers: { [apiVersionHeader]: apiVersion } })
  expect([reply.statusCode, reply.headers[apiVersionHeader]]).toEqual([200, apiVersion])
  const other = await send('readCaller', tokens.owner, { headers: { [apiVersionHeader]: '2020-01-01' } })
  expect(other.json()).toMatchObject({ error: { code: 'invalid_request', field: apiVersionHeader } })
})

describe('the document', () => {
  const read = async () => (await http.app.inject('/api/openapi.json')).json<OpenApiDocument>()

  test('is OpenAPI 3.1, as an independent validator checks it', async () => {
    const result = await new Validator().validate({ ...(await read()) })
    expect(result.errors ?? []).toEqual([])
    expect(result.valid).toBe(true)
    expect((await http.app.inject('/api')).json()).toMatchObject({
      apiVersion,
      document: '/api/openapi.json',
    })
  })

  test('has an example of every body, parameter and reply, which the server itself would take', async () => {
    const document = await read()
    const wrong: string[] = []
    const check = (where: string, schema: z.ZodType | undefined, example: unknown) => {
      const parsed = schema?.safeParse(example)
      if (schema && !parsed?.success) wrong.push(`${where}: ${JSON.stringify(parsed?.error?.issues[0])}`)
    }
    for (const [name, endpoint] of Object.entries(endpoints) as [EndpointName, Endpoint][]) {
      const path = `/api${endpoint.path.replace(/:(\w+)/g, '{$1}')}`
      const operation = document.paths[path]?.[endpoint.method.toLowerCase()]
      const given = (place: string) =>
        Object.fromEntries(
          (operation?.parameters ?? [])
            .filter((one) => one.in === place)
            .map((one) => [one.name, one.example]),
        )
      check(`${name} params`, endpoint.params, given('path'))
      check(`${name} query`, endpoint.query, given('query'))
      check(`${name} body`, endpoint.body, operation?.requestBody?.content?.['application/json']?.example)
      const reply = operation?.responses?.[String(endpoint.status ?? 200)]
      if (!endpoint.file)
        check(`${name} reply`, endpoint.reply, reply?.content?.['application/json']?.example)
    }
    expect(wrong).toEqual([])
  })
})

const run = promisify(execFile)
const application = `
import { ApiError, makeClient } from 'aideon-keys-sdk'

const client = makeClient({
  baseUrl: process.env['AIDEON_KEYS_URL']!,
  accessToken: process.env['AIDEON_KEYS_TOKEN']!,
})
const caller = await client.api.readCaller({})
const role: 'owner' | 'administrator' | 'billing' | 'auditor' | 'member' = caller.role
try {
  await client.api.readWebhookEndpoint({ params: { id: '${newId()}' } })
} catch (error) {
  console.log(JSON.stringify({ role, code: error instanceof ApiError ? error.code : String(error) }))
}
`

describe('the client', () => {
  /** Over the same shell, without a socket. */
  const fetchOf = (before: (url: URL) => Response | Error | null = () => null): typeof globalThis.fetch =>
    (async (input: string, init: RequestInit = {}) => {
      const url = new URL(input)
      const instead = before(url)
      if (instead instanceof Error) throw instead
      if (instead) return instead
      const reply = await http.app.inject({
        method: init.method as 'GET',
        url: url.pathname + url.search,
        headers: init.headers as Record<string, string>,
        ...(init.body ? { payload: init.body as string } : {}),
      })
      return new Response(reply.body, {
        status: reply.statusCode,
        headers: reply.headers as Record<string, string>,
      })
    }) as typeof globalThis.fetch
  const clientOf = (fetch = fetchOf(), accessToken = tokens.owner) =>
    makeClient({ baseUrl: 'http://keys.example/', accessToken, fetch, sleep: async () => {} })

  test('is typed by the contract, and throws what the API says was wrong', async () => {
    const client = clientOf()
    expect((await client.api.readCaller({})).organization.id).toBe(companyId)
    const wrong = client.api.readWebhookEndpoint({ params: { id: newId() } })
    await expect(wrong).rejects.toMatchObject({ name: 'ApiError', status: 404, code: 'not_found' })
    await expect(clientOf(fetchOf(), tokens.lesser).call('listWebhookEndpoints', {})).rejects.toMatchObject({
      code: 'insufficient_scope',
    })
  })

  test('walks every item of a list once, whatever the size of its pages', async () => {
    const everything: string[] = []
    for await (const { id } of clientOf().each('listAudit', { query: { limit: 3 } })) everything.push(id)
    const whole = await clientOf().call('listAudit', { query: { limit: 200 } })
    expect(everything.length).toBeGreaterThan(3)
    expect(everything).toEqual(whole.items.map(({ id }) => id))
  })

  test('sends a POST again whose reply was lost, and it took effect once', async () => {
    const real = fetchOf()
    let lost = 0
    const losing = (async (input: string, init: RequestInit) => {
      const reply = await real(input, init)
      if (lost++ < 2) throw new TypeError('connection reset')
      return reply
    }) as typeof globalThis.fetch
    const before = (await http.webhookEndpoints.endpoints(companyId)).length
    const made = await clientOf(losing).call('createWebhookEndpoint', {
      body: { url: 'https://example.com/' },
    })
    expect(made.secret).toMatch(/^whsec_/)
    expect((await http.webhookEndpoints.endpoints(companyId)).length).toBe(before + 1)
    expect(lost).toBe(3)
  })

  test('gives up after its attempts, and at once where another attempt could do harm', async () => {
    let asked = 0
    const broken = clientOf(fetchOf(() => (asked++, new Response('<html>', { status: 502 }))))
    await expect(broken.call('readCaller', {})).rejects.toMatchObject({
      code: 'reply_not_understood',
      status: 502,
    })
    expect(asked).toBe(4)
    asked = 0
    const params = { id: newId() }
    await expect(broken.call('changeWebhookEndpoint', { params, body: {} })).rejects.toThrow()
    expect(asked).toBe(1)
  })

  test('as a package it is JavaScript and types, of zod alone, that an application installs and compiles', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aideon-sdk-'))
    try {
      const installed = join(folder, 'node_modules')
      await run(process.execPath, ['scripts/sdk-package.mjs', '--out', join(installed, 'aideon-keys-sdk')])
      for (const name of ['zod', '@types'])
        await symlink(resolve('node_modules', name), join(installed, name))
      await writeFile(join(folder, 'package.json'), '{"type": "module"}')
      await writeFile(join(folder, 'application.ts'), application)
      const compiler = commandScript('tsc', { tsc: 'typescript' })
      const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
      await run(process.execPath, [compiler, ...options, 'application.ts'], { cwd: folder })
      const url = await http.app.listen({ host: '127.0.0.1', port: 0 })
      const environment = { ...process.env, AIDEON_KEYS_URL: url, AIDEON_KEYS_TOKEN: tokens.owner }
      const { stdout } = await run(process.execPath, ['application.js'], { cwd: folder, env: environment })
      expect(JSON.parse(stdout)).toEqual({ role: 'owner', code: 'not_found' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('is what the command uses: endpoints by name, parameters where they belong, errors with what to do', async () => {
    const said: string[] = []
    const parts = {
      environment: { AIDEON_KEYS_TOKEN: tokens.owner, AIDEON_KEYS_URL: 'http://keys.example' },
      out: (line: string) => void said.push(line),
      error: (line: string) => void said.push(`! ${line}`),
      fetch: fetchOf(),
    }
    expect(await apiCommand('readCaller', {}, parts)).toBe(0)
    expect(JSON.parse(said.pop() ?? '')).toMatchObject({ role: 'owner' })
    expect(await apiCommand('readWebhookEndpoint', { param: [`id=${newId()}`] }, parts)).toBe(1)
    expect(said.pop()).toMatch(/^! not_found: .+ Check the id\.$/)
    expect(await apiCommand('listAudit', { param: ['limit=2'], all: true }, parts)).toBe(0)
    expect(said.length).toBeGreaterThan(3)
    said.length = 0
    expect(await apiCommand('listaudit', {}, parts)).toBe(2)
    expect(said.pop()).toContain('Perhaps listAudit')
    expect(await apiCommand(undefined, {}, parts)).toBe(0)
    expect(said.some((line) => /^listServiceKeys +GET +\/service-keys/.test(line))).toBe(true)
    expect(said.some((line) => line.startsWith('changePassword'))).toBe(false)
  })
})
