import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { errorIn, postTo } from './dialect-calls.ts'
import { sendRaw } from './hostile.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/*
 * Callers who send anything at all in forms, in paths with names in them, in headers of ours, on raw paths and for tasks. Sessions:
 * tests/gateway-attacks-sessions.test.ts. Bodies and
 * requests on the wire: tests/gateway-attacks.test.ts.
 */

let stage: Stage
let person: StagePerson

beforeAll(async () => {
  stage = await openStage()
  person = await stage.person({ fallback: 'none' })
  for (const service of ['openai', 'gemini', 'anthropic'] as const) await stage.ownKey(person, service)
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
})
beforeEach(() => stage.simulator.clearJournal())
afterEach(async () => {
  expect((await fetch(`${stage.url}/healthz`)).status).toBe(200)
  const { rows } = await stage.clone.database.pool.query(
    "SELECT count(*)::int AS n FROM operations WHERE fault_code = 'internal'",
  )
  expect(rows).toEqual([{ n: 0 }])
})

const bearer = () => ({ authorization: `Bearer ${person.token}` })

describe('forms', () => {
  const field = (name: string, value: string, boundary = 'B') =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const file = (name = 'file', headers = '') =>
    `--B\r\ncontent-disposition: form-data; name="${name}"; filename="a.mp3"\r\n${headers}\r\nxxxx\r\n`
  const whole = `${field('model', 'whisper-1')}${file()}--B--\r\n`

  const cases: readonly [string, string | Buffer, string, string][] = [
    [
      'a hundred thousand parts',
      Array.from({ length: 100_000 }, (_, i) => field(`f${i}`, 'x')).join('') + '--B--\r\n',
      'B',
      'malformed_multipart',
    ],
    ['another boundary', whole, 'C', 'malformed_multipart'],
    [
      'a boundary that is a part of the real one',
      whole.replaceAll('--B', '--BB'),
      'B',
      'malformed_multipart',
    ],
    ['nothing but boundaries', '--B\r\n'.repeat(2_000_000), 'B', 'malformed_multipart'],
    ['no end', whole.slice(0, -6), 'B', 'malformed_multipart'],
    ['more after its end', `${whole}${field('model', 'gpt-4o-transcribe')}--B--`, 'B', 'malformed_multipart'],
    [
      'headers of megabytes',
      `--B\r\nx-a: ${'y'.repeat(3_000_000)}\r\n\r\n\r\n--B--`,
      'B',
      'malformed_multipart',
    ],
    [
      'two models',
      field('model', 'whisper-1') + field('model', 'gpt-4o-transcribe') + file() + '--B--\r\n',
      'B',
      'duplicate_field',
    ],
    ['a model that is a file', file('model') + file() + '--B--\r\n', 'B', 'unknown_model'],
    ['no model', `${file()}--B--\r\n`, 'B', 'invalid_request'],
    ['NUL in the model', field('model', 'whisper-1\0') + file() + '--B--\r\n', 'B', 'invalid_request'],
    [
      '`__proto__` as a field',
      field('__proto__', 'x') + field('model', 'nonsense-1') + file() + '--B--\r\n',
      'B',
      'unknown_model',
    ],
    [
      'bytes that are no text in the model',
      Buffer.concat([
        Buffer.from('--B\r\ncontent-disposition: form-data; name="model"\r\n\r\n'),
        Buffer.from([0xff, 0xfe]),
        Buffer.from(`\r\n${file()}--B--\r\n`),
      ]),
      'B',
      'malformed_multipart',
    ],
    [
      'an encoded part',
      field('model', 'whisper-1') + file('file', 'content-transfer-encoding: base64\r\n') + '--B--\r\n',
      'B',
      'malformed_multipart',
    ],
    ['nothing', '', 'B', 'malformed_multipart'],
  ]
  test.each(cases)('with %s are refused quickly and by name', async (_, body, boundary, code) => {
    const started = performance.now()
    const before = process.memoryUsage().heapUsed
    for (const path of ['/v1/audio/transcriptions', '/v1/audio/translations']) {
      const reply = await fetch(stage.url + path, {
        method: 'POST',
        headers: { ...bearer(), 'content-type': `multipart/form-data; boundary=${boundary}` },
        body,
      })
      const text = await reply.text()
      expect(errorIn.chat_completions(text), text).toMatchObject({ code })
      expect(reply.status).toBeLessThan(500)
    }
    expect(performance.now() - started).toBeLessThan(20_000)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000)
    expect(stage.simulator.journal()).toEqual([])
  })

  test.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=a; boundary=b',
    `multipart/form-data; boundary=${'b'.repeat(500)}`,
    'multipart/mixed; boundary=B',
    'text/plain',
  ])('of the type %s are refused', async (type) => {
    const reply = await fetch(`${stage.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { ...bearer(), 'content-type': type },
      body: whole,
    })
    expect([400, 415]).toContain(reply.status)
    expect(stage.simulator.journal()).toEqual([])
  })
})

describe('a model in the path', () => {
  const post = (model: string, method = 'generateContent') => {
    const body = '{"contents":[{"parts":[{"text":"hello"}]}]}'
    return sendRaw(
      stage.url,
      Buffer.from(
        `POST /v1beta/models/${model}:${method} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${person.token}\r\n` +
          `content-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      ),
    )
  }
  const bodyOf = (text: string) => text.slice(text.indexOf('\r\n\r\n') + 4)

  test.each<[string, number, string]>([
    ['a%2Fb', 404, 'unknown_model'],
    ['a/b/c', 404, 'unknown_model'],
    ['..', 404, 'unknown_model'],
    ['%2e%2e%2f%2e%2e%2fadmin', 404, 'unknown_model'],
    ['..%5c..', 404, 'unknown_model'],
    ['%00', 400, 'invalid_request'],
    ['gemini-2.5-flash%00', 400, 'invalid_request'],
    ['gemini-2.5-flash%0d%0ax-evil:%201', 400, 'invalid_request'],
    ['%', 404, 'unknown_model'],
    ['%zz', 404, 'unknown_model'],
    ['%ED%A0%80', 404, 'unknown_model'],
    ['%F0%9F%98%80', 404, 'unknown_model'],
    ['group%2Fnothing', 404, 'unknown_model'],
    ['group/nothing', 404, 'unknown_model'],
    ['group%2F', 404, 'unknown_model'],
    ['group%2F..%2F..', 404, 'unknown_model'],
    ['nobody%2Fgemini-2.5-flash', 404, 'unknown_model'],
    ['__proto__', 404, 'unknown_model'],
    ['constructor%2Fprototype', 404, 'unknown_model'],
    ['x'.repeat(300), 400, 'invalid_request'],
  ])('%s is told in Gemini’s dialect, and nobody is asked', async (model, status, code) => {
    for (const method of [
      'generateContent',
      'streamGenerateContent?alt=sse',
      'countTokens',
      'embedContent',
    ]) {
      const text = await post(model, method)
      expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
      expect(errorIn.gemini(bodyOf(text)), text).toMatchObject({ code })
    }
    expect(stage.simulator.journal()).toEqual([])
  })

  test('cannot name another path or query of the service, whatever it is', async () => {
    for (const model of [
      'gemini-2.5-flash%2F..%2F..%2Ffiles',
      'gemini-2.5-flash%3Fkey=x',
      'gemini-2.5-flash%23',
      'gemini-2.5-flash%5c..%5c',
    ]) {
      await post(model)
      for (const { path } of stage.simulator.journal())
        expect(path).toMatch(/^\/gemini\/v1beta\/models\/[^/?#\\]+:generateContent$/)
    }
  })

  test.each(['predict', 'generateContent/x', '__proto__', 'constructor', 'GENERATECONTENT', ''])(
    'with the method %j is no route',
    async (method) => {
      const text = await post('gemini-2.5-flash', method)
      expect(text).toMatch(/^HTTP\/1\.1 404 /)
      expect(errorIn.gemini(bodyOf(text))).toMatchObject({ code: 'unknown_route' })
    },
  )
})

