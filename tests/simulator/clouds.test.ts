import { createHash, createHmac } from 'node:crypto'
import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock'
import { SignatureV4 } from '@smithy/signature-v4'
import { embedMany, generateText, jsonSchema, streamText, tool } from 'ai'
import OpenAI, { AzureOpenAI } from 'openai'
import { describe, expect, test } from 'vitest'
import { demoAccessKeyId } from '../../simulator/keys.ts'
import { long, post, secrets, simulator } from './stand.ts'

describe('Azure OpenAI', () => {
  const baseURL = `${simulator.url}/azure_openai/openai`
  const messages = [{ role: 'user' as const, content: 'Hello' }]

  test('the v1 API, with OpenAI’s client, and the older one with Azure’s', async () => {
    const v1 = new OpenAI({
      baseURL: `${baseURL}/v1`,
      apiKey: 'unused',
      defaultHeaders: { 'api-key': secrets.azure_openai, authorization: null },
      maxRetries: 0,
    })
    const reply = await v1.chat.completions.create({ model: 'my-gpt-4.1-mini', messages })
    expect(reply.choices[0]?.message.content).toContain('gpt-4.1-mini')
    expect((await v1.responses.create({ model: 'gpt-4.1-mini', input: 'x' })).output_text).not.toBe('')
    expect(simulator.journal().at(-1)?.credential).toBe(secrets.azure_openai)
    const older = new AzureOpenAI({
      baseURL,
      apiKey: secrets.azure_openai,
      apiVersion: '2024-10-21',
      maxRetries: 0,
    })
    const same = await older.chat.completions.create({ model: 'gpt-4.1-mini', messages })
    expect(same.choices[0]?.message.content).toContain('gpt-4.1-mini')
    const stream = await older.chat.completions.create({ model: 'gpt-4.1-mini', messages, stream: true })
    expect((await Array.fromAsync(stream)).length).toBeGreaterThan(5)
  })

  test('refuses wrong keys, missing deployments and missing versions in its own words', async () => {
    const body = { model: 'gpt-none', messages }
    const key = { 'api-key': secrets.azure_openai }
    expect((await post('/azure_openai/openai/v1/chat/completions', body, { 'api-key': 'x' })).text).toContain(
      'Access denied due to invalid subscription key',
    )
    expect((await post('/azure_openai/openai/v1/chat/completions', body, key)).text).toContain(
      'DeploymentNotFound',
    )
    expect(
      (await post('/azure_openai/openai/deployments/gpt-4o/chat/completions', { messages }, key)).status,
    ).toBe(404)
    expect((await post('/azure_openai/v1/chat/completions', body, key)).status).toBe(404)
  })
})

type Data = string | ArrayBuffer | ArrayBufferView
const bytesOf = (data: Data): Uint8Array | string => {
  if (typeof data === 'string') return data
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data)
}

/** The hash that AWS's own signer is given. */
class Sha256 {
  readonly key: Data | undefined
  parts: Data[] = []
  constructor(key?: Data) {
    this.key = key
  }
  update(data: Data) {
    this.parts.push(data)
  }
  digest() {
    const hash = this.key === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(this.key))
    for (const part of this.parts) hash.update(bytesOf(part))
    return Promise.resolve(new Uint8Array(hash.digest()))
  }
  reset() {
    this.parts = []
  }
}

