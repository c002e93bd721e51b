import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { ServiceName } from '../../simulator/keys.ts'
import { must } from '../../src/kit/fault.ts'
import { findCanaries } from '../canaries.ts'
import { askIn, type ChatDialect, chatDialects, postTo, readAll } from '../dialect-calls.ts'
import { type EchoService, startEchoService } from '../echo-service.ts'
import { sendRaw } from '../hostile.ts'
import { operator } from '../scene.ts'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/*
 * Where each case of other gateways is proven:
 *   LiteLLM #31620 (raw keys in the audit log)      tests/canary.test.ts, “any row of any table”
 *   LiteLLM #12448 (keys in debug logs)             tests/canary.test.ts, “the log at its most talkative”
 *   LiteLLM #18731 (an expired key echoed)          tests/canary.test.ts, “repeated by a service …”; here for all dialects
 *   LiteLLM #14371 (a key re-sent to another service)  here
 *   LiteLLM #24902, #6963 (`?key=` in error text)   here
 *   ciphertext without associated data, plaintext at rest   src/vault/*.test.ts, docs/vault.md
 */

let stage: Stage
let echo: EchoService
/** Whoever else is asked: keeps what came, accepts everything that proves a key. */
const arrived: { request: IncomingMessage; body: string }[] = []
let failing = new Set<string>()
const recorder = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    arrived.push({ request, body: Buffer.concat(chunks).toString() })
    const service = request.url?.split('/')[1] ?? ''
    response.writeHead(failing.has(service) && request.method === 'POST' ? 401 : 200, {
      'content-type': 'application/json',
    })
    response.end('{"data":[]}')
  })
})
const recorderHost = () => `127.0.0.1:${(recorder.address() as AddressInfo).port}`

beforeAll(async () => {
  recorder.listen(0, '127.0.0.1')
  await once(recorder, 'listening')
  stage = await openStage({ AIDEON_FIRST_BYTE_SECONDS: '3' })
  echo = await startEchoService()
  for (const host of [recorderHost(), new URL(echo.url).host])
    must(await stage.gateway.rooms.catalogue.addAllowance(operator, host))
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await echo[Symbol.asyncDispose]()
  recorder.closeAllConnections()
  recorder.close()
})
beforeEach(() => {
  arrived.length = 0
  failing = new Set()
})

const point = async (service: ServiceName, baseUrl: string) =>
  must(await stage.gateway.rooms.catalogue.change(operator, service, { baseUrl }))

const addKey = async (person: StagePerson, service: string, secret: string, more: object = {}) =>
  must(
    await stage.gateway.rooms.serviceKeys.add(operator, {
      organizationId: person.organizationId,
      owner: 'user',
      userId: person.userId,
      serviceId: service,
      secret,
      baseUrl: null,
      ...more,
    }),
  )

const word = () => randomBytes(24).toString('hex')

