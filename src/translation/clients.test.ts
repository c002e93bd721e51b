import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import Anthropic from '@anthropic-ai/sdk'
import type { LLMock } from '@copilotkit/aimock'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { operationId, requestOf, serviceOf, startMock, translate } from '../../tests/translation/upstream.ts'
import { errorShapes } from '../dialects/errors.ts'
import { statusOf } from '../kit/fault.ts'
import { endpointKind, type Endpoint } from '../services/endpoint.ts'

/** The official clients read what a translation writes, as the gateway would send it. */
const endpointsByPath: readonly (readonly [RegExp, Endpoint])[] = [
  [/\/chat\/completions$/, 'chat_completions'],
  [/\/responses$/, 'responses'],
  [/\/messages$/, 'messages'],
  [/:generateContent/, 'generate_content'],
  [/:streamGenerateContent/, 'stream_generate_content'],
]

const serve = (service: string, model: string, baseUrl: () => string): Server =>
  createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
      const endpoint = endpointsByPath.find(([path]) => path.test(request.url ?? ''))?.[1] as Endpoint
      const result = await translate(
        requestOf(endpoint, body, {
          service: serviceOf(service),
          model,
          baseUrl: baseUrl(),
          streamed: body.stream === true || endpoint === 'stream_generate_content',
        }),
      )
      if (result.kind === 'reply') {
        response.writeHead(200, { 'content-type': result.contentType })
        const whole = Buffer.isBuffer(result.body)
        Readable.from(whole ? [result.body] : result.body).pipe(response)
      } else if (result.kind === 'refused') {
        response.writeHead(statusOf(result.fault), { 'content-type': 'application/json' })
        response.end(errorShapes[endpointKind(endpoint).dialect](result.fault, operationId))
      } else response.writeHead(result.status ?? 502).end(result.body)
    })()
  })

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

let mock: LLMock
const servers: Server[] = []
const address: Record<string, string> = {}
const weather = {
  type: 'object' as const,
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}
const cities = [{ city: 'Graz' }, { city: 'Linz' }]

beforeAll(async () => {
  mock = await startMock()
  mock.onMessage('hello', { content: 'Hello there, dear caller of another dialect.' })
  mock.onMessage('weather', {
    toolCalls: cities.map((city) => ({ name: 'weather', arguments: JSON.stringify(city) })),
  })
  mock.onMessage('structured', { content: '{"city":"Graz"}' })
  mock.onMessage('think', { content: 'So.', reasoning: 'Hm, let me see.' })
  for (const [name, service, model] of [
    ['anthropic', 'anthropic', 'claude-sonnet-4-5'],
    ['gemini', 'gemini', 'gemini-2.5-flash'],
    ['openai', 'openai', 'gpt-5'],
  ] as const) {
    const server = serve(service, model, () => mock.url)
    servers.push(server)
    address[name] = await listen(server)
  }
})
afterAll(async () => {
  for (const server of servers) server.close()
  await mock.stop()
})

const ask = (content: string) => [{ role: 'user' as const, content }]
const common = { model: 'group/smart', max_tokens: 4_000 }

describe('the openai client at Anthropic’s models', () => {
  const client = () => new OpenAI({ baseURL: `${address.anthropic}/v1`, apiKey: 'x', maxRetries: 0 })
  const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: weather } }]

  test('streams text, and the usage that was asked for', async () => {
    const stream = client().chat.completions.stream({
      model: 'group/smart',
      messages: ask('hello'),
      stream_options: { include_usage: true },
    })
    const reply = await stream.finalChatCompletion()
    expect(reply.choices[0]?.message.content).toBe('Hello there, dear caller of another dialect.')
    expect(reply.choices[0]?.finish_reason).toBe('stop')
    expect(reply.model).toBe('group/smart')
    expect(reply.usage?.prompt_tokens).toBeTypeOf('number')
  })

  test('streams parallel calls', async () => {
    const stream = client().chat.completions.stream({ model: 'group/smart', messages: ask('weather'), tools })
    const { message, finish_reason: finish } = (await stream.finalChatCompletion()).choices[0] as {
      message: OpenAI.ChatCompletionMessage
      finish_reason: string
    }
    const calls = message.tool_calls as OpenAI.ChatCompletionMessageFunctionToolCall[]
    expect(calls.map((call) => JSON.parse(call.function.arguments) as unknown)).toEqual(cities)
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
    expect(finish).toBe('tool_calls')
  })

  test('parses structured output', async () => {
    const reply = await client().chat.completions.parse({
      model: 'group/smart',
      messages: ask('structured'),
      response_format: { type: 'json_schema', json_schema: { name: 'city', schema: weather, strict: true } },
    })
    expect(reply.choices[0]?.message.parsed).toEqual({ city: 'Graz' })
  })

  test('gets typed errors', async () => {
    const refused = client().chat.completions.create({ model: 'm', messages: ask('hello'), n: 2 })
    await expect(refused).rejects.toBeInstanceOf(OpenAI.BadRequestError)
    await expect(refused).rejects.toMatchObject({ code: 'not_translatable', param: 'n' })
  })

  test('streams responses: text, calls and reasoning', async () => {
    const text = await client().responses.stream({ model: 'group/smart', input: 'hello' }).finalResponse()
    expect(text.output_text).toBe('Hello there, dear caller of another dialect.')
    expect(text.status).toBe('completed')
    const called = await client()
      .responses.stream({
        model: 'group/smart',
        input: 'weather',
        tools: [{ type: 'function', name: 'weather', parameters: weather, strict: true }],
      })
      .finalResponse()
    const calls = called.output.filter((item) => item.type === 'function_call')
    expect(calls.map((call) => JSON.parse(call.arguments) as unknown)).toEqual(cities)
    const thought = await client()
      .responses.stream({
        model: 'group/smart',
        input: 'think',
        reasoning: { effort: 'low', summary: 'auto' },
      })
      .finalResponse()
    const reasoning = thought.output.find((item) => item.type === 'reasoning')
    expect(reasoning?.summary[0]?.text).toBe('Hm, let me see.')
    expect(thought.usage?.input_tokens).toBeTypeOf('number')
  })
})