describe('Amazon Bedrock', () => {
  const baseURL = `${simulator.url}/bedrock`
  const model = 'anthropic.claude-sonnet-4-5-20250929-v1:0'
  const provider = createAmazonBedrock({ region: 'us-east-1', baseURL, apiKey: secrets.bedrock })
  const path = `/bedrock/model/${encodeURIComponent(model)}/converse`
  const body = JSON.stringify({ messages: [{ role: 'user', content: [{ text: 'Hello' }] }] })
  const weather = tool({
    inputSchema: jsonSchema({ type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }),
  })

  test('Converse and ConverseStream, in real event-stream framing, with tools', async () => {
    const whole = await generateText({ model: provider(model), prompt: 'Tell me' })
    const stream = streamText({ model: provider(model), prompt: 'Tell me' })
    expect(await stream.text).toBe(whole.text)
    expect(await stream.usage).toMatchObject({ outputTokens: whole.usage.outputTokens })
    const called = streamText({
      model: provider(`us.${model}`),
      prompt: '[[simulate: tools 2]] weather',
      tools: { weather },
    })
    expect(await called.toolCalls).toHaveLength(2)
    await expect(
      generateText({ model: provider(model), prompt: '[[simulate: error 429]]', maxRetries: 0 }),
    ).rejects.toThrow(/Too many requests/)
  })

  test('a cache point is written once and read afterwards', async () => {
    const call = async (text: string) =>
      JSON.parse(
        (
          await post(
            path,
            {
              system: [{ text: long }, { cachePoint: { type: 'default' } }],
              messages: [{ role: 'user', content: [{ text }] }],
            },
            { authorization: `Bearer ${secrets.bedrock}` },
          )
        ).text,
      ).usage as Record<string, number>
    const [first, second] = [await call('one'), await call('two')]
    expect(first['cacheWriteInputTokens']).toBeGreaterThan(1024)
    expect(second['cacheReadInputTokens']).toBe(first['cacheWriteInputTokens'])
    expect(second['inputTokens']).toBe(first['inputTokens'])
  })

  test('embeddings by Titan', async () => {
    const { embeddings } = await embedMany({
      model: provider.embeddingModel('amazon.titan-embed-text-v2:0'),
      values: ['a', 'b'],
    })
    expect(embeddings.map((vector) => vector.length)).toEqual([1024, 1024])
  })

  const signed = async (change: { secret?: string; service?: string; at?: Date; body?: string } = {}) => {
    const signer = new SignatureV4({
      credentials: {
        accessKeyId: demoAccessKeyId(secrets.bedrock),
        secretAccessKey: change.secret ?? secrets.bedrock,
      },
      region: 'us-east-1',
      service: change.service ?? 'bedrock',
      sha256: Sha256,
    })
    const { host } = new URL(simulator.url)
    const request = {
      method: 'POST',
      protocol: 'http:',
      hostname: host,
      path,
      query: {},
      headers: { host, 'content-type': 'application/json' },
      body,
    }
    const { headers } = await signer.sign(request, { signingDate: change.at ?? new Date() })
    return post(path, change.body ?? body, headers)
  }

  test('AWS’s own signer is understood', async () => {
    expect(await signed()).toMatchObject({ status: 200 })
    expect(simulator.journal().at(-1)?.credential).toBe(demoAccessKeyId(secrets.bedrock))
  })

  test.each([
    ['another secret', { secret: 'x' }, 'InvalidSignatureException'],
    ['another service', { service: 's3' }, 'InvalidSignatureException'],
    ['an old date', { at: new Date(Date.now() - 600_000) }, 'InvalidSignatureException'],
    ['a changed body', { body: body.replace('Hello', 'Other') }, 'InvalidSignatureException'],
  ])('a signature with %s is refused', async (_name, change, type) => {
    const reply = await signed(change)
    expect(reply.status).toBe(403)
    expect(reply.headers.get('x-amzn-errortype')).toBe(type)
  })

  test.each([
    [
      'an unknown field',
      { messages: [{ role: 'user', content: [{ text: 'x' }] }], temperature: 1 },
      /unexpected field/,
    ],
    [
      'two turns of one role',
      { messages: [1, 2].map(() => ({ role: 'user', content: [{ text: 'x' }] })) },
      /alternate/,
    ],
    ['blank text', { messages: [{ role: 'user', content: [{ text: ' ' }] }] }, /blank/],
  ])('refuses %s', async (_name, wrong, message) => {
    const reply = await post(path, wrong, { authorization: `Bearer ${secrets.bedrock}` })
    expect(reply.status).toBe(400)
    expect(reply.text).toMatch(message)
  })
})
