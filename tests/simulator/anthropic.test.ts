import type Anthropic from '@anthropic-ai/sdk'
import { describe, expect, test } from 'vitest'
import { anthropic, askClaude, long, person, pixel, post, secrets } from './stand.ts'

/* The official client, unmodified, proves that the stand-in answers as the service does. */

const claudeHeaders = { 'x-api-key': secrets.anthropic, 'anthropic-version': '2023-06-01' }
const callWithSystem = (text: string) =>
  anthropic.messages.create({
    model: 'claude-sonnet-5',
    max_tokens: 50,
    system: [{ type: 'text', text: `${long} system`, cache_control: { type: 'ephemeral', ttl: '1h' } }],
    messages: [{ role: 'user', content: text }],
  })

describe('Anthropic', () => {
  test('text, whole and streamed, with the same content and usage', async () => {
    const whole = await askClaude('Tell me')
    expect(whole).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn' })
    expect(whole.model).toBe('claude-haiku-4-5-20251001')
    const stream = anthropic.messages.stream({
      model: 'claude-haiku-4-5',
      max_tokens: 500,
      messages: [{ role: 'user', content: 'Tell me' }],
    })
    const types: string[] = []
    stream.on('streamEvent', (event) => types.push(event.type))
    const streamed = await stream.finalMessage()
    expect(streamed.content).toEqual(whole.content)
    expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens)
    expect(types.slice(0, 2)).toEqual(['message_start', 'content_block_start'])
    expect(types.slice(-2)).toEqual(['message_delta', 'message_stop'])
  })

  test('tools: parallel calls, streamed input, results, and a forced tool', async () => {
    const tools: Anthropic.Tool[] = [
      { name: 'get_weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } },
      { name: 'get_time', input_schema: { type: 'object', properties: { zone: { type: 'string' } } } },
    ]
    const question = { role: 'user' as const, content: 'weather and time in Paris?' }
    const body = { model: 'claude-sonnet-5', max_tokens: 500, tools, messages: [question] }
    const whole = await anthropic.messages.create(body)
    expect(whole.stop_reason).toBe('tool_use')
    const calls = whole.content.filter((block) => block.type === 'tool_use')
    expect(calls.map((call) => call.name)).toEqual(['get_weather', 'get_time'])
    expect((await anthropic.messages.stream(body).finalMessage()).content).toEqual(whole.content)
    const results = calls.map((call) => ({
      type: 'tool_result' as const,
      tool_use_id: call.id,
      content: 'ok',
    }))
    const turns = [
      question,
      { role: 'assistant' as const, content: calls },
      { role: 'user' as const, content: results },
    ]
    expect((await anthropic.messages.create({ ...body, messages: turns })).stop_reason).toBe('end_turn')
    await expect(anthropic.messages.create({ ...body, messages: turns.slice(0, 2) })).rejects.toThrow(
      /prefill|tool_result/,
    )
    const forced = await anthropic.messages.create({
      ...body,
      tool_choice: { type: 'tool', name: 'get_time' },
    })
    expect(forced.content).toMatchObject([{ type: 'tool_use', name: 'get_time' }])
  })

  test('images, JSON schema, stop sequences and max_tokens', async () => {
    const seen = await anthropic.messages.create({
      model: 'claude-sonnet-5',
      max_tokens: 100,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
            { type: 'text', text: 'What is this?' },
          ],
        },
      ],
    })
    expect(seen.usage.input_tokens).toBeGreaterThan(1600)
    const json = await askClaude('Invent', {
      output_config: { format: { type: 'json_schema', schema: person } },
    })
    expect(json.content[0]?.type === 'text' && JSON.parse(json.content[0].text)).toHaveProperty('home.city')
    expect(await askClaude('[[simulate: say a b c]]', { stop_sequences: ['c'] })).toMatchObject({
      stop_reason: 'stop_sequence',
      stop_sequence: 'c',
    })
    const cut = await askClaude('Count', { max_tokens: 5 })
    expect(cut).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 5 } })
  })

  test('a marked prefix is written to the cache once and read afterwards', async () => {
    const first = (await callWithSystem('one')).usage
    const second = (await callWithSystem('two')).usage
    expect(first.cache_creation?.ephemeral_1h_input_tokens).toBeGreaterThan(1024)
    expect(first.cache_read_input_tokens).toBe(0)
    expect(second.cache_read_input_tokens).toBe(first.cache_creation_input_tokens)
    expect(second.cache_creation_input_tokens).toBe(0)
    expect(second.input_tokens).toBe(first.input_tokens)
  })

  test('thinking comes as its own block and is reported', async () => {
    const reply = await askClaude('Think', {
      max_tokens: 4000,
      thinking: { type: 'enabled', budget_tokens: 2000 },
    })
    expect(reply.content.map((block) => block.type)).toEqual(['thinking', 'text'])
    expect(reply.usage.output_tokens_details?.thinking_tokens).toBe(96)
  })

  test('models are listed page by page', async () => {
    const models = await Array.fromAsync(anthropic.models.list({ limit: 1000 }))
    expect(models.map((m) => m.id)).toContain('claude-haiku-4-5-20251001')
  })
})

