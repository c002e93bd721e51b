import { createSign } from 'node:crypto'
import { createGoogleVertex } from '@ai-sdk/google-vertex/edge'
import { createGoogleVertexAnthropic } from '@ai-sdk/google-vertex/anthropic/edge'
import { ApiError, FunctionCallingConfigMode, GoogleGenAI, Type } from '@google/genai'
import { generateText } from 'ai'
import { describe, expect, test } from 'vitest'
import { long, person, post, secrets, simulator } from './stand.ts'

/* Google's own client for the Gemini API, and the AI SDK's for Vertex AI. */

const gemini = new GoogleGenAI({
  apiKey: secrets.gemini,
  httpOptions: { baseUrl: `${simulator.url}/gemini` },
})
const model = 'gemini-2.5-flash'
const weather = {
  name: 'get_weather',
  parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ['city'] },
}
const keyHeader = { 'x-goog-api-key': secrets.gemini }
const generate = `/gemini/v1beta/models/${model}:generateContent`
const say = (text: string) => ({ contents: [{ role: 'user', parts: [{ text }] }] })

describe('Gemini', () => {
  test('whole and streamed give the same text and usage', async () => {
    const whole = await gemini.models.generateContent({ model, contents: 'Tell me' })
    const chunks = await Array.fromAsync(
      await gemini.models.generateContentStream({ model, contents: 'Tell me' }),
    )
    expect(chunks.map((chunk) => chunk.text ?? '').join('')).toBe(whole.text)
    expect(chunks.at(-1)?.usageMetadata).toEqual(whole.usageMetadata)
    expect(whole.usageMetadata).toMatchObject({ thoughtsTokenCount: 96 })
    const { promptTokenCount = 0, candidatesTokenCount = 0, totalTokenCount } = whole.usageMetadata ?? {}
    expect(totalTokenCount).toBe(promptTokenCount + candidatesTokenCount + 96)
    expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe('STOP')
  })

  test('without alt=sse, a stream is a JSON array', async () => {
    const reply = await post(generate.replace('generate', 'streamGenerate'), say('hello'), keyHeader)
    const items = JSON.parse(reply.text) as object[]
    expect(reply.headers.get('content-type')).toMatch(/^application\/json/)
    expect(items.length).toBeGreaterThan(5)
  })

  test('function calls, their responses, and the signatures that newer models want back', async () => {
    const config = { tools: [{ functionDeclarations: [weather] }] }
    const question = { role: 'user', parts: [{ text: 'weather?' }] }
    const newer = 'gemini-3-flash-preview'
    const asked = await gemini.models.generateContent({ model: newer, contents: [question], config })
    const content = asked.candidates?.[0]?.content
    expect(asked.functionCalls?.[0]).toMatchObject({ name: 'get_weather' })
    const answer = {
      role: 'user',
      parts: [{ functionResponse: { name: 'get_weather', response: { sky: 'blue' } } }],
    }
    const turns = [question, content!, answer]
    expect((await gemini.models.generateContent({ model: newer, contents: turns, config })).text).not.toBe('')
    const unsigned = {
      ...content,
      parts: content?.parts?.map(({ thoughtSignature: _signature, ...part }) => part),
    }
    await expect(
      gemini.models.generateContent({ model: newer, contents: [question, unsigned, answer], config }),
    ).rejects.toThrow(/thought_signature/)
    await expect(
      gemini.models.generateContent({ model: newer, contents: [question, content!, question], config }),
    ).rejects.toThrow(/number of function response parts/)
    const forced = await gemini.models.generateContent({
      model,
      contents: 'x',
      config: {
        ...config,
        toolConfig: {
          functionCallingConfig: {
            mode: FunctionCallingConfigMode.ANY,
            allowedFunctionNames: ['get_weather'],
          },
        },
      },
    })
    expect(forced.functionCalls).toHaveLength(1)
  })

  test('schemas, limits, thoughts and a cached prefix', async () => {
    const json = await gemini.models.generateContent({
      model,
      contents: 'Invent',
      config: { responseMimeType: 'application/json', responseJsonSchema: person },
    })
    expect(JSON.parse(json.text ?? '')).toHaveProperty('home.city')
    const cut = await gemini.models.generateContent({
      model,
      contents: 'Count',
      config: { maxOutputTokens: 5, thinkingConfig: { thinkingBudget: 0 } },
    })
    expect(cut.candidates?.[0]?.finishReason).toBe('MAX_TOKENS')
    expect(cut.usageMetadata?.candidatesTokenCount).toBe(5)
    const thought = await gemini.models.generateContent({
      model,
      contents: 'x',
      config: { thinkingConfig: { includeThoughts: true } },
    })
    expect(thought.candidates?.[0]?.content?.parts?.[0]?.thought).toBe(true)
    const cached = async () =>
      (await gemini.models.generateContent({ model, contents: `${long} g` })).usageMetadata
        ?.cachedContentTokenCount
    expect(await cached()).toBeUndefined()
    expect(await cached()).toBeGreaterThan(1000)
  })

  test('tokens are counted, texts embedded, models listed', async () => {
    const counted = await gemini.models.countTokens({ model, contents: 'hello there' })
    const used = (await gemini.models.generateContent({ model, contents: 'hello there' })).usageMetadata
    expect(counted.totalTokens).toBe(used?.promptTokenCount)
    const embedded = await gemini.models.embedContent({
      model: 'gemini-embedding-001',
      contents: ['a', 'b'],
      config: { outputDimensionality: 64 },
    })
    expect(embedded.embeddings?.map((item) => item.values?.length)).toEqual([64, 64])
    const names = []
    for await (const item of await gemini.models.list({ config: { pageSize: 3 } })) names.push(item.name)
    expect(names).toContain(`models/${model}`)
    expect(names.length).toBeGreaterThan(3)
  })

  test.each([
    ['an unknown field', { ...say('x'), foo: 1 }, /Unknown name \\"foo\\"/],
    [
      'an unknown role',
      { contents: [{ role: 'assistant', parts: [{ text: 'x' }] }] },
      /valid role: user, model/,
    ],
    ['no parts', { contents: [{ role: 'user', parts: [] }] }, /must not be empty/],
    [
      'a JSON schema where a Schema is wanted',
      {
        ...say('x'),
        tools: [
          {
            functionDeclarations: [
              { name: 'f', parameters: { type: 'OBJECT', additionalProperties: false } },
            ],
          },
        ],
      },
      /additionalProperties/,
    ],
    ['a temperature out of range', { ...say('x'), generationConfig: { temperature: 3 } }, /temperature/],
  ])('refuses %s', async (_name, body, message) => {
    const reply = await post(generate, body, keyHeader)
    expect(reply.status).toBe(400)
    expect(reply.text).toMatch(message)
    expect(JSON.parse(reply.text)).toMatchObject({ error: { code: 400, status: 'INVALID_ARGUMENT' } })
  })

  test('keys: none, wrong, out of quota; never as bearer', async () => {
    expect((await post(generate, say('x'))).status).toBe(403)
    expect((await post(generate, say('x'), { authorization: `Bearer ${secrets.gemini}` })).status).toBe(401)
    const wrong = await post(generate, say('x'), { 'x-goog-api-key': 'AIzaWrong' })
    expect(wrong.text).toContain('API key not valid')
    expect(wrong.status).toBe(400)
    simulator.setKey(secrets.gemini, { kind: 'no_quota' }, 'gemini')
    const error = await gemini.models.generateContent({ model, contents: 'x' }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 429 })
    expect(simulator.journal().at(-1)?.credential).toBe(secrets.gemini)
  })

  test('a stream that is cut ends without a finish reason', async () => {
    const chunks: unknown[] = []
    const stream = await gemini.models.generateContentStream({
      model,
      contents: '[[simulate: cut after 4 chunks]]',
    })
    await expect(
      (async () => {
        for await (const chunk of stream) chunks.push(chunk)
      })(),
    ).rejects.toThrow()
    expect(chunks).toHaveLength(4)
  })
})

