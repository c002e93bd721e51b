import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askIn, type ChatDialect, readAll } from '../dialect-calls.ts'
import { must } from '../../src/kit/fault.ts'
import { type HostileService, json, startHostileService, streamHead } from '../hostile.ts'
import { operator } from '../scene.ts'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/*
 * Callers who hang up. Proven elsewhere: at any moment of a call without a stream (tests/gateway-attacks.test.ts, “who hang
 * up at any moment leave a record”), a realtime session (tests/realtime.test.ts), a Midjourney image (tests/midjourney.test.ts).
 */

let stage: Stage
let hostile: HostileService
beforeAll(async () => {
  stage = await openStage()
  hostile = await startHostileService()
  const { catalogue } = stage.gateway.rooms
  must(await catalogue.addAllowance(operator, new URL(hostile.url).host))
  await stage.systemKey('openai', 1)
  await stage.systemKey('anthropic', 1)
  await stage.systemKey('gemini', 1)
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await hostile[Symbol.asyncDispose]()
})

/** Every dialect at a service that speaks it, and at one that does not. */
const routes: readonly [ChatDialect, string, 'native' | 'translated'][] = [
  ['chat_completions', 'gpt-4o-mini', 'native'],
  ['responses', 'gpt-4o-mini', 'native'],
  ['messages', 'claude-sonnet-4-5', 'native'],
  ['gemini', 'gemini-2.5-flash', 'native'],
  ['chat_completions', 'claude-sonnet-4-5', 'translated'],
  ['chat_completions', 'gemini-2.5-flash', 'translated'],
  ['responses', 'claude-sonnet-4-5', 'translated'],
  ['messages', 'gpt-4o-mini', 'translated'],
  ['gemini', 'claude-sonnet-4-5', 'translated'],
]

const settled = async (person: StagePerson, reply: Response | string) => {
  const id = typeof reply === 'string' ? reply : (reply.headers.get('x-aideon-operation') ?? '')
  await expect.poll(async () => (await stage.balance(person)).heldMicros).toBe(0n)
  return stage.operation(person, id)
}

const latest = async (person: StagePerson) => {
  const sql = 'SELECT * FROM operations WHERE organization_id = $1 ORDER BY id DESC LIMIT 1'
  return (await stage.clone.database.pool.query(sql, [person.organizationId])).rows[0]
}

describe.each(routes)('%s at %s, %s', (dialect, model, way) => {
  test('LiteLLM PR 33736, #35958, new-api #7062: who hangs up in the middle pays for what was produced, and the service is hung up on', async () => {
    const person = await stage.person()
    stage.simulator.clearJournal()
    const hangUp = new AbortController()
    const prompt = '[[simulate: endless]] [[simulate: slow 5ms]]'
    const reply = await askIn(
      stage,
      person,
      dialect,
      { model, prompt, streamed: true },
      { signal: hangUp.signal },
    )
    expect(reply.status).toBe(200)
    const reader = (reply.body as ReadableStream<Uint8Array>).getReader()
    const started = Date.now()
    while (Date.now() - started < 300) await reader.read()
    hangUp.abort()
    await expect.poll(() => stage.simulator.journal()[0]?.clientHungUp).toBe(true)
    const operation = await settled(person, reply)
    expect(operation).toMatchObject({ status: 'cancelled', usage_source: 'estimated', streamed: true })
    const produced = stage.simulator.journal()[0]?.chunksSent ?? 0
    expect(produced).toBeGreaterThan(10)
    // new-api #4168, #5288: nor for much more than that. One chunk of the simulator's is one token.
    expect(Number(operation['output_tokens'])).toBeGreaterThan(5)
    expect(Number(operation['output_tokens'])).toBeLessThanOrEqual(produced * 3)
    expect(operation['credit_micros']).toBeGreaterThan(0n)
    expect(stage.simulator.journal()).toHaveLength(1)
    expect(way === 'native' || operation['decision'] !== null).toBe(true)
  })
})

