import { describe, expect, test } from 'vitest'
import { fault, must } from '../kit/fault.ts'
import { boundInputTokens } from './estimate.ts'
import { responsesCodec } from './responses.ts'

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const parse = (value: unknown) =>
  responsesCodec.parse({
    endpoint: 'responses',
    body: bytes(value),
    contentType: 'application/json',
    pathModel: null,
  })
const parsed = (value: unknown) => must(parse(value))
const plain = { model: 'gpt-5', input: 'hello' }
const unchanged = {
  model: 'gpt-5',
  maximumOutputTokens: null,
  outputLimitField: 'max_completion_tokens',
  noStreamOptions: false,
}

describe('what goes to the service', () => {
  test('is the caller’s bytes untouched, also of a stream, which reports without being asked', () => {
    const request = parsed('{ "stream" : true,\n"model":"gpt-5","input":"h\\u00e9","temperature":1.0 }')
    expect(request.streamed).toBe(true)
    expect(responsesCodec.bodyFor(request, unchanged)).toBe(request.body)
  })

  test('carries the service’s own model name, and our limit by the one name that it has here', () => {
    const sent = responsesCodec.bodyFor(parsed(plain), {
      ...unchanged,
      model: 'openai/gpt-5',
      maximumOutputTokens: 700,
    })
    expect(JSON.parse(sent.toString())).toEqual({ ...plain, model: 'openai/gpt-5', max_output_tokens: 700 })
  })
})

test.each([
  [{ input: 'x' }, 'model'],
  [{ ...plain, stream: 1 }, 'stream'],
  [{ ...plain, max_output_tokens: 0 }, 'max_output_tokens'],
])('%j is refused by name', (value, field) => {
  expect(parse(value)).toMatchObject({ ok: false, fault: { code: 'invalid_request', field } })
})

test('a limit named twice is refused', () => {
  const twice = '{"model":"gpt-5","input":"x","max_output_tokens":16,"max_output_tokens":99999}'
  expect(parse(twice)).toMatchObject({ ok: false, fault: { code: 'duplicate_field' } })
})

describe('on system keys', () => {
  const image = { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'auto' }
  const priced: [string, object][] = [
    ['text', {}],
    ['not in the background', { background: false, previous_response_id: null, conversation: null }],
    [
      'tools that the caller runs',
      {
        tools: [
          { type: 'function', name: 'f' },
          { type: 'custom', name: 'c' },
        ],
      },
    ],
    ['encrypted reasoning', { include: ['reasoning.encrypted_content'], store: false }],
    ['the ordinary tier', { service_tier: 'auto' }],
    [
      'a conversation with all that it needs',
      {
        input: [
          { role: 'user', content: [{ type: 'input_text', text: 'x' }, image] },
          { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'abc' },
          { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
          { type: 'function_call_output', call_id: 'c', output: [image] },
          { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'y' }] },
        ],
      },
    ],
  ]
  test.each(priced)('may run: %s', (_, fields) => {
    expect(parsed({ ...plain, ...fields }).unpriced).toBeNull()
  })

  const item = (value: unknown) => ({ input: [value] })
  const unpriced: [string, string, object][] = [
    ['background', 'what one call does not finish', { background: true }],
    [
      'previous_response_id',
      'what another call of the account left there',
      { previous_response_id: 'resp_1' },
    ],
    ['conversation', 'a conversation of the account', { conversation: 'conv_1' }],
    ['prompt', 'a prompt of the account', { prompt: { id: 'pmpt_1' } }],
    ['tools', 'searches', { tools: [{ type: 'web_search' }] }],
    ['tools', 'files of the account', { tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }] }],
    ['tools', 'an interpreter', { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }],
    ['tools', 'images', { tools: [{ type: 'image_generation' }] }],
    ['tools', 'servers of others', { tools: [{ type: 'mcp', server_url: 'https://example.com' }] }],
    ['context_management', 'a second run', { context_management: [{ type: 'compaction' }] }],
    ['service_tier', 'another price', { service_tier: 'priority' }],
    ['service_tier', 'a lower price', { service_tier: 'flex' }],
    ['prompt_cache_options', 'a longer cache', { prompt_cache_options: { ttl: '12h' } }],
    ['a_field_of_tomorrow', 'what nobody knows yet', { a_field_of_tomorrow: 1 }],
    ['input', 'an item by its id', item({ type: 'item_reference', id: 'msg_1' })],
    ['input', 'reasoning by its id', item({ type: 'reasoning', id: 'rs_1', summary: [] })],
    [
      'input',
      'a file of the account',
      item({ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }),
    ],
    ['input', 'an image of the account', item({ role: 'user', content: [{ ...image, file_id: 'f' }] })],
  ]
  test.each(unpriced)('%s: %s may not', (field, _, fields) => {
    expect(parsed({ ...plain, ...fields }).unpriced).toBe(field)
  })
})

