import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { must } from '../src/kit/fault.ts'
import type { ControlChange } from '../src/organizations/organizations.ts'
import { everything } from '../src/policy/control.ts'
import { setTaskPrices } from './midjourney-gateway.ts'
import { operator } from './scene.ts'
import { setOwnPrice } from './set-price.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

const services = ['openai', 'anthropic', 'gemini', 'cohere', 'midjourney'] as const

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
  const { rooms } = stage.gateway
  const perSecond = { serviceId: 'openai', model: 'sora-2', unit: 'video_seconds', per: 1n }
  await setOwnPrice(rooms.prices, { ...perSecond, nanoUsd: 1_000_000n })
  await setTaskPrices(rooms, { imagine: 1_000_000n })
  for (const service of services) await stage.systemKey(service, 1)
})
afterAll(() => stage[Symbol.asyncDispose]())

/** What came of a call: which key took it, or the code it was refused with before any did. */
type Outcome = { service: string; model: string; owner: string } | string

interface Call {
  readonly path: string
  readonly model: string
  readonly body?: object | FormData
  /** It cannot run on credits. */
  readonly isOwnOnly?: boolean
}

const messages = [{ role: 'user', content: 'hi' }]
const contents = [{ parts: [{ text: 'hi' }] }]
const picture = new File([Buffer.from('iVBORw0KGgo=', 'base64')], 'a.png', { type: 'image/png' })
const sound = new File([Buffer.alloc(64)], 'a.mp3', { type: 'audio/mpeg' })
const form = (fields: Record<string, string | File>): FormData => {
  const made = new FormData()
  for (const [name, value] of Object.entries(fields)) made.set(name, value)
  return made
}

const calls: readonly Call[] = [
  { path: '/v1/chat/completions', model: 'gpt-4o-mini', body: { messages, max_tokens: 5 } },
  { path: '/v1/responses', model: 'gpt-4o-mini', body: { input: 'hi', max_output_tokens: 20 } },
  { path: '/v1/messages', model: 'claude-haiku-4-5', body: { messages, max_tokens: 5 } },
  { path: '/v1/messages/count_tokens', model: 'claude-haiku-4-5', body: { messages } },
  { path: '/v1/embeddings', model: 'text-embedding-3-small', body: { input: 'hi' } },
  { path: '/v1/moderations', model: 'omni-moderation-latest', body: { input: 'hi' } },
  { path: '/v1/images/generations', model: 'gpt-image-1', body: { prompt: 'a cat' } },
  { path: '/v1/images/edits', model: 'gpt-image-1', body: form({ prompt: 'a hat', image: picture }) },
  { path: '/v1/audio/speech', model: 'tts-1', body: { input: 'hi', voice: 'alloy' } },
  { path: '/v1/audio/transcriptions', model: 'whisper-1', body: form({ file: sound }) },
  { path: '/v1/audio/translations', model: 'whisper-1', body: form({ file: sound }) },
  { path: '/v1/videos', model: 'sora-2', body: { prompt: 'a cube', seconds: '4' } },
  { path: '/v2/rerank', model: 'rerank-v3.5', body: { query: 'hi', documents: ['ho'] } },
  ...['generateContent', 'streamGenerateContent?alt=sse', 'countTokens'].map((method) => ({
    path: `/v1beta/models/gemini-2.5-flash:${method}`,
    model: 'gemini-2.5-flash',
    body: { contents },
  })),
  {
    path: '/v1beta/models/gemini-embedding-001:embedContent',
    model: 'gemini-embedding-001',
    body: { content: contents[0] },
  },
  { path: '/services/openai/v1/chat/completions', model: 'gpt-4o-mini', body: { messages, max_tokens: 5 } },
  { path: '/services/openai/v1/models', model: 'raw', isOwnOnly: true },
  { path: '/v1/files', model: 'raw', isOwnOnly: true },
  { path: '/v1/batches', model: 'raw', isOwnOnly: true },
  { path: '/v1/realtime', model: 'gpt-realtime', isOwnOnly: true },
  { path: '/mj/submit/imagine', model: 'midjourney', body: { prompt: 'a cube' } },
]

const refusal = /"(policy_denied|no_route|unpriced_option|price_unknown)"/

const outcomeOf = (call: Call, headers: (name: string) => string | undefined, said: string): Outcome =>
  refusal.exec(said)?.[1] ?? {
    service: headers('x-aideon-service') ?? 'openai',
    model: headers('x-aideon-model') ?? call.model,
    owner: headers('x-aideon-key-owner') ?? 'user',
  }

/** The simulator has no sessions: it answers as to any path that it does not know, and so does the gateway. */
const openSession = async (person: StagePerson, call: Call): Promise<Outcome> => {
  const socket = new WebSocket(`${stage.url.replace('http', 'ws')}${call.path}?model=${call.model}`, {
    headers: { authorization: `Bearer ${person.token}` },
  })
  const [, reply] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  return outcomeOf(call, (name) => reply.headers[name] as string | undefined, await text(reply))
}

