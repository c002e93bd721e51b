import { createCohere } from '@ai-sdk/cohere'
import { createMistral } from '@ai-sdk/mistral'
import { embedMany, generateText, jsonSchema, rerank, streamText, tool } from 'ai'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { compatibleServices } from '../../simulator/compatible-services.ts'
import { post, secrets, simulator } from './stand.ts'

describe.each(compatibleServices)('$name speaks OpenAI in its own way', (service) => {
  const { name, prefix, version, models, streamUsage } = service
  const client = new OpenAI({
    baseURL: `${simulator.url}/${name}${prefix}${version}`,
    apiKey: secrets[name],
    maxRetries: 0,
  })
  const model = models[0]?.id ?? ''
  const messages = [{ role: 'user' as const, content: 'Hello' }]

  test('text, whole and streamed, with usage where it reports it', async () => {
    const whole = await client.chat.completions.create({ model, messages })
    expect(whole.choices[0]?.message.content).toContain(`[simulated ${model}]`)
    expect(whole.usage?.completion_tokens).toBeGreaterThan(0)
    const chunks = await Array.fromAsync(
      await client.chat.completions.create({ model, messages, stream: true }),
    )
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(
      whole.choices[0]?.message.content,
    )
    const reporting = chunks.filter((chunk) => chunk.usage).length
    expect(reporting).toBe({ asked: 0, last: 1, each: chunks.length }[streamUsage])
  })

  test('a wrong key, an empty account and too many calls, in its own words', async () => {
    const path = `/${name}${prefix}${version}/chat/completions`
    const body = { model, messages }
    const statuses: number[] = []
    for (const behaviour of [{ kind: 'revoked' }, { kind: 'no_quota' }, { kind: 'rate_limited' }] as const) {
      simulator.setKey(secrets[name], behaviour, name)
      const reply = await post(path, body, { authorization: `Bearer ${secrets[name]}` })
      expect(reply.status).toBeGreaterThanOrEqual(400)
      expect(JSON.parse(reply.text)).toEqual(expect.anything())
      statuses.push(reply.status)
    }
    expect(statuses[2]).toBe(429)
    expect((await post(path, body)).status).toBe(statuses[0])
  })
})

test('Mistral refuses what it does not know, and reports usage in its last chunk', async () => {
  const bearer = { authorization: `Bearer ${secrets.mistral}` }
  const body = { model: 'mistral-small-latest', messages: [{ role: 'user', content: 'x' }] }
  const refused = await post('/mistral/v1/chat/completions', { ...body, max_completion_tokens: 9 }, bearer)
  expect(refused.status).toBe(422)
  expect(refused.text).toContain('extra_forbidden')
  const mistral = createMistral({ baseURL: `${simulator.url}/mistral/v1`, apiKey: secrets.mistral })
  const stream = streamText({ model: mistral('mistral-small-latest'), prompt: 'Tell me' })
  expect(await stream.text).not.toBe('')
  expect((await stream.usage).outputTokens).toBeGreaterThan(10)
})

test('xAI counts reasoning beside the completion, and answers errors with text', async () => {
  const bearer = { authorization: `Bearer ${secrets.xai}` }
  const body = { model: 'grok-4', messages: [{ role: 'user', content: 'x' }] }
  const { usage } = JSON.parse(
    (await post('/xai/v1/chat/completions', body, bearer)).text,
  ) as OpenAI.ChatCompletion
  const thought = usage?.completion_tokens_details?.reasoning_tokens ?? 0
  expect(thought).toBeGreaterThan(0)
  expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0) + thought)
  const wrong = await post('/xai/v1/chat/completions', body, { authorization: 'Bearer xai-wrong' })
  expect(wrong.status).toBe(400)
  expect(typeof JSON.parse(wrong.text).error).toBe('string')
})

