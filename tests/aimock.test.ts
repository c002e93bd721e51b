import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { must } from '../src/kit/fault.ts'
import { openStage, type Stage } from './stage.ts'

/*
 * An independent upstream, written by others: its journal says what arrived. It masks credentials by now, so their exact
 * bytes are read from Node's own announcement of each request to its server.
 */

const operator = { kind: 'operator', id: null } as const
let stage: Stage
let upstream: LLMock
let upstreamUrl: string
let arrived: IncomingMessage[] = []
const channel = 'http.server.request.start'
const watch = (message: unknown) => {
  const { request } = message as { request: IncomingMessage }
  if (request.socket.localPort === Number(new URL(upstreamUrl).port)) arrived.push(request)
}

beforeAll(async () => {
  upstream = new LLMock({ port: 0 })
  upstream.onMessage(/.*/, { content: 'from the independent upstream' })
  upstreamUrl = await upstream.start()
  subscribe(channel, watch)
  stage = await openStage()
  const { catalogue } = stage.gateway.rooms
  must(await catalogue.addAllowance(operator, new URL(upstreamUrl).host))
  for (const service of ['openai', 'anthropic'] as const)
    must(await catalogue.change(operator, service, { baseUrl: upstreamUrl }))
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  unsubscribe(channel, watch)
  await upstream.stop()
})

const calls = [
  {
    service: 'openai',
    path: '/v1/chat/completions',
    body: { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'hello' }] },
  },
  {
    service: 'openai',
    path: '/v1/chat/completions',
    body: { model: 'gpt-4o-mini', stream: true, messages: [{ role: 'user', content: 'hello' }] },
  },
  { service: 'openai', path: '/v1/embeddings', body: { model: 'text-embedding-3-small', input: 'hello' } },
  {
    service: 'anthropic',
    path: '/v1/messages',
    body: { model: 'claude-sonnet-4-5', max_tokens: 50, messages: [{ role: 'user', content: 'hello' }] },
  },
  {
    service: 'anthropic',
    path: '/v1/messages',
    body: {
      model: 'claude-sonnet-4-5',
      max_tokens: 50,
      stream: true,
      messages: [{ role: 'user', content: 'hello' }],
    },
  },
] as const

test.each(calls)(
  '$path of $service carries exactly the key that the receipt names, and nothing of ours',
  async ({ service, path, body }) => {
    const person = await stage.person()
    const own = await stage.ownKey(person, service)
    upstream.clearRequests()
    arrived = []
    const reply = await fetch(stage.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${person.token}`,
        cookie: 'aideon_session=canary-cookie',
        'x-forwarded-for': '203.0.113.7',
        'x-aideon-fallback': 'none',
        'x-custom-canary': 'canary-header',
        'anthropic-version': '2023-06-01',
      },
      body: JSON.stringify(body),
    })
    const text = await reply.text()
    expect(reply.status, text).toBe(200)

    const received = upstream.getRequests()
    expect(received).toHaveLength(1)
    expect(arrived).toHaveLength(1)
    const raw = arrived[0]?.rawHeaders ?? []
    const headers = Object.fromEntries(
      raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1]]] : [])),
    )
    expect(service === 'openai' ? headers.authorization : headers['x-api-key']).toBe(
      service === 'openai' ? `Bearer ${own}` : own,
    )
    const operation = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
    const keys = await stage.gateway.rooms.serviceKeys.listForGateway(person.organizationId, person.userId)
    expect(operation.service_key_id).toBe(keys[0]?.id)

    const everything = JSON.stringify([received, headers, arrived[0]?.url])
    for (const ours of [
      person.token,
      'aik_',
      'canary',
      'aideon-fallback',
      '203.0.113.7',
      person.email,
      person.userId,
    ])
      expect(everything).not.toContain(ours)
    const allowed = [
      'accept',
      'accept-encoding',
      'anthropic-version',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
      'x-api-key',
    ]
    expect(Object.keys(headers).filter((name) => !allowed.includes(name))).toEqual([])
  },
)
