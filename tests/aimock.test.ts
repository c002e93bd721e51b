import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ServiceName } from '../simulator/keys.ts'
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

const said = 'from the independent upstream'

beforeAll(async () => {
  upstream = new LLMock({ port: 0 })
  upstream.onMessage(/.*/, { content: said })
  upstream.onImage(/.*/, { image: { b64Json: 'aGVsbG8=' } })
  upstream.onSpeech(/.*/, { audio: 'aGVsbG8=' })
  upstream.onTranscription({ transcription: { text: said } })
  upstream.onRerank(/.*/, [{ index: 0, relevance_score: 0.9 }])
  upstreamUrl = await upstream.start()
  subscribe(channel, watch)
  stage = await openStage()
  const { catalogue } = stage.gateway.rooms
  must(await catalogue.addAllowance(operator, new URL(upstreamUrl).host))
  for (const [service, { base = '' }] of Object.entries(services))
    must(await catalogue.change(operator, service, { baseUrl: upstreamUrl + base }))
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  unsubscribe(channel, watch)
  await upstream.stop()
})

/** Where each presents its key, and what comes before its paths at this upstream. */
const services: Readonly<Partial<Record<ServiceName, { header: string; scheme?: string; base?: string }>>> = {
  openai: { header: 'authorization', scheme: 'Bearer ' },
  anthropic: { header: 'x-api-key' },
  gemini: { header: 'x-goog-api-key' },
  azure_openai: { header: 'api-key' },
  bedrock: { header: 'authorization', scheme: 'Bearer ' },
  cohere: { header: 'authorization', scheme: 'Bearer ' },
  openrouter: { header: 'authorization', scheme: 'Bearer ', base: '/api' },
  groq: { header: 'authorization', scheme: 'Bearer ', base: '/openai' },
  mistral: { header: 'authorization', scheme: 'Bearer ' },
}

const messages = [{ role: 'user', content: 'hello' }]
const contents = [{ role: 'user', parts: [{ text: 'hello' }] }]
const recording = () => {
  const form = new FormData()
  form.append('file', new File([Buffer.alloc(2000, 1)], 'speech.mp3', { type: 'audio/mpeg' }))
  form.append('model', 'whisper-1')
  return form
}
const openai = '/v1/chat/completions'

type Row = readonly [service: ServiceName, path: string, body: object]
const calls: readonly Row[] = [
  ['openai', openai, { model: 'gpt-4o-mini', messages }],
  ['openai', openai, { model: 'gpt-4o-mini', messages, stream: true }],
  ['openai', '/v1/responses', { model: 'gpt-4o-mini', input: 'hello' }],
  ['openai', '/v1/responses', { model: 'gpt-4o-mini', input: 'hello', stream: true }],
  ['openai', '/v1/embeddings', { model: 'text-embedding-3-small', input: 'hello' }],
  ['openai', '/v1/images/generations', { model: 'gpt-image-1', prompt: 'hello' }],
  ['openai', '/v1/audio/speech', { model: 'tts-1', input: 'hello', voice: 'alloy' }],
  ['openai', '/v1/audio/transcriptions', recording()],
  ['openai', '/v1/moderations', { model: 'omni-moderation-latest', input: 'hello' }],
  ['openai', '/v1/messages', { model: 'gpt-4o-mini', max_tokens: 50, messages }],
  ['openai', '/v1/messages', { model: 'gpt-4o-mini', max_tokens: 50, messages, stream: true }],
  ['anthropic', '/v1/messages', { model: 'claude-sonnet-4-5', max_tokens: 50, messages }],
  ['anthropic', '/v1/messages', { model: 'claude-sonnet-4-5', max_tokens: 50, messages, stream: true }],
  ['anthropic', openai, { model: 'claude-sonnet-4-5', messages }],
  ['anthropic', openai, { model: 'claude-sonnet-4-5', messages, stream: true }],
  ['gemini', '/v1beta/models/gemini-2.5-flash:generateContent', { contents }],
  ['gemini', '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse', { contents }],
  ['gemini', '/v1beta/models/gemini-embedding-001:embedContent', { content: contents[0] }],
  ['gemini', openai, { model: 'gemini-2.5-flash', messages }],
  ['gemini', openai, { model: 'gemini-2.5-flash', messages, stream: true }],
  ['azure_openai', openai, { model: 'azure_openai/gpt-4.1-mini', messages }],
  ['azure_openai', openai, { model: 'azure_openai/gpt-4.1-mini', messages, stream: true }],
  ['bedrock', openai, { model: 'amazon.nova-lite-v1:0', messages }],
  ['bedrock', openai, { model: 'amazon.nova-lite-v1:0', messages, stream: true }],
  // Not streamed: its `content-start` lacks the empty text that Cohere sends, and the AI SDK insists on it.
  ['cohere', openai, { model: 'command-a-03-2025', messages }],
  ['cohere', '/v2/rerank', { model: 'rerank-v3.5', query: 'hello', documents: ['hello'] }],
  ['openrouter', openai, { model: 'openrouter/openai/gpt-4o-mini', messages }],
  ['openrouter', openai, { model: 'openrouter/openai/gpt-4o-mini', messages, stream: true }],
  ['groq', openai, { model: 'llama-3.1-8b-instant', messages }],
  ['mistral', openai, { model: 'mistral-small-latest', messages, stream: true }],
]

const ours = [
  'accept',
  'accept-encoding',
  'accept-language',
  'anthropic-version',
  'connection',
  'content-length',
  'content-type',
  'host',
  'sec-fetch-mode',
  'transfer-encoding',
  'user-agent',
]

test.each(calls)(
  '%s gets exactly the key that the receipt names, and nothing of ours: %s (case %#)',
  async (service, path, body) => {
    const person = await stage.person({ fallback: 'none' })
    const own = await stage.ownKey(person, service)
    upstream.clearRequests()
    arrived = []
    const isForm = body instanceof FormData
    const reply = await fetch(stage.url + path, {
      method: 'POST',
      headers: {
        ...(!isForm && { 'content-type': 'application/json' }),
        authorization: `Bearer ${person.token}`,
        cookie: 'aideon_session=canary-cookie',
        'x-forwarded-for': '203.0.113.7',
        'x-aideon-fallback': 'none',
        'x-custom-canary': 'canary-header',
        ...(path === '/v1/messages' && { 'anthropic-version': '2023-06-01' }),
      },
      body: isForm ? body : JSON.stringify(body),
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
    const { header = '', scheme = '' } = services[service] ?? {}
    expect(headers[header]).toBe(scheme + own)
    const operation = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
    const keys = await stage.gateway.rooms.serviceKeys.listForGateway(person.organizationId, person.userId)
    expect(operation.service_key_id).toBe(keys[0]?.id)

    const everything = JSON.stringify([received, headers, arrived[0]?.url])
    for (const mine of [
      person.token,
      'aik_',
      'canary',
      'aideon-fallback',
      '203.0.113.7',
      person.email,
      person.userId,
    ])
      expect(everything).not.toContain(mine)
    expect(Object.keys(headers).filter((name) => name !== header && !ours.includes(name))).toEqual([])
  },
)