describe('Cohere', () => {
  const cohere = createCohere({ baseURL: `${simulator.url}/cohere/v2`, apiKey: secrets.cohere })
  const model = cohere('command-a-03-2025')
  const weather = tool({
    inputSchema: jsonSchema({ type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }),
  })

  test('chat, whole and streamed, with tools', async () => {
    const whole = await generateText({ model, prompt: 'Tell me' })
    const stream = streamText({ model, prompt: 'Tell me' })
    expect(await stream.text).toBe(whole.text)
    const called = streamText({ model, prompt: '[[simulate: tools 2]] weather', tools: { weather } })
    expect(await called.toolCalls).toHaveLength(2)
  })

  test('embeddings and ranking', async () => {
    const { embeddings } = await embedMany({ model: cohere.embeddingModel('embed-v4.0'), values: ['a', 'b'] })
    expect(embeddings.map((vector) => vector.length)).toEqual([1536, 1536])
    const ranked = await rerank({
      model: cohere.reranking('rerank-v3.5'),
      query: 'red apples',
      documents: ['green pears', 'some red apples', 'red bricks'],
    })
    expect(ranked.ranking.map((item) => item.originalIndex)).toEqual([1, 2, 0])
  })

  test('refuses unknown fields, models and keys', async () => {
    const bearer = { authorization: `Bearer ${secrets.cohere}` }
    const body = { model: 'command-a-03-2025', messages: [{ role: 'user', content: 'x' }] }
    expect((await post('/cohere/v2/chat', { ...body, top_p: 1 }, bearer)).status).toBe(422)
    expect((await post('/cohere/v2/chat', { ...body, model: 'none' }, bearer)).status).toBe(404)
    expect((await post('/cohere/v2/chat', body, { authorization: 'Bearer x' })).text).toContain(
      'invalid api token',
    )
    expect(JSON.parse((await post('/cohere/v1/check-api-key', {}, bearer)).text)).toMatchObject({
      valid: true,
    })
  })
})

test.each(['voyage', 'jina'] as const)('%s embeds and ranks', async (service) => {
  const bearer = { authorization: `Bearer ${secrets[service]}` }
  const [embedder, ranker] = {
    voyage: ['voyage-3.5', 'rerank-2.5'],
    jina: ['jina-embeddings-v3', 'jina-reranker-v3'],
  }[service]
  const embedded = JSON.parse(
    (await post(`/${service}/v1/embeddings`, { model: embedder, input: ['a', 'b'] }, bearer)).text,
  )
  expect(embedded.data).toHaveLength(2)
  expect(embedded.usage.total_tokens).toBe(2)
  const body = { model: ranker, query: 'red apples', documents: ['green pears', 'red apples'] }
  const ranked = JSON.parse((await post(`/${service}/v1/rerank`, body, bearer)).text)
  expect((ranked.results ?? ranked.data)[0]).toMatchObject({ index: 1 })
  const stranger = await post(`/${service}/v1/rerank`, { ...body, unknown: 1 }, bearer)
  expect(stranger.status).toBeGreaterThanOrEqual(400)
  expect((await post(`/${service}/v1/rerank`, body)).status).toBe(401)
})

test.each([
  [
    'elevenlabs',
    '/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb',
    { text: 'hello' },
    { 'xi-api-key': secrets.elevenlabs },
  ],
  ['deepgram', '/v1/speak', { text: 'hello' }, { authorization: `Token ${secrets.deepgram}` }],
  [
    'assemblyai',
    '/v2/transcript',
    { audio_url: 'https://example.com/a.mp3' },
    { authorization: secrets.assemblyai },
  ],
] as const)('%s knows its key in its own header', async (service, path, body, headers) => {
  expect((await post(`/${service}${path}`, body, headers)).status).toBe(200)
  expect(simulator.journal().at(-1)?.credential).toBe(secrets[service])
  expect(
    (await post(`/${service}${path}`, body, { authorization: `Bearer ${secrets[service]}` })).status,
  ).toBe(401)
})
