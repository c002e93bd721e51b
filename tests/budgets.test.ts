import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BudgetDraft } from '../src/budgets/budgets.ts'
import { must } from '../src/kit/fault.ts'
import { platformOrganizationId } from '../src/kit/id.ts'
import { checkBudgets } from './budget-nodes.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ AIDEON_WEBHOOK_ADDRESSES: '127.0.0.1' })
  await stage.systemKey('openai', 1)
  await stage.systemKey('anthropic', 1)
})
afterAll(async () => {
  expect(await checkBudgets(stage.clone.database)).toEqual([])
  await stage[Symbol.asyncDispose]()
})

const chat = { model: 'gpt-4o-mini', max_tokens: 200, messages: [{ role: 'user', content: 'hello' }] }
const message = { model: 'claude-haiku-4-5', max_tokens: 200, messages: [{ role: 'user', content: 'hello' }] }

const post = (person: StagePerson, path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(stage.url + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      authorization: `Bearer ${person.token}`,
      ...headers,
    },
    body: JSON.stringify(body),
  })
const idOf = (reply: Response) => reply.headers.get('x-aideon-operation') ?? ''

const budgetOn = async (person: StagePerson, more: Partial<BudgetDraft> = {}) =>
  must(
    await stage.gateway.rooms.budgets.create(operator, {
      organizationId: person.organizationId,
      userId: person.userId,
      accessTokenId: null,
      serviceId: null,
      name: 'Pocket money',
      measure: 'credits',
      limit: 50n,
      enforcement: 'hard',
      period: 'calendar_month',
      timeZone: 'UTC',
      setBy: 'administrator',
      ...more,
    }),
  )
const standing = async (budget: { organizationId: string; id: string }) =>
  must(
    await stage.gateway.rooms.budgets.find(
      { organizationId: budget.organizationId, userId: null },
      budget.id,
    ),
  )

