import OpenAI, {
  APIConnectionError,
  APIError,
  AuthenticationError,
  InternalServerError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai'
import { describe, expect, test } from 'vitest'
import { demoSecret } from '../../simulator/keys.ts'
import { anthropic, ask, askClaude, openai, post, secrets, simulator } from './stand.ts'

/* Keys and prompts that make a service fail, what the journal says of it, and services without a client of their own. */

const openrouter = new OpenAI({
  baseURL: `${simulator.url}/openrouter/v1`,
  apiKey: secrets.openrouter,
  maxRetries: 0,
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
