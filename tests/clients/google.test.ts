import { ApiError, FunctionCallingConfigMode, GoogleGenAI, Type } from '@google/genai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/* Google's own client, unmodified but for base URL and key, at both versions of the API that its releases speak. */

let stage: Stage
let person: StagePerson
beforeAll(async () => {
  stage = await openStage()
  person = await stage.person()
  await stage.ownKey(person, 'gemini')
})
afterAll(() => stage[Symbol.asyncDispose]())

const model = 'gemini-2.5-flash'
const weather = {
  name: 'weather',
  parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ['city'] },
}

const clientOf = ({ token }: StagePerson, apiVersion?: string) =>
  new GoogleGenAI({
    apiKey: token,
    httpOptions: { baseUrl: stage.url, retryOptions: { attempts: 1 }, ...(apiVersion && { apiVersion }) },
  })

describe.each([undefined, 'v1', 'v1beta'])('with apiVersion %s', (apiVersion) => {
  let client: GoogleGenAI
  beforeAll(() => {
    client = clientOf(person, apiVersion)
  })

  test('text, and streaming gives the same', async () => {
    const whole = await client.models.generateContent({ model, contents: 'tell me something' })
    const stream = await client.models.generateContentStream({ model, contents: 'tell me something' })
    const chunks = await Array.fromAsync(stream)
    expect(chunks.map((chunk) => chunk.text ?? '').join('')).toBe(whole.text)
    expect(chunks.at(-1)?.usageMetadata).toEqual(whole.usageMetadata)
  })

  test('function calls, streamed, and their responses sent back', async () => {
    const config = { tools: [{ functionDeclarations: [weather] }] }
    const question = { role: 'user', parts: [{ text: '[[simulate: tools 2]] the weather?' }] }
    // Newer models want the signature of their thought back.
    const signed = 'gemini-3-flash-preview'
    const parts = []
    for await (const chunk of await client.models.generateContentStream({
      model: signed,
      contents: [question],
      config,
    }))
      parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []))
    const calls = parts.filter((part) => part.functionCall)
    expect(calls.map((part) => part.functionCall?.name)).toEqual(['weather', 'weather'])
    const answers = calls.map(() => ({ functionResponse: { name: 'weather', response: { sky: 'blue' } } }))
    const answered = await client.models.generateContent({
      model: signed,
      contents: [
        { role: 'user', parts: [{ text: '[[simulate: no tools]] the weather?' }] },
        { role: 'model', parts },
        { role: 'user', parts: answers },
      ],
      config,
    })
    expect(answered.text).not.toBe('')
  })

  test('a forced call, output by a schema, and a limit', async () => {
    const forced = await client.models.generateContent({
      model,
      contents: 'x',
      config: {
        tools: [{ functionDeclarations: [weather] }],
        toolConfig: {
          functionCallingConfig: { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ['weather'] },
        },
      },
    })
    expect(forced.functionCalls).toHaveLength(1)
    const json = await client.models.generateContent({
      model,
      contents: 'a person',
      config: {
        responseMimeType: 'application/json',
        responseSchema: {
          type: Type.OBJECT,
          properties: { name: { type: Type.STRING } },
          required: ['name'],
        },
      },
    })
    expect(JSON.parse(json.text ?? '')).toHaveProperty('name')
    const cut = await client.models.generateContent({
      model,
      contents: 'count',
      config: { maxOutputTokens: 5, thinkingConfig: { thinkingBudget: 0 } },
    })
    expect(cut.candidates?.[0]?.finishReason).toBe('MAX_TOKENS')
  })

  test('tokens are counted and texts embedded', async () => {
    const counted = await client.models.countTokens({ model, contents: 'hello there' })
    expect(counted.totalTokens).toBeGreaterThan(0)
    const embedded = await client.models.embedContent({
      model: 'gemini-embedding-001',
      contents: ['a', 'b'],
      config: { outputDimensionality: 64 },
    })
    expect(embedded.embeddings?.map((item) => item.values?.length)).toEqual([64, 64])
  })

  test('errors are the client’s own, with the service’s reason or ours', async () => {
    const failure = async (work: Promise<unknown>) =>
      work.then(
        () => null,
        (error: unknown) => error,
      )
    const wrong = await failure(
      client.models.generateContent({ model, contents: 'x', config: { temperature: 9 } }),
    )
    expect(wrong).toBeInstanceOf(ApiError)
    expect(wrong).toMatchObject({ status: 400 })
    const stranger = clientOf({ ...person, token: 'aik_nonsense' }, apiVersion)
    expect(await failure(stranger.models.generateContent({ model, contents: 'x' }))).toMatchObject({
      status: 401,
    })
    expect(
      await failure(client.models.generateContent({ model: 'gemini-none', contents: 'x' })),
    ).toMatchObject({ status: 404 })
  })

  test('a stream that is cut off throws instead of ending', async () => {
    const stream = await client.models.generateContentStream({
      model,
      contents: '[[simulate: cut after 4 chunks]]',
    })
    await expect(Array.fromAsync(stream)).rejects.toThrow()
  })
})

test('thoughts and cached prompts are recorded in classes of their own', async () => {
  const contents = [{ role: 'user', parts: [{ text: 'a long prompt that stays the same '.repeat(400) }] }]
  const call = async () => {
    const response = await fetch(`${stage.url}/v1beta/models/${model}:generateContent`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-goog-api-key': person.token },
      body: JSON.stringify({ contents }),
    })
    const { usageMetadata: usage } = (await response.json()) as { usageMetadata: Record<string, number> }
    const operation = await stage.operation(person, response.headers.get('x-aideon-operation') ?? '')
    const cached = usage['cachedContentTokenCount'] ?? 0
    expect(Number(operation.input_tokens)).toBe((usage['promptTokenCount'] ?? 0) - cached)
    expect(Number(operation.cache_read_tokens)).toBe(cached)
    expect(Number(operation.reasoning_tokens)).toBe(usage['thoughtsTokenCount'])
    expect(Number(operation.output_tokens)).toBe(usage['candidatesTokenCount'])
    return cached
  }
  expect(await call()).toBe(0)
  expect(await call()).toBeGreaterThan(1000)
})