describe('a hard budget on credits', () => {
  test('refuses a call on a system key that does not fit, and says which budget and when it starts anew', async () => {
    const person = await stage.person()
    await budgetOn(person)
    const reply = await post(person, '/v1/chat/completions', chat)
    expect(reply.status).toBe(402)
    const { error } = (await reply.json()) as { error: { code: string; type: string; message: string } }
    expect(error).toMatchObject({ code: 'budget_exceeded', type: 'insufficient_quota' })
    expect(error.message).toMatch(
      /“Pocket money” on this user .*0\.00005 credits.* starts anew at \d{4}-\d{2}-01 00:00 \(UTC\)/,
    )
    expect(reply.headers.has('retry-after')).toBe(false)
    expect(await stage.operation(person, idOf(reply))).toMatchObject({
      status: 'refused',
      fault_code: 'budget_exceeded',
      credit_micros: 0n,
    })
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 100_000_000n, heldMicros: 0n })
  })

  test('is told of by an explanation before, with the same words, and so is one on the cost of own keys', async () => {
    const person = await stage.person()
    await budgetOn(person)
    type Told = { keyOwner: string; why: string; words: string; until: string | null }
    type Explained = { candidates: Told[]; passedOver: Told[]; refusal: { code: string } | null }
    const explain = async () =>
      (await (
        await post(person, '/v1/chat/completions', chat, { 'x-aideon-explain': '1' })
      ).json()) as Explained
    const inDashboard = async () =>
      (await (
        await post(person, '/api/route/explain', { model: chat.model, outputTokens: 200 })
      ).json()) as Explained
    const refused = (await (await post(person, '/v1/chat/completions', chat)).json()) as {
      error: { message: string }
    }
    for (const told of [await explain(), await inDashboard()]) {
      expect(told).toMatchObject({ candidates: [], refusal: { code: 'budget_exceeded' } })
      expect(told.passedOver.find(({ why }) => why === 'budget')?.until).toMatch(/-01T00:00:00/)
    }
    // What was used and is left; what is needed differs by the model of the price alone.
    const { passedOver } = await explain()
    expect(refused.error.message).toContain(passedOver.find(({ why }) => why === 'budget')?.words)

    await stage.ownKey(person, 'openai')
    expect((await explain()).candidates.map(({ keyOwner }) => keyOwner)).toEqual(['user'])
    await budgetOn(person, { measure: 'own_key_cost', limit: 1n, name: 'My keys' })
    expect(await explain()).toMatchObject({ candidates: [], refusal: { code: 'budget_exceeded' } })
    expect((await stage.balance(person)).heldMicros).toBe(0n)
  })

  test('is told in the words of every dialect', async () => {
    const person = await stage.person()
    await budgetOn(person)
    const anthropic = await post(person, '/v1/messages', message)
    expect([anthropic.status, await anthropic.json()]).toMatchObject([
      402,
      { type: 'error', error: { type: 'billing_error', code: 'budget_exceeded' } },
    ])
    const gemini = await post(person, '/v1beta/models/gpt-4o-mini:generateContent', {
      contents: [{ role: 'user', parts: [{ text: 'hello' }] }],
      generationConfig: { maxOutputTokens: 200 },
    })
    expect([gemini.status, await gemini.json()]).toMatchObject([
      402,
      { error: { status: 'RESOURCE_EXHAUSTED', details: [{ reason: 'budget_exceeded' }] } },
    ])
  })

  test('never stops a call on an own key', async () => {
    const person = await stage.person()
    const budget = await budgetOn(person, { limit: 1n })
    await stage.ownKey(person, 'openai')
    const reply = await post(person, '/v1/chat/completions', chat)
    expect(reply.status).toBe(200)
    expect(reply.headers.get('x-aideon-key-owner')).toBe('user')
    await reply.text()
    expect(await standing(budget)).toMatchObject({ used: 0n, reserved: 0n })
  })

  test('forbids a fallback from an own key that failed, and the decision says so', async () => {
    const person = await stage.person()
    await budgetOn(person, { limit: 1n })
    await stage.ownKey(person, 'openai', { kind: 'failing' })
    const reply = await post(person, '/v1/chat/completions', chat)
    expect(reply.status).toBeGreaterThanOrEqual(500)
    const { decision } = (await stage.operation(person, idOf(reply))) as {
      decision: {
        candidates: { owner: string }[]
        passedOver: { owner: string; why: string; until: string }[]
      }
    }
    expect(decision.candidates.map(({ owner }) => owner)).toEqual(['user'])
    expect(decision.passedOver.find(({ owner }) => owner === 'system')).toMatchObject({
      why: 'budget_exceeded',
      until: expect.stringMatching(/T00:00:00\.000Z$/) as string,
    })
  })

  test('counts exactly what is charged, and lets the next call through only as far as it fits', async () => {
    const person = await stage.person()
    const budget = await budgetOn(person, { limit: 30_000n })
    let spent = 0n
    let refused = 0
    for (let turn = 0; turn < 40 && refused === 0; turn++) {
      const reply = await post(person, '/v1/chat/completions', chat)
      await reply.text()
      if (reply.status === 402) refused++
      else spent += ((await stage.operation(person, idOf(reply))) as { credit_micros: bigint }).credit_micros
    }
    expect(spent).toBeGreaterThan(0n)
    expect(await standing(budget)).toMatchObject({ used: spent, reserved: 0n })
    expect(spent).toBeLessThanOrEqual(30_000n)
  })

  test('lowers a length that the caller left open to what is left of it', async () => {
    const person = await stage.person()
    await budgetOn(person, { limit: 60_000n })
    const { max_tokens: _, ...open } = chat
    const reply = await post(person, '/v1/chat/completions', open)
    expect(reply.status).toBe(200)
    const limit = Number(reply.headers.get('x-aideon-max-output-tokens'))
    expect(limit).toBeGreaterThanOrEqual(256)
    expect(limit).toBeLessThan(1_024)
    await reply.text()
  })

  test('of one service leaves the others alone', async () => {
    const person = await stage.person()
    await budgetOn(person, { limit: 1n, serviceId: 'openai' })
    expect((await post(person, '/v1/chat/completions', chat)).status).toBe(402)
    const other = await post(person, '/v1/messages', message)
    expect(other.status).toBe(200)
    await other.text()
  })

  test('of an access token leaves the user’s other tokens alone', async () => {
    const person = await stage.person()
    await budgetOn(person, { limit: 1n, accessTokenId: person.accessTokenId })
    expect((await post(person, '/v1/chat/completions', chat)).status).toBe(402)
    const { token } = await stage.gateway.rooms.access.createToken(operator, {
      organizationId: person.organizationId,
      kind: 'user',
      userId: person.userId,
      name: 'other',
      scopes: ['operations'],
      expiresAt: null,
    })
    const other = await post({ ...person, token }, '/v1/chat/completions', chat)
    expect(other.status).toBe(200)
    await other.text()
  })

  test('holds from the call after its creation on, and no longer after it was raised or archived', async () => {
    const person = await stage.person()
    const status = async () => {
      const reply = await post(person, '/v1/chat/completions', chat)
      await reply.text()
      return reply.status
    }
    expect(await status()).toBe(200)
    const budget = await budgetOn(person, { limit: 1n })
    expect(await status()).toBe(402)
    const reach = { organizationId: person.organizationId, userId: null }
    must(await stage.gateway.rooms.budgets.change(operator, reach, budget.id, { limit: 10_000_000n }))
    expect(await status()).toBe(200)
    must(await stage.gateway.rooms.budgets.change(operator, reach, budget.id, { limit: 1n }))
    expect(await status()).toBe(402)
    must(await stage.gateway.rooms.budgets.archive(operator, reach, budget.id))
    expect(await status()).toBe(200)
  })

  test('on a user is met whichever way they call: for a team, through a host, streamed, on any endpoint, many at once', async () => {
    const { access, organizations, teams } = stage.gateway.rooms
    const { id: organizationId } = await organizations.create(operator, { name: 'Firm', kind: 'company' })
    const person = await stage.person({ organizationId })
    const budget = await budgetOn(person, { limit: 50n })
    const by = { actor: operator, organizationId, userId: person.userId, role: 'administrator' } as const
    const teamId = must(await teams.create(by, { name: 'Search', description: '' }))
    must(await teams.setMember(by, teamId, person.userId, 'member'))
    const ofTeam = must(await teams.createToken(by, teamId, { name: 'Batch', expiresAt: null })).token
    const ofHost = (
      await access.createToken(operator, {
        organizationId: platformOrganizationId,
        kind: 'platform',
        userId: null,
        name: 'host',
        scopes: ['act_for_users'],
        expiresAt: null,
      })
    ).token
    const ways: [string, object, { token?: string; headers?: Record<string, string> }?][] = [
      ['/v1/chat/completions', chat, { token: ofTeam }],
      ['/v1/chat/completions', chat, { token: ofHost, headers: { 'x-aideon-user': person.email } }],
      ['/v1/chat/completions', { ...chat, stream: true }],
      ['/v1/responses', { model: chat.model, max_output_tokens: 200, input: 'hello' }],
      ['/v1/messages', { ...message, model: chat.model }],
      ['/v1/embeddings', { model: 'text-embedding-3-large', input: 'hello '.repeat(2_000) }],
    ]
    const send = ([path, body, { token = person.token, headers = {} } = {}]: (typeof ways)[number]) =>
      post({ ...person, token }, path, body, headers)
    const replies = await Promise.all([...ways, ...ways].map(send))
    const told = await Promise.all(replies.map(async (reply) => [reply.status, await reply.text()] as const))
    expect(told.map(([status, text]) => [status, text.includes('budget_exceeded')])).toEqual(
      told.map(() => [402, true]),
    )
    expect(await standing(budget)).toMatchObject({ used: 0n, reserved: 0n })
    // Raised, each of them counts.
    const reach = { organizationId, userId: null }
    must(await stage.gateway.rooms.budgets.change(operator, reach, budget.id, { limit: 100_000_000n }))
    let used = 0n
    for (const way of ways) {
      const reply = await send(way)
      await reply.text()
      expect([way[0], reply.status]).toEqual([way[0], 200])
      used += ((await stage.operation(person, idOf(reply))) as { credit_micros: bigint }).credit_micros
      expect(await standing(budget)).toMatchObject({ used, reserved: 0n })
    }
  })

  test('of the platform without a user is one on the whole installation', async () => {
    const [one, other] = [await stage.person(), await stage.person()]
    const whole = await budgetOn(one, {
      organizationId: platformOrganizationId,
      userId: null,
      serviceId: 'anthropic',
      limit: 1n,
    })
    for (const person of [one, other]) expect((await post(person, '/v1/messages', message)).status).toBe(402)
    const reach = { organizationId: platformOrganizationId, userId: null }
    must(await stage.gateway.rooms.budgets.archive(operator, reach, whole.id))
    const again = await post(other, '/v1/messages', message)
    expect(again.status).toBe(200)
    await again.text()
  })
})

