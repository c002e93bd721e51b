import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { must } from '../src/kit/fault.ts'
import { operator } from './scene.ts'
import { changePrices } from './set-price.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
const arrived: IncomingMessage[] = []
/** Answers what proves a key. */
const upstream = createServer((_, response) => response.end('{}'))
const sockets = new WebSocketServer({ noServer: true })

const usage = {
  total_tokens: 275,
  input_tokens: 127,
  output_tokens: 148,
  input_token_details: {
    text_tokens: 79,
    audio_tokens: 48,
    cached_tokens: 32,
    cached_tokens_details: { text_tokens: 16, audio_tokens: 16 },
  },
  output_token_details: { text_tokens: 30, audio_tokens: 118 },
}

beforeAll(async () => {
  upstream.on('upgrade', (request, socket, head) => {
    arrived.push(request)
    if (request.url?.includes('refused') === true)
      return void socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n')
    sockets.handleUpgrade(request, socket, head, (service) => {
      service.send(
        JSON.stringify({
          type: 'session.created',
          event_id: 'event_1',
          session: { object: 'realtime.session' },
        }),
      )
      service.on('message', (frame: Buffer) => {
        const event = JSON.parse(frame.toString()) as { type: string }
        if (event.type !== 'response.create') return
        service.send(
          JSON.stringify({ type: 'response.output_text.delta', event_id: 'event_2', delta: 'Hello 🌍' }),
        )
        service.send(
          JSON.stringify({
            type: 'response.done',
            event_id: 'event_3',
            response: { status: 'completed', usage },
          }),
        )
      })
    })
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  stage = await openStage()
  const { catalogue } = stage.gateway.rooms
  const host = `127.0.0.1:${(upstream.address() as AddressInfo).port}`
  must(await catalogue.addAllowance(operator, host))
  person = await stage.person()
  secret = await stage.ownKey(person, 'openai')
  must(await catalogue.change(operator, 'openai', { baseUrl: `http://${host}` }))
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  for (const client of sockets.clients) client.terminate()
  upstream.close()
})

let person: StagePerson
let secret: string

const sessionUrl = (model: string) => `${stage.url.replace('http', 'ws')}/v1/realtime?model=${model}`
const open = (token: string, model = 'gpt-realtime') =>
  new WebSocket(sessionUrl(model), {
    headers: { authorization: `Bearer ${token}`, cookie: 'session=canary' },
  })

/** What came instead of a session. */
const refusal = async (socket: WebSocket) => {
  const [, reply] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of reply) chunks.push(chunk as Buffer)
  const { error } = JSON.parse(Buffer.concat(chunks).toString()) as { error: { code: string } }
  return { status: reply.statusCode, code: error.code, operation: reply.headers['x-aideon-operation'] }
}

describe('a realtime session', () => {
  test('of the official client runs on the own key, and is on record with its token classes when it ends', async () => {
    arrived.length = 0
    const client = new OpenAI({ apiKey: person.token, baseURL: `${stage.url}/v1` })
    // The client insists on wss:; TLS is ended by a proxy in front of the gateway, which is left out here.
    const { hostname, port } = new URL(stage.url)
    const options = { createConnection: () => connect(Number(port), hostname) }
    const session = new OpenAIRealtimeWS({ model: 'gpt-realtime', options }, client)
    const opened = once(session.socket, 'open')
    const [upgrade] = (await once(session.socket, 'upgrade')) as [IncomingMessage]
    const text = Promise.withResolvers<string>()
    const done = Promise.withResolvers<void>()
    session.on('response.output_text.delta', (event) => text.resolve(event.delta))
    session.on('response.done', () => done.resolve())
    await opened
    session.send({ type: 'response.create' })
    expect(await text.promise).toBe('Hello 🌍')
    await done.promise
    const closed = once(session.socket, 'close')
    session.close()
    await closed

    const id = String(upgrade.headers['x-aideon-operation'])
    expect(upgrade.headers).toMatchObject({ 'x-aideon-key-owner': 'user', 'x-aideon-reason': 'own-key' })
    const record = await recorded(id)
    expect(record).toMatchObject({
      endpoint: 'realtime',
      status: 'succeeded',
      key_owner: 'user',
      credit_micros: 0n,
      input_tokens: 63n,
      cache_read_tokens: 16n,
      output_tokens: 30n,
      units: { input_audio_tokens: 32, cache_read_audio_tokens: 16, output_audio_tokens: 118 },
      usage_source: 'reported',
    })
    expect(arrived).toHaveLength(1)
    expect(arrived[0]?.headers.authorization).toBe(`Bearer ${secret}`)
    const all = JSON.stringify(arrived[0]?.rawHeaders)
    for (const ours of [person.token, 'canary', 'aideon'])
      expect(all.replace('aideon-keys', '')).not.toContain(ours)
  })

  test('takes the access token from the subprotocol, where browsers have to put it', async () => {
    const socket = new WebSocket(sessionUrl('gpt-realtime'), [
      'realtime',
      `openai-insecure-api-key.${person.token}`,
    ])
    const [frame] = (await once(socket, 'message')) as [Buffer]
    expect(JSON.parse(frame.toString())).toMatchObject({ type: 'session.created' })
    expect(arrived.at(-1)?.headers['sec-websocket-protocol'] ?? '').not.toContain('aik_')
    socket.close()
    await once(socket, 'close')
  })

  test('that the caller leaves without a word ends at the service too', async () => {
    const socket = open(person.token)
    await once(socket, 'message')
    const service = [...sockets.clients].at(-1) as WebSocket
    const closed = once(service, 'close')
    socket.terminate()
    await closed
  })
})

describe('under a hard budget on the cost of own keys', () => {
  beforeAll(async () => {
    const units = [
      'input',
      'cacheRead',
      'output',
      'input_audio_tokens',
      'cache_read_audio_tokens',
      'output_audio_tokens',
    ]
    await changePrices(
      stage.gateway.rooms.prices,
      units.map((unit) => ({
        kind: 'set_price',
        serviceId: 'openai',
        model: 'gpt-realtime-priced',
        unit,
        nanoUsd: 1_000n,
        per: 1n,
      })),
    )
  })
  const budgeted = async () => {
    const who = await stage.person()
    await stage.ownKey(who, 'openai')
    const { organizationId, userId } = who
    const scope = { organizationId, userId, accessTokenId: null, serviceId: null }
    const hard = { enforcement: 'hard', period: 'calendar_month', timeZone: 'UTC', setBy: 'user' } as const
    const draft = { ...scope, ...hard, name: 'Voice', measure: 'own_key_cost', limit: 700_000n } as const
    const budget = must(await stage.gateway.rooms.budgets.create(operator, draft))
    const standing = async () =>
      must(await stage.gateway.rooms.budgets.find({ organizationId, userId }, budget.id))
    return { who, standing, used: async () => (await standing()).used }
  }
  const frames = (socket: WebSocket) => {
    const events: { type: string; error?: { code: string } }[] = []
    socket.on('message', (frame: Buffer) => {
      const event = JSON.parse(frame.toString()) as (typeof events)[number]
      events.push(event)
      // Whoever talks on, until it ends.
      if (event.type === 'session.created' || event.type === 'response.done')
        socket.send(JSON.stringify({ type: 'response.create' }))
    })
    return events
  }

  test('it ends with the response that used it up, in words, on record with all that was used', async () => {
    const { who, used } = await budgeted()
    const socket = open(who.token, 'gpt-realtime-priced')
    const events = frames(socket)
    const [code] = (await once(socket, 'close')) as [number]
    expect(code).toBe(1008)
    expect(events.filter(({ type }) => type === 'response.done').length).toBeGreaterThanOrEqual(3)
    expect(events.find(({ type }) => type === 'error')?.error?.code).toBe('budget_exceeded')
    // Each costs 275,000 nano-dollars.
    expect(await used()).toBeGreaterThanOrEqual(825_000n)
    expect((await used()) % 275_000n).toBe(0n)
    expect(await refusal(open(who.token, 'gpt-realtime-priced'))).toMatchObject({ code: 'budget_exceeded' })
  })

  test('nothing stays reserved of one that ends while its budget is being asked', async () => {
    const { who, standing } = await budgeted()
    const { budgets } = stage.gateway.rooms
    const { reserve } = budgets
    const slow = vi.spyOn(budgets, 'reserve').mockImplementation(async (wanted) => {
      await setTimeout(100)
      return reserve(wanted)
    })
    const socket = open(who.token, 'gpt-realtime-priced')
    socket.on('message', (frame: Buffer) => {
      const { type } = JSON.parse(frame.toString()) as { type: string }
      if (type === 'session.created') socket.send(JSON.stringify({ type: 'response.create' }))
      if (type === 'response.done') socket.close()
    })
    await once(socket, 'close')
    await expect.poll(async () => (await standing()).used).toBe(275_000n)
    await Promise.all(slow.mock.results.map(({ value }) => value))
    expect(slow).toHaveBeenCalledTimes(2)
    expect((await standing()).reserved).toBe(0n)
    slow.mockRestore()
  })

  test('what has no price does not begin', async () => {
    const { who } = await budgeted()
    expect(await refusal(open(who.token, 'gpt-realtime-of-unknown-price'))).toMatchObject({
      code: 'price_unknown',
    })
  })
})

describe('a realtime session that cannot be is refused in words, before anything is upgraded', () => {
  test('without a token', async () => {
    expect(await refusal(new WebSocket(sessionUrl('gpt-realtime')))).toMatchObject({
      status: 401,
      code: 'missing_token',
    })
  })
  test('without a model', async () => {
    expect(await refusal(open(person.token, ''))).toMatchObject({ status: 400, code: 'invalid_request' })
  })
  test('with a key that the service refuses', async () => {
    const refused = await refusal(open(person.token, 'gpt-realtime-refused'))
    expect(refused).toMatchObject({ status: 502, code: 'service_key_refused' })
    expect(await recorded(String(refused.operation))).toMatchObject({
      status: 'failed',
      attempts: [{ outcome: 'unauthorized' }],
    })
  })
  test('on system keys, where nobody can tell what it will cost', async () => {
    const other = await stage.person()
    await stage.systemKey('openai', 1)
    const refused = await refusal(open(other.token))
    expect(refused).toMatchObject({ code: expect.stringMatching(/^(?:unpriced_option|price_unknown)$/) })
    expect((await stage.balance(other)).heldMicros).toBe(0n)
  })
  test('at another path', async () => {
    const socket = new WebSocket(`${stage.url.replace('http', 'ws')}/api/operations`)
    expect(await refusal(socket)).toMatchObject({ status: 404, code: 'unknown_route' })
  })
})

/** A session that the caller ends has no last frame that waits for the record. */
const recorded = (id: string) => vi.waitFor(() => stage.operation(person, id), 60_000)
