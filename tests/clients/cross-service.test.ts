import Anthropic from '@anthropic-ai/sdk'
import { FunctionCallingConfigMode, GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ServiceName } from '../../simulator/keys.ts'
import { findService } from '../../src/services/registry.ts'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/*
 * Each official client served by services that speak another dialect. What a client reads must say the same as what the
 * service was asked and answered: text, parallel tool calls with their results, output by a schema, usage, errors.
 */

/** What every client is asked in its own way. */
interface Asker {
  text(model: string, prompt: string): Promise<Said>
  streamed(model: string, prompt: string): Promise<Said>
  /** Two parallel calls of `weather`, streamed; then their results are sent back. */
  tools(model: string): Promise<{ calls: readonly unknown[]; answer: string }>
  json(model: string): Promise<unknown>
  seen(model: string): Promise<Said>
}
interface Said {
  readonly text: string
  readonly finish: unknown
  readonly inputTokens: number
  readonly outputTokens: number
}

const schema = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
  additionalProperties: false,
}
const called = '[[simulate: tools 2]] the weather?'
const answered = '[[simulate: no tools]] [[simulate: say It is sunny.]] the weather?'
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const openaiChat = (client: OpenAI): Asker => {
  const user = (content: string) => ({ role: 'user' as const, content })
  const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: schema } }]
  const said = (completion: OpenAI.ChatCompletion): Said => ({
    text: completion.choices[0]?.message.content ?? '',
    finish: completion.choices[0]?.finish_reason,
    inputTokens: completion.usage?.prompt_tokens ?? 0,
    outputTokens: completion.usage?.completion_tokens ?? 0,
  })
  const stream = (body: Omit<OpenAI.ChatCompletionCreateParamsStreaming, 'stream'>) =>
    client.chat.completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion()
  return {
    text: async (model, prompt) =>
      said(await client.chat.completions.create({ model, messages: [user(prompt)] })),
    streamed: async (model, prompt) => said(await stream({ model, messages: [user(prompt)] })),
    async tools(model) {
      const { choices } = await stream({ model, tools, messages: [user(called)] })
      const message = choices[0]?.message
      const results = message?.tool_calls?.map(({ id }) => ({
        role: 'tool' as const,
        tool_call_id: id,
        content: 'sunny',
      }))
      const answer = await client.chat.completions.create({
        model,
        tools,
        messages: [user(answered), message!, ...(results ?? [])],
      })
      const calls = message?.tool_calls?.map(
        (call) => call.type === 'function' && JSON.parse(call.function.arguments),
      )
      return { calls: calls ?? [], answer: said(answer).text }
    },
    async json(model) {
      const format = { type: 'json_schema' as const, json_schema: { name: 'place', strict: true, schema } }
      return JSON.parse(
        said(
          await client.chat.completions.create({
            model,
            messages: [user('a place')],
            response_format: format,
          }),
        ).text,
      )
    },
    seen: async (model) =>
      said(
        await client.chat.completions.create({
          model,
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: '[[simulate: say A pixel.]]' },
                { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
              ],
            },
          ],
        }),
      ),
  }
}

const openaiResponses = (client: OpenAI): Asker => {
  const tools = [{ type: 'function' as const, name: 'weather', strict: false, parameters: schema }]
  const said = (response: OpenAI.Responses.Response): Said => ({
    text: response.output_text,
    finish: response.status,
    inputTokens: response.usage?.input_tokens ?? 0,
    outputTokens: response.usage?.output_tokens ?? 0,
  })
  return {
    text: async (model, input) => said(await client.responses.create({ model, input })),
    streamed: async (model, input) => said(await client.responses.stream({ model, input }).finalResponse()),
    async tools(model) {
      const asked = await client.responses.stream({ model, tools, input: called }).finalResponse()
      const calls = asked.output.filter((item) => item.type === 'function_call')
      const outputs = calls.map(({ call_id }) => ({
        type: 'function_call_output' as const,
        call_id,
        output: 'sunny',
      }))
      const turns = [{ role: 'user', content: answered }, ...asked.output, ...outputs]
      const answer = await client.responses.create({
        model,
        tools,
        input: turns as OpenAI.Responses.ResponseInput,
      })
      return { calls: calls.map((call) => JSON.parse(call.arguments) as unknown), answer: answer.output_text }
    },
    async json(model) {
      const format = { type: 'json_schema' as const, name: 'place', strict: true, schema }
      return JSON.parse(
        (await client.responses.create({ model, input: 'a place', text: { format } })).output_text,
      )
    },
    seen: async (model) =>
      said(
        await client.responses.create({
          model,
          input: [
            {
              role: 'user',
              content: [
                { type: 'input_text', text: '[[simulate: say A pixel.]]' },
                { type: 'input_image', image_url: `data:image/png;base64,${pixel}`, detail: 'auto' },
              ],
            },
          ],
        }),
      ),
  }
}

