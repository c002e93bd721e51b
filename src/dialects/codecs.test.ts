import { describe, expect, test } from 'vitest'
import { fault } from '../kit/fault.ts'
import type { Endpoint } from '../services/service.ts'
import { anthropicCodec } from './anthropic.ts'
import { codecOf } from './codecs.ts'
import type { RequestSource } from './dialect.ts'
import { errorShapes } from './errors.ts'
import { boundInputTokens } from './estimate.ts'
import { openaiCodec } from './openai.ts'

const body = (value: unknown) => Buffer.from(JSON.stringify(value))
const chat = { model: 'gpt-4o', messages: [{ role: 'user', content: 'hello' }] }
const source = (endpoint: Endpoint, body: Buffer): RequestSource => ({
  endpoint,
  body,
  contentType: 'application/json',
  pathModel: null,
})
const textEndpoints = [
  'chat_completions',
  'responses',
  'embeddings',
  'messages',
  'count_tokens',
  'generate_content',
  'stream_generate_content',
  'gemini_count_tokens',
  'embed_content',
  'batch_embed_contents',
] as const satisfies readonly Endpoint[]
const whole = (body: Buffer) => ({ body, contentType: 'application/json' })
const parsed = (value: unknown) => {
  const outcome = openaiCodec.parse(source('chat_completions', body(value)))
  if (!outcome.ok) throw new Error(outcome.fault.code)
  return outcome.value
}
const unchanged = {
  model: 'gpt-4o',
  maximumOutputTokens: null,
  outputLimitField: 'max_completion_tokens',
  noStreamOptions: false,
}

describe('what goes to the service', () => {
  test('is the caller’s bytes untouched where nothing has to differ', () => {
    const text = Buffer.from(
      '{ "model":"gpt-4o",\n "messages":[{"role":"user","content":"h\\u00e9"}] , "temperature":1.0 }',
    )
    const request = openaiCodec.parse(source('chat_completions', text))
    expect(request.ok && openaiCodec.bodyFor(request.value, unchanged)).toBe(text)
  })

  test('asks for the usage of a stream, and keeps the caller’s other stream options', () => {
    const sent = openaiCodec.bodyFor(
      parsed({ ...chat, stream: true, stream_options: { include_obfuscation: false } }),
      unchanged,
    )
    expect(JSON.parse(sent.toString())).toEqual({
      ...chat,
      stream: true,
      stream_options: { include_obfuscation: false, include_usage: true },
    })
  })

  test('carries the service’s own model name and our limit', () => {
    const sent = openaiCodec.bodyFor(parsed(chat), {
      model: 'openai/gpt-4o',
      maximumOutputTokens: 300,
      outputLimitField: 'max_tokens',
      noStreamOptions: false,
    })
    expect(JSON.parse(sent.toString())).toEqual({ ...chat, model: 'openai/gpt-4o', max_tokens: 300 })
  })
})

describe('requests that cannot be served are refused by name', () => {
  const cases: [string, unknown, string, string?][] = [
    ['no model', { messages: [] }, 'invalid_request', 'model'],
    ['model of a wrong type', { ...chat, model: 4 }, 'invalid_request', 'model'],
    ['stream of a wrong type', { ...chat, stream: 'yes' }, 'invalid_request', 'stream'],
    ['a negative limit', { ...chat, max_tokens: -1 }, 'invalid_request', 'max_tokens'],
    [
      'a fractional limit',
      { ...chat, max_completion_tokens: 1.5 },
      'invalid_request',
      'max_completion_tokens',
    ],
    ['an array', [chat], 'malformed_json'],
  ]
  test.each(cases)('%s', (_, value, code, field) => {
    const outcome = openaiCodec.parse(source('chat_completions', body(value)))
    expect(outcome).toMatchObject({ ok: false, fault: { code, ...(field ? { field } : {}) } })
  })

  test('text that is not JSON', () => {
    for (const endpoint of textEndpoints)
      expect(codecOf(endpoint).parse(source(endpoint, Buffer.from('{"model":')))).toMatchObject({
        ok: false,
        fault: { code: 'malformed_json' },
      })
  })

  test('a field that occurs twice, which services would read differently than we do', () => {
    const twice = Buffer.from('{"model":"gpt-4o-mini","model":"gpt-5-pro","messages":[]}')
    expect(openaiCodec.parse(source('chat_completions', twice))).toMatchObject({
      ok: false,
      fault: { code: 'duplicate_field', field: 'model' },
    })
  })

  test('Anthropic without max_tokens', () => {
    expect(
      anthropicCodec.parse(source('messages', body({ ...chat, model: 'claude-sonnet-5' }))),
    ).toMatchObject({
      ok: false,
      fault: { field: 'max_tokens' },
    })
  })
})

