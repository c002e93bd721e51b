import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  answering,
  bytesOf,
  requestOf,
  serviceOf,
  sse,
  translate,
  usageRead,
} from '../../tests/translation/upstream.ts'
import type { Endpoint } from '../services/service.ts'

const endpoints: readonly [Endpoint, boolean, object][] = [
  ['chat_completions', false, { model: 'm', messages: [{ role: 'user', content: 'x' }] }],
  ['chat_completions', true, { model: 'm', stream: true, messages: [{ role: 'user', content: 'x' }] }],
  ['responses', false, { model: 'm', input: 'x' }],
  ['responses', true, { model: 'm', stream: true, input: 'x' }],
  ['messages', false, { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }],
  ['messages', true, { model: 'm', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'x' }] }],
  ['generate_content', false, { contents: [{ parts: [{ text: 'x' }] }] }],
  ['stream_generate_content', true, { contents: [{ parts: [{ text: 'x' }] }] }],
]

interface Counts {
  input: number
  read: number
  write: number
  hour: number
  output: number
  thought: number
}
const counts = fc.record({
  input: fc.nat(1_000_000),
  read: fc.nat(1_000_000),
  write: fc.nat(1_000_000),
  hour: fc.nat(1_000_000),
  output: fc.nat(1_000_000),
  thought: fc.nat(1_000_000),
})

const anthropicReply = (c: Counts, streamed: boolean) => {
  const usage = {
    input_tokens: c.input,
    cache_read_input_tokens: c.read,
    cache_creation_input_tokens: c.write + c.hour,
    cache_creation: { ephemeral_5m_input_tokens: c.write, ephemeral_1h_input_tokens: c.hour },
    output_tokens: c.output + c.thought,
    output_tokens_details: { thinking_tokens: c.thought },
  }
  const message = {
    type: 'message',
    id: 'msg_1',
    role: 'assistant',
    model: 'claude',
    content: [] as object[],
  }
  if (!streamed)
    return Response.json({
      ...message,
      content: [{ type: 'text', text: 'ok' }],
      stop_reason: 'end_turn',
      usage,
    })
  return sse(
    { type: 'message_start', message: { ...message, usage: { ...usage, output_tokens: 1 } } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'ok' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage },
    { type: 'message_stop' },
  )
}

const openaiReply = (c: Counts, streamed: boolean) => {
  const prompt = c.input + c.read + c.write
  const usage = {
    prompt_tokens: prompt,
    completion_tokens: c.output + c.thought,
    total_tokens: prompt + c.output + c.thought,
    prompt_tokens_details: { cached_tokens: c.read, cache_write_tokens: c.write },
    completion_tokens_details: { reasoning_tokens: c.thought },
  }
  const about = { id: 'c', created: 1, model: 'gpt' }
  if (!streamed)
    return Response.json({
      ...about,
      choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
      usage,
    })
  return sse(
    { ...about, choices: [{ index: 0, delta: { role: 'assistant', content: 'ok' } }] },
    { ...about, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { ...about, choices: [], usage },
    '[DONE]',
  )
}

describe('what a service reports is what our own tap reads of the translated reply', () => {
  test.each(endpoints)('%s, streamed: %s', async (endpoint, streamed, body) => {
    const isGemini = endpoint.endsWith('content')
    await fc.assert(
      fc.asyncProperty(counts, async (c) => {
        for (const [id, reply, hour] of [
          ['anthropic', anthropicReply, c.hour],
          ['azure_openai', openaiReply, 0],
        ] as const) {
          const { fetch } = answering(() => reply(c, streamed))
          const model = id === 'azure_openai' ? 'gpt-4o' : 'claude-sonnet-4-5'
          const request = requestOf(endpoint, body, { service: serviceOf(id), model, fetch, streamed })
          const read = usageRead(endpoint, request, await bytesOf(await translate(request)))
          // The dialects' own reports: Anthropic's does not split its output here, Gemini's knows no writes to a cache,
          // OpenAI's no hour. What has no class of its own stays in the class that it is a part of.
          const hasHour = endpoint === 'messages'
          const { cacheWrite, ...rest } = {
            input: c.input + (isGemini ? c.write + hour : 0),
            cacheRead: c.read,
            cacheWrite: isGemini ? 0 : c.write + (hasHour ? 0 : hour),
            cacheWrite1h: hasHour ? hour : 0,
          }
          expect(read).toMatchObject({ ...rest, cacheWrite })
          expect((read?.output ?? 0) + (read?.reasoning ?? 0)).toBe(c.output + c.thought)
          if (endpoint !== 'messages') expect(read?.reasoning).toBe(c.thought)
        }
      }),
      { numRuns: 8 },
    )
  })
})
