import type OpenAI from 'openai'
import { BadRequestError, NotFoundError } from 'openai'
import { describe, expect, test } from 'vitest'
import { ask, long, openai, person, pixel, post, secrets, simulator } from './stand.ts'

/* The official client, unmodified, proves that the stand-in answers as the service does. */

const bearer = { authorization: `Bearer ${secrets.openai}` }

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