describe('a budget on the cost of own keys', () => {
  test('that is hard refuses calls on own keys that do not fit; system keys go on where preference allows', async () => {
    const person = await stage.person({ fallback: 'none' })
    await stage.ownKey(person, 'openai')
    const budget = await budgetOn(person, { measure: 'own_key_cost', limit: 500n })
    const refused = await post(person, '/v1/chat/completions', chat)
    expect(refused.status).toBe(402)
    expect(await refused.text()).toContain('0.0000005 USD')
    const reach = { organizationId: person.organizationId, userId: null }
    must(await stage.gateway.rooms.budgets.change(operator, reach, budget.id, { limit: 1_000_000_000n }))
    const reply = await post(person, '/v1/chat/completions', chat)
    expect(reply.status).toBe(200)
    await reply.text()
    const { cost_nano_usd } = (await stage.operation(person, idOf(reply))) as { cost_nano_usd: bigint }
    expect(await standing(budget)).toMatchObject({ used: cost_nano_usd, reserved: 0n })
    const stillOnCredits = await stage.person()
    await budgetOn(stillOnCredits, { measure: 'own_key_cost', limit: 1n })
    const onSystemKey = await post(stillOnCredits, '/v1/chat/completions', chat)
    expect([onSystemKey.status, onSystemKey.headers.get('x-aideon-key-owner')]).toEqual([200, 'system'])
    await onSystemKey.text()
  })

  test('limits a length that was left open on an own key, too', async () => {
    const person = await stage.person({ fallback: 'none' })
    await stage.ownKey(person, 'openai')
    await budgetOn(person, { measure: 'own_key_cost', limit: 600_000n })
    const { max_tokens: _, ...open } = chat
    stage.simulator.clearJournal()
    const reply = await post(person, '/v1/chat/completions', open)
    expect(reply.status).toBe(200)
    const limit = Number(reply.headers.get('x-aideon-max-output-tokens'))
    expect(limit).toBeGreaterThanOrEqual(256)
    expect(limit).toBeLessThan(1_024)
    await reply.text()
  })

  test('that is hard refuses what has no price instead of letting it pass by', async () => {
    const person = await stage.person({ fallback: 'none' })
    await stage.ownKey(person, 'openai')
    await budgetOn(person, { measure: 'own_key_cost', limit: 1_000_000_000n })
    const raw = await post(person, '/services/openai/v1/fine_tuning/jobs', chat)
    expect(raw.status).toBe(422)
    expect(await raw.text()).toContain('price_unknown')
  })

  test('that is soft counts and stops nothing', async () => {
    const person = await stage.person({ fallback: 'none' })
    await stage.ownKey(person, 'openai')
    const budget = await budgetOn(person, { measure: 'own_key_cost', limit: 1n, enforcement: 'soft' })
    for (let turn = 0; turn < 2; turn++) {
      const reply = await post(person, '/v1/chat/completions', chat)
      expect(reply.status).toBe(200)
      await reply.text()
    }
    const { used, fired } = await standing(budget)
    expect(used).toBeGreaterThan(1n)
    await expect.poll(async () => (await standing(budget)).fired.length).toBe(4)
    expect(fired.length).toBeLessThanOrEqual(4)
  })
})