describe('LiteLLM #14371: no service is sent what is another’s', () => {
  const secrets = new Map<string, string>()
  let person: StagePerson
  const services = ['openai', 'anthropic', 'gemini', 'openrouter', 'azure_openai'] as const
  const settings = { azure_openai: { resource: 'demo' } } as Record<string, Record<string, string>>

  beforeAll(async () => {
    person = await stage.person({ fallback: 'alternative' })
    for (const service of services) {
      await point(service, `http://${recorderHost()}/${service}`)
      const secret = `${service}-${word()}`
      secrets.set(service, secret)
      await addKey(person, service, secret, settings[service] ? { settings: settings[service] } : {})
    }
  })

  const isClean = (service: string, { request, body }: (typeof arrived)[number]) => {
    const all = `${request.url}\n${request.rawHeaders.join('\n')}\n${body}`
    for (const [other, secret] of secrets)
      expect(all.includes(secret), `${other}'s key at ${service}`).toBe(other === service)
    for (const ours of [person.token, 'canary', 'x-aideon', 'cookie']) expect(all).not.toContain(ours)
  }

  const callerHeaders = {
    cookie: 'session=canary',
    'x-canary': 'canary',
    'x-aideon-conversation': 'canary',
    'openai-organization': 'canary',
    'x-goog-user-project': 'canary',
    'x-forwarded-for': 'canary',
  }

  const rows: readonly [ChatDialect, string][] = [
    ['chat_completions', 'gpt-4o-mini'],
    ['responses', 'gpt-4o-mini'],
    ['messages', 'gpt-4o-mini'],
    ['gemini', 'gpt-4o-mini'],
    ['chat_completions', 'group/smart'],
    ['messages', 'group/smart'],
    ['responses', 'group/fast'],
    ['gemini', 'group/fast'],
  ]
  test.each(rows)(
    'on the way from service to service in %s for %s, translated or not',
    async (dialect, model) => {
      failing = new Set(services)
      // Refused keys, because failures would open breakers and end the walk.
      const seen = new Set<string>()
      for (const streamed of [false, true]) {
        arrived.length = 0
        const reply = await askIn(
          stage,
          person,
          dialect,
          { model, prompt: 'hello', streamed },
          { headers: callerHeaders },
        )
        await reply.text()
        const asked = arrived.map((call) => [call.request.url?.split('/')[1] ?? '', call] as const)
        for (const [service] of asked) seen.add(service)
        for (const [service, call] of asked) isClean(service, call)
      }
      expect(seen.size).toBeGreaterThanOrEqual(2)
    },
  )

  test('on raw paths, whatever header or query the caller chose', async () => {
    for (const service of services) {
      arrived.length = 0
      const reply = await fetch(`${stage.url}/services/${service}/v1/anything?a=b`, {
        method: 'POST',
        headers: {
          ...callerHeaders,
          authorization: `Bearer ${person.token}`,
          'x-api-key': 'canary',
          'x-goog-api-key': 'canary',
          'api-key': 'canary',
        },
        body: '{}',
      })
      await reply.text()
      expect(arrived).toHaveLength(1)
      for (const call of arrived) isClean(service, call)
    }
  })

  test('within a realtime session', async () => {
    const socket = new WebSocket(`${stage.url.replace('http', 'ws')}/v1/realtime?model=gpt-realtime`, {
      headers: { ...callerHeaders, authorization: `Bearer ${person.token}` },
    })
    const upgrades: IncomingMessage[] = []
    const take = (request: IncomingMessage, socketOfService: import('node:stream').Duplex) => {
      upgrades.push(request)
      socketOfService.end('HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n')
    }
    recorder.on('upgrade', take)
    await once(socket, 'unexpected-response')
    recorder.off('upgrade', take)
    expect(upgrades.length).toBeGreaterThan(0)
    for (const request of upgrades) isClean(request.url?.split('/')[1] ?? '', { request, body: '' })
  })

  test('at a Midjourney server, and nobody else is told its secret', async () => {
    const servers = ['first', 'second'].map((name) => ({ name, secret: `mj-${name}-${word()}` }))
    for (const { name, secret } of servers)
      await addKey(person, 'midjourney', secret, { baseUrl: `http://${recorderHost()}/${name}` })
    arrived.length = 0
    failing = new Set(['first', 'second'])
    const reply = await postTo(
      stage.url,
      person,
      '/mj/submit/imagine',
      { prompt: 'a cat' },
      { headers: callerHeaders },
    )
    await reply.text()
    expect(new Set(arrived.map(({ request }) => request.url?.split('/')[1]))).toEqual(
      new Set(['first', 'second']),
    )
    for (const { request, body } of arrived) {
      const all = `${request.url}\n${request.rawHeaders.join('\n')}\n${body}`
      for (const { name, secret } of servers)
        expect(all.includes(secret)).toBe(request.url?.startsWith(`/${name}/`))
      for (const other of [...secrets.values(), person.token, 'canary']) expect(all).not.toContain(other)
    }
  })
})

