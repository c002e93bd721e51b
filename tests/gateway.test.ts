import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
})

const chat = (prompt: string, more: object = {}) => ({
  model: 'gpt-4o-mini',
  max_tokens: 200,
  messages: [{ role: 'user', content: prompt }],
  ...more,
})

const post = (
  person: StagePerson | null,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
) =>
  fetch(stage.url + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(person ? { authorization: `Bearer ${person.token}` } : {}),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

test('an own key runs the operation, for no credits', async () => {
  const person = await stage.person({ creditMicros: 0n })
  const secret = await stage.ownKey(person, 'openai')
  const reply = await post(person, '/v1/chat/completions', chat('hello'))
  expect(await reply.text()).toContain('chat.completion')
  expect(reply.status).toBe(200)
  expect(Object.fromEntries(reply.headers)).toMatchObject({
    'x-aideon-service': 'openai',
    'x-aideon-model': 'gpt-4o-mini',
    'x-aideon-key-owner': 'user',
    'x-aideon-reason': 'own-key',
    'x-aideon-attempts': '1',
    'x-aideon-credits': '0',
  })
  expect(stage.simulator.journal().at(-1)?.credential).toBe(secret)
  const operation = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
  expect(operation).toMatchObject({
    status: 'succeeded',
    key_owner: 'user',
    credit_micros: 0n,
    usage_source: 'reported',
  })
})

const receipt = (reply: Response) => reply.headers.get('x-aideon-operation') ?? ''

describe('whose key runs it', () => {
  test('without an own key a system key does, for exactly what the usage costs', async () => {
    const person = await stage.person()
    const secret = await stage.systemKey('openai', 1)
    stage.simulator.clearJournal()
    const reply = await post(person, '/v1/chat/completions', chat('hello'))
    const { usage } = (await reply.json()) as { usage: { prompt_tokens: number; completion_tokens: number } }
    // gpt-4o-mini: 0.15 and 0.60 USD per million tokens; a micro-credit is 10 nano-USD.
    const nanoUsd = BigInt(usage.prompt_tokens) * 150n + BigInt(usage.completion_tokens) * 600n
    const micros = (nanoUsd + 9n) / 10n
    expect(reply.headers.get('x-aideon-key-owner')).toBe('system')
    expect(reply.headers.get('x-aideon-key-priority')).toBe('primary')
    expect(reply.headers.get('x-aideon-reason')).toBe('system-key-no-own-key')
    expect(await stage.operation(person, receipt(reply))).toMatchObject({
      cost_nano_usd: nanoUsd,
      credit_micros: micros,
    })
    expect(await stage.balance(person)).toMatchObject({
      availableMicros: 100_000_000n - micros,
      heldMicros: 0n,
    })
    expect(stage.simulator.journal().map((call) => call.credential)).toEqual([secret])
    await revokeAllSystemKeys()
  })

  test('a limited Primary hands over to the Secondary, and the receipt says so', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 2)
    await stage.systemKey('openai', 1, { kind: 'rate_limited', retryAfterSeconds: 60 })
    const first = await post(person, '/v1/chat/completions', chat('hello'))
    expect(first.status).toBe(200)
    expect(first.headers.get('x-aideon-key-priority')).toBe('secondary')
    expect(first.headers.get('x-aideon-attempts')).toBe('2')
    // Soon no operation even asks the key that is cooling down.
    const attempts = async () =>
      (await post(person, '/v1/chat/completions', chat('hello'))).headers.get('x-aideon-attempts')
    await expect.poll(attempts).toBe('1')
    await revokeAllSystemKeys()
  })

  test.each([
    ['revoked', { kind: 'revoked' }],
    ['forbidden', { kind: 'forbidden' }],
    ['out of quota', { kind: 'no_quota' }],
    ['failing', { kind: 'failing', status: 503 }],
    ['resetting the connection', { kind: 'reset' }],
  ] as const)(
    'an own key that is %s steps to a system key where the preference allows it',
    async (_, behaviour) => {
      const person = await stage.person({ fallback: 'system' })
      await stage.ownKey(person, 'openai', behaviour)
      await stage.systemKey('openai', 1)
      const reply = await post(person, '/v1/chat/completions', chat('hello'))
      expect(reply.status).toBe(200)
      expect(reply.headers.get('x-aideon-reason')).toBe('system-key-own-key-failed')
      expect(Number(reply.headers.get('x-aideon-credits'))).toBeGreaterThan(0)
      await revokeAllSystemKeys()
    },
  )

  test('a failing own key is told as itself where there are no credits for the fallback', async () => {
    const person = await stage.person({ fallback: 'system', creditMicros: 0n })
    await stage.ownKey(person, 'openai', { kind: 'failing', status: 503 })
    await stage.systemKey('openai', 1)
    const reply = await post(person, '/v1/chat/completions', chat('hello'))
    expect(reply.status).toBe(503)
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'x-aideon-key-owner': 'user',
      'x-aideon-reason': 'own-key',
      'x-aideon-credits': '0',
    })
    await revokeAllSystemKeys()
  })

  test('preference none never steps to credits, whatever the own key does', async () => {
    const person = await stage.person({ fallback: 'none' })
    await stage.ownKey(person, 'openai', { kind: 'failing', status: 500 })
    await stage.systemKey('openai', 1)
    const reply = await post(person, '/v1/chat/completions', chat('hello'))
    expect(reply.status).toBe(500)
    expect(reply.headers.get('x-aideon-credits')).toBe('0')
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 100_000_000n, heldMicros: 0n })
    await revokeAllSystemKeys()
  })

  test('preference alternative runs the same model on an own key at another service, for no credits', async () => {
    const person = await stage.person({ fallback: 'alternative' })
    const secret = await stage.ownKey(person, 'openrouter')
    const reply = await post(person, '/v1/chat/completions', chat('hello'))
    expect(reply.status).toBe(200)
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'x-aideon-service': 'openrouter',
      'x-aideon-model': 'openai/gpt-4o-mini',
      'x-aideon-reason': 'alternative-own-key',
      'x-aideon-credits': '0',
    })
    expect(stage.simulator.journal().at(-1)).toMatchObject({ credential: secret, service: 'openrouter' })
  })

  test('a service key never reaches another service', async () => {
    const person = await stage.person({ fallback: 'alternative' })
    const openai = await stage.ownKey(person, 'openai', { kind: 'failing', status: 500 })
    await stage.ownKey(person, 'openrouter')
    stage.simulator.clearJournal()
    await post(person, '/v1/chat/completions', chat('hello'))
    const calls = stage.simulator.journal()
    expect(calls.map((call) => call.service)).toEqual(['openai', 'openrouter'])
    expect(JSON.stringify(calls[1])).not.toContain(openai)
    for (const call of calls) expect(JSON.stringify(call)).not.toContain(person.token)
  })

  test('a call may narrow its preference, never widen it', async () => {
    const person = await stage.person({ fallback: 'system' })
    await stage.systemKey('openai', 1)
    const narrowed = await post(person, '/v1/chat/completions', chat('x'), { 'x-aideon-fallback': 'none' })
    expect(narrowed.status).toBe(424)
    const strict = await stage.person({ fallback: 'none' })
    const widened = await post(strict, '/v1/chat/completions', chat('x'), { 'x-aideon-fallback': 'system' })
    expect(widened.status).toBe(400)
    expect(await widened.json()).toMatchObject({ error: { code: 'preference_widened' } })
    await revokeAllSystemKeys()
  })
})

