import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Scope } from '../src/access/access.ts'
import { must } from '../src/kit/fault.ts'
import { noSessionPolicy, type SessionPolicy } from '../src/identity/session-policy.ts'
import { newId, platformOrganizationId } from '../src/kit/id.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/** What session policies say of access tokens, behind a proxy that tells who calls. */

let stage: Stage
let member: StagePerson
beforeAll(async () => {
  stage = await openStage({ AIDEON_TRUSTED_PROXIES: '127.0.0.0/8' })
  await stage.systemKey('openai', 1)
  const { id } = await stage.gateway.rooms.organizations.create(operator, { name: 'Firm', kind: 'company' })
  member = await stage.person({ organizationId: id })
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
})

const inside = '198.51.100.7'
const outside = '203.0.113.9'
const save = async (policy: Partial<SessionPolicy>, organizationId = member.organizationId) =>
  must(
    await stage.gateway.rooms.identity.saveSessionPolicy(
      operator,
      organizationId,
      { ...noSessionPolicy, ...policy },
      null,
    ),
  )

const newToken = (person: StagePerson | null, scopes: readonly Scope[]) =>
  stage.gateway.rooms.access.createToken(operator, {
    organizationId: person?.organizationId ?? platformOrganizationId,
    kind: person ? 'user' : 'platform',
    userId: person?.userId ?? null,
    name: 'Automation',
    scopes,
    expiresAt: null,
  })

const messages = [{ role: 'user', content: 'hello' }]
const chat = { model: 'gpt-4o-mini', max_tokens: 50, messages }
const send = (
  path: string,
  body: object | null,
  from: string,
  headers: Record<string, string> = { authorization: `Bearer ${member.token}` },
) =>
  fetch(stage.url + path, {
    method: body ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': from, ...headers },
    ...(body && { body: JSON.stringify(body) }),
  })
const outcome = async (
  from: string,
  headers: Record<string, string> = { authorization: `Bearer ${member.token}` },
) => {
  const reply = await send('/v1/chat/completions', chat, from, headers)
  const { error } = (await reply.json()) as { error?: { code: string } }
  return error?.code ?? reply.status
}

test('networks bind operations where the policy says so, for the next one, and no longer than it says', async () => {
  const neighbour = await stage.person()
  const networks = ['198.51.100.0/24', '2001:db8::/32']
  expect(await outcome(outside)).toBe(200)
  await save({ networks })
  expect(await outcome(outside), 'about sessions and management alone').toBe(200)
  await save({ networks, bindsOperations: true })
  for (const from of [inside, '::ffff:198.51.100.9', '2001:db8::7', `${outside}, ${inside}`])
    expect(await outcome(from), from).toBe(200)
  for (const from of [outside, '2001:db9::7', `${inside}, ${outside}`, 'unknown'])
    expect(await outcome(from), from).toBe('network_not_allowed')
  expect(await outcome(outside, { authorization: `Bearer ${neighbour.token}` })).toBe(200)
  await save({ bindsOperations: true })
  expect(await outcome(outside), 'a list of none').toBe(200)
})

test('a refusal is in the caller’s dialect, with a receipt, before anything is on record, held or sent on', async () => {
  await save({ networks: [inside], bindsOperations: true })
  stage.simulator.clearJournal()
  const contents = [{ role: 'user', parts: [{ text: 'hello' }] }]
  const calls: [string, object | null, object][] = [
    ['/v1/chat/completions', chat, { error: { code: 'network_not_allowed', type: 'permission_error' } }],
    ['/v1/responses', { model: 'gpt-4o-mini', input: 'hi' }, { error: { code: 'network_not_allowed' } }],
    [
      '/v1/messages',
      { ...chat, model: 'claude-haiku-4-5' },
      { type: 'error', error: { code: 'network_not_allowed', type: 'permission_error' } },
    ],
    [
      '/v1beta/models/gemini-2.5-flash:generateContent',
      { contents },
      { error: { status: 'PERMISSION_DENIED', details: [{ reason: 'network_not_allowed' }] } },
    ],
    ['/v2/rerank', { model: 'rerank-v3.5', query: 'a', documents: ['a'] }, { code: 'network_not_allowed' }],
    ['/mj/submit/imagine', { prompt: 'hi' }, { properties: { code: 'network_not_allowed' } }],
    ['/v1/models', null, { error: { code: 'network_not_allowed' } }],
    ['/v1/no-such-path', {}, { error: { code: 'network_not_allowed' } }],
  ]
  for (const [path, body, expected] of calls) {
    const reply = await send(path, body, outside)
    expect(reply.status, path).toBe(403)
    expect(reply.headers.get('x-aideon-operation'), path).toMatch(/^[0-9a-f-]{36}$/)
    expect(await reply.json(), path).toMatchObject(expected)
  }
  expect((await send('/v1/chat/completions', chat, outside, {})).status, 'without a token').toBe(401)
  const explained = { authorization: `Bearer ${member.token}`, 'x-aideon-explain': 'true' }
  expect(await outcome(outside, explained)).toBe('network_not_allowed')

  const url = `${stage.url.replace('http', 'ws')}/v1/realtime?model=gpt-realtime`
  const headers = { authorization: `Bearer ${member.token}`, 'x-forwarded-for': outside }
  const socket = new WebSocket(url, { headers })
  const [, refusal] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  expect(refusal.statusCode).toBe(403)
  refusal.resume()

  expect(stage.simulator.journal()).toEqual([])
  const { rows } = await stage.clone.database.pool.query(
    `SELECT status, fault_code FROM operations WHERE organization_id = $1 AND status <> 'succeeded'`,
    [member.organizationId],
  )
  expect(rows).toEqual([])
  expect((await stage.balance(member)).heldMicros).toBe(0n)
})

