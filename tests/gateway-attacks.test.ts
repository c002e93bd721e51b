import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { must } from '../src/kit/fault.ts'
import { platformOrganizationId } from '../src/kit/id.ts'
import { type HostileService, http, json, sendRaw, startHostileService, streamHead } from './hostile.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
let hostile: HostileService
beforeAll(async () => {
  hostile = await startHostileService()
  stage = await openStage({ AIDEON_IDLE_SECONDS: '2', AIDEON_FIRST_BYTE_SECONDS: '2' })
  const { catalogue } = stage.gateway.rooms
  must(await catalogue.addAllowance(operator, new URL(hostile.url).host))
  for (const service of ['openai', 'anthropic', 'openrouter'])
    must(await catalogue.change(operator, service, { baseUrl: hostile.url }))
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await hostile[Symbol.asyncDispose]()
})

const checker = readFileSync(new URL('ledger-checker.sql', import.meta.url), 'utf8')

/** Whatever a test did: no credits stay set aside, the ledger adds up, and the gateway still answers. */
afterEach(async () => {
  const { pool } = stage.clone.database
  const open = async () =>
    (await pool.query("SELECT count(*)::int AS n FROM holds WHERE state IN ('open', 'unresolved')")).rows[0].n
  await expect.poll(open).toBe(0)
  expect((await pool.query(checker)).rows).toEqual([])
  expect((await fetch(`${stage.url}/healthz`)).status).toBe(200)
  const { serviceKeys } = stage.gateway.rooms
  await serviceKeys.reportsSettled()
  for (const { organizationId, id } of await serviceKeys.listSystemKeys())
    await serviceKeys.revoke(operator, { organizationId, id })
})

const chat = (more: object = {}) => ({
  model: 'gpt-4o-mini',
  max_tokens: 200,
  messages: [{ role: 'user', content: 'hello' }],
  ...more,
})
const message = (more: object = {}) => ({ ...chat(), model: 'claude-sonnet-4-5', ...more })

