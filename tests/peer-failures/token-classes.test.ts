import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { must } from '../../src/kit/fault.ts'
import { askIn, type ChatDialect, chatDialects, readAll } from '../dialect-calls.ts'
import { type HostileService, json, startHostileService, streamHead } from '../hostile.ts'
import { operator } from '../scene.ts'
import { openStage, type Stage } from '../stage.ts'

/*
 * Each report of a service counts the same whoever asked and however it travelled. Class by class without a gateway:
 * src/dialects/token-classes.test.ts (LiteLLM #9812, #11789, #11364; Bifrost #904, #3451; new-api #5003, #6353) and, for any usage
 * at all, src/translation/usage.prop.test.ts. Here: through the whole gateway, in every dialect, native and translated.
 */

let stage: Stage
let hostile: HostileService
beforeAll(async () => {
  stage = await openStage()
  hostile = await startHostileService()
  const { catalogue } = stage.gateway.rooms
  must(await catalogue.addAllowance(operator, new URL(hostile.url).host))
  for (const service of ['openai', 'anthropic', 'gemini'] as const) {
    await stage.systemKey(service, 1)
    must(await catalogue.change(operator, service, { baseUrl: hostile.url }))
  }
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await hostile[Symbol.asyncDispose]()
})

interface Report {
  readonly name: string
  readonly service: 'openai' | 'anthropic' | 'gemini'
  readonly usage: object
  /** As chat completions name it; OpenAI's other callers are served by its responses. */
  readonly chatUsage?: object
  readonly counted: Readonly<Record<string, bigint>>
}

const none = {
  input_tokens: 0n,
  cache_read_tokens: 0n,
  cache_write_tokens: 0n,
  cache_write_1h_tokens: 0n,
  output_tokens: 0n,
  reasoning_tokens: 0n,
}

const reports: readonly Report[] = [
  {
    name: 'LiteLLM #9812, #11789: cached tokens beside the prompt are counted once',
    service: 'anthropic',
    usage: {
      input_tokens: 20,
      cache_read_input_tokens: 80,
      cache_creation_input_tokens: 0,
      output_tokens: 7,
    },
    counted: { input_tokens: 20n, cache_read_tokens: 80n, output_tokens: 7n },
  },
  {
    name: 'new-api #6353, #5756: writes to a cache are not free and not input as well',
    service: 'anthropic',
    usage: {
      input_tokens: 20,
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: 100,
      cache_creation: { ephemeral_5m_input_tokens: 60, ephemeral_1h_input_tokens: 40 },
      output_tokens: 7,
    },
    counted: { input_tokens: 20n, cache_write_tokens: 60n, cache_write_1h_tokens: 40n, output_tokens: 7n },
  },
  {
    name: 'LiteLLM #11364, Bifrost #904, #3451: cached tokens within the prompt are counted once',
    service: 'openai',
    usage: {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 80 },
      output_tokens: 9,
      output_tokens_details: { reasoning_tokens: 4 },
      total_tokens: 109,
    },
    chatUsage: {
      prompt_tokens: 100,
      prompt_tokens_details: { cached_tokens: 80 },
      completion_tokens: 9,
      completion_tokens_details: { reasoning_tokens: 4 },
      total_tokens: 109,
    },
    counted: { input_tokens: 20n, cache_read_tokens: 80n, output_tokens: 5n, reasoning_tokens: 4n },
  },
  {
    name: 'new-api #7229: cached tokens and thoughts of Gemini are counted once',
    service: 'gemini',
    usage: {
      promptTokenCount: 100,
      cachedContentTokenCount: 80,
      candidatesTokenCount: 5,
      thoughtsTokenCount: 4,
      totalTokenCount: 109,
    },
    counted: { input_tokens: 20n, cache_read_tokens: 80n, output_tokens: 5n, reasoning_tokens: 4n },
  },
]

const models = { openai: 'gpt-5-mini', anthropic: 'claude-sonnet-4-5', gemini: 'gemini-2.5-flash' }

const message = {
  type: 'message',
  id: 'i',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text: 'hi', annotations: [] }],
}
const sse = (value: { readonly type?: string; readonly [field: string]: unknown }) =>
  `${value.type === undefined ? '' : `event: ${value.type}\n`}data: ${JSON.stringify(value)}\n\n`