describe('what a request may use at most', () => {
  test('several choices multiply the limit', () => {
    expect(parsed({ ...chat, n: 3, max_tokens: 100 }).maximumOutputTokens).toBe(300)
  })

  const most = { image: 12_000, document: 200_000 }
  const part = (content: unknown) =>
    parsed({ ...chat, messages: [{ role: 'user', content: [content] }] }).input
  const base64 = 'A'.repeat(400_000)

  test('text is bounded by its bytes', () => {
    const { input } = parsed({ ...chat, messages: [{ role: 'user', content: '好'.repeat(1000) }] })
    expect(boundInputTokens(input, most)).toBeGreaterThanOrEqual(3000)
  })

  test('an image by what models make of one, a document by their context; neither by its base64', () => {
    const image = part({ type: 'image_url', image_url: { url: `data:image/png;base64,${base64}` } })
    expect(boundInputTokens(image, most)).toBeGreaterThanOrEqual(12_000)
    expect(boundInputTokens(image, most)).toBeLessThan(13_000)
    const document = part({ type: 'file', file: { file_data: base64 } })
    expect(boundInputTokens(document, most)).toBe(200_000)
  })

  test('what only looks like an attachment counts as the text it is', () => {
    const disguised = part({ type: 'text', text: base64, image_url: { url: base64 } })
    expect(boundInputTokens(disguised, most)).toBeGreaterThan(800_000)
    const plain = part({ type: 'document', source: { type: 'text', data: base64 } })
    expect(boundInputTokens(plain, most)).toBeGreaterThan(400_000)
  })

  test('the larger of two limits counts, as services differ in which they obey', () => {
    expect(parsed({ ...chat, max_tokens: 500, max_completion_tokens: 5 }).maximumOutputTokens).toBe(500)
    expect(parsed({ ...chat, max_tokens: 5, max_completion_tokens: 500 }).maximumOutputTokens).toBe(500)
  })
})

describe('usage of whole replies', () => {
  test('is read behind megabytes of embedding without parsing them', () => {
    const reply = body({
      data: [{ embedding: Array.from({ length: 50_000 }, () => 0.1) }],
      usage: { prompt_tokens: 9, total_tokens: 9 },
    })
    expect(openaiCodec.usageOf(whole(reply), parsed(chat))).toMatchObject({ input: 9, output: 0 })
  })

  test('absurd reports never become negative tokens', () => {
    const reply = body({
      usage: {
        prompt_tokens: 5,
        completion_tokens: 2,
        prompt_tokens_details: { cached_tokens: 5, cache_write_tokens: 900 },
        completion_tokens_details: { reasoning_tokens: 9 },
      },
    })
    expect(openaiCodec.usageOf(whole(reply), parsed(chat))).toEqual({
      input: 0,
      cacheRead: 5,
      cacheWrite: 0,
      cacheWrite1h: 0,
      output: 0,
      reasoning: 2,
    })
  })

  test('a reported zero is zero, and no report is none', () => {
    expect(
      openaiCodec.usageOf(whole(body({ usage: { prompt_tokens: 0, completion_tokens: 0 } })), parsed(chat)),
    ).toMatchObject({
      input: 0,
      output: 0,
    })
    expect(openaiCodec.usageOf(whole(body({ choices: [] })), parsed(chat))).toBeNull()
  })

  test('Anthropic: writes to the one-hour cache are told apart', () => {
    const usage = {
      input_tokens: 3,
      output_tokens: 4,
      cache_read_input_tokens: 5,
      cache_creation_input_tokens: 10,
      cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 6 },
    }
    expect(anthropicCodec.usageOf(whole(body({ usage })), parsed(chat))).toEqual({
      input: 3,
      cacheRead: 5,
      cacheWrite: 4,
      cacheWrite1h: 6,
      output: 4,
      reasoning: 0,
    })
  })
})

test('errors have the shape of the dialect they are sent in', () => {
  const f = fault('insufficient_credits')
  expect(JSON.parse(errorShapes.openai(f, 'op'))).toMatchObject({
    error: { code: 'insufficient_credits', type: 'insufficient_quota', param: null },
  })
  expect(JSON.parse(errorShapes.anthropic(f, 'op'))).toMatchObject({
    type: 'error',
    error: { type: 'billing_error', code: 'insufficient_credits' },
  })
})