const send = async (person: StagePerson, call: Call): Promise<Outcome> => {
  if (call.path === '/v1/realtime') return openSession(person, call)
  const { body, model } = call
  const isForm = body instanceof FormData
  if (isForm) body.set('model', model)
  const reply = await fetch(stage.url + call.path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${person.token}`,
      ...(isForm ? {} : { 'content-type': 'application/json' }),
      ...(call.path.startsWith('/v1/messages') && { 'anthropic-version': '2023-06-01' }),
    },
    ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(named(call, body)) }),
  })
  const said = await reply.text()
  const outcome = outcomeOf(call, (name) => reply.headers.get(name) ?? undefined, said)
  // Whatever the simulator says to it: it went out.
  if (typeof outcome !== 'string')
    expect(reply.headers.has('x-aideon-key-owner'), `${call.path} ${said}`).toBe(true)
  return outcome
}
/** Where the path does not name the model, the body does. */
const named = ({ path, model }: Call, body: Exclude<Call['body'], FormData>) =>
  path.startsWith('/v1beta') || path.startsWith('/mj') ? body : { model, ...body }

type Breaks = (served: Exclude<Outcome, string>) => boolean

/** Each in words of its own: which outcomes would break it. */
const policies: readonly [change: ControlChange, breaks: Breaks][] = [
  [{ controlPolicy: 'it_control' }, ({ owner }) => owner === 'user'],
  [
    { controlPolicy: 'hybrid', criticalServices: ['openai'] },
    ({ owner, service }) => owner === 'user' && service === 'openai',
  ],
  [{ systemKeysAllowed: false }, ({ owner }) => owner === 'system'],
  [{ allowed: { ...everything, services: ['anthropic'] } }, ({ service }) => service !== 'anthropic'],
  [{ allowed: { ...everything, models: ['gpt-*'] } }, ({ model }) => !model.startsWith('gpt-')],
  [{ allowed: { ...everything, maximumKeyAgeDays: 9 } }, ({ owner }) => owner !== 'system'],
  // Where the simulator stands nothing is promised.
  [{ allowed: { ...everything, dataRegions: ['europe'] } }, () => true],
  [{ allowed: { ...everything, noTraining: true } }, () => true],
]

test('no endpoint serves what a policy forbids, nor refuses what it leaves alone', async () => {
  const { database, organizations } = stage.gateway.rooms
  const { id: organizationId } = await organizations.create(operator, { name: 'Firm', kind: 'company' })
  const set = async (change: ControlChange) =>
    must(
      await organizations.change(operator, organizationId, {
        controlPolicy: 'user_control',
        systemKeysAllowed: true,
        allowed: null,
        ...change,
      }),
    )
  const [onCredits, onOwnKeys] = [
    await stage.person({ organizationId, creditMicros: 1_000_000_000n }),
    await stage.person({ organizationId, creditMicros: 1_000_000_000n }),
  ]
  for (const service of services) await stage.ownKey(onOwnKeys, service)
  await database.pool.query(
    "UPDATE service_key_versions SET created_at = now() - interval '10 days' WHERE organization_id = $1",
    [organizationId],
  )
  await set({})
  const made = await Promise.all(
    [onCredits, onOwnKeys].map(async (person): Promise<Call[]> => {
      const begin = async (path: string, body: object) => {
        const headers = { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' }
        const reply = await fetch(stage.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
        return (await reply.json()) as { id: string; result: string }
      }
      const { id } = await begin('/v1/videos', { model: 'sora-2', prompt: 'a cube', seconds: '4' })
      const { result } = await begin('/mj/submit/imagine', { prompt: 'a cube' })
      return [
        { path: `/v1/videos/${id}`, model: 'sora-2' },
        { path: `/mj/task/${result}/image-seed`, model: 'midjourney' },
      ]
    }),
  )
  const all = [onCredits, onOwnKeys].flatMap((person, at) =>
    [...calls, ...(made[at] ?? [])]
      .filter(({ isOwnOnly }) => person === onOwnKeys || isOwnOnly !== true)
      .map((call) => ({ person, call })),
  )
  const sendAll = () => Promise.all(all.map(({ person, call }) => send(person, call)))
  const free = await sendAll()
  expect(
    free.flatMap((outcome, at) =>
      typeof outcome === 'string' || outcome.owner !== (all[at]?.person === onOwnKeys ? 'user' : 'system')
        ? [[all[at]?.call.path, outcome]]
        : [],
    ),
  ).toEqual([])
  for (const [change, breaks] of policies) {
    await set(change)
    const outcomes = await sendAll()
    const wrong = outcomes.flatMap((outcome, at) => {
      const before = free[at] as Exclude<Outcome, string>
      const isRight =
        typeof outcome === 'string'
          ? breaks(before)
          : !breaks(outcome) && (breaks(before) || outcome.owner === before.owner)
      return isRight ? [] : [[all[at]?.call.path, before, outcome]]
    })
    expect(wrong, JSON.stringify(change)).toEqual([])
  }
})