describe('Anthropic refuses', () => {
  const valid = { model: 'claude-haiku-4-5', max_tokens: 10, messages: [{ role: 'user', content: 'x' }] }
  const { max_tokens: _limit, ...unlimited } = valid
  const cases: [string, object, number, RegExp][] = [
    ['an unknown parameter', { ...valid, n: 2 }, 400, /n: Extra inputs are not permitted/],
    ['no max_tokens', unlimited, 400, /max_tokens: Field required/],
    ['a temperature above 1', { ...valid, temperature: 1.5 }, 400, /temperature/],
    ['an unknown model', { ...valid, model: 'claude-none' }, 404, /not_found_error/],
    ['empty messages', { ...valid, messages: [] }, 400, /at least one message/],
    [
      'the assistant first',
      { ...valid, messages: [{ role: 'assistant', content: 'x' }] },
      400,
      /first message must use/,
    ],
    ['empty content', { ...valid, messages: [{ role: 'user', content: '' }] }, 400, /non-empty content/],
    ['an unknown role', { ...valid, messages: [{ role: 'tool', content: 'x' }] }, 400, /Unexpected role/],
    [
      'more tokens than the model has',
      { ...valid, max_tokens: 1_000_000 },
      400,
      /maximum allowed number of output tokens/,
    ],
    [
      'an open schema',
      { ...valid, output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
      400,
      /additionalProperties/,
    ],
  ]
  test.each(cases)('%s', async (_name, body, status, message) => {
    const reply = await post('/anthropic/v1/messages', body, claudeHeaders)
    expect(reply.status).toBe(status)
    expect(reply.text).toMatch(message)
    expect(JSON.parse(reply.text)).toMatchObject({
      type: 'error',
      request_id: reply.headers.get('request-id'),
    })
  })

  test('sampling parameters with the API version that removed them', async () => {
    const sampled = { ...valid, temperature: 1 }
    expect((await post('/anthropic/v1/messages', sampled, claudeHeaders)).status).toBe(200)
    const newer = { ...claudeHeaders, 'anthropic-version': '2026-10-21' }
    expect((await post('/anthropic/v1/messages', sampled, newer)).text).toContain('temperature: Extra inputs')
  })

  test('missing versions, keys and paths', async () => {
    const { 'anthropic-version': _version, ...noVersion } = claudeHeaders
    expect((await post('/anthropic/v1/messages', valid, noVersion)).text).toContain(
      'anthropic-version: header is required',
    )
    expect((await post('/anthropic/v1/messages', valid, { 'anthropic-version': '2023-06-01' })).status).toBe(
      401,
    )
    expect((await post('/anthropic/v1/complete', valid, claudeHeaders)).status).toBe(404)
  })
})