/** A whole reply, and the same as a stream, of a service with this usage. */
const replyOf = ({ service, usage, chatUsage }: Report, dialect: ChatDialect, streamed: boolean) => {
  if (service === 'anthropic') {
    const base = { id: 'm', type: 'message', role: 'assistant', model: 'm' }
    if (!streamed)
      return json({ ...base, content: [{ type: 'text', text: 'hi' }], stop_reason: 'end_turn', usage })
    const started = { ...base, content: [], usage: { ...usage, output_tokens: 1 } }
    return (
      streamHead +
      sse({ type: 'message_start', message: started }) +
      sse({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }) +
      sse({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text: 'hi' },
      }) +
      sse({ type: 'content_block_stop', index: 0 }) +
      sse({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage }) +
      sse({ type: 'message_stop' })
    )
  }
  if (service === 'gemini') {
    const content = { role: 'model', parts: [{ text: 'hi' }] }
    const reply = { candidates: [{ index: 0, content, finishReason: 'STOP' }], usageMetadata: usage }
    return streamed ? streamHead + sse(reply) : json(reply)
  }
  if (dialect === 'chat_completions') {
    const base = { id: 'x', object: 'chat.completion', model: 'm' }
    const choice = { index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }
    return streamed
      ? streamHead +
          sse({ ...base, choices: [{ index: 0, delta: { content: 'hi' } }] }) +
          sse({ ...base, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }) +
          sse({ ...base, choices: [], usage: chatUsage }) +
          'data: [DONE]\n\n'
      : json({ ...base, choices: [choice], usage: chatUsage })
  }
  const response = { id: 'r', created_at: 1, status: 'completed', model: 'm', output: [message], usage }
  const started = { ...response, status: 'in_progress', output: [], usage: null }
  return streamed
    ? streamHead +
        sse({ type: 'response.created', response: started }) +
        sse({
          type: 'response.output_item.added',
          output_index: 0,
          item: { ...message, content: [] },
        }) +
        sse({
          type: 'response.output_text.delta',
          item_id: 'i',
          output_index: 0,
          content_index: 0,
          delta: 'hi',
        }) +
        sse({ type: 'response.output_item.done', output_index: 0, item: message }) +
        sse({ type: 'response.completed', response })
    : json(response)
}

/** What a dialect has no class for stays in the class that it is a part of (docs/translation.md). */
const asTold = (dialect: ChatDialect, counted: Readonly<Record<string, bigint>>, isNative: boolean) => {
  const all = { ...none, ...counted }
  if (isNative) return all
  const written = all.cache_write_tokens + all.cache_write_1h_tokens
  if (dialect === 'gemini')
    return {
      ...all,
      input_tokens: all.input_tokens + written,
      cache_write_tokens: 0n,
      cache_write_1h_tokens: 0n,
    }
  return dialect === 'messages' ? all : { ...all, cache_write_tokens: written, cache_write_1h_tokens: 0n }
}

const speaks = { openai: ['chat_completions', 'responses'], anthropic: ['messages'], gemini: ['gemini'] }

describe.each(reports)('$name', (report) => {
  test.each(chatDialects)('in %s, whole and streamed, and charged by just that', async (dialect) => {
    for (const streamed of [false, true]) {
      const person = await stage.person()
      hostile.answer(replyOf(report, dialect, streamed))
      const model = models[report.service]
      const reply = await askIn(stage, person, dialect, { model, prompt: 'hello', streamed })
      const { text, whole } = await readAll(reply)
      expect([reply.status, whole], text).toEqual([200, true])
      const record = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
      const expected = asTold(dialect, report.counted, speaks[report.service].includes(dialect))
      expect(record).toMatchObject({ status: 'succeeded', usage_source: 'reported', ...expected })
      const { prices } = stage.gateway.rooms
      const book = prices.current()
      const price = book.find(report.service, model)
      if (price === null) throw new Error('a price is shipped')
      const cost = book.costNanoUsd(
        price,
        {
          input: Number(expected.input_tokens),
          cacheRead: Number(expected.cache_read_tokens),
          cacheWrite: Number(expected.cache_write_tokens),
          cacheWrite1h: Number(expected.cache_write_1h_tokens),
          output: Number(expected.output_tokens),
          reasoning: Number(expected.reasoning_tokens),
        },
        record['started_at'] as Date,
      )
      expect(record['credit_micros']).toBe(book.creditMicros(cost, price))
    }
  })
})

test.each(chatDialects)(
  'new-api #5003: more cached than prompted is no negative count in %s, and costs no negative credits',
  async (dialect) => {
    const absurd: Report = {
      name: 'absurd',
      service: 'openai',
      usage: {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 500 },
        output_tokens: 3,
        output_tokens_details: { reasoning_tokens: 50 },
        total_tokens: 13,
      },
      chatUsage: {
        prompt_tokens: 10,
        prompt_tokens_details: { cached_tokens: 500 },
        completion_tokens: 3,
        completion_tokens_details: { reasoning_tokens: 50 },
        total_tokens: 13,
      },
      counted: {},
    }
    for (const streamed of [false, true]) {
      const person = await stage.person()
      hostile.answer(replyOf(absurd, dialect, streamed))
      const reply = await askIn(stage, person, dialect, { model: 'gpt-5-mini', prompt: 'hello', streamed })
      const { text } = await readAll(reply)
      expect(text).not.toMatch(/[tT]okens?(?:Count)?":\s?-/)
      const record = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
      for (const column of Object.keys(none)) expect(record[column]).toBeGreaterThanOrEqual(0n)
      expect(record['credit_micros']).toBeGreaterThan(0n)
      expect((await stage.balance(person)).availableMicros).toBeLessThan(100_000_000n)
    }
  },
)