describe.each([
  ['native', 'chat_completions', 'gpt-4o-mini'],
  ['translated', 'messages', 'gpt-4o-mini'],
] as const)('before the first byte, %s', (_, dialect, model) => {
  test('new-api #5235: who hangs up while the service works is on record and pays for the prompt', async () => {
    const person = await stage.person()
    stage.simulator.clearJournal()
    const hangUp = new AbortController()
    const asked = askIn(
      stage,
      person,
      dialect,
      { model, prompt: '[[simulate: wait 20s]]', streamed: true },
      { signal: hangUp.signal },
    )
    await expect.poll(() => stage.simulator.journal().length).toBe(1)
    hangUp.abort()
    await expect(asked).rejects.toThrow()
    await expect.poll(async () => (await latest(person))?.status).toBe('cancelled')
    await expect.poll(() => stage.simulator.journal()[0]?.clientHungUp).toBe(true)
    const operation = await settled(person, String((await latest(person)).id))
    expect(operation).toMatchObject({ usage_source: 'estimated', output_tokens: 0n })
    expect(Number(operation['input_tokens'])).toBeGreaterThan(0)
    expect(operation['credit_micros']).toBeGreaterThan(0n)
  })
})

const chat = (text: string) => `data: {"choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\n`
const anthropicStart = (usage: object) =>
  `event: message_start\ndata: ${JSON.stringify({
    type: 'message_start',
    message: { id: 'm', type: 'message', role: 'assistant', content: [], model: 'm', usage },
  })}\n\nevent: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n`
const anthropicText = (text: string) =>
  `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${text}"}}\n\n`
const responsesText = (text: string) =>
  `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"delta":"${text}"}\n\n`
const responsesStart =
  'event: response.created\ndata: {"type":"response.created","response":{"id":"r","created_at":1,"model":"m","status":"in_progress","output":[]}}\n\n' +
  'event: response.output_item.added\ndata: {"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"i","role":"assistant","status":"in_progress","content":[]}}\n\n'
const geminiText = (text: string, usage?: object) =>
  `data: ${JSON.stringify({
    candidates: [{ index: 0, content: { role: 'model', parts: [{ text }] } }],
    ...(usage && { usageMetadata: usage }),
  })}\n\n`

/** 806 deltas of a stream that then breaks, as each service sends them. Its first event tells of one token, or of none. */
const broken: readonly [ChatDialect, 'openai' | 'anthropic' | 'gemini', string, string, string][] = [
  ['chat_completions', 'openai', 'gpt-4o-mini', '', chat('word ')],
  ['responses', 'openai', 'gpt-4o-mini', responsesStart, responsesText('word ')],
  [
    'messages',
    'anthropic',
    'claude-sonnet-4-5',
    anthropicStart({ input_tokens: 30, output_tokens: 1 }),
    anthropicText('word '),
  ],
  [
    'gemini',
    'gemini',
    'gemini-2.5-flash',
    geminiText('word ', { promptTokenCount: 30, totalTokenCount: 30 }),
    geminiText('word '),
  ],
  [
    'chat_completions',
    'anthropic',
    'claude-sonnet-4-5',
    anthropicStart({ input_tokens: 30, output_tokens: 1 }),
    anthropicText('word '),
  ],
  ['messages', 'openai', 'gpt-4o-mini', responsesStart, responsesText('word ')],
  [
    'responses',
    'gemini',
    'gemini-2.5-flash',
    geminiText('word ', { promptTokenCount: 30, totalTokenCount: 30 }),
    geminiText('word '),
  ],
]

describe.each(broken)('%s at %s', (dialect, service, model, first, delta) => {
  test('Bifrost PR 3709: 806 deltas are not one token, whoever broke off', async () => {
    const isNative = { openai: /chat_completions|responses/, anthropic: /messages/, gemini: /gemini/ }[
      service
    ].test(dialect)
    const callers = isNative ? (['service', 'caller'] as const) : (['service'] as const)
    const { catalogue } = stage.gateway.rooms
    const before = `${stage.simulator.url}/${service}`
    must(await catalogue.change(operator, service, { baseUrl: hostile.url }))
    try {
      for (const who of callers) {
        const person = await stage.person()
        hostile.answer(({ socket }) => {
          socket.write(streamHead + first + delta.repeat(806))
          if (who === 'service') setTimeout(() => socket.end(), 20)
        })
        const hangUp = new AbortController()
        const reply = await askIn(
          stage,
          person,
          dialect,
          { model, prompt: 'hello', streamed: true },
          { signal: hangUp.signal },
        )
        if (who === 'service') expect((await readAll(reply)).whole).toBe(false)
        else {
          let words = 0
          for await (const bytes of reply.body as unknown as AsyncIterable<Uint8Array>) {
            words += Buffer.from(bytes).toString().split('word ').length - 1
            if (words >= 800) break
          }
          hangUp.abort()
        }
        const operation = await settled(person, reply)
        expect(operation).toMatchObject({
          status: who === 'service' ? 'failed' : 'cancelled',
          usage_source: 'estimated',
        })
        expect(Number(operation['output_tokens'])).toBeGreaterThan(700)
        expect(Number(operation['output_tokens'])).toBeLessThan(1_700)
      }
    } finally {
      must(await catalogue.change(operator, service, { baseUrl: before }))
    }
  })
})