describe('LiteLLM #24902, #6963: Gemini’s `?key=`', () => {
  test('is never in an address that we call, nor in the error when the call fails', async () => {
    const person = await stage.person({ fallback: 'none' })
    const secret = `AIza${randomBytes(26).toString('hex').slice(0, 35)}`
    await point('gemini', `http://${recorderHost()}/gemini`)
    await addKey(person, 'gemini', secret)
    for (const dialect of chatDialects)
      for (const streamed of [false, true]) {
        failing = new Set(['gemini'])
        const failed = await askIn(stage, person, dialect, {
          model: 'gemini-2.5-flash',
          prompt: 'x',
          streamed,
        })
        expect(await failed.text()).not.toContain(secret)
      }
    expect(arrived.length).toBeGreaterThan(0)
    for (const { request } of arrived) {
      expect(request.url).not.toContain('key=')
      expect(request.url).not.toContain(secret)
    }
    // Nobody listens there: the error of the connection has the address in it.
    must(await stage.gateway.rooms.catalogue.addAllowance(operator, '127.0.0.1:9'))
    await point('gemini', 'http://127.0.0.1:9/gemini')
    const other = await stage.person({ fallback: 'none' })
    await addKey(other, 'gemini', `AIza${randomBytes(26).toString('hex').slice(0, 35)}`)
    const unreachable = await askIn(stage, other, 'gemini', {
      model: 'gemini-2.5-flash',
      prompt: 'x',
      streamed: false,
    })
    expect(await unreachable.text()).not.toMatch(/127\.0\.0\.1|key=|AIza/)
  })

  test('that a caller sends is neither taken as an access token, nor passed on, nor told in the error', async () => {
    const person = await stage.person({ fallback: 'none' })
    await point('gemini', `http://${recorderHost()}/gemini`)
    await addKey(person, 'gemini', `AIza${randomBytes(26).toString('hex').slice(0, 35)}`)
    const pasted = `AIza${randomBytes(26).toString('hex').slice(0, 35)}`
    arrived.length = 0
    for (const path of [
      `/v1beta/models/gemini-2.5-flash:generateContent?key=${pasted}`,
      `/v1beta/models/nonsense:generateContent?key=${pasted}`,
      `/v1beta/models/${pasted}:generateContent`,
      `/v1beta/models?key=${pasted}`,
      `/v1beta/nothing?key=${pasted}`,
    ])
      for (const headers of [{}, { authorization: `Bearer ${person.token}` }] as Record<string, string>[]) {
        const reply = await fetch(stage.url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-goog-api-client': 'x', ...headers },
          body: '{"contents":[{"parts":[{"text":"hi"}]}]}',
        })
        if (headers['authorization'] === undefined) expect(reply.status).toBe(401)
        expect(`${JSON.stringify([...reply.headers])} ${await reply.text()}`).not.toContain(pasted)
      }
    for (const { request } of arrived) expect(request.url).not.toContain(pasted)
    const rows = await stage.clone.database.pool.query('SELECT o::text AS row FROM operations o')
    expect(rows.rows.map(({ row }) => String(row)).join('\n')).not.toContain(pasted)
  })
})

describe('LiteLLM #18731: a key that the service repeats, in any form, reaches no caller', () => {
  const statuses = ['302', '400', '401', '403', '404', '413', '429', '500', '503']
  // A service of the caller’s own dialect; what is translated is tested beside it.
  test.each([
    ['chat_completions', 'openai', 'gpt-4o-mini'],
    ['responses', 'openai', 'gpt-4o-mini'],
    ['messages', 'anthropic', 'claude-sonnet-4-5'],
    ['gemini', 'gemini', 'gemini-2.5-flash'],
  ] as const)('%s at %s', async (dialect, service, model) => {
    await point(service, echo.url)
    for (const what of [...statuses, 'html', 'half', 'stream', 'garbage', 'reset'])
      for (const streamed of [false, true]) {
        const person = await stage.person({ fallback: 'none' })
        const secret = `~${word()}+/=&%"${word()}`
        await addKey(person, service, secret)
        const reply = await askIn(stage, person, dialect, { model, prompt: `[[echo: ${what}]]`, streamed })
        const { text } = await readAll(reply)
        const all = `${reply.statusText} ${JSON.stringify([...reply.headers])} ${text}`
        expect(findCanaries([{ name: 'the key', value: secret }], [{ label: what, text: all }])).toEqual([])
      }
  })

  test('images, sound, rankings and raw paths of OpenAI', async () => {
    await point('openai', echo.url)
    const calls: [string, object][] = [
      ['/v1/images/generations', { model: 'gpt-image-1', prompt: '[[echo: WHAT]]' }],
      ['/v1/audio/speech', { model: 'tts-1', voice: 'alloy', input: '[[echo: WHAT]]' }],
      ['/v1/embeddings', { model: 'text-embedding-3-small', input: '[[echo: WHAT]]' }],
      ['/v1/moderations', { input: '[[echo: WHAT]]' }],
      ['/services/openai/v1/threads', { input: '[[echo: WHAT]]' }],
    ]
    for (const [path, body] of calls)
      for (const what of ['302', '400', '401', '404', '500', 'html', 'half', 'stream', 'garbage']) {
        const person = await stage.person({ fallback: 'none' })
        const secret = `~${word()}+/=&%"${word()}`
        await addKey(person, 'openai', secret)
        const reply = await postTo(stage.url, person, path, JSON.stringify(body).replace('WHAT', what))
        const { text } = await readAll(reply)
        const all = `${reply.statusText} ${JSON.stringify([...reply.headers])} ${text}`
        expect(
          findCanaries([{ name: 'the key', value: secret }], [{ label: `${path} ${what}`, text: all }]),
        ).toEqual([])
      }
  })
})

test('LiteLLM #12448: what is no HTTP at all is told without what was in it', async () => {
  const person = await stage.person()
  const text = await sendRaw(
    stage.url,
    `GET /${person.token} HTTP/9.9\r\nauthorization: Bearer ${person.token}\r\n\r\n`,
  )
  expect(text).not.toContain(person.token)
})