const anthropicMessages = (client: Anthropic): Asker => {
  const tools = [{ name: 'weather', input_schema: schema }]
  const body = (model: string, content: Anthropic.MessageParam['content']) => ({
    model,
    max_tokens: 500,
    messages: [{ role: 'user' as const, content }],
  })
  const said = (message: Anthropic.Message): Said => ({
    text: message.content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    finish: message.stop_reason,
    inputTokens: message.usage.input_tokens,
    outputTokens: message.usage.output_tokens,
  })
  return {
    text: async (model, prompt) => said(await client.messages.create(body(model, prompt))),
    streamed: async (model, prompt) => said(await client.messages.stream(body(model, prompt)).finalMessage()),
    async tools(model) {
      const asked = await client.messages.stream({ ...body(model, called), tools }).finalMessage()
      const calls = asked.content.filter((block) => block.type === 'tool_use')
      const results = calls.map(({ id }) => ({
        type: 'tool_result' as const,
        tool_use_id: id,
        content: 'sunny',
      }))
      const answer = await client.messages.create({
        ...body(model, ''),
        tools,
        messages: [
          { role: 'user', content: answered },
          { role: 'assistant', content: asked.content },
          { role: 'user', content: results },
        ],
      })
      return { calls: calls.map((call) => call.input), answer: said(answer).text }
    },
    async json(model) {
      const format = { type: 'json_schema' as const, schema }
      return JSON.parse(
        said(await client.messages.create({ ...body(model, 'a place'), output_config: { format } })).text,
      )
    },
    seen: async (model) =>
      said(
        await client.messages.create(
          body(model, [
            { type: 'text', text: '[[simulate: say A pixel.]]' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
          ]),
        ),
      ),
  }
}

const gemini = (client: GoogleGenAI): Asker => {
  const tools = [{ functionDeclarations: [{ name: 'weather', parametersJsonSchema: schema }] }]
  type Reply = Awaited<ReturnType<typeof client.models.generateContent>>
  const said = (reply: Reply, text = reply.text ?? ''): Said => ({
    text,
    finish: reply.candidates?.[0]?.finishReason,
    inputTokens: reply.usageMetadata?.promptTokenCount ?? 0,
    outputTokens:
      (reply.usageMetadata?.candidatesTokenCount ?? 0) + (reply.usageMetadata?.thoughtsTokenCount ?? 0),
  })
  return {
    text: async (model, contents) => said(await client.models.generateContent({ model, contents })),
    async streamed(model, contents) {
      const chunks = await Array.fromAsync(await client.models.generateContentStream({ model, contents }))
      return said(chunks.at(-1)!, chunks.map((chunk) => chunk.text ?? '').join(''))
    },
    async tools(model) {
      const toolConfig = { functionCallingConfig: { mode: FunctionCallingConfigMode.AUTO } }
      const stream = await client.models.generateContentStream({
        model,
        contents: called,
        config: { tools, toolConfig },
      })
      const parts = (await Array.fromAsync(stream)).flatMap(
        (chunk) => chunk.candidates?.[0]?.content?.parts ?? [],
      )
      const calls = parts.flatMap((part) => part.functionCall ?? [])
      const results = calls.map(({ id, name }) => ({
        functionResponse: { ...(id && { id }), name: name ?? '', response: { output: 'sunny' } },
      }))
      const answer = await client.models.generateContent({
        model,
        contents: [
          { role: 'user', parts: [{ text: answered }] },
          { role: 'model', parts },
          { role: 'user', parts: results },
        ],
        config: { tools },
      })
      return { calls: calls.map((call) => call.args), answer: answer.text ?? '' }
    },
    async json(model) {
      const config = { responseMimeType: 'application/json', responseJsonSchema: schema }
      return JSON.parse(
        (await client.models.generateContent({ model, contents: 'a place', config })).text ?? '',
      )
    },
    seen: async (model) =>
      said(
        await client.models.generateContent({
          model,
          contents: [
            {
              role: 'user',
              parts: [
                { text: '[[simulate: say A pixel.]]' },
                { inlineData: { mimeType: 'image/png', data: pixel } },
              ],
            },
          ],
        }),
      ),
  }
}

let stage: Stage
const people = new Map<ServiceName, StagePerson>()
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

/** A person who has a key of this service and nothing else. */
const personOf = async (service: ServiceName): Promise<StagePerson> => {
  const known = people.get(service)
  if (known) return known
  const person = await stage.person({ fallback: 'none' })
  await stage.ownKey(person, service)
  people.set(service, person)
  return person
}

const clients = {
  'openai chat completions': (token: string) =>
    openaiChat(new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: token, maxRetries: 0 })),
  'openai responses': (token: string) =>
    openaiResponses(new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: token, maxRetries: 0 })),
  'anthropic messages': (token: string) =>
    anthropicMessages(new Anthropic({ baseURL: stage.url, apiKey: token, maxRetries: 0 })),
  gemini: (token: string) =>
    gemini(
      new GoogleGenAI({ apiKey: token, httpOptions: { baseUrl: stage.url, retryOptions: { attempts: 1 } } }),
    ),
}
type ClientName = keyof typeof clients