test('images and documents are bounded by what models make of them, wherever they are', () => {
  const most = { image: 12_000, document: 200_000 }
  const base64 = 'A'.repeat(400_000)
  const bound = (input: unknown) => boundInputTokens(parsed({ ...plain, input }).input, most)
  const image = { type: 'input_image', image_url: `data:image/png;base64,${base64}` }
  const screenshot = { type: 'computer_screenshot', image_url: `data:image/png;base64,${base64}` }
  for (const input of [
    [{ role: 'user', content: [image] }],
    [{ type: 'function_call_output', call_id: 'c', output: [image] }],
    [{ type: 'computer_call_output', call_id: 'c', output: screenshot }],
  ]) {
    expect(bound(input)).toBeGreaterThanOrEqual(12_000)
    expect(bound(input)).toBeLessThan(13_000)
  }
  expect(bound([{ role: 'user', content: [{ type: 'input_file', file_data: base64 }] }])).toBe(200_000)
  expect(bound([{ role: 'user', content: base64 }])).toBeGreaterThan(400_000)
})

describe('streams', () => {
  const kindsOf = (...events: string[]) => {
    const tap = responsesCodec.makeTap(parsed(plain))
    return { kinds: events.flatMap((event) => tap.classify(Buffer.from(event), [event.length])), tap }
  }
  const usage = { input_tokens: 3, output_tokens: 2 }
  const event = (type: string, rest: object = {}) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`

  test.each(['response.completed', 'response.incomplete'])('%s is the end and has the usage', (type) => {
    const { kinds, tap } = kindsOf(event('response.output_text.delta'), event(type, { response: { usage } }))
    expect(kinds).toEqual(['content', 'end'])
    expect(tap.reported()).toMatchObject({ input: 3, output: 2 })
  })

  test('what failed is an error, and what it used is known', () => {
    const { kinds, tap } = kindsOf(
      event('response.failed', { response: { usage, error: { code: 'server_error' } } }),
    )
    expect(kinds).toEqual(['error'])
    expect(tap.reported()).toMatchObject({ input: 3, output: 2 })
    expect(kindsOf(event('error', { message: 'no' })).kinds).toEqual(['error'])
  })

  test('only deltas are content, of text, reasoning and arguments alike', () => {
    const { kinds } = kindsOf(
      event('response.created'),
      event('response.reasoning_summary_text.delta'),
      event('response.function_call_arguments.delta'),
      event('response.function_call_arguments.done'),
      event('response.output_item.done', { item: { type: 'message' } }),
      ': keep-alive\n\n',
    )
    expect(kinds).toEqual(['other', 'content', 'content', 'other', 'other', 'other'])
  })

  test('events are told by their data where a service names none', () => {
    const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
    const { kinds, tap } = kindsOf(
      data({ type: 'response.output_text.delta', delta: '.' }),
      data({ sequence_number: 4, type: 'response.in_progress' }),
      data({ error: { message: 'no' } }),
      data({ type: 'response.completed', response: { usage } }),
      'data: [DONE]\n\n',
    )
    expect(kinds).toEqual(['content', 'other', 'error', 'end', 'end'])
    expect(tap.reported()).toMatchObject({ input: 3 })
  })

  test('our own failure within one is an event that clients throw', () => {
    const said = responsesCodec.errorEvent(fault('stream_interrupted'), 'op')
    const [, json] = /^event: error\ndata: (.*)\n\n$/.exec(said) ?? []
    expect(JSON.parse(json as string)).toMatchObject({
      type: 'error',
      code: 'stream_interrupted',
      error: { code: 'stream_interrupted', operation_id: 'op' },
    })
  })
})