describe('headers of ours', () => {
  const chat = { model: 'gpt-4o-mini', max_tokens: 20, messages: [{ role: 'user', content: 'hello' }] }
  const ask = (headers: Record<string, string>, body: unknown = chat) =>
    postTo(stage.url, person, '/v1/chat/completions', body, { headers })

  test.each<[string, number]>([
    ['nonsense', 400],
    ['__proto__', 400],
    ['SYSTEM', 400],
    ['none,system', 400],
    ['system', 400],
  ])('x-aideon-fallback: %s is refused, and never widens anything', async (value, status) => {
    const reply = await ask({ 'x-aideon-fallback': value })
    expect(reply.status, await reply.text()).toBe(status)
    expect(stage.simulator.journal()).toEqual([])
  })

  test.each([
    ['x-aideon-conversation', 'c'.repeat(15_000)],
    ['x-aideon-conversation', ''],
    ['x-aideon-conversation', '{"$ne":null}'],
    ['x-aideon-service', 'nonsense'],
    ['x-aideon-webhook', 'javascript:alert(1)'],
    ['x-aideon-explain', '0'],
    ['x-aideon-credits', '-1'],
    ['x-aideon-key-owner', 'system'],
    ['x-aideon-operation', '00000000-0000-0000-0000-000000000000'],
  ])('%s: %s changes nothing of a call, and does not come back', async (name, value) => {
    const reply = await ask({ [name]: value })
    expect(reply.status, await reply.text()).toBe(200)
    expect(JSON.stringify(stage.simulator.journal()[0]?.headers)).not.toContain('x-aideon')
    expect(reply.headers.get('x-aideon-key-owner')).toBe('user')
    if (value.length > 3) expect(reply.headers.get(name)).not.toBe(value)
  })

  test('beyond all size are refused before anything else', async () => {
    const reply = await sendRaw(
      stage.url,
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-aideon-conversation: ${'c'.repeat(40_000)}\r\n\r\n`,
    )
    expect(reply).toMatch(/^HTTP\/1\.1 431 /)
  })

  test('an explanation of a body that is too large, malformed or unknown is refused as the call would be', async () => {
    const headers = { 'x-aideon-explain': '1' }
    const large = await ask(headers, { ...chat, x: 'x'.repeat(33 * 1024 * 1024) })
    expect(errorIn.chat_completions(await large.text())).toMatchObject({ code: 'body_too_large' })
    expect(errorIn.chat_completions(await (await ask(headers, '{"model":')).text())).toMatchObject({
      code: 'malformed_json',
    })
    const deep = `{"model":"gpt-4o-mini","messages":${'['.repeat(3_000_000)}${']'.repeat(3_000_000)}}`
    expect(errorIn.chat_completions(await (await ask(headers, deep)).text())).toMatchObject({
      code: 'malformed_json',
    })
    expect(stage.simulator.journal()).toEqual([])
  })

  test('x-aideon-service names a service, or there is no such path', async () => {
    for (const service of ['__proto__', 'constructor', 'OPENAI', '../openai', 'x'.repeat(5_000)]) {
      const reply = await fetch(`${stage.url}/v1/files`, {
        headers: { ...bearer(), 'x-aideon-service': service },
      })
      expect(reply.status).toBe(404)
      await reply.text()
    }
    expect(stage.simulator.journal()).toEqual([])
  })
})

describe('raw paths', () => {
  const get = (path: string, method = 'GET') =>
    sendRaw(
      stage.url,
      Buffer.from(
        `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${person.token}\r\nconnection: close\r\n\r\n`,
      ),
    )

  test.each([
    '/services/constructor/x',
    '/services/__proto__/x',
    '/services/toString/v1/models',
    '/services/openai',
    '/services//v1/models',
    '/services/OPENAI/v1/models',
    '/services/%6fpenai/v1/models',
    '/services/openai%2fv1/models',
    '/services/openai;a=b/v1/models',
    '/services/../services/openai/v1/models',
  ])('%s is none', async (path) => {
    expect(await get(path)).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(stage.simulator.journal()).toEqual([])
  })

  test.each([
    '/services/openai/@evil.example/',
    '/services/openai/v1/@evil.example:80/x',
    '/services/openai//evil.example/x',
    '/services/openai///evil.example/x',
    '/services/openai/\\evil.example\\x',
    '/services/openai/v1/a%0d%0ax-evil:%201',
    '/services/openai/v1/%00',
    '/services/openai/v1/%zz',
    '/services/openai/v1/x#y',
    '/services/openai/v1/x?url=http://169.254.169.254/',
    '/services/openai/v1/{model}/{setting}',
    '/services/openai/v1/http://evil.example/',
  ])('%s stays at the service’s address', async (path) => {
    const text = await get(path)
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    const calls = stage.simulator.journal()
    expect(calls.length).toBeLessThanOrEqual(1)
    for (const call of calls) {
      expect(call.path).toMatch(/^\/openai\//)
      expect(call.headers['x-evil']).toBeUndefined()
      expect(call.headers['host']).toBe(new URL(stage.simulator.url).host)
    }
  })

  test.each(['/services/openai/v1/caf\u00e9', '/services/openai/v1/\u202e', '/services/openai/v1/\x01'])(
    'with bytes that no path has are no HTTP',
    async (path) => {
      expect(await get(path)).toMatch(/^HTTP\/1\.1 400 /)
      expect(stage.simulator.journal()).toEqual([])
    },
  )

  test('CONNECT, TRACE and methods that nobody knows are refused', async () => {
    for (const method of ['CONNECT', 'TRACE', 'PURGE', 'FOO'])
      expect(await get('/services/openai/v1/models', method)).not.toMatch(/^HTTP\/1\.1 [2]\d\d /)
  })
})

describe('tasks', () => {
  const mj = (method: string, path: string, body?: unknown) =>
    fetch(stage.url + path, {
      method,
      headers: { 'mj-api-secret': person.token, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  test.each<[string, string, unknown?]>([
    ['GET', '/mj/task/17953842442900730/fetch'],
    ['GET', '/mj/task/..%2f..%2faccount/fetch'],
    ['GET', `/mj/task/${'1'.repeat(240)}/fetch`],
    ['GET', '/mj/task/%27%20OR%201=1--/image-seed'],
    ['POST', '/mj/submit/change', { taskId: '1', action: 'UPSCALE', index: 1 }],
    ['POST', '/mj/submit/simple-change', { content: '1 U1' }],
    ['POST', '/mj/submit/action', { taskId: '../1', customId: 'MJ::JOB::upsample::1::x' }],
    ['POST', '/mj/submit/modal', { taskId: '1' }],
  ])('of others or of nobody are not found: %s %s', async (method, path, body) => {
    const reply = await mj(method, path, body)
    const text = await reply.text()
    expect(reply.status, text).toBe(404)
    expect(errorIn.midjourney(text)).toMatchObject({ code: 'not_found' })
    expect(stage.simulator.journal()).toEqual([])
  })

  test.each<[string, string, unknown?]>([
    ['GET', `/mj/task/${'1'.repeat(241)}/fetch`],
    ['GET', '/mj/task/%ED%A0%80/fetch'],
    ['GET', '/mj/task/list'],
    ['GET', '/mj/account/list'],
    ['POST', '/mj/submit/upload-discord-images', {}],
    ['GET', '/mj/'],
  ])('are at no other path: %s %s', async (method, path, body) => {
    const reply = await mj(method, path, body)
    expect(reply.status).toBe(404)
    await reply.text()
    expect(stage.simulator.journal()).toEqual([])
  })

  test.each<[string, unknown]>([
    ['a list that is none', { ids: 'x' }],
    ['a list of a thousand', { ids: Array.from({ length: 1_000 }, String) }],
    ['a list of objects', { ids: [{}] }],
    ['no object', []],
  ])('asked for by %s are refused by name', async (_, body) => {
    const reply = await mj('POST', '/mj/task/list-by-condition', body)
    expect(reply.status).toBe(400)
    expect(errorIn.midjourney(await reply.text())).not.toBeNull()
  })

  test.each([
    'http://169.254.169.254/',
    'http://localhost/',
    'file:///etc/passwd',
    'https://user:pw@example.com/',
    'nonsense',
    'x'.repeat(3_000),
  ])('do not report to %s', async (notifyHook) => {
    const reply = await mj('POST', '/mj/submit/imagine', { prompt: 'a cat', notifyHook })
    expect(reply.status).toBe(400)
    await reply.text()
  })
})