const revokeAllSystemKeys = async () => {
  const { serviceKeys } = stage.gateway.rooms
  for (const { organizationId, id } of await serviceKeys.listSystemKeys())
    await serviceKeys.revoke({ kind: 'operator', id: null }, { organizationId, id })
}

describe('credits', () => {
  test('a user without credits and without a key is refused with 402 and told what helps', async () => {
    const person = await stage.person({ creditMicros: 0n })
    await stage.systemKey('openai', 1)
    const reply = await post(person, '/v1/chat/completions', chat('hello'))
    expect(reply.status).toBe(402)
    const { error } = (await reply.json()) as { error: { code: string; message: string } }
    expect(error.code).toBe('insufficient_credits')
    expect(error.message).toMatch(/own key|buy credits/)
    await revokeAllSystemKeys()
  })

  test('a length that the caller left open is lowered to what is affordable, and the reply says so', async () => {
    const person = await stage.person({ creditMicros: 100_000n })
    await stage.systemKey('openai', 1)
    const { max_tokens: _, ...open } = chat('[[simulate: tokens 4000]]')
    const reply = await post(person, '/v1/chat/completions', open)
    expect(reply.status).toBe(200)
    const limit = Number(reply.headers.get('x-aideon-max-output-tokens'))
    expect(limit).toBeGreaterThan(256)
    const { usage, choices } = (await reply.json()) as {
      usage: { completion_tokens: number }
      choices: { finish_reason: string }[]
    }
    expect(usage.completion_tokens).toBeLessThanOrEqual(limit)
    expect(choices[0]?.finish_reason).toBe('length')
    const balance = await stage.balance(person)
    expect(balance.availableMicros).toBeGreaterThanOrEqual(0n)
    expect(balance).toMatchObject({ heldMicros: 0n, debtMicros: 0n })
    await revokeAllSystemKeys()
  })

  test('when every attempt fails nothing is charged and nothing stays held', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1, { kind: 'failing', status: 500 })
    const reply = await post(person, '/v1/chat/completions', chat('hello'))
    expect(reply.status).toBe(500)
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 100_000_000n, heldMicros: 0n })
    expect(await stage.operation(person, receipt(reply))).toMatchObject({
      status: 'failed',
      credit_micros: 0n,
    })
    await revokeAllSystemKeys()
  })
})

