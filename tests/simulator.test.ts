import Anthropic from '@anthropic-ai/sdk'
import OpenAI, {
  APIConnectionError,
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { demoSecret } from '../simulator/keys.ts'
import { startSimulator } from '../simulator/simulator.ts'

/** The official clients, unmodified, prove that the stand-in answers as the services do. */
const secrets = {
  openai: demoSecret('openai', 'test'),
  anthropic: demoSecret('anthropic', 'test'),
  openrouter: demoSecret('openrouter', 'test'),
  midjourney: demoSecret('midjourney', 'test'),
}
const simulator = await startSimulator({
  keys: Object.entries(secrets).map(([service, secret]) => ({
    service: service as keyof typeof secrets,
    secret,
  })),
})
const openai = new OpenAI({ baseURL: `${simulator.url}/openai/v1`, apiKey: secrets.openai, maxRetries: 0 })
const anthropic = new Anthropic({
  baseURL: `${simulator.url}/anthropic`,
  apiKey: secrets.anthropic,
  maxRetries: 0,
})
const openrouter = new OpenAI({
  baseURL: `${simulator.url}/openrouter/v1`,
  apiKey: secrets.openrouter,
  maxRetries: 0,
})

afterAll(() => simulator.close())
beforeEach(() => {
  simulator.clearJournal()
  for (const secret of Object.values(secrets)) simulator.setKey(secret, { kind: 'ok' })
})

const ask = (content: string, more: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> = {}) =>
  openai.chat.completions.create({ model: 'gpt-4.1-mini', messages: [{ role: 'user', content }], ...more })
const askClaude = (content: string, more: Partial<Anthropic.MessageCreateParamsNonStreaming> = {}) =>
  anthropic.messages.create({
    model: 'claude-haiku-4-5',
    max_tokens: 500,
    messages: [{ role: 'user', content }],
    ...more,
  })

/** A raw call, for what the clients would not send. */
const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(simulator.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}
const bearer = { authorization: `Bearer ${secrets.openai}` }
const claudeHeaders = { 'x-api-key': secrets.anthropic, 'anthropic-version': '2023-06-01' }

const weather: OpenAI.ChatCompletionTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}
const time: OpenAI.ChatCompletionTool = {
  type: 'function',
  function: {
    name: 'get_time',
    parameters: { type: 'object', properties: { zone: { enum: ['UTC', 'CET'] } }, required: ['zone'] },
  },
}
const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer', minimum: 18, maximum: 20 },
    tags: { type: 'array', items: { enum: ['a', 'b'] } },
    home: { $ref: '#/$defs/place' },
  },
  required: ['name', 'age', 'tags', 'home'],
  additionalProperties: false,
  $defs: {
    place: {
      type: 'object',
      properties: { city: { type: ['string', 'null'] } },
      required: ['city'],
      additionalProperties: false,
    },
  },
}
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const long = 'The same long prefix of a prompt. '.repeat(250)

const withImage = (url: string) =>
  openai.chat.completions.create({
    model: 'gpt-4o-mini',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url } },
        ],
      },
    ],
  })
const cachedTokens = async () =>
  (await ask(`${long} cache`)).usage?.prompt_tokens_details?.cached_tokens ?? -1
const callWithSystem = (text: string) =>
  anthropic.messages.create({
    model: 'claude-sonnet-5',
    max_tokens: 50,
    system: [{ type: 'text', text: `${long} system`, cache_control: { type: 'ephemeral', ttl: '1h' } }],
    messages: [{ role: 'user', content: text }],
  })
const fetchKey = (secret: string) =>
  fetch(`${simulator.url}/openrouter/v1/key`, { headers: { authorization: `Bearer ${secret}` } })
const streamed = async (directive: string) => {
  const body = { model: 'gpt-4.1-mini', messages: [{ role: 'user' as const, content: directive }] }
  const got: string[] = []
  try {
    for await (const chunk of await openai.chat.completions.create({ ...body, stream: true }))
      if (chunk.choices[0]?.delta.content) got.push(chunk.choices[0].delta.content)
  } catch (error) {
    return { got, error }
  }
  return { got, error: null }
}

