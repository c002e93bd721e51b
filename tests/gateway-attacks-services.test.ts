import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { must } from '../src/kit/fault.ts'
import { platformOrganizationId } from '../src/kit/id.ts'
import { askIn, type ChatDialect, endMarks, errorIn, postTo, readAll } from './dialect-calls.ts'
import { type HostileService, http, json, startHostileService, streamHead } from './hostile.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/*
 * Services that answer anything at all, at every kind of endpoint, native and translated. Chat completions and messages at
 * services that speak them: tests/gateway-attacks.test.ts.
 */

let stage: Stage
let hostile: HostileService
beforeAll(async () => {
  hostile = await startHostileService()
  stage = await openStage({
    AIDEON_IDLE_SECONDS: '2',
    AIDEON_FIRST_BYTE_SECONDS: '2',
    AIDEON_MAXIMUM_REPLY_BYTES: '8000000',
  })
  const { catalogue } = stage.gateway.rooms
  must(await catalogue.addAllowance(operator, new URL(hostile.url).host))
  for (const service of services) must(await catalogue.change(operator, service, { baseUrl: hostile.url }))
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await hostile[Symbol.asyncDispose]()
})

const services = ['openai', 'anthropic', 'gemini', 'cohere', 'mistral'] as const
type Service = (typeof services)[number]
const checker = readFileSync(new URL('ledger-checker.sql', import.meta.url), 'utf8')

/** Whatever a service did: no credits stay set aside, the ledger adds up, the gateway answers, and no breaker lasts. */
afterEach(async () => {
  const { pool } = stage.clone.database
  const open = async () =>
    (await pool.query("SELECT count(*)::int AS n FROM holds WHERE state IN ('open', 'unresolved')")).rows[0].n
  await expect.poll(open).toBe(0)
  expect((await pool.query(checker)).rows).toEqual([])
  expect((await fetch(`${stage.url}/healthz`)).status).toBe(200)
})

interface Route {
  readonly name: string
  readonly service: Service
  readonly ask: (person: StagePerson, streamed: boolean) => Promise<Response>
  readonly error: (body: string) => { code: string; message: string } | null
  readonly streams: boolean
  readonly end: RegExp
}

const chat = (dialect: ChatDialect, service: Service, model: string): Route => ({
  name: `${dialect} at ${service}`,
  service,
  ask: (person, streamed) => askIn(stage, person, dialect, { model, prompt: 'hello', streamed }),
  error: errorIn[dialect],
  streams: true,
  end: endMarks[dialect],
})
const call = (
  name: string,
  service: Service,
  path: string,
  body: object,
  dialect: 'chat_completions' | 'cohere' = 'chat_completions',
): Route => ({
  name,
  service,
  ask: (person) => postTo(stage.url, person, path, body),
  error: errorIn[dialect],
  streams: false,
  end: /never/,
})

const image = { prompt: 'a cat', size: '1024x1024', quality: 'low' }
const routes: readonly Route[] = [
  chat('responses', 'openai', 'gpt-4o-mini'),
  chat('gemini', 'gemini', 'gemini-2.5-flash'),
  chat('messages', 'openai', 'gpt-4o-mini'),
  chat('gemini', 'anthropic', 'claude-sonnet-4-5'),
  chat('chat_completions', 'gemini', 'gemini-2.5-flash'),
  chat('responses', 'mistral', 'mistral/mistral-small-latest'),
  call('embeddings', 'openai', '/v1/embeddings', { model: 'text-embedding-3-small', input: 'hi' }),
  call('embeddings, translated', 'gemini', '/v1/embeddings', { model: 'gemini-embedding-001', input: 'hi' }),
  call('images', 'openai', '/v1/images/generations', { model: 'gpt-image-1', ...image }),
  call('speech', 'openai', '/v1/audio/speech', { model: 'tts-1', voice: 'alloy', input: 'hello' }),
  call('rankings', 'cohere', '/v1/rerank', { model: 'rerank-v3.5', query: 'a', documents: ['b'] }, 'cohere'),
]

/** On a key of their own that nobody else has, so that no breaker or verdict of one case meets the next. */
const withKey = async (service: Service) => {
  await closeBreakers()
  const person = await stage.person({ fallback: 'none' })
  await stage.ownKey(person, service)
  return person
}

const statusOfKeys = async (person: StagePerson) => {
  await stage.gateway.rooms.serviceKeys.reportsSettled()
  const { rows } = await stage.clone.database.pool.query(
    'SELECT DISTINCT status FROM service_keys WHERE organization_id = $1',
    [person.organizationId],
  )
  return rows.map(({ status }) => String(status))
}

