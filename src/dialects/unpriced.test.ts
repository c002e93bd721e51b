import { describe, expect, test } from 'vitest'
import { must } from '../kit/fault.ts'
import type { Endpoint } from '../services/service.ts'
import { codecOf } from './codecs.ts'

/** What a request holds that keeps it from running on a system key. */
const parsed = (endpoint: Endpoint, value: object) =>
  must(
    codecOf(endpoint).parse({
      endpoint,
      body: Buffer.from(JSON.stringify(value)),
      contentType: 'application/json',
      pathModel: null,
    }),
  )
const said = (part: unknown) => ({ messages: [{ role: 'user', content: [part] }] })

describe('chat completions on system keys', () => {
  const chat = (fields: object) =>
    parsed('chat_completions', { model: 'gpt-audio', messages: [{ role: 'user', content: 'x' }], ...fields })

  test('audio may be heard and spoken, as what it costs is reported and bounded', () => {
    const heard = chat(said({ type: 'input_audio', input_audio: { data: 'A'.repeat(1_000), format: 'mp3' } }))
    expect(heard).toMatchObject({ unpriced: null, mostUnits: { input_audio_tokens: 10 } })
    const spoken = { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'mp3' } }
    expect(chat({ ...spoken, max_completion_tokens: 200, n: 2 })).toMatchObject({
      unpriced: null,
      mostUnits: { output_audio_tokens: 400 },
    })
    expect(chat(spoken).mostUnits).toEqual({ output_audio_tokens: 16_384 })
    expect(chat({}).mostUnits).toBeNull()
  })

  const cases: [string, string, object][] = [
    ['audio', 'a voice of the account', { audio: { voice: { id: 'voice_1' }, format: 'mp3' } }],
    ['messages', 'audio of the account', { messages: [{ role: 'assistant', audio: { id: 'audio_1' } }] }],
    ['messages', 'a file of the account', said({ type: 'file', file: { file_id: 'file_1' } })],
    [
      'messages',
      'a longer cache',
      said({ type: 'text', text: 'x', prompt_cache_breakpoint: { ttl: '12h' } }),
    ],
    ['web_search_options', 'searches', { web_search_options: {} }],
    ['prediction', 'what no limit bounds', { prediction: { type: 'content', content: 'x' } }],
    ['moderation', 'another model', { moderation: { model: 'omni-moderation-latest' } }],
    ...['flex', 'priority', 'fast', 'scale'].map((tier): [string, string, object] => [
      'service_tier',
      `the tier ${tier}`,
      { service_tier: tier },
    ]),
  ]
  test.each(cases)('%s: %s may not', (field, _, fields) => {
    expect(chat(fields).unpriced).toBe(field)
  })

  test('a cache of half an hour and the ordinary tier may', () => {
    const fields = { prompt_cache_options: { mode: 'explicit', ttl: '30m' }, service_tier: 'default' }
    expect(chat(fields).unpriced).toBeNull()
  })
})

describe('messages on system keys', () => {
  const messages = (fields: object) =>
    parsed('messages', {
      model: 'claude-sonnet-5',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'x' }],
      ...fields,
    }).unpriced

  const cases: [string, string, object][] = [
    ['speed', 'a faster mode', { speed: 'fast' }],
    ['inference_geo', 'a region', { inference_geo: 'us' }],
    ['tools', 'searches', { tools: [{ type: 'web_search_20260318', name: 'web_search' }] }],
    ['tools', 'pages', { tools: [{ type: 'web_fetch_20260318', name: 'web_fetch' }] }],
    ['tools', 'code', { tools: [{ type: 'code_execution_20260521', name: 'code_execution' }] }],
    ['container', 'a container', { container: 'container_1' }],
    ['mcp_servers', 'servers of others', { mcp_servers: [] }],
    ['fallbacks', 'other models', { fallbacks: 'default' }],
    ['thread', 'threads of the account', { thread: { id: 'thread_1' } }],
    ['compaction', 'a second run', { compaction: { type: 'summarize' } }],
    ['messages', 'a file of the account', said({ type: 'document', source: { type: 'file', file_id: 'f' } })],
  ]
  test.each(cases)('%s: %s may not', (field, _, fields) => {
    expect(messages(fields)).toBe(field)
  })

  test('the ordinary speed and place, and tools that the caller runs, may', () => {
    const tools = [
      { name: 'f', input_schema: {} },
      { type: 'bash_20250124', name: 'bash' },
    ]
    expect(messages({ speed: 'standard', inference_geo: 'global', tools })).toBeNull()
  })
})

test('counting is free: only what is the account’s, or asks others, may not run on system keys', () => {
  const count = (fields: object) =>
    parsed('count_tokens', { model: 'claude-sonnet-5', messages: [], ...fields })
  expect(count({ tools: [{ type: 'web_search_20260318' }], speed: 'fast' })).toMatchObject({
    unpriced: null,
    streamed: false,
    producesOutput: false,
  })
  expect(count(said({ type: 'image', source: { type: 'file', file_id: 'f' } })).unpriced).toBe('messages')
  expect(count({ mcp_servers: [{ url: 'https://example.com' }] }).unpriced).toBe('mcp_servers')
})