describe('LiteLLM #37992: a reported zero stays zero and is no estimate', () => {
  const zeros = {
    openai: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    responses: { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
    anthropic: { input_tokens: 0, output_tokens: 0 },
    gemini: { promptTokenCount: 0, candidatesTokenCount: 0, totalTokenCount: 0 },
  }
  const response = {
    id: 'r',
    object: 'response',
    created_at: 1,
    status: 'completed',
    model: 'm',
    output: [
      {
        type: 'message',
        id: 'i',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'hi', annotations: [] }],
      },
    ],
    usage: zeros.responses,
  }
  const wholes = {
    openai_chat: json({
      id: 'x',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
      usage: zeros.openai,
    }),
    openai_responses: json(response),
    anthropic: json({
      id: 'm',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [{ type: 'text', text: 'hi' }],
      stop_reason: 'end_turn',
      usage: zeros.anthropic,
    }),
    gemini: json({
      candidates: [{ index: 0, content: { role: 'model', parts: [{ text: 'hi' }] }, finishReason: 'STOP' }],
      usageMetadata: zeros.gemini,
    }),
  }
  const streams = {
    openai_chat: `${streamHead + chat('hi')}data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: ${JSON.stringify({ choices: [], usage: zeros.openai })}\n\ndata: [DONE]\n\n`,
    openai_responses: `${streamHead + responsesStart + responsesText('hi')}event: response.output_item.done\ndata: ${JSON.stringify({ type: 'response.output_item.done', output_index: 0, item: response.output[0] })}\n\nevent: response.completed\ndata: ${JSON.stringify({ type: 'response.completed', response })}\n\n`,
    anthropic: `${streamHead + anthropicStart(zeros.anthropic) + anthropicText('hi')}event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\nevent: message_delta\ndata: ${JSON.stringify({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: zeros.anthropic })}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n`,
    gemini: `${streamHead}data: ${JSON.stringify({ candidates: [{ index: 0, content: { role: 'model', parts: [{ text: 'hi' }] }, finishReason: 'STOP' }], usageMetadata: zeros.gemini })}\n\n`,
  }
  const rows: readonly [ChatDialect, 'openai' | 'anthropic' | 'gemini', string, keyof typeof wholes][] = [
    ['chat_completions', 'openai', 'gpt-4o-mini', 'openai_chat'],
    ['responses', 'openai', 'gpt-4o-mini', 'openai_responses'],
    ['messages', 'anthropic', 'claude-sonnet-4-5', 'anthropic'],
    ['gemini', 'gemini', 'gemini-2.5-flash', 'gemini'],
    ['messages', 'openai', 'gpt-4o-mini', 'openai_responses'],
    ['chat_completions', 'anthropic', 'claude-sonnet-4-5', 'anthropic'],
    ['responses', 'gemini', 'gemini-2.5-flash', 'gemini'],
    ['gemini', 'openai', 'gpt-4o-mini', 'openai_responses'],
  ]
  test.each(rows)('%s at %s', async (dialect, service, model, shape) => {
    const { catalogue } = stage.gateway.rooms
    must(await catalogue.change(operator, service, { baseUrl: hostile.url }))
    try {
      for (const streamed of [false, true]) {
        const person = await stage.person()
        hostile.answer(streamed ? streams[shape] : wholes[shape])
        const reply = await askIn(stage, person, dialect, { model, prompt: 'hello', streamed })
        const { text, whole } = await readAll(reply)
        expect([reply.status, whole], text).toEqual([200, true])
        expect(await settled(person, reply)).toMatchObject({
          status: 'succeeded',
          usage_source: 'reported',
          input_tokens: 0n,
          output_tokens: 0n,
          credit_micros: 0n,
        })
      }
    } finally {
      must(await catalogue.change(operator, service, { baseUrl: `${stage.simulator.url}/${service}` }))
    }
  })
})