describe('Vertex AI', () => {
  const account = JSON.parse(secrets.vertex) as { client_email: string; private_key: string }
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: account.client_email,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    aud: 'https://oauth2.googleapis.com/token',
    iat: now,
    exp: now + 3600,
  }
  const assertionOf = (claim: object, key = account.private_key, alg = 'RS256') => {
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const signed = `${encode({ alg, typ: 'JWT' })}.${encode(claim)}`
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`
  }
  const exchange = async (assertion: string) => {
    const response = await fetch(`${simulator.url}/vertex/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const place = `${simulator.url}/vertex/v1/projects/demo-project/locations/us-central1/publishers`

  test('a signed assertion is exchanged for a token that calls Gemini and Claude', async () => {
    const { body } = await exchange(assertionOf(claims))
    const bearer = { authorization: `Bearer ${String(body['access_token'])}` }
    // Its edge build asks for no credentials of Google's when there is a key.
    const fetchAs: typeof fetch = (url, options) =>
      fetch(url, { ...options, headers: { 'content-type': 'application/json', ...bearer } })
    const google = createGoogleVertex({ baseURL: `${place}/google`, apiKey: 'unused', fetch: fetchAs })
    const text = await generateText({ model: google(model), prompt: 'Tell me' })
    expect(text.text).toContain('[simulated gemini-2.5-flash]')
    const claude = createGoogleVertexAnthropic({
      baseURL: `${place}/anthropic/models`,
      generateAuthToken: () => Promise.resolve('unused'),
      fetch: fetchAs,
    })
    const other = await generateText({ model: claude('claude-haiku-4-5@20251001'), prompt: 'Tell me' })
    expect(other.text).toContain('[simulated claude-haiku-4-5]')
  })

  test.each([
    ['a lifetime of a day', assertionOf({ ...claims, exp: now + 86_400 })],
    ['an old one', assertionOf({ ...claims, iat: now - 9000, exp: now - 5400 })],
    ['another account', assertionOf({ ...claims, iss: 'stranger@demo.example' })],
    ['no scope', assertionOf({ ...claims, scope: '' })],
    ['another audience', assertionOf({ ...claims, aud: 'https://example.com' })],
    ['another algorithm', assertionOf(claims, account.private_key, 'HS256')],
    [
      'a changed claim',
      assertionOf(claims).replace(
        /\.[^.]+\./,
        `.${Buffer.from(JSON.stringify({ ...claims, sub: 'x' })).toString('base64url')}.`,
      ),
    ],
  ])('an assertion with %s is refused', async (_name, assertion) => {
    expect(await exchange(assertion)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  test('a token that was not issued, and a foreign project, are refused', async () => {
    const path = `/vertex/v1/projects/demo-project/locations/global/publishers/google/models/${model}:generateContent`
    expect((await post(path, say('x'), { authorization: 'Bearer ya29.nothing' })).status).toBe(401)
    expect((await post(path, say('x'), keyHeader)).text).toContain('CREDENTIALS_MISSING')
    const { body } = await exchange(assertionOf(claims))
    const bearer = { authorization: `Bearer ${String(body['access_token'])}` }
    expect((await post(path.replace('demo-project', 'other-project'), say('x'), bearer)).status).toBe(403)
  })
})