const post = (person: StagePerson, body: unknown, path = '/v1/chat/completions', headers = {}) =>
  fetch(stage.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${person.token}`, ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  })

const operationOf = (person: StagePerson, reply: Response) =>
  stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')

const latestOperation = async (person: StagePerson) => {
  const sql = 'SELECT * FROM operations WHERE organization_id = $1 ORDER BY id DESC LIMIT 1'
  return (await stage.clone.database.pool.query(sql, [person.organizationId])).rows[0]
}

/** The reply as far as it came, and whether it ended as a whole one. */
const readAll = async (reply: Response) => {
  let text = ''
  try {
    for await (const chunk of reply.body as unknown as AsyncIterable<Uint8Array>)
      text += Buffer.from(chunk).toString()
    return { text, whole: true }
  } catch {
    return { text, whole: false }
  }
}

const errorCode = async (reply: Response) => ((await reply.json()) as { error: { code: string } }).error.code

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
const completion = (more: object = {}) => ({
  id: 'x',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage,
  ...more,
})
const chunk = (text: string) => `data: {"choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\n`
const usageChunk = `data: {"choices":[],"usage":${JSON.stringify(usage)}}\n\n`

const raw = (person: StagePerson, head: string[], body: string) =>
  [
    ...head,
    'host: x',
    `authorization: Bearer ${person.token}`,
    'content-type: application/json',
    '',
    body,
  ].join('\r\n')

const platformToken = (scope: 'act_for_users' | 'read_metrics') => ({
  organizationId: platformOrganizationId,
  kind: 'platform' as const,
  userId: null,
  name: 'host',
  scopes: [scope],
  expiresAt: null,
})

describe('requests on the wire', () => {
  const body = JSON.stringify(chat())
  const smuggled = 'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n'

  test.each<[string, string[], string]>([
    [
      'both lengths',
      ['POST /v1/chat/completions HTTP/1.1', 'content-length: 5', 'transfer-encoding: chunked'],
      `0\r\n\r\n${smuggled}`,
    ],
    [
      'two content lengths',
      ['POST /v1/chat/completions HTTP/1.1', 'content-length: 4', `content-length: ${body.length}`],
      body + smuggled,
    ],
    [
      'an unknown transfer coding',
      ['POST /v1/chat/completions HTTP/1.1', 'transfer-encoding: xchunked'],
      `${body}${smuggled}`,
    ],
    [
      'a space before the colon',
      ['POST /v1/chat/completions HTTP/1.1', 'transfer-encoding : chunked'],
      `0\r\n\r\n${smuggled}`,
    ],
    [
      'a bad chunk size',
      ['POST /v1/chat/completions HTTP/1.1', 'transfer-encoding: chunked'],
      `-1\r\n${body}\r\n0\r\n\r\n`,
    ],
    ['a bare LF in a header', ['POST /v1/chat/completions HTTP/1.1', 'x-a: b\nx-aideon-user: c'], body],
    ['a flood of headers', ['POST /v1/chat/completions HTTP/1.1', `x-a: ${'b'.repeat(20_000)}`], body],
  ])('with %s are refused, and nothing of them reaches a service', async (_, head, rest) => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    hostile.answer(json(completion()))
    const text = await sendRaw(stage.url, raw(person, head, rest))
    expect(text).toMatch(/^(?:HTTP\/1\.1 4\d\d |$)/)
    expect(text.match(/HTTP\/1\.1 /g)?.length ?? 0, text).toBeLessThanOrEqual(1)
    expect(hostile.received).toEqual([])
  })

  test.each([
    'http://evil.example/v1/chat/completions',
    '//v1/chat/completions',
    '/v1/../v1/chat/completions',
    '/v1/chat%2fcompletions',
    '/v1//chat/completions',
    '/V1/chat/completions',
    '/v1/chat/completions/',
    '/v1/chat/completions;a=b',
  ])('for %s are no operation', async (target) => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    hostile.answer(json(completion()))
    const head = [`POST ${target} HTTP/1.1`, `content-length: ${body.length}`, 'connection: close']
    expect(await sendRaw(stage.url, raw(person, head, body))).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(hostile.received).toEqual([])
  })

  test('with other methods get 405 and the one that is allowed; browsers of other origins get no permission', async () => {
    const person = await stage.person()
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
      const reply = await fetch(`${stage.url}/v1/chat/completions`, {
        method,
        headers: { authorization: `Bearer ${person.token}`, origin: 'https://evil.example' },
      })
      expect(reply.status).toBe(405)
      expect(reply.headers.get('allow')).toBe('POST')
      expect(reply.headers.get('access-control-allow-origin')).toBeNull()
    }
    const preflight = await fetch(`${stage.url}/v1/chat/completions`, { method: 'OPTIONS' })
    expect(preflight.status).toBe(401)
  })

  test('that are refused before their body is read still get the answer, and the connection goes on', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    const large = 'x'.repeat(5_000_000)
    const refused = await post({ ...person, token: 'aik_wrong' }, chat({ user: large }))
    expect(refused.status).toBe(401)
    const unsupported = await post(person, large, '/v1/chat/completions', { 'content-type': 'text/plain' })
    expect(unsupported.status).toBe(415)
    hostile.answer(json(completion()))
    const wrong = raw(person, ['POST /v1/nonsense HTTP/1.1', `content-length: ${body.length}`], body)
    const right = raw(
      person,
      ['POST /v1/chat/completions HTTP/1.1', `content-length: ${body.length}`, 'connection: close'],
      body,
    )
    const replies = (await sendRaw(stage.url, wrong + right)).match(/HTTP\/1\.1 \d+/g)
    expect(replies).toEqual(['HTTP/1.1 404', 'HTTP/1.1 200'])
  })

  test('name one caller: the Bearer token counts, and two users in one header are nobody', async () => {
    const [person, other] = [await stage.person(), await stage.person()]
    await stage.ownKey(person, 'openai')
    hostile.answer(json(completion()))
    const both = await post(person, chat(), '/v1/chat/completions', { 'x-api-key': other.token })
    expect(await operationOf(person, both)).toMatchObject({ user_id: person.userId })
    const { token } = await stage.gateway.rooms.access.createToken(operator, platformToken('act_for_users'))
    const acting = { ...person, token }
    const users = [
      ['x-aideon-user', person.userId],
      ['x-aideon-user', other.userId],
    ]
    const reply = await fetch(`${stage.url}/v1/chat/completions`, {
      method: 'POST',
      headers: [...users, ['authorization', `Bearer ${token}`]] as [string, string][],
      body: JSON.stringify(chat()),
    })
    expect(reply.status).toBe(403)
    for (const user of ['x'.repeat(12_000), '%', "' OR 1=1", `${person.userId}\t`.repeat(2)])
      expect((await post(acting, chat(), '/v1/chat/completions', { 'x-aideon-user': user })).status).toBe(403)
  })

  test('whose body drips too slowly end with 408', async () => {
    const slow = await openStage({ AIDEON_BODY_SECONDS: '1' })
    const person = await slow.person()
    const text = await sendRaw(
      slow.url,
      raw(person, ['POST /v1/chat/completions HTTP/1.1', 'content-length: 100'], '{'),
    )
    expect(text).toMatch(/^HTTP\/1\.1 408 /)
    expect(text).toContain('request_timeout')
    await slow[Symbol.asyncDispose]()
  })
})