/** As automation calls the management API. */
const codeByToken = async (path: string, token: string, from: string, headers = {}) => {
  const reply = await send(`/api${path}`, null, from, { authorization: `Bearer ${token}`, ...headers })
  const { error } = (await reply.json()) as { error?: { code: string } }
  return error?.code ?? 'ok'
}
/** Of an operation that there is not. */
const operationPath = `/operations/${newId()}`

test('access tokens open the management API from the networks of the policy alone, whatever they may', async () => {
  const manages = (await newToken(member, ['manage'])).token
  const platform = (await newToken(null, ['act_for_users'])).token
  const other = (await newToken(await stage.person(), ['manage'])).token
  const all = async (from: string) => [
    await codeByToken('/services', manages, from),
    await codeByToken(operationPath, manages, from),
    await codeByToken(operationPath, member.token, from),
    await codeByToken(operationPath, platform, from, { 'x-aideon-user': member.userId }),
  ]
  const letIn = ['ok', 'not_found', 'not_found', 'not_found']
  await save({})
  expect(await all(outside)).toEqual(letIn)
  await save({ networks: [inside, '2001:db8::/32'] })
  for (const from of [inside, `::ffff:${inside}`, '2001:db8::7', `${outside}, ${inside}`])
    expect(await all(from), from).toEqual(letIn)
  for (const from of [outside, '2001:db9::7', `${inside}, ${outside}`])
    expect(new Set(await all(from)), from).toEqual(new Set(['network_not_allowed']))
  expect(await codeByToken('/services', other, outside), 'another organisation').toBe('ok')
})

test('the platform’s policy holds for its own tokens, and for those of its administrators wherever they work', async () => {
  const administrator = await stage.person()
  must(
    await stage.gateway.rooms.organizations.changeUser(operator, administrator.userId, {
      isPlatformAdministrator: true,
    }),
  )
  const administers = (await newToken(administrator, ['administer', 'manage', 'read'])).token
  const platform = (await newToken(null, ['act_for_users'])).token
  const others = (await newToken(member, ['manage'])).token
  const all = async (from: string) => [
    await codeByToken('/admin/users', administers, from),
    await codeByToken('/services', administers, from),
    await codeByToken(operationPath, administers, from),
    await codeByToken(operationPath, platform, from, { 'x-aideon-user': member.userId }),
    await codeByToken('/services', others, from),
  ]
  await save({})
  await save({ networks: [inside] }, platformOrganizationId)
  expect(await all(inside)).toEqual(['ok', 'ok', 'not_found', 'not_found', 'ok'])
  const refused = 'network_not_allowed'
  expect(await all(outside)).toEqual([refused, refused, refused, refused, 'ok'])
  await save({}, platformOrganizationId)
})

test('whatever stands for a member is bound: a platform token by the platform’s list, too', async () => {
  const { token } = await newToken(null, ['act_for_users'])
  const headers = { authorization: `Bearer ${token}`, 'x-aideon-user': member.userId }
  await save({ networks: [inside], bindsOperations: true })
  expect([await outcome(inside, headers), await outcome(outside, headers)]).toEqual([
    200,
    'network_not_allowed',
  ])
  await save({})
  await save({ networks: [outside], bindsOperations: true }, platformOrganizationId)
  expect([await outcome(inside, headers), await outcome(outside, headers)]).toEqual([
    'network_not_allowed',
    200,
  ])
  expect(await outcome(inside), 'a token of their own').toBe(200)
  await save({}, platformOrganizationId)
})

test('a token that may manage is taken for the days of the policy, for operations too, and others go on', async () => {
  const both = await newToken(member, ['operations', 'manage'])
  await stage.clone.database.pool.query(
    `UPDATE access_tokens SET created_at = now() - interval '8 days' WHERE id = ANY($1)`,
    [[both.accessToken.id, member.accessTokenId]],
  )
  const all = async () => [
    await codeByToken('/services', both.token, inside),
    await codeByToken(operationPath, both.token, inside),
    await outcome(inside, { authorization: `Bearer ${both.token}` }),
    await codeByToken(operationPath, member.token, inside),
    await outcome(inside),
  ]
  await save({ tokenDays: 9 })
  expect(await all()).toEqual(['ok', 'not_found', 200, 'not_found', 200])
  await save({ tokenDays: 8 })
  expect(await all()).toEqual(['expired_token', 'expired_token', 'expired_token', 'not_found', 200])
})