describe('OpenAI', () => {
  test('the same request gives the same reply, labelled as simulated', async () => {
    const first = await ask('Say hello').withResponse()
    const second = await ask('Say hello')
    expect(first.data.choices[0]?.message.content).toContain('[simulated gpt-4.1-mini]')
    expect(second.choices).toEqual(first.data.choices)
    expect(first.data.model).toBe('gpt-4.1-mini-2025-04-14')
    expect(first.response.headers.get('x-simulator')).toBe('aideon-keys')
    expect(first.request_id).toMatch(/^req_/)
  })

  test('a stream sends the role first, the reply of the whole call piece by piece, and usage only when asked', async () => {
    const whole = await ask('Stream this')
    const body = { model: 'gpt-4.1-mini', messages: [{ role: 'user' as const, content: 'Stream this' }] }
    const chunks = await Array.fromAsync(await openai.chat.completions.create({ ...body, stream: true }))
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(chunks.map((c) => c.choices[0]?.delta.content ?? '').join('')).toBe(
      whole.choices[0]?.message.content,
    )
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
    expect(chunks.some((c) => c.usage)).toBe(false)

    const reporting = await Array.fromAsync(
      await openai.chat.completions.create({
        ...body,
        stream: true,
        stream_options: { include_usage: true },
      }),
    )
    expect(reporting.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
    expect(reporting.at(-2)?.usage).toBeNull()
  })

  test('max_tokens, stop and n are honoured', async () => {
    const cut = await ask('Count', { max_tokens: 7 })
    expect(cut.choices[0]?.finish_reason).toBe('length')
    expect(cut.usage?.completion_tokens).toBe(7)
    const stopped = await ask('[[simulate: say one two three]]', { stop: ' three' })
    expect(stopped.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'one two' } })
    const three = await ask('Vary', { n: 3 })
    expect(new Set(three.choices.map((c) => c.message.content)).size).toBe(3)
  })

  test('tools are called in parallel when several are asked for, and answered after their results', async () => {
    const asked = await ask('What is the weather in Paris, and the time there?', { tools: [weather, time] })
    const calls = asked.choices[0]?.message.tool_calls ?? []
    expect(asked.choices[0]?.finish_reason).toBe('tool_calls')
    expect(calls.map((c) => c.type === 'function' && c.function.name)).toEqual(['get_weather', 'get_time'])
    const answered = await openai.chat.completions.create({
      model: 'gpt-4.1-mini',
      tools: [weather, time],
      messages: [
        { role: 'user', content: 'What is the weather in Paris, and the time there?' },
        asked.choices[0]!.message,
        ...calls.map((c) => ({ role: 'tool' as const, tool_call_id: c.id, content: '{}' })),
      ],
    })
    expect(answered.choices[0]?.finish_reason).toBe('stop')
  })

  test('streamed tool calls assemble to the same arguments as whole ones', async () => {
    const body = {
      model: 'gpt-4.1-mini',
      messages: [{ role: 'user' as const, content: 'weather?' }],
      tools: [weather],
    }
    const whole = await openai.chat.completions.create(body)
    const streamed = await openai.chat.completions.stream(body).finalChatCompletion()
    expect(streamed.choices[0]?.message.tool_calls?.[0]).toMatchObject(
      whole.choices[0]?.message.tool_calls?.[0] ?? { missing: true },
    )
  })

  test('a JSON schema is followed; one that is not strict is refused', async () => {
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'person', strict: true, schema: person },
    }
    const reply = await ask('Invent somebody', { response_format })
    const value = JSON.parse(reply.choices[0]?.message.content ?? '') as {
      age: number
      home: { city: string }
    }
    expect(value.age).toBeGreaterThanOrEqual(18)
    expect(value.age).toBeLessThanOrEqual(20)
    expect(Object.keys(value)).toEqual(['name', 'age', 'tags', 'home'])
    expect(value.home.city).toBeTypeOf('string')
    const open = { ...person, additionalProperties: true }
    await expect(
      ask('x', {
        response_format: { type: 'json_schema', json_schema: { name: 'p', strict: true, schema: open } },
      }),
    ).rejects.toThrow(/'additionalProperties' is required/)
  })

  test('images are accepted and counted; a broken one is refused', async () => {
    const seen = await withImage(`data:image/png;base64,${pixel}`)
    expect(seen.usage?.prompt_tokens).toBeGreaterThan(765)
    await expect(withImage('data:image/png;base64,***')).rejects.toMatchObject({ code: 'invalid_image_url' })
  })

  test('a repeated long prefix is reported as cached, in steps of 128 tokens', async () => {
    expect(await cachedTokens()).toBe(0)
    const again = await cachedTokens()
    expect(again).toBeGreaterThanOrEqual(1024)
    expect(again % 128).toBe(0)
  })

  test('reasoning models report reasoning tokens and refuse what they do not take', async () => {
    const messages = [{ role: 'user' as const, content: 'Think' }]
    const reply = await openai.chat.completions.create({
      model: 'gpt-5-mini',
      messages,
      reasoning_effort: 'high',
    })
    expect(reply.usage?.completion_tokens_details?.reasoning_tokens).toBe(320)
    expect(reply.usage?.completion_tokens).toBeGreaterThan(320)
    const refused = (more: object) =>
      openai.chat.completions.create({ model: 'gpt-5-mini', messages, ...more })
    await expect(refused({ max_tokens: 5 })).rejects.toMatchObject({ code: 'unsupported_parameter' })
    await expect(refused({ temperature: 0 })).rejects.toMatchObject({ code: 'unsupported_value' })
    const empty = await refused({ max_completion_tokens: 20 })
    expect(empty.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '' } })
  })

  test('embeddings are unit vectors of the asked length, the same as numbers and as base64', async () => {
    const body = { model: 'text-embedding-3-small', input: ['a', 'b'], dimensions: 64 }
    const numbers = await openai.embeddings.create({ ...body, encoding_format: 'float' })
    const decoded = await openai.embeddings.create(body)
    expect(simulator.journal().at(-1)?.body).toContain('"encoding_format":"base64"')
    expect(decoded.data[1]?.embedding).toEqual(numbers.data[1]?.embedding)
    expect(Math.hypot(...(numbers.data[0]?.embedding ?? []))).toBeCloseTo(1, 4)
    expect(numbers.usage).toEqual({ prompt_tokens: 2, total_tokens: 2 })
    await expect(openai.embeddings.create({ ...body, dimensions: 5000 })).rejects.toThrow(BadRequestError)
  })

  test('models are listed and retrieved', async () => {
    const ids = (await Array.fromAsync(openai.models.list())).map((m) => m.id)
    expect(ids).toEqual(expect.arrayContaining(['gpt-4.1-mini', 'text-embedding-3-small']))
    expect((await openai.models.retrieve('gpt-4o')).id).toBe('gpt-4o')
    await expect(openai.models.retrieve('gpt-none')).rejects.toThrow(NotFoundError)
  })
})