describe.each(['openai', 'gemini'])('the Anthropic client at %s', (name) => {
  const client = () => new Anthropic({ baseURL: address[name] as string, apiKey: 'x', maxRetries: 0 })

  test('streams text, thinking and parallel calls', async () => {
    const text = await client()
      .messages.stream({ ...common, messages: ask('hello') })
      .finalMessage()
    expect(text.content).toMatchObject([
      { type: 'text', text: 'Hello there, dear caller of another dialect.' },
    ])
    expect(text).toMatchObject({ stop_reason: 'end_turn', model: 'group/smart' })
    expect(text.usage.input_tokens).toBeTypeOf('number')
    const thought = await client()
      .messages.stream({
        ...common,
        thinking: { type: 'enabled', budget_tokens: 1_024 },
        messages: ask('think'),
      })
      .finalMessage()
    expect(thought.content).toMatchObject([
      { type: 'thinking', thinking: 'Hm, let me see.', signature: expect.stringMatching(/^aik1\./) },
      { type: 'text', text: 'So.' },
    ])
    const tools = [{ name: 'weather', input_schema: weather }]
    const called = await client()
      .messages.stream({ ...common, tools, messages: ask('weather') })
      .finalMessage()
    const calls = called.content.filter((block) => block.type === 'tool_use')
    expect(calls.map(({ input }) => input)).toEqual(cities)
    expect(called.stop_reason).toBe('tool_use')
  })

  test('reads whole replies and typed errors', async () => {
    const reply = await client().messages.create({ ...common, messages: ask('hello') })
    expect(reply.content).toMatchObject([{ type: 'text' }])
    const refused = client().messages.create({
      ...common,
      messages: ask('hello'),
      tools: [{ type: 'web_search_20250305', name: 'web_search' }],
    })
    await expect(refused).rejects.toBeInstanceOf(Anthropic.BadRequestError)
  })
})

describe.each(['openai', 'anthropic'])('the Google client at %s', (name) => {
  const client = () =>
    new GoogleGenAI({
      apiKey: 'x',
      httpOptions: { baseUrl: address[name] as string, retryOptions: { attempts: 1 } },
    })
  const functionDeclarations = [{ name: 'weather', parametersJsonSchema: weather }]

  test('streams text and calls', async () => {
    const stream = await client().models.generateContentStream({ model: 'm', contents: 'hello' })
    let text = ''
    let last
    for await (const chunk of stream) {
      text += chunk.text ?? ''
      last = chunk
    }
    expect(text).toBe('Hello there, dear caller of another dialect.')
    expect(last?.candidates?.[0]?.finishReason).toBe('STOP')
    expect(last?.usageMetadata?.promptTokenCount).toBeTypeOf('number')
    const called = await client().models.generateContentStream({
      model: 'm',
      contents: 'weather',
      config: { tools: [{ functionDeclarations }] },
    })
    const calls = []
    for await (const chunk of called) calls.push(...(chunk.functionCalls ?? []))
    expect(calls.map(({ args }) => args)).toEqual(cities)
  })

  test('reads whole replies: structured output, thoughts, typed errors', async () => {
    const reply = await client().models.generateContent({
      model: 'm',
      contents: 'structured',
      config: { responseMimeType: 'application/json', responseJsonSchema: weather },
    })
    expect(JSON.parse(reply.text ?? '')).toEqual({ city: 'Graz' })
    const thought = await client().models.generateContent({
      model: 'm',
      contents: 'think',
      config: { thinkingConfig: { thinkingBudget: 1_024, includeThoughts: true } },
    })
    expect(thought.candidates?.[0]?.content?.parts?.[0]).toMatchObject({
      thought: true,
      text: 'Hm, let me see.',
    })
    const refused = client().models.generateContent({
      model: 'm',
      contents: 'hello',
      config: { tools: [{ googleSearch: {} }] },
    })
    await expect(refused).rejects.toMatchObject({ status: 400 })
  })
})
