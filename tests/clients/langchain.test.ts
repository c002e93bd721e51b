import { ChatAnthropic } from '@langchain/anthropic'
import type { BaseChatModel } from '@langchain/core/language_models/chat_models'
import { HumanMessage, ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatGoogleGenerativeAI } from '@langchain/google-genai'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/* LangChain's chat models, unmodified but for base URL and key. */

let stage: Stage
let person: StagePerson
beforeAll(async () => {
  stage = await openStage()
  person = await stage.person()
  for (const service of ['openai', 'anthropic', 'gemini'] as const) await stage.ownKey(person, service)
})
afterAll(() => stage[Symbol.asyncDispose]())

const openaiOptions = () => ({
  apiKey: person.token,
  maxRetries: 0,
  configuration: { baseURL: `${stage.url}/v1` },
})
const models: readonly (readonly [string, () => BaseChatModel])[] = [
  ['ChatOpenAI', () => new ChatOpenAI({ model: 'gpt-4.1-mini', ...openaiOptions() })],
  [
    'ChatOpenAI with responses',
    () => new ChatOpenAI({ model: 'gpt-4.1-mini', useResponsesApi: true, ...openaiOptions() }),
  ],
  [
    'ChatAnthropic',
    () =>
      new ChatAnthropic({
        model: 'claude-sonnet-4-5',
        apiKey: person.token,
        anthropicApiUrl: stage.url,
        maxRetries: 0,
      }),
  ],
  [
    'ChatGoogleGenerativeAI',
    () =>
      new ChatGoogleGenerativeAI({
        model: 'gemini-2.5-flash',
        apiKey: person.token,
        baseUrl: stage.url,
        maxRetries: 0,
      }),
  ],
]

const weather = tool(() => 'sunny', {
  name: 'weather',
  description: 'The weather in a city.',
  schema: z.object({ city: z.string() }),
})

describe.each(models)('%s', (_name, make) => {
  test('text with usage, and streaming gives the same', async () => {
    const prompt = '[[simulate: say Good day to you]]'
    const whole = await make().invoke(prompt)
    expect(whole.text).toBe('Good day to you')
    expect(whole.usage_metadata?.output_tokens).toBeGreaterThan(0)
    let streamed = ''
    for await (const chunk of await make().stream(prompt)) streamed += chunk.text
    expect(streamed).toBe(whole.text)
  })

  test('tools are called, and their results answered', async () => {
    const model = make()
    if (!model.bindTools) throw new Error('takes tools')
    const bound = model.bindTools([weather])
    const question = new HumanMessage('the weather?')
    const asked = await bound.invoke([question])
    const [call] = asked.tool_calls ?? []
    expect(call).toMatchObject({ name: 'weather', args: { city: expect.any(String) } })
    const result = new ToolMessage({ content: 'sunny', tool_call_id: call?.id ?? '', name: 'weather' })
    const answered = await bound.invoke([question, asked, result])
    expect(answered.text).not.toBe('')
  })

  test('output by a schema', async () => {
    const structured = make().withStructuredOutput(z.object({ name: z.string() }), { name: 'person' })
    expect(await structured.invoke('a person')).toMatchObject({ name: expect.any(String) })
  })
})

test('embeddings', async () => {
  const embeddings = new OpenAIEmbeddings({ model: 'text-embedding-3-small', ...openaiOptions() })
  expect((await embeddings.embedDocuments(['a', 'b'])).map((vector) => vector.length)).toEqual([1536, 1536])
})