test('a streamed call counts before its last byte', async () => {
  const person = await stage.person()
  const budget = await budgetOn(person, { limit: 10_000_000n })
  const reply = await post(person, '/v1/chat/completions', { ...chat, stream: true })
  expect(await reply.text()).toContain('[DONE]')
  const { credit_micros } = (await stage.operation(person, idOf(reply))) as { credit_micros: bigint }
  expect(credit_micros).toBeGreaterThan(0n)
  expect(await standing(budget)).toMatchObject({ used: credit_micros, reserved: 0n })
})

test('a caller who hangs up leaves nothing reserved', async () => {
  const person = await stage.person()
  const budget = await budgetOn(person, { limit: 10_000_000n })
  const controller = new AbortController()
  const reply = await fetch(`${stage.url}/v1/chat/completions`, {
    method: 'POST',
    signal: controller.signal,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${person.token}` },
    body: JSON.stringify({ ...chat, stream: true }),
  })
  await reply.body?.getReader().read()
  controller.abort()
  await expect
    .poll(async () => {
      const { rows } = await stage.clone.database.pool.query(
        'SELECT FROM operations WHERE organization_id = $1',
        [person.organizationId],
      )
      return rows.length
    })
    .toBe(1)
  expect(await standing(budget)).toMatchObject({ reserved: 0n })
})

test('thresholds reach the user’s webhook, signed with their secret, the highest of several at once only', async () => {
  const person = await stage.person()
  const { alerts, longOperations, budgets } = stage.gateway.rooms
  const { secret } = await longOperations.webhooks.newSecret(person, operator)
  const received: { headers: Record<string, string>; body: string }[] = []
  const receiver = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      received.push({ headers: request.headers as Record<string, string>, body })
      response.end()
    })
  })
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
  must(
    await alerts.setChannels(operator, person, {
      email: { enabled: false, minimumSeverity: 'info' },
      webhook: { enabled: true, url, minimumSeverity: 'info' },
    }),
  )
  await budgetOn(person, { limit: 1n, enforcement: 'soft', setBy: 'user' })
  await (await post(person, '/v1/chat/completions', chat)).text()
  await budgets.settled()
  await expect.poll(() => received.length).toBe(1)
  const [{ headers, body }] = received as [(typeof received)[number]]
  expect(JSON.parse(body)).toMatchObject({
    type: 'alert.budget_threshold',
    data: { severity: 'critical', title: 'Budget “Pocket money”: 100 % used' },
  })
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
  const shown = await alerts.page(person, {}, null, 10)
  expect(shown.map(({ title }) => title).toSorted()).toEqual([
    'Budget “Pocket money”: 100 % used',
    'Budget “Pocket money”: 50 % used',
    'Budget “Pocket money”: 75 % used',
    'Budget “Pocket money”: 90 % used',
  ])
  const delivery = async () => (await alerts.deliveries({ owner: person }, null, 10))[0]
  // The receiver has answered before that is written down.
  await expect
    .poll(delivery)
    .toMatchObject({ state: 'delivered', attempts: 1, lastStatus: 200, channel: 'webhook' })
  receiver.close()
})