const servers: readonly { service: ServiceName; model: string; natively: readonly ClientName[] }[] = [
  { service: 'openai', model: 'gpt-4.1-mini', natively: ['openai chat completions', 'openai responses'] },
  { service: 'anthropic', model: 'claude-sonnet-4-5', natively: ['anthropic messages'] },
  { service: 'gemini', model: 'gemini-2.5-flash', natively: ['gemini'] },
  { service: 'bedrock', model: 'bedrock/global.anthropic.claude-opus-5-5', natively: [] },
  {
    service: 'azure_openai',
    model: 'azure_openai/gpt-4.1-mini',
    natively: ['openai chat completions', 'openai responses'],
  },
  { service: 'cohere', model: 'command-a-03-2025', natively: [] },
  { service: 'mistral', model: 'mistral-small-latest', natively: ['openai chat completions'] },
  {
    service: 'groq',
    model: 'llama-3.3-70b-versatile',
    natively: ['openai chat completions', 'openai responses'],
  },
  {
    service: 'deepseek',
    model: 'deepseek-chat',
    natively: ['openai chat completions', 'anthropic messages'],
  },
]

const rows = (Object.keys(clients) as ClientName[]).flatMap((client) =>
  servers.filter(({ natively }) => !natively.includes(client)).map((server) => ({ client, ...server })),
)

const finishes = {
  'openai chat completions': 'stop',
  'openai responses': 'completed',
  'anthropic messages': 'end_turn',
  gemini: 'STOP',
}

describe.each(rows)('$client served by $service', ({ client, service, model }) => {
  let asker: Asker
  beforeAll(async () => {
    asker = clients[client]((await personOf(service)).token)
  })

  test('text, whole and streamed, with usage', async () => {
    const prompt = '[[simulate: say Good day to you.]]'
    stage.simulator.clearJournal()
    const whole = await asker.text(model, prompt)
    expect(whole).toMatchObject({ text: 'Good day to you.', finish: finishes[client] })
    expect(stage.simulator.journal().map((entry) => entry.service)).toEqual([service])
    const streamed = await asker.streamed(model, prompt)
    expect(streamed).toEqual(whole)
    expect(whole.outputTokens).toBeGreaterThan(0)
    expect(whole.inputTokens).toBeGreaterThan(0)
  })

  test('parallel tool calls, streamed, and their results', async () => {
    const { calls, answer } = await asker.tools(model)
    expect(calls).toEqual([{ city: expect.any(String) }, { city: expect.any(String) }])
    expect(answer).toBe('It is sunny.')
  })

  test('output by a schema', async () => {
    expect(await asker.json(model)).toEqual({ city: expect.any(String) })
  })

  test('an image in', async () => {
    expect((await asker.seen(model)).text).toBe('A pixel.')
  })

  test('the service’s errors keep their status and words, in the client’s dialect; a cut stream throws', async () => {
    const error = await asker.text(model, '[[simulate: error 400]]').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      status: 400,
      message: expect.stringContaining(`${findService(service)?.name}: `),
    })
    // Where the client's own error says what was wrong in a field, ours is there.
    if ('code' in (error as object)) expect(error).toMatchObject({ code: 'service_refused' })
    await expect(asker.streamed(model, '[[simulate: cut after 4 chunks]]')).rejects.toThrow()
  })
})