const gzipped = gzipSync(Buffer.alloc(50_000_000, ' '))
const replies: readonly [string, string | Buffer][] = [
  ['HTML', http('200 OK', { 'content-type': 'text/html' }, '<script>alert(1)</script>')],
  ['nothing', http('200 OK', { 'content-type': 'application/json' }, '')],
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['half a JSON', http('200 OK', { 'content-type': 'application/json' }, '{"choices":')],
  ['bytes', http('200 OK', { 'content-type': 'application/json' }, Buffer.from([0xff, 0xfe, 0, 0x80, 0xc0]))],
  ['an array', json([])],
  ['null', json(null)],
  ['deep nesting', http('200 OK', { 'content-type': 'application/json' }, '['.repeat(2_000_000))],
  [
    'a gzip bomb',
    http('200 OK', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, gzipped),
  ],
  [
    'a gzip bomb as events',
    http('200 OK', { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }, gzipped),
  ],
  ['brotli by name', http('200 OK', { 'content-type': 'application/json', 'content-encoding': 'br' }, 'x')],
  ['an error that claims success', json({ error: { message: 'overloaded', type: 'server_error' } })],
  ['a redirect', http('302 Found', { location: 'http://169.254.169.254/' }, '')],
  [
    'a longer length than it sends',
    'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"choices":[]',
  ],
  ['endless headers', `HTTP/1.1 200 OK\r\n${'x-a: bbbbbbbbbbbbbbbbbbbb\r\n'.repeat(4_000)}`],
  ['no HTTP', 'hello?\r\n\r\n'],
  ['an error page', http('400 Bad Request', { 'content-type': 'text/html' }, '<h1>400</h1>')],
  [
    'an error that is a bomb',
    http('500 Oops', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, gzipped),
  ],
  [
    'an error of megabytes',
    http('400 Bad', { 'content-type': 'application/json' }, Buffer.alloc(5_000_000, 'x')),
  ],
]

describe.each(routes)('$name', ({ name, service, ask, error, streams, end }) => {
  test('whatever it answers is an error in the caller’s dialect, on record, and the key stays as it was', async () => {
    for (const [index, [what, reply]] of replies.entries()) {
      // Every second one streamed; which, differs from route to route.
      const streamed = streams && (index + name.length) % 2 === 0
      const person = await withKey(service)
      hostile.answer(reply)
      const before = process.memoryUsage().heapUsed
      const answer = await ask(person, streamed)
      const { text } = await readAll(answer)
      expect(answer.status, `${what}: ${text.slice(0, 200)}`).toBeGreaterThanOrEqual(400)
      expect(error(text), `${what}: ${text.slice(0, 200)}`).not.toBeNull()
      expect(text).not.toMatch(/169\.254|<script>|<h1>/)
      expect(text.length).toBeLessThan(70_000)
      expect(await stage.operation(person, answer.headers.get('x-aideon-operation') ?? '')).toMatchObject({
        status: 'failed',
        credit_micros: 0n,
      })
      expect(hostile.received, what).toHaveLength(1)
      expect(await statusOfKeys(person), what).toEqual(['active'])
      expect(process.memoryUsage().heapUsed - before, what).toBeLessThan(60_000_000)
    }
  })

  test('a whole reply without end: bounded memory, then an error', async () => {
    const person = await withKey(service)
    const grown = await floods(
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{"a":"',
      () => ask(person, false),
    )
    expect(grown.status).toBe(502)
    expect(error(grown.text)).not.toBeNull()
    expect(grown.writtenBytes).toBeLessThan(30_000_000)
    expect(grown.rssBytes).toBeLessThan(150_000_000)
  })

  if (!streams) return

  test('a line without end in a stream: bounded memory, then an error', async () => {
    const person = await withKey(service)
    const grown = await floods(`${streamHead}data: {"x":"`, () => ask(person, true))
    expect(grown.text).not.toMatch(end)
    expect(grown.text).toMatch(/error/)
    expect(grown.writtenBytes).toBeLessThan(30_000_000)
    expect(grown.rssBytes).toBeLessThan(150_000_000)
    expect(await latest(person)).toMatchObject({ status: 'failed' })
  })

  test('a stream of garbage is no whole one', async () => {
    for (const events of [
      'data: not json\n\n'.repeat(50),
      'data: {"a":\n\n'.repeat(50),
      `data: ${'['.repeat(100_000)}\n\n`,
      'data: null\n\ndata: 1\n\ndata: "x"\n\ndata: []\n\ndata: {}\n\n',
      ': comment\n\n'.repeat(10_000),
      '\n'.repeat(100_000),
      '\0'.repeat(100_000),
      'event: \xff\ndata: {"type":"\\u0000"}\n\n',
    ]) {
      const person = await withKey(service)
      hostile.answer(streamHead + events)
      const answer = await ask(person, true)
      const { text, whole } = await readAll(answer)
      expect(text).not.toMatch(end)
      expect(whole && answer.status === 200 && !text.includes('error'), text.slice(0, 200)).toBe(false)
      expect(await latest(person)).toMatchObject({ status: 'failed' })
    }
  })
})

const latest = async (person: StagePerson) => {
  const sql = 'SELECT * FROM operations WHERE organization_id = $1 ORDER BY id DESC LIMIT 1'
  return (await stage.clone.database.pool.query(sql, [person.organizationId])).rows[0]
}

/** Failures on purpose would have the service left alone for a while. */
const closeBreakers = async () => {
  const { health } = stage.gateway.rooms
  await health.settled()
  for (const subject of services)
    await health.reset(operator, { organizationId: platformOrganizationId, kind: 'service', subject })
}

/** Sends a head, then as much as is taken; what that took. */
const floods = async (head: string, ask: () => Promise<Response>) => {
  let writtenBytes = 0
  const block = Buffer.alloc(256 * 1024, 'x')
  hostile.answer(({ socket }) => {
    socket.write(head)
    const more = () => {
      while (!socket.destroyed && writtenBytes < 300_000_000) {
        writtenBytes += block.length
        if (!socket.write(block)) return void socket.once('drain', more)
      }
      socket.end()
    }
    more()
  })
  const before = process.memoryUsage().rss
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 10)
  const answer = await ask()
  const { text } = await readAll(answer)
  clearInterval(timer)
  return { status: answer.status, text, writtenBytes, rssBytes: most - before }
}
