import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { must } from '../src/kit/fault.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
let person: StagePerson
let secret: string
let arrived: { request: IncomingMessage; body: string }[] = []

const picture = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 255, 254, 10, 13])
const completion = {
  id: 'chatcmpl-1',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 2 },
}

const upstream = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    arrived.push({ request, body: Buffer.concat(chunks).toString() })
    const path = request.url ?? ''
    if (path.includes('missing')) {
      response.writeHead(404, { 'content-type': 'application/json' })
      return response.end('{"error":{"message":"No such File object","code":null}}')
    }
    if (path.endsWith('/content')) {
      response.writeHead(200, { 'content-type': 'image/png' })
      return response.end(picture)
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify(path.endsWith('/chat/completions') ? completion : { object: 'list', data: [] }),
    )
  })
})

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  stage = await openStage()
  person = await stage.person()
  secret = await stage.ownKey(person, 'openai')
  await stage.systemKey('openai', 1)
  const { catalogue } = stage.gateway.rooms
  const host = `127.0.0.1:${(upstream.address() as AddressInfo).port}`
  must(await catalogue.addAllowance(operator, host))
  must(await catalogue.change(operator, 'openai', { baseUrl: `http://${host}` }))
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  upstream.close()
})
beforeEach(() => {
  arrived = []
})

const call = (
  who: StagePerson,
  path: string,
  init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
) =>
  fetch(stage.url + path, {
    ...init,
    headers: {
      authorization: `Bearer ${who.token}`,
      cookie: 'canary=1',
      'x-canary': 'canary',
      ...init.headers,
    },
  })

describe('a path of a service that the gateway knows nothing of', () => {
  test('is passed on with method, query and body, on the own key and with nothing of ours', async () => {
    const reply = await call(person, '/services/openai/v1/files?limit=2&order=%7Bdesc%7D')
    expect(reply.status).toBe(200)
    expect(await reply.json()).toEqual({ object: 'list', data: [] })
    expect(reply.headers.get('x-aideon-key-owner')).toBe('user')
    expect(arrived.map(({ request }) => [request.method, request.url])).toEqual([
      ['GET', '/v1/files?limit=2&order=%7Bdesc%7D'],
    ])
    expect(arrived[0]?.request.headers.authorization).toBe(`Bearer ${secret}`)
    expect(JSON.stringify(arrived[0]?.request.headers)).not.toContain('canary')
    const record = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
    expect(record).toMatchObject({ endpoint: 'raw', status: 'succeeded', credit_micros: 0n })
  })

  test.each(['PUT', 'PATCH', 'DELETE', 'POST'])('%s goes on as it is', async (method) => {
    const reply = await call(person, '/services/openai/v1/threads/thread_1', {
      method,
      body: 'a=b',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(reply.status).toBe(200)
    const [only] = arrived
    expect(only?.request.method).toBe(method)
    expect(only?.request.headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect(only?.body).toBe('a=b')
  })

  test('may answer with any bytes', async () => {
    const reply = await call(person, '/services/openai/v1/files/file-1/content')
    expect(reply.headers.get('content-type')).toBe('image/png')
    expect(Buffer.from(await reply.arrayBuffer())).toEqual(picture)
  })

  test('may answer with its own error', async () => {
    const reply = await call(person, '/services/openai/v1/files/missing')
    expect(reply.status).toBe(404)
    expect(await reply.json()).toMatchObject({ error: { message: 'No such File object' } })
  })

  test('is refused on system keys, because nobody can tell what it costs', async () => {
    const other = await stage.person()
    const reply = await call(other, '/services/openai/v1/files')
    expect(reply.status).toBeGreaterThanOrEqual(400)
    expect(arrived).toEqual([])
    expect((await stage.balance(other)).heldMicros).toBe(0n)
  })

  test('cannot leave the service’s address', async () => {
    for (const path of ['//evil.example/x', '/@evil.example/', '/..%2f..%2f', '/\\evil.example']) {
      const reply = await call(person, `/services/openai${path}`)
      await reply.text()
      for (const { request } of arrived) expect(request.headers.host).toMatch(/^127\.0\.0\.1:/)
    }
  })
})

describe('a path that the service’s file names', () => {
  test('is metered and charged as that endpoint, at that service alone', async () => {
    const other = await stage.person()
    const reply = await call(other, '/services/openai/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({
        model: 'gpt-4o-mini',
        max_tokens: 10,
        messages: [{ role: 'user', content: 'hello' }],
      }),
      headers: { 'content-type': 'application/json' },
    })
    expect(reply.status).toBe(200)
    const record = await stage.operation(other, reply.headers.get('x-aideon-operation') ?? '')
    expect(record).toMatchObject({
      endpoint: 'chat_completions',
      key_owner: 'system',
      input_tokens: 5n,
      output_tokens: 2n,
    })
    expect(record.credit_micros).toBeGreaterThan(0n)
  })

  test.each([
    ['GET', '/v1/files?purpose=batch'],
    ['POST', '/v1/vector_stores'],
    ['GET', '/v1/responses/resp_1/input_items'],
  ])('%s %s of OpenAI’s client runs on the own key', async (method, path) => {
    const reply = await call(person, path, { method, ...(method === 'POST' && { body: '{}' }) })
    expect(reply.status).toBe(200)
    expect(arrived.map(({ request }) => request.url)).toEqual([path])
    expect(reply.headers.get('x-aideon-key-owner')).toBe('user')
  })

  test('of a service that is switched off or unknown is no route', async () => {
    expect((await call(person, '/services/nobody/v1/files')).status).toBe(404)
    const { catalogue } = stage.gateway.rooms
    must(await catalogue.change(operator, 'openrouter', { enabled: false }))
    const reply = await call(person, '/services/openrouter/v1/credits')
    expect(reply.status).toBe(404)
    expect(await reply.json()).toMatchObject({ error: { code: 'unknown_route' } })
  })
})
