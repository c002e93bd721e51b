import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Anthropic from '@anthropic-ai/sdk'
import { LLMock } from '@copilotkit/aimock'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fault, must } from '../kit/fault.ts'
import type { Endpoint } from '../services/service.ts'
import { codecOf } from './codecs.ts'
import { makeEventSplitter } from './sse.ts'

/*
 * What others wrote: the services' own clients against our error events, and an independent upstream against our taps.
 */

describe('a failure of ours within a stream is an error to the services’ own clients, never an end', () => {
  const begun: Partial<Record<Endpoint, string>> = {
    responses: `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"x"}\n\n`,
    chat_completions: `data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n`,
    stream_generate_content: `data: {"candidates":[{"content":{"parts":[{"text":"x"}]}}]}\n\n`,
    messages: `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}\n\n`,
  }
  let server: Server
  let url: string

  beforeAll(async () => {
    server = createServer((incoming, response) => {
      const endpoint = endpointOf(incoming.url ?? '')
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(begun[endpoint])
      response.end(codecOf(endpoint).errorEvent(fault('stream_interrupted'), 'op_1'))
    })
    await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => void server.close())

  const endpointOf = (path: string): Endpoint => {
    if (path.includes('streamGenerateContent')) return 'stream_generate_content'
    if (path.includes('messages')) return 'messages'
    return path.includes('responses') ? 'responses' : 'chat_completions'
  }
  const readAll = async (stream: AsyncIterable<unknown>) => {
    let read = 0
    for await (const event of stream) if (event !== undefined) read++
    return read
  }

  test('openai: responses and chat completions', async () => {
    const client = new OpenAI({ apiKey: 'none', baseURL: `${url}/v1`, maxRetries: 0 })
    const response = await client.responses.create({ model: 'm', input: 'x', stream: true })
    await expect(readAll(response)).rejects.toMatchObject({ code: 'stream_interrupted' })
    const chat = await client.chat.completions.create({ model: 'm', messages: [], stream: true })
    await expect(readAll(chat)).rejects.toMatchObject({ code: 'stream_interrupted' })
  })

  test('@anthropic-ai/sdk', async () => {
    const client = new Anthropic({ apiKey: 'none', baseURL: url, maxRetries: 0 })
    const stream = await client.messages.create({ model: 'm', max_tokens: 9, messages: [], stream: true })
    await expect(readAll(stream)).rejects.toThrow('stream_interrupted')
  })

  test('@google/genai', async () => {
    const client = new GoogleGenAI({ apiKey: 'none', httpOptions: { baseUrl: url } })
    const stream = await client.models.generateContentStream({ model: 'm', contents: 'x' })
    await expect(readAll(stream)).rejects.toThrow('stream_interrupted')
  })
})

describe('an upstream that others wrote', () => {
  let upstream: LLMock
  let url: string
  beforeAll(async () => {
    upstream = new LLMock({ port: 0 })
    upstream.onMessage(/.*/, {
      content: 'from the independent upstream',
      usage: { input_tokens: 11, output_tokens: 7, total_tokens: 18 },
    })
    url = await upstream.start()
  })
  afterAll(() => upstream.stop())

  const model = 'gemini-2.5-flash'
  const contents = [{ role: 'user', parts: [{ text: 'hello' }] }]
  const calls: [Endpoint, string, object][] = [
    ['responses', '/v1/responses', { model: 'gpt-4o', input: 'hello' }],
    ['responses', '/v1/responses', { model: 'gpt-4o', input: 'hello', stream: true }],
    ['generate_content', `/v1beta/models/${model}:generateContent`, { contents }],
    ['stream_generate_content', `/v1beta/models/${model}:streamGenerateContent?alt=sse`, { contents }],
  ]
  test.each(calls)('%s %s is read to its end, with its usage', async (endpoint, path, value) => {
    const codec = codecOf(endpoint)
    const body = Buffer.from(JSON.stringify(value))
    const contentType = 'application/json'
    const request = must(codec.parse({ endpoint, body, contentType, pathModel: model }))
    const headers = { 'content-type': contentType }
    const reply = await fetch(url + path, { method: 'POST', headers, body: body.toString() })
    const bytes = Buffer.from(await reply.arrayBuffer())
    expect(reply.status).toBe(200)
    const expected = { input: 11, output: 7, reasoning: 0, cacheRead: 0 }
    if (!request.streamed) {
      expect(codec.usageOf({ body: bytes, contentType }, request)).toMatchObject(expected)
      return
    }
    const tap = codec.makeTap(request)
    const { text, ends } = makeEventSplitter(100_000).push(bytes)
    const kinds = tap.classify(text, ends)
    expect(kinds).toContain('content')
    expect(kinds).not.toContain('error')
    expect(kinds.at(-1) === 'end' || tap.endsWithConnection?.()).toBe(true)
    expect(tap.reported()).toMatchObject(expected)
  })
})