describe('OpenAI refuses', () => {
  const valid = { model: 'gpt-4.1-mini', messages: [{ role: 'user', content: 'x' }] }
  const chat = '/openai/v1/chat/completions'
  const cases: [string, object, number, RegExp][] = [
    ['an unknown parameter', { ...valid, foo: 1 }, 400, /Unrecognized request argument supplied: foo/],
    ['a wrong type', { ...valid, temperature: '1' }, 400, /invalid_type/],
    ['a temperature out of range', { ...valid, temperature: 9 }, 400, /decimal_above_max_value/],
    ['no model', { messages: valid.messages }, 400, /must provide a model/],
    ['an unknown model', { ...valid, model: 'gpt-none' }, 404, /model_not_found/],
    ['no messages', { model: valid.model }, 400, /missing_required_parameter/],
    ['empty messages', { ...valid, messages: [] }, 400, /empty_array/],
    ['an unknown role', { ...valid, messages: [{ role: 'robot', content: 'x' }] }, 400, /invalid_value/],
    [
      'a stray tool result',
      { ...valid, messages: [{ role: 'tool', tool_call_id: 'a', content: 'x' }] },
      400,
      /preceeding message/,
    ],
    [
      'stream options without a stream',
      { ...valid, stream_options: { include_usage: true } },
      400,
      /only allowed when 'stream'/,
    ],
    [
      'JSON mode without the word',
      { ...valid, response_format: { type: 'json_object' } },
      400,
      /must contain the word 'json'/,
    ],
    ['too many tokens', { ...valid, max_tokens: 900_000 }, 400, /max_tokens is too large/],
    [
      'a misspelt directive',
      { ...valid, messages: [{ role: 'user', content: '[[simulate: eror 500]]' }] },
      400,
      /does not know the directive/,
    ],
  ]
  test.each(cases)('%s', async (_name, body, status, message) => {
    const reply = await post(chat, body, bearer)
    expect(reply.status).toBe(status)
    expect(reply.text).toMatch(message)
    expect(Object.keys(JSON.parse(reply.text).error)).toEqual(['message', 'type', 'param', 'code'])
  })

  test('wrong paths, methods, content types, JSON and keys', async () => {
    expect((await post('/openai/v1/nothing', {}, bearer)).status).toBe(404)
    expect((await post('/openai/v1/models', {}, bearer)).status).toBe(405)
    expect((await post(chat, valid, { ...bearer, 'content-type': 'text/plain' })).text).toContain(
      'unsupported_content_type',
    )
    expect((await post(chat, '{"model":', bearer)).text).toContain('could not parse')
    expect((await post(chat, valid)).status).toBe(401)
    expect((await post(chat, valid, { authorization: secrets.openai })).status).toBe(401)
    const wrong = await post(chat, valid, { authorization: 'Bearer sk-proj-demo-wrong-1234567890' })
    expect(wrong.status).toBe(401)
    expect(wrong.text).toContain('invalid_api_key')
    expect(wrong.text).not.toContain('sk-proj-demo-wrong-1234567890')
    // A key of another service is unknown here.
    expect((await post(chat, valid, { authorization: `Bearer ${secrets.openrouter}` })).status).toBe(401)
  })
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

describe('OpenRouter', () => {
  test('models of several vendors, usage with cost whether asked for or not', async () => {
    const body = {
      model: 'anthropic/claude-haiku-4.5',
      messages: [{ role: 'user' as const, content: 'Hello' }],
    }
    const whole = await openrouter.chat.completions.create(body)
    expect(whole).toMatchObject({ provider: 'Anthropic', usage: { is_byok: false } })
    const chunks = await Array.fromAsync(await openrouter.chat.completions.create({ ...body, stream: true }))
    expect(chunks.at(-1)?.usage).toEqual(whole.usage)
  })

  test('its own error shape, and an unknown model is a 400', async () => {
    const reply = await post(
      '/openrouter/v1/chat/completions',
      { model: 'openai/none', messages: [{ role: 'user', content: 'x' }] },
      { authorization: `Bearer ${secrets.openrouter}` },
    )
    expect(JSON.parse(reply.text)).toEqual({
      error: { code: 400, message: 'openai/none is not a valid model ID' },
    })
  })

  test('the key endpoint proves a key', async () => {
    expect(await (await fetchKey(secrets.openrouter)).json()).toMatchObject({
      data: { is_management_key: false },
    })
    expect((await fetchKey(demoSecret('openrouter', 'unknown'))).status).toBe(401)
  })
})

describe('Midjourney', () => {
  test('a task is submitted, seen under way and listed, and only with the secret', async () => {
    const headers = { 'mj-api-secret': secrets.midjourney }
    const reply = await post('/midjourney/mj/submit/imagine', { prompt: 'a red cube' }, headers)
    const submission = JSON.parse(reply.text) as { code: number; result: string }
    expect(submission.code).toBe(1)
    const fetched = await fetch(`${simulator.url}/midjourney/mj/task/${submission.result}/fetch`, { headers })
    expect(await fetched.json()).toMatchObject({
      id: submission.result,
      action: 'IMAGINE',
      prompt: 'a red cube',
    })
    const refused = await post('/midjourney/mj/submit/imagine', { prompt: 'x' }, { 'mj-api-secret': 'wrong' })
    expect(refused).toMatchObject({ status: 401, text: '' })
    expect(JSON.parse((await post('/midjourney/mj/submit/imagine', { prompt: '' }, headers)).text).code).toBe(
      4,
    )
  })
})

describe('errors on demand', () => {
  test.each([
    [{ kind: 'revoked' }, AuthenticationError, 'invalid_api_key'],
    [{ kind: 'forbidden' }, PermissionDeniedError, null],
    [{ kind: 'no_quota' }, RateLimitError, 'insufficient_quota'],
    [{ kind: 'rate_limited', retryAfterSeconds: 7 }, RateLimitError, 'rate_limit_exceeded'],
    [{ kind: 'failing' }, InternalServerError, null],
    [{ kind: 'reset' }, APIConnectionError, undefined],
  ] as const)('an OpenAI key that is %j', async (behaviour, type, code) => {
    simulator.setKey(secrets.openai, behaviour)
    const failed = await ask('x').catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(type)
    expect((failed as APIError).code).toBe(code)
    if (behaviour.kind === 'rate_limited') expect((failed as APIError).headers?.get('retry-after')).toBe('7')
  })

  test.each([
    [{ kind: 'revoked' }, 401, 'authentication_error'],
    [{ kind: 'forbidden' }, 403, 'permission_error'],
    [{ kind: 'no_quota' }, 400, 'invalid_request_error'],
    [{ kind: 'no_quota', status: 402 }, 402, 'billing_error'],
    [{ kind: 'rate_limited' }, 429, 'rate_limit_error'],
    [{ kind: 'failing' }, 529, 'overloaded_error'],
  ] as const)('an Anthropic key that is %j', async (behaviour, status, type) => {
    simulator.setKey(secrets.anthropic, behaviour)
    await expect(askClaude('x')).rejects.toMatchObject({ status, type })
  })

  test('a behaviour may last for a number of calls; validation calls pass without quota', async () => {
    simulator.setKey(secrets.openai, { kind: 'failing', calls: 2 })
    await expect(ask('x')).rejects.toThrow()
    await expect(ask('x')).rejects.toThrow()
    await ask('x')
    simulator.setKey(secrets.openai, { kind: 'no_quota' })
    await expect(openai.models.list()).resolves.toBeDefined()
  })

  test('a prompt may ask for an error, a cut, or an error inside the stream', async () => {
    await expect(ask('[[simulate: error 503]]')).rejects.toMatchObject({ status: 503 })
    const cut = await streamed('[[simulate: cut after 5 chunks]]')
    expect(cut.got).toHaveLength(5)
    expect(cut.error).not.toBeNull()
    expect(simulator.journal().at(-1)).toMatchObject({ complete: false, clientHungUp: false, chunksSent: 5 })
    const failed = await streamed('[[simulate: stream error after 3 chunks]]')
    expect(failed.got).toHaveLength(3)
    expect(failed.error).toBeInstanceOf(APIError)
    await expect(ask('[[simulate: cut after 5 chunks]]')).rejects.toThrow()
    const overloaded = anthropic.messages.stream({
      model: 'claude-haiku-4-5',
      max_tokens: 100,
      messages: [{ role: 'user', content: '[[simulate: stream error after 2 chunks]]' }],
    })
    await expect(overloaded.finalMessage()).rejects.toMatchObject({ type: 'overloaded_error' })
  })
})

describe('the journal', () => {
  test('holds the exact credential and headers, and counts calls per key', async () => {
    await ask('x')
    await askClaude('x')
    const journal = (await (await fetch(`${simulator.url}/_simulator/journal`)).json()) as {
      credential: string
    }[]
    expect(journal.map((entry) => entry.credential)).toEqual([secrets.openai, secrets.anthropic])
    expect(journal[0]).toMatchObject({
      service: 'openai',
      path: '/openai/v1/chat/completions',
      headers: { authorization: `Bearer ${secrets.openai}` },
      model: 'gpt-4.1-mini',
      status: 200,
      complete: true,
    })
    expect(simulator.counters()[secrets.openai]).toBeGreaterThan(0)
    await fetch(`${simulator.url}/_simulator/journal`, { method: 'DELETE' })
    expect(simulator.journal()).toEqual([])
    expect(simulator.counters()[secrets.openai]).toBe(0)
  })

  test('notes when the caller hung up in the middle of an endless stream', async () => {
    const stream = await openai.chat.completions.create({
      model: 'gpt-4.1-mini',
      messages: [{ role: 'user', content: '[[simulate: endless]]' }],
      stream: true,
    })
    let seen = 0
    for await (const chunk of stream) {
      seen += chunk.choices.length
      if (seen >= 200) break
    }
    await expect.poll(() => simulator.journal().at(-1)?.clientHungUp).toBe(true)
    expect(simulator.journal().at(-1)?.bytesSent).toBeGreaterThan(1000)
  })
})