describe('streams', () => {
  const stream = (prompt: string, more: object = {}) => chat(prompt, { stream: true, ...more })

  test('go through byte for byte, without the usage event that only we asked for', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    const reply = await post(person, '/v1/chat/completions', stream('hello'))
    const text = await reply.text()
    expect(reply.headers.get('content-type')).toContain('text/event-stream')
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true)
    expect(text).not.toContain('"usage":{')
    const operation = await stage.operation(person, receipt(reply))
    expect(operation).toMatchObject({ status: 'succeeded', usage_source: 'reported', streamed: true })
    expect(Number(operation.output_tokens)).toBeGreaterThan(0)
  })

  test('keep the usage event for a caller who asked', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    const reply = await post(
      person,
      '/v1/chat/completions',
      stream('hello', { stream_options: { include_usage: true } }),
    )
    expect(await reply.text()).toContain('"usage":{')
  })

  test('that the service cuts off end as an error, never as a clean end, and are charged for what was produced', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    const reply = await post(person, '/v1/chat/completions', stream('[[simulate: cut after 5 chunks]]'))
    let text = ''
    await expect(
      (async () => {
        for await (const chunk of reply.body as unknown as AsyncIterable<Uint8Array>)
          text += Buffer.from(chunk).toString()
      })(),
    ).rejects.toThrow()
    expect(text).toContain('stream_interrupted')
    expect(text).not.toContain('[DONE]')
    const operation = await stage.operation(person, receipt(reply))
    expect(operation).toMatchObject({
      status: 'failed',
      fault_code: 'stream_interrupted',
      usage_source: 'estimated',
    })
    expect(Number(operation.output_tokens)).toBeGreaterThanOrEqual(4)
    expect(await stage.balance(person)).toMatchObject({ heldMicros: 0n })
    await revokeAllSystemKeys()
  })

  test('whose caller hangs up are cancelled at the service and charged for what was produced', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    stage.simulator.clearJournal()
    const hangUp = new AbortController()
    const reply = await fetch(`${stage.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${person.token}` },
      body: JSON.stringify(stream('[[simulate: endless]] [[simulate: slow 5ms]]')),
      signal: hangUp.signal,
    })
    const reader = (reply.body as ReadableStream<Uint8Array>).getReader()
    for (let chunks = 0; chunks < 10; chunks++) await reader.read()
    hangUp.abort()
    await expect.poll(() => stage.simulator.journal()[0]?.clientHungUp).toBe(true)
    await expect.poll(async () => (await stage.balance(person)).heldMicros).toBe(0n)
    const operation = await stage.operation(person, receipt(reply))
    expect(operation).toMatchObject({ status: 'cancelled', usage_source: 'estimated' })
    expect(Number(operation.output_tokens)).toBeGreaterThanOrEqual(9)
    expect(operation.credit_micros).toBeGreaterThan(0n)
    await revokeAllSystemKeys()
  })

  test('in Anthropic’s dialect end with an error event when they are cut off', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'anthropic')
    const body = {
      model: 'claude-sonnet-4-5',
      max_tokens: 200,
      stream: true,
      messages: [{ role: 'user', content: '[[simulate: cut after 3 chunks]]' }],
    }
    const reply = await post(person, '/v1/messages', body, { 'anthropic-version': '2023-06-01' })
    let text = ''
    await expect(
      (async () => {
        for await (const chunk of reply.body as unknown as AsyncIterable<Uint8Array>)
          text += Buffer.from(chunk).toString()
      })(),
    ).rejects.toThrow()
    expect(text).toContain('event: error')
    expect(text).not.toContain('message_stop')
  })

  test('with events larger than the limit, or bytes that are no events, cost bounded memory and end as an error', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    const reply = await post(person, '/v1/chat/completions', stream('[[simulate: huge 9000000]]'))
    await expect(reply.text()).rejects.toThrow()
    expect(await stage.operation(person, receipt(reply))).toMatchObject({
      status: 'failed',
      fault_code: 'service_reply_invalid',
    })
  })
})

