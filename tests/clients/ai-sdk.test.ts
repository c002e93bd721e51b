import { createAnthropic } from '@ai-sdk/anthropic'
import { createCohere } from '@ai-sdk/cohere'
import { createGoogle } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import {
  APICallError,
  embedMany,
  generateImage,
  generateSpeech,
  generateText,
  jsonSchema,
  type LanguageModel,
  Output,
  rerank,
  stepCountIs,
  streamText,
  tool,
  transcribe,
} from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/* Vercel's AI SDK, unmodified but for base URL and key, in each dialect. */

let stage: Stage
let person: StagePerson
beforeAll(async () => {
  stage = await openStage()
  person = await stage.person()
  for (const service of ['openai', 'anthropic', 'gemini', 'cohere'] as const)
    await stage.ownKey(person, service)
})
afterAll(() => stage[Symbol.asyncDispose]())

const openai = () => createOpenAI({ baseURL: `${stage.url}/v1`, apiKey: person.token })
const anthropic = () => createAnthropic({ baseURL: `${stage.url}/v1`, apiKey: person.token })
const google = () => createGoogle({ baseURL: `${stage.url}/v1beta`, apiKey: person.token })
const cohere = () => createCohere({ baseURL: `${stage.url}/v2`, apiKey: person.token })

const models: readonly (readonly [string, () => LanguageModel])[] = [
  ['OpenAI responses', () => openai()('gpt-4.1-mini')],
  ['OpenAI chat completions', () => openai().chat('gpt-4.1-mini')],
  ['Anthropic messages', () => anthropic()('claude-sonnet-4-5')],
  ['Gemini', () => google()('gemini-2.5-flash')],
]

describe.each(models)('%s', (_name, model) => {
  test('text, and streaming gives the same', async () => {
    const whole = await generateText({ model: model(), prompt: 'tell me something' })
    const stream = streamText({ model: model(), prompt: 'tell me something' })
    expect(await stream.text).toBe(whole.text)
    expect((await stream.usage).outputTokens).toBe(whole.usage.outputTokens)
    expect(whole.usage.inputTokens).toBeGreaterThan(0)
  })

  test('tools are called and their results answered', async () => {
    const asked: unknown[] = []
    const weather = tool({
      inputSchema: jsonSchema<{ city: string }>({
        type: 'object',
        properties: { city: { type: 'string' } },
        required: ['city'],
        additionalProperties: false,
      }),
      execute: (input) => {
        asked.push(input)
        return 'sunny'
      },
    })
    const result = streamText({
      model: model(),
      prompt: 'the weather?',
      tools: { weather },
      stopWhen: stepCountIs(2),
    })
    expect(await result.text).not.toBe('')
    expect(asked).toEqual([{ city: expect.any(String) }])
    expect(await result.steps).toHaveLength(2)
  })

  test('output by a schema', async () => {
    const schema = jsonSchema<{ name: string }>({
      type: 'object',
      properties: { name: { type: 'string' } },
      required: ['name'],
      additionalProperties: false,
    })
    const { output } = await generateText({
      model: model(),
      prompt: 'a person',
      output: Output.object({ schema }),
    })
    expect(output.name).toEqual(expect.any(String))
  })

  test('errors keep their status', async () => {
    const failed = await generateText({
      model: model(),
      prompt: '[[simulate: error 400]]',
      maxRetries: 0,
    }).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(APICallError)
    expect(failed).toMatchObject({ statusCode: 400 })
  })
})

test('embeddings of OpenAI and Google', async () => {
  const values = ['a', 'b']
  const one = await embedMany({ model: openai().embeddingModel('text-embedding-3-small'), values })
  expect(one.embeddings.map((vector) => vector.length)).toEqual([1536, 1536])
  const two = await embedMany({ model: google().embeddingModel('gemini-embedding-001'), values })
  expect(two.embeddings.map((vector) => vector.length)).toEqual([3072, 3072])
})

test('images, speech and transcripts', async () => {
  const { image } = await generateImage({ model: openai().imageModel('gpt-image-1'), prompt: 'a red cube' })
  expect(image.base64.length).toBeGreaterThan(50)
  const { audio } = await generateSpeech({
    model: openai().speech('tts-1'),
    text: 'good day',
    voice: 'alloy',
  })
  expect(audio.uint8Array.length).toBe(400)
  const { text } = await transcribe({
    model: openai().transcription('whisper-1'),
    audio: new Uint8Array(Buffer.concat([Buffer.from([0xff, 0xfb]), Buffer.alloc(20_000)])),
  })
  expect(text).not.toBe('')
})

test('ranking in Cohere’s shape', async () => {
  const { ranking } = await rerank({
    model: cohere().reranking('rerank-v3.5'),
    query: 'red apples',
    documents: ['green pears', 'some red apples'],
  })
  expect(ranking[0]?.originalIndex).toBe(1)
})