describe('bodies', () => {
  const bytes = (...parts: (string | number[])[]) =>
    Buffer.concat(parts.map((part) => Buffer.from(part as string)))
  const open = '{"model":"gpt-4o-mini","messages":[],"x":'

  test.each<[string, string | Buffer, string]>([
    ['deep nesting', `${open}${'['.repeat(8_000_000)}${']'.repeat(8_000_000)}}`, 'malformed_json'],
    ['millions of values', `${open}[${'{},'.repeat(5_000_000)}{}]}`, 'malformed_json'],
    [
      'millions of fields',
      `{${Array.from({ length: 1_000_000 }, (_, i) => `"${i}":0`).join()}}`,
      'malformed_json',
    ],
    ['invalid UTF-8', bytes(open, [0x22, 0xc0, 0xa2, 0x22], '}'), 'malformed_json'],
    ['a byte order mark', bytes([0xef, 0xbb, 0xbf], JSON.stringify(chat())), 'malformed_json'],
    ['UTF-16', Buffer.from(JSON.stringify(chat()), 'utf16le'), 'malformed_json'],
    [
      'a field twice, once escaped',
      `{"model":"gpt-4o-mini","mod\\u0065l":"gpt-5","messages":[]}`,
      'duplicate_field',
    ],
    ['NUL in the model', chatText({ model: 'gpt-4o-mini\0' }), 'invalid_request'],
    ['a line break in the model', chatText({ model: 'gpt-4o\r\nx-a: b' }), 'invalid_request'],
    ['half a surrogate pair in the model', `{"model":"gpt-4o\\ud800","messages":[]}`, 'invalid_request'],
    ['stream options of a wrong type', chatText({ stream: true, stream_options: 'x' }), 'invalid_request'],
    ['a limit of 0', chatText({ max_tokens: 0 }), 'invalid_request'],
    ['a negative limit', chatText({ max_completion_tokens: -1 }), 'invalid_request'],
    ['a limit written as text', chatText({ max_tokens: '100' }), 'invalid_request'],
    [
      'a limit beyond all numbers',
      `{"model":"gpt-4o-mini","messages":[],"max_tokens":1e400}`,
      'invalid_request',
    ],
  ])('with %s are refused quickly and by name', async (_, body, code) => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    hostile.answer(json(completion()))
    const started = performance.now()
    const reply = await post(person, body)
    expect(await errorCode(reply)).toBe(code)
    expect(reply.status).toBe(400)
    expect(performance.now() - started).toBeLessThan(20_000)
    expect(hostile.received).toEqual([])
  })

  test('with `__proto__` are the caller’s own business', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    hostile.answer(streamHead + chunk('a') + usageChunk + 'data: [DONE]\n\n')
    const text = `{"__proto__":{"stream":false},"model":"gpt-4o-mini","stream":true,"stream_options":{"__proto__":1},"messages":[]}`
    expect((await readAll(await post(person, text))).whole).toBe(true)
    expect(hostile.received[0]?.body).toContain('"__proto__":{"stream":false}')
    expect(hostile.received[0]?.body).toContain('"include_usage":true')
  })

  test('whose nesting would be our stack overflow are refused', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    const deep = `{"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    const reply = await post(person, `${chatText({ stream: true }).slice(0, -1)},"stream_options":${deep}}`)
    expect(await errorCode(reply)).toBe('malformed_json')
  })

  test('that meet a defect of ours after credits were set aside get an error and the credits back', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    const defect = vi.spyOn(stage.gateway.rooms.vault, 'open').mockImplementation(() => {
      throw new TypeError('planted')
    })
    const reply = await post(person, chat())
    defect.mockRestore()
    expect(await errorCode(reply)).toBe('internal')
    expect(await operationOf(person, reply)).toMatchObject({ status: 'failed', credit_micros: 0n })
  })
})

function chatText(more: object) {
  return JSON.stringify(chat(more))
}

describe('on system keys', () => {
  test.each<[string, string, object, string]>([
    ['web search', '/v1/chat/completions', chat({ web_search_options: {} }), 'web_search_options'],
    ['priority service', '/v1/chat/completions', chat({ service_tier: 'priority' }), 'service_tier'],
    [
      'a prediction',
      '/v1/chat/completions',
      chat({ prediction: { type: 'content', content: 'x' } }),
      'prediction',
    ],
    ['a hosted tool', '/v1/chat/completions', chat({ tools: [{ type: 'web_search' }] }), 'tools'],
    ['other models to fall back on', '/v1/chat/completions', chat({ models: ['openai/o1-pro'] }), 'models'],
    ['a plugin', '/v1/chat/completions', chat({ plugins: [{ id: 'web' }] }), 'plugins'],
    [
      'spoken history',
      '/v1/chat/completions',
      chat({ messages: [{ role: 'assistant', audio: { id: 'a' } }] }),
      'messages',
    ],
    ['a field nobody knows', '/v1/chat/completions', chat({ turbo: true }), 'turbo'],
    [
      'Anthropic’s web search',
      '/v1/messages',
      message({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }),
      'tools',
    ],
    [
      'Anthropic’s code execution',
      '/v1/messages',
      message({ tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] }),
      'tools',
    ],
    [
      'MCP servers',
      '/v1/messages',
      message({ mcp_servers: [{ type: 'url', url: 'https://x', name: 'x' }] }),
      'mcp_servers',
    ],
    ['fast mode', '/v1/messages', message({ speed: 'fast' }), 'speed'],
    ['a region', '/v1/messages', message({ inference_geo: 'us' }), 'inference_geo'],
    [
      'compaction',
      '/v1/messages',
      message({ context_management: { edits: [{ type: 'compact_20260112' }] } }),
      'context_management',
    ],
  ])('%s has no price and is refused; on an own key it passes', async (_, path, body, field) => {
    const service = path === '/v1/messages' ? 'anthropic' : 'openai'
    const [person, owner] = [await stage.person(), await stage.person()]
    await stage.systemKey(service, 1)
    await stage.ownKey(owner, service)
    hostile.answer(json(completion()))
    const refused = await post(person, body, path)
    expect(refused.status).toBe(422)
    expect(await refused.json()).toMatchObject({
      error: { code: 'unpriced_option', message: expect.stringContaining(JSON.stringify(field)) as string },
    })
    expect(await operationOf(person, refused)).toMatchObject({ status: 'refused', held_micros: 0n })
    expect(hostile.received).toEqual([])
    expect((await post(owner, body, path)).status).toBe(200)
    expect(hostile.received[0]?.body).toBe(JSON.stringify(body))
  })

  test('a model that charges for searches whatever is asked has no price; on an own key it runs', async () => {
    const [person, owner] = [await stage.person(), await stage.person()]
    await stage.systemKey('openai', 1)
    await stage.ownKey(owner, 'openai')
    hostile.answer(json(completion()))
    const searching = chat({ model: 'gpt-4o-search-preview' })
    expect(await errorCode(await post(person, searching))).toBe('price_unknown')
    expect((await post(owner, searching)).status).toBe(200)
  })

  const heldFor = async (body: object, path = '/v1/chat/completions') => {
    const person = await stage.person({ creditMicros: 100_000_000_000n })
    await stage.systemKey(path === '/v1/messages' ? 'anthropic' : 'openai', 1)
    hostile.answer(json(completion()))
    const reply = await post(person, body, path)
    await reply.text()
    const { held_micros: held } = await operationOf(person, reply)
    return held as bigint
  }

  test('the larger of two limits is held for, and every choice', async () => {
    const once = await heldFor(chat({ max_tokens: 10_000 }))
    expect(await heldFor(chat({ max_tokens: 10_000, max_completion_tokens: 10 }))).toBeGreaterThanOrEqual(
      once,
    )
    expect(await heldFor(chat({ max_tokens: 10, max_completion_tokens: 10_000 }))).toBeGreaterThanOrEqual(
      once,
    )
    expect(await heldFor(chat({ max_tokens: 10_000, n: 8 }))).toBeGreaterThan(once * 7n)
  })

  test('an image is held for at the most a model makes of one, a document at a whole context', async () => {
    const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }
    // gpt-4o-mini: 2,833 tokens and 5,667 for each of up to 8 tiles, at 0.15 USD per million.
    expect(await heldFor(chat({ messages: [{ role: 'user', content: [image] }] }))).toBeGreaterThan(720_000n)
    const document = {
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data: 'aaaa' },
    }
    // claude-sonnet-4-5: 200,000 tokens at 6 USD per million, were all of it written to the cache for an hour.
    const held = await heldFor(message({ messages: [{ role: 'user', content: [document] }] }), '/v1/messages')
    expect(held).toBeGreaterThan(120_000_000n)
  })

  test('a million choices are more than anybody has', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    expect((await post(person, chat({ n: 1_000_000 }))).status).toBe(402)
  })
})

describe('whole replies of a hostile service', () => {
  test.each<[string, string | Buffer, string]>([
    [
      'HTML',
      http('200 OK', { 'content-type': 'text/html' }, '<script>alert(1)</script>'),
      'service_reply_invalid',
    ],
    ['nothing', http('200 OK', { 'content-type': 'application/json' }, ''), 'service_reply_invalid'],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 'service_reply_invalid'],
    [
      'half a JSON',
      http('200 OK', { 'content-type': 'application/json' }, '{"choices":'),
      'service_reply_invalid',
    ],
    ['an array', json([]), 'service_reply_invalid'],
    [
      'gzip unasked',
      http(
        '200 OK',
        { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        gzipSync(JSON.stringify(completion())),
      ),
      'service_reply_invalid',
    ],
    ['an error that claims success', json({ error: { message: 'overloaded' } }), 'service_error'],
    ['a redirect', http('302 Found', { location: 'http://169.254.169.254/' }, ''), 'service_error'],
    [
      'a longer length than it sends',
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"choices":[]',
      'stream_interrupted',
    ],
    [
      'endless headers',
      `HTTP/1.1 200 OK\r\n${'x-a: bbbbbbbbbbbbbbbbbbbb\r\n'.repeat(4_000)}`,
      'service_unreachable',
    ],
    ['no HTTP', 'hello?\r\n\r\n', 'service_unreachable'],
    [
      'an error page',
      http('400 Bad Request', { 'content-type': 'text/html' }, '<h1>400</h1>'),
      'service_refused',
    ],
  ])('%s: an error in the caller’s dialect, and nothing is charged', async (_, reply, code) => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    hostile.answer(reply)
    const answer = await post(person, chat())
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await errorCode(answer)).toBe(code)
    expect(answer.headers.get('x-aideon-credits')).toBe('0')
    expect(await operationOf(person, answer)).toMatchObject({ status: 'failed', credit_micros: 0n })
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 100_000_000n, debtMicros: 0n })
  })

  test.each<[string, unknown]>([
    ['negative', { prompt_tokens: -5, completion_tokens: -5 }],
    ['fractions', { prompt_tokens: 1.5, completion_tokens: 0.5 }],
    ['text', { prompt_tokens: '10', completion_tokens: '5' }],
    ['beyond all reason', { prompt_tokens: 9e15, completion_tokens: 9e15 }],
    ['beyond all integers', { prompt_tokens: 1e300, completion_tokens: 1e300 }],
    ['missing', undefined],
    ['an array', [1]],
  ])(
    'usage that is %s is no report: what was produced is estimated, within the hold',
    async (_, reported) => {
      const person = await stage.person()
      await stage.systemKey('openai', 1)
      const choices = [{ message: { content: 'word '.repeat(80) } }]
      hostile.answer(json(completion({ usage: reported, choices })))
      const reply = await post(person, chat())
      expect(reply.status).toBe(200)
      const operation = await operationOf(person, reply)
      expect(operation).toMatchObject({ status: 'succeeded', usage_source: 'estimated' })
      expect(Number(operation.output_tokens)).toBeGreaterThanOrEqual(80)
      expect(operation.credit_micros).toBeLessThanOrEqual(operation.held_micros as bigint)
    },
  )

  test('usage is found where another member of that name follows it', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    hostile.answer(json({ ...completion(), metadata: { usage: 'x' }, note: 'usage' }))
    const reply = await post(person, chat())
    expect(await operationOf(person, reply)).toMatchObject({ usage_source: 'reported', output_tokens: 5n })
  })

  test('a reply that repeats the credential does not get through, in body, header, stream or error', async () => {
    const person = await stage.person()
    const secret = await stage.ownKey(person, 'openai')
    const replies = [
      json(completion({ debug: `Bearer ${secret}` })),
      http(
        '200 OK',
        { 'content-type': 'application/json', 'x-request-id': secret },
        JSON.stringify(completion()),
      ),
      http(`200 ${secret}`, { 'content-type': 'application/json' }, JSON.stringify(completion())),
      json({ error: { message: `Bad key ${secret}` } }, '400 Bad Request'),
      http('400 Bad Request', { 'content-type': 'application/json', 'x-request-id': secret }, '{"error":{}}'),
      streamHead + chunk(secret) + usageChunk + 'data: [DONE]\n\n',
      `${streamHead}data: {"error":{"message":"${secret}"}}\n\n`,
    ]
    for (const reply of replies) {
      hostile.answer(reply)
      const answer = await post(person, chat({ stream: true }))
      const { text } = await readAll(answer)
      expect(`${answer.statusText} ${JSON.stringify([...answer.headers])} ${text}`).not.toContain(secret)
    }
    hostile.answer(({ socket }) => {
      const event = chunk(secret)
      const middle = event.indexOf(secret) + 5
      socket.write(streamHead + event.slice(0, middle))
      setTimeout(() => socket.end(event.slice(middle)), 50)
    })
    expect((await readAll(await post(person, chat({ stream: true })))).text).not.toContain(secret)
  })

  test('a service that never begins, hides behind informational replies or drips an error costs bounded time', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    for (const behave of [
      () => {},
      ({ socket }: { socket: import('node:net').Socket }) => {
        const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'), 50)
        socket.on('close', () => clearInterval(timer))
      },
      ({ socket }: { socket: import('node:net').Socket }) => {
        socket.write('HTTP/1.1 500 Oops\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{')
        const timer = setInterval(() => socket.write(' '), 500)
        socket.on('close', () => clearInterval(timer))
      },
    ]) {
      hostile.answer(behave)
      const started = performance.now()
      const reply = await post(person, chat())
      expect(reply.status).toBeGreaterThanOrEqual(500)
      expect(performance.now() - started).toBeLessThan(40_000)
    }
  })
})

describe('streams of a hostile service', () => {
  const streamed = async (reply: string, person: StagePerson) => {
    hostile.answer(reply)
    const answer = await post(person, chat({ stream: true, stream_options: { include_usage: true } }))
    return { answer, ...(await readAll(answer)), operation: await operationOf(person, answer) }
  }

  test.each<[string, string]>([
    ['CRLF', `${chunk('a')}${usageChunk}data: [DONE]\n\n`.replaceAll('\n', '\r\n')],
    [
      'comments, ids and retry times',
      `: hi\n\nretry: 10\n\nid: 1\n${chunk('a')}id: 2\n${usageChunk}id: 3\ndata: [DONE]\n\n`,
    ],
    ['a byte order mark', `\u{feff}${chunk('a')}${usageChunk}data: [DONE]\n\n`],
    ['no space after the colon', `${chunk('a')}${usageChunk}data: [DONE]\n\n`.replaceAll('data: ', 'data:')],
    ['usage before the end', `${usageChunk}${chunk('a')}data: [DONE]\n\n`],
    [
      'the end twice, and more after it',
      `${chunk('a')}${usageChunk}data: [DONE]\n\ndata: [DONE]\n\n${chunk('later')}`,
    ],
  ])('%s: a whole reply with the usage that was reported', async (_, events) => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    const { text, whole, operation } = await streamed(streamHead + events, person)
    expect(whole).toBe(true)
    expect(text).toContain('[DONE]')
    expect(text).not.toContain('later')
    expect(operation).toMatchObject({
      status: 'succeeded',
      usage_source: 'reported',
      input_tokens: 10n,
      output_tokens: 5n,
    })
  })

  test('events cut in the middle of a character arrive as they were sent', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    hostile.answer(({ socket }) => {
      const bytes = Buffer.from(`${streamHead}${chunk('h\u{e9}\u{1f600}')}${usageChunk}data: [DONE]\n\n`)
      const middle = bytes.indexOf(0xf0) + 2
      socket.write(bytes.subarray(0, middle))
      setTimeout(() => socket.end(bytes.subarray(middle)), 30)
    })
    const { text, whole } = await readAll(await post(person, chat({ stream: true })))
    expect(whole).toBe(true)
    expect(text).toContain('h\u{e9}\u{1f600}')
  })

  test('nothing but an error event: told to the caller, nothing charged', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    const { text, operation } = await streamed(
      `${streamHead}data: {"error":{"message":"overloaded"}}\n\n`,
      person,
    )
    expect(text).toContain('overloaded')
    expect(operation).toMatchObject({ status: 'failed', credit_micros: 0n })
  })

  test('an error event after content is the end, and what was produced is charged', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    const { operation } = await streamed(
      `${streamHead}${chunk('a').repeat(20)}data: {"error":{"message":"overloaded"}}\n\n`,
      person,
    )
    expect(operation).toMatchObject({ status: 'failed', fault_code: 'service_error' })
    expect(operation.credit_micros).toBeGreaterThan(0n)
  })

  test('a service that never stops after the end is hung up on', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    const hungUp = Promise.withResolvers<void>()
    hostile.answer(({ socket }) => {
      socket.write(streamHead + chunk('a') + usageChunk + 'data: [DONE]\n\n')
      const timer = setInterval(() => socket.write(chunk('more')), 20)
      socket.on('close', () => {
        clearInterval(timer)
        hungUp.resolve()
      })
    })
    const { whole } = await readAll(await post(person, chat({ stream: true })))
    expect(whole).toBe(true)
    await hungUp.promise
  })

  test('Anthropic’s closing report may leave counts open that an earlier one gave', async () => {
    const person = await stage.person()
    await stage.systemKey('anthropic', 1)
    hostile.answer(
      `${streamHead}event: message_start\ndata: {"message":{"usage":{"input_tokens":1000,"output_tokens":1}}}\n\n` +
        'event: message_delta\ndata: {"usage":{"input_tokens":null,"output_tokens":7}}\n\n' +
        'event: message_stop\ndata: {}\n\n',
    )
    const reply = await post(person, message({ stream: true }), '/v1/messages')
    await reply.text()
    expect(await operationOf(person, reply)).toMatchObject({ input_tokens: 1000n, output_tokens: 7n })
  })
})

describe('a key is not harmed by what a caller asks', () => {
  test.each<[string, string, object]>([
    [
      'a model the account may not use',
      '403 Forbidden',
      { error: { code: 'model_not_found', message: 'no access' } },
    ],
    [
      'a model the account does not have',
      '404 Not Found',
      { error: { code: 'model_not_found', message: 'no such' } },
    ],
    [
      'more than the account may send in a minute',
      '429 Too Many Requests',
      {
        error: {
          code: 'rate_limit_exceeded',
          message: 'Request too large for gpt-4o-mini in organization org-a',
        },
      },
    ],
  ])('%s: the next key is asked, and the first stays as it was', async (_, status, body) => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    await stage.systemKey('openai', 2)
    let calls = 0
    hostile.answer(({ socket }) => socket.end(calls++ === 0 ? json(body, status) : json(completion())))
    const reply = await post(person, chat())
    expect(reply.status).toBe(200)
    expect(reply.headers.get('x-aideon-key-priority')).toBe('secondary')
    await stage.gateway.rooms.serviceKeys.reportsSettled()
    const { rows } = await stage.clone.database.pool.query(
      "SELECT status, suspected_at FROM service_keys WHERE owner = 'system' AND status <> 'revoked'",
    )
    expect(rows).toEqual([
      { status: 'active', suspected_at: null },
      { status: 'active', suspected_at: null },
    ])
  })

  test.each<[string, 'openai' | 'anthropic' | 'openrouter', Buffer]>([
    [
      'words of the caller that sound like an empty account',
      'anthropic',
      json(
        {
          type: 'error',
          error: {
            type: 'invalid_request_error',
            message: "tools.0.type: Input tag 'credit balance is too low' is unknown",
          },
        },
        '400 Bad Request',
      ),
    ],
    [
      'a refused prompt',
      'openrouter',
      json(
        {
          error: {
            code: 403,
            message: 'Input was flagged',
            metadata: { reasons: ['violence'], flagged_input: 'x' },
          },
        },
        '403 Forbidden',
      ),
    ],
  ])('%s', async (_, service, reply) => {
    const person = await stage.person()
    await stage.systemKey(service, 1)
    await stage.systemKey(service, 2)
    hostile.answer(reply)
    const answer =
      service === 'anthropic'
        ? await post(person, message(), '/v1/messages')
        : await post(person, chat({ model: 'openrouter/openai/gpt-4o-mini' }))
    expect(answer.headers.get('x-aideon-attempts')).toBe('1')
    await stage.gateway.rooms.serviceKeys.reportsSettled()
    const { rows } = await stage.clone.database.pool.query(
      "SELECT DISTINCT status, suspected_at FROM service_keys WHERE owner = 'system' AND status <> 'revoked'",
    )
    expect(rows).toEqual([{ status: 'active', suspected_at: null }])
  })

  test.each(['408 Timeout', '409 Conflict', '425 Too Early', '503 Busy', '529 Overloaded'])(
    '%s goes to the next key',
    async (status) => {
      const person = await stage.person()
      await stage.systemKey('openai', 1)
      await stage.systemKey('openai', 2)
      let calls = 0
      hostile.answer(({ socket }) =>
        socket.end(calls++ === 0 ? json({ error: {} }, status) : json(completion())),
      )
      expect((await post(person, chat())).headers.get('x-aideon-attempts')).toBe('2')
    },
  )

  test('what a service says about the platform’s account stays with the platform', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    for (const code of ['rate_limit_exceeded', 'insufficient_quota']) {
      hostile.answer(
        json({ error: { code, message: 'Limit reached in organization org-abc123' } }, '429 Slow'),
      )
      const reply = await post(person, chat())
      expect(await reply.text()).not.toContain('org-abc123')
      expect(reply.status).toBeGreaterThanOrEqual(500)
    }
  })

  test('each attempt sends the caller’s own body, not what an earlier one made of it', async () => {
    const person = await stage.person({ fallback: 'alternative_then_system' })
    await stage.ownKey(person, 'openrouter')
    await stage.systemKey('openai', 1)
    const { max_tokens: _, ...open } = chat()
    let calls = 0
    hostile.answer(({ socket }) =>
      socket.end(calls++ === 0 ? json({ error: {} }, '500 Oops') : json(completion())),
    )
    const reply = await post(person, { ...open, model: 'gpt-4.1' })
    expect(reply.status).toBe(200)
    const sent = hostile.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    expect(sent[0]).toEqual({ ...open, model: 'openai/gpt-4.1' })
    expect(sent[1]).toEqual({ ...open, model: 'gpt-4.1', max_completion_tokens: 16_384 })
  })
})

describe('callers', () => {
  const hangUp = (person: StagePerson, body: object, afterMs: number) =>
    new Promise<void>((done) => {
      const { hostname, port } = new URL(stage.url)
      const text = JSON.stringify(body)
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          raw(person, ['POST /v1/chat/completions HTTP/1.1', `content-length: ${text.length}`], text),
        )
        setTimeout(() => socket.destroy(), afterMs)
      })
      socket.on('error', () => {})
      socket.on('close', () => done())
    })

  test('who hang up at any moment leave a record, and no credits set aside', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    hostile.answer(({ socket }) => setTimeout(() => socket.end(json(completion())), 20))
    for (const afterMs of [0, 1, 2, 3, 5, 8, 12, 18, 21, 23, 25, 30]) await hangUp(person, chat(), afterMs)
    const records = async () => {
      const sql = 'SELECT count(*)::int AS n FROM operations WHERE organization_id = $1'
      return (await stage.clone.database.pool.query(sql, [person.organizationId])).rows[0].n
    }
    await expect.poll(records).toBeGreaterThanOrEqual(10)
  })

  test('who hang up while an earlier reply of their connection is under way are noticed too', async () => {
    const person = await stage.person()
    await stage.systemKey('openai', 1)
    const closed: Promise<void>[] = []
    hostile.answer(({ socket }) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      closed.push(promise)
      socket.on('close', () => resolve())
      socket.write(streamHead + chunk('a'))
    })
    const text = JSON.stringify(chat({ stream: true }))
    const one = raw(person, ['POST /v1/chat/completions HTTP/1.1', `content-length: ${text.length}`], text)
    const { hostname, port } = new URL(stage.url)
    const socket = connect(Number(port), hostname, () => socket.write(one + one))
    socket.on('error', () => {})
    await expect.poll(() => hostile.received.length).toBe(2)
    socket.destroy()
    await Promise.all(closed)
  })

  test('who do not read cost bounded memory and time', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    let written = 0
    const closed = Promise.withResolvers<void>()
    const block = chunk('x'.repeat(60_000))
    hostile.answer(({ socket }) => {
      socket.write(streamHead)
      const more = () => {
        while (!socket.destroyed && written < 300_000_000) {
          written += block.length
          if (!socket.write(block)) return void socket.once('drain', more)
        }
      }
      more()
      socket.on('close', () => closed.resolve())
    })
    const before = process.memoryUsage().rss
    const { hostname, port } = new URL(stage.url)
    const text = JSON.stringify(chat({ stream: true }))
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        raw(person, ['POST /v1/chat/completions HTTP/1.1', `content-length: ${text.length}`], text),
      ),
    )
    socket.pause()
    socket.on('error', () => {})
    await closed.promise
    expect(written).toBeLessThan(60_000_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
    socket.destroy()
    await expect.poll(async () => (await latestOperation(person))?.status).toBe('cancelled')
  })

  test('who do not take a whole reply are let go, and nothing of it stays', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'openai')
    hostile.answer(json(completion({ filler: 'x'.repeat(20_000_000) })))
    const { hostname, port } = new URL(stage.url)
    const text = JSON.stringify(chat())
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        raw(person, ['POST /v1/chat/completions HTTP/1.1', `content-length: ${text.length}`], text),
      ),
    )
    socket.pause()
    socket.on('error', () => {})
    const { token } = await stage.gateway.rooms.access.createToken(operator, platformToken('read_metrics'))
    const underWay = async () => {
      const reply = await fetch(`${stage.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
      return Number(/^aideon_operations_under_way (\d+)/m.exec(await reply.text())?.[1])
    }
    await expect.poll(underWay).toBe(1)
    await expect.poll(underWay).toBe(0)
    socket.destroy()
  })
})