describe('bad input gets a clear error and costs nothing', () => {
  const cases: [string, string, unknown, number, string][] = [
    ['malformed JSON', '/v1/chat/completions', '{"model":', 400, 'malformed_json'],
    ['an array', '/v1/chat/completions', '[1]', 400, 'malformed_json'],
    ['a wrong type', '/v1/chat/completions', chat('x', { stream: 'yes' }), 400, 'invalid_request'],
    [
      'a field twice',
      '/v1/chat/completions',
      '{"model":"gpt-4o","model":"gpt-5-pro","messages":[]}',
      400,
      'duplicate_field',
    ],
    ['an unknown model', '/v1/chat/completions', chat('x', { model: 'gpt-nonsense' }), 404, 'unknown_model'],
    ['an unknown route', '/v1/nonsense', {}, 404, 'unknown_route'],
    [
      'a wrong type, Anthropic',
      '/v1/messages',
      { model: 'claude-sonnet-4-5', max_tokens: 'many', messages: [] },
      400,
      'invalid_request',
    ],
  ]
  test.each(cases)('%s', async (_, path, body, status, code) => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    stage.simulator.clearJournal()
    const reply = await post(person, path, body)
    expect(reply.status).toBe(status)
    expect(await reply.json()).toMatchObject({ error: { code } })
    expect(receipt(reply)).toMatch(/^[0-9a-f-]{36}$/)
    expect(stage.simulator.journal()).toEqual([])
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 100_000_000n, heldMicros: 0n })
    await revokeAllSystemKeys()
  })

  test('what the service itself would refuse comes back in its own words, and falls back to nobody', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    await stage.systemKey('openai', 1)
    const reply = await post(person, '/v1/chat/completions', chat('x', { temperature: 9 }))
    expect(reply.status).toBe(400)
    expect(((await reply.json()) as { error: { message: string } }).error.message).toMatch(/temperature/)
    expect(reply.headers.get('x-aideon-attempts')).toBe('1')
    await revokeAllSystemKeys()
  })

  test('no token, an invented one, a mistyped one, an expired one, a revoked one', async () => {
    const person = await stage.person()
    const { access } = stage.gateway.rooms
    const code = async (token: string | null) => {
      const reply = await fetch(`${stage.url}/v1/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token ? { authorization: `Bearer ${token}` } : {}),
        },
        body: JSON.stringify(chat('x')),
      })
      const text = await reply.text()
      expect(reply.status).toBe(401)
      if (token) expect(text).not.toContain(token)
      return (JSON.parse(text) as { error: { code: string } }).error.code
    }
    expect(await code(null)).toBe('missing_token')
    expect(await code('sk-something-else')).toBe('invalid_token')
    expect(await code(`${person.token.slice(0, -1)}${person.token.endsWith('x') ? 'y' : 'x'}`)).toBe(
      'invalid_token',
    )
    const wanted = {
      organizationId: person.organizationId,
      kind: 'user' as const,
      userId: person.userId,
      name: 't',
      scopes: ['operations' as const],
    }
    const expired = await access.createToken(
      { kind: 'operator', id: null },
      { ...wanted, expiresAt: new Date(Date.now() - 1000) },
    )
    expect(await code(expired.token)).toBe('expired_token')
    const revoked = await access.createToken({ kind: 'operator', id: null }, { ...wanted, expiresAt: null })
    expect(
      (await post({ ...person, token: revoked.token }, '/v1/chat/completions', chat('x'))).status,
    ).not.toBe(401)
    await access.revokeToken(
      { kind: 'operator', id: null },
      { organizationId: person.organizationId, id: revoked.accessToken.id },
    )
    expect(await code(revoked.token)).toBe('revoked_token')
  })

  test('a body over the limit is refused before it is read', async () => {
    const small = await openStage({ AIDEON_MAXIMUM_BODY_BYTES: '2000' })
    const person = await small.person()
    const reply = await fetch(`${small.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${person.token}` },
      body: JSON.stringify(chat('x'.repeat(5000))),
    })
    expect(reply.status).toBe(413)
    await small[Symbol.asyncDispose]()
  })
})

describe('acting for a user', () => {
  test('a platform token runs operations as the user it names, on that user’s key', async () => {
    const person = await stage.person()
    const secret = await stage.ownKey(person, 'openai')
    const { token } = await stage.gateway.rooms.access.createToken(
      { kind: 'operator', id: null },
      {
        organizationId: '00000000-0000-7000-8000-000000000000',
        kind: 'platform',
        userId: null,
        name: 'host',
        scopes: ['act_for_users'],
        expiresAt: null,
      },
    )
    const act = (user?: string) =>
      post({ ...person, token }, '/v1/chat/completions', chat('x'), user ? { 'x-aideon-user': user } : {})
    for (const reference of [person.userId, person.email]) {
      const reply = await act(reference)
      expect(reply.status).toBe(200)
      expect(stage.simulator.journal().at(-1)?.credential).toBe(secret)
      expect(await stage.operation(person, receipt(reply))).toMatchObject({ user_id: person.userId })
    }
    expect((await act('nobody@example.com')).status).toBe(403)
    expect((await act()).status).toBe(403)
  })

  test('a user’s own token may act for nobody else', async () => {
    const [person, other] = [await stage.person(), await stage.person()]
    const reply = await post(person, '/v1/chat/completions', chat('x'), { 'x-aideon-user': other.userId })
    expect(reply.status).toBe(403)
  })
})

test('models are those the caller could use now', async () => {
  const person = await stage.person({ fallback: 'none' })
  const list = async () => {
    const reply = await fetch(`${stage.url}/v1/models`, {
      headers: { authorization: `Bearer ${person.token}` },
    })
    return ((await reply.json()) as { data: { id: string }[] }).data.map((model) => model.id)
  }
  expect(await list()).toEqual([])
  await stage.ownKey(person, 'openai')
  expect(await list()).toContain('gpt-4o-mini')
})

test('one model is told in each dialect’s shape, and an unknown one with the nearest names', async () => {
  const person = await stage.person({ fallback: 'none' })
  await stage.ownKey(person, 'openai')
  const read = async (path: string, headers: Record<string, string> = {}) => {
    const reply = await fetch(`${stage.url}${path}`, {
      headers: { authorization: `Bearer ${person.token}`, ...headers },
    })
    return [reply.status, await reply.json()] as const
  }
  expect(await read('/v1/models/gpt-4o-mini')).toMatchObject([200, { id: 'gpt-4o-mini', object: 'model' }])
  // Clients encode the slash.
  expect(await read('/v1/models/openai%2Fgpt-4o-mini')).toMatchObject([200, { id: 'openai/gpt-4o-mini' }])
  expect(await read('/v1/models/group/fast')).toMatchObject([200, { id: 'group/fast', owned_by: 'aideon' }])
  expect(await read('/v1/models/gpt-4o-mini', { 'anthropic-version': '2023-06-01' })).toMatchObject([
    200,
    { id: 'gpt-4o-mini', type: 'model' },
  ])
  expect(await read('/v1beta/models/gpt-4o-mini')).toMatchObject([200, { name: 'models/gpt-4o-mini' }])
  expect(await read('/v1/models/claude-opus-5')).toMatchObject([424, { error: { code: 'no_route' } }])
  expect(await read('/v1/models/no-such-model')).toMatchObject([404, { error: { code: 'unknown_model' } }])
})

describe('x-aideon-explain: 1', () => {
  test('tells the candidates and what was passed over; no call is made, nothing is held or recorded', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    await stage.systemKey('openai', 1)
    stage.simulator.clearJournal()
    const reply = await fetch(`${stage.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${person.token}`,
        'content-type': 'application/json',
        'x-aideon-explain': '1',
      },
      body: JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'hello' }] }),
    })
    expect(reply.status).toBe(200)
    const explained = (await reply.json()) as {
      candidates: { keyOwner: string; words: string; creditMicros: string }[]
    }
    expect(explained.candidates[0]).toMatchObject({ keyOwner: 'user', reason: 'own-key', creditMicros: '0' })
    const system = explained.candidates.find(({ keyOwner }) => keyOwner === 'system')
    expect(BigInt(system?.creditMicros ?? 0)).toBeGreaterThan(0n)
    expect(stage.simulator.journal()).toEqual([])
    expect((await stage.balance(person)).heldMicros).toBe(0n)
    const { rows } = await stage.gateway.rooms.database.pool.query(
      'SELECT 1 FROM operations WHERE user_id = $1',
      [person.userId],
    )
    expect(rows).toEqual([])
  })
})

test('each record keeps the decision it was routed by', async () => {
  const person = await stage.person()
  await stage.ownKey(person, 'openai')
  const reply = await fetch(`${stage.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'hello' }] }),
  })
  const record = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
  const { fallback, candidates } = record.decision as { fallback: string; candidates: unknown[] }
  expect(fallback).toBe('system')
  expect(candidates[0]).toMatchObject({ service: 'openai', owner: 'user', reason: 'own-key' })
})
