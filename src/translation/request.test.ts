import { describe, expect, test } from 'vitest'
import { ask, chat, gemini, messages, responses, user, weather } from '../../tests/translation/asking.ts'
import { answering } from '../../tests/translation/upstream.ts'
import type { Endpoint } from '../services/endpoint.ts'

describe('what changes the meaning is refused by name, before anything is sent', () => {
  const rows: readonly (readonly [Endpoint, string, object, string])[] = [
    ['chat_completions', 'anthropic', chat({ n: 2 }), 'n'],
    ['chat_completions', 'anthropic', chat({ logprobs: true }), 'logprobs'],
    ['chat_completions', 'anthropic', chat({ logit_bias: { 5: 1 } }), 'logit_bias'],
    ['chat_completions', 'anthropic', chat({ modalities: ['text', 'audio'] }), 'modalities'],
    ['chat_completions', 'anthropic', chat({ web_search_options: { a: 1 } }), 'web_search_options'],
    // Empty options ask for it, too.
    ['chat_completions', 'anthropic', chat({ web_search_options: {} }), 'web_search_options'],
    ['chat_completions', 'anthropic', chat({ nobody_knows: {} }), 'nobody_knows'],
    ['chat_completions', 'anthropic', chat({ functions: [{}] }), 'functions'],
    ['chat_completions', 'anthropic', chat({ brand_new: true }), 'brand_new'],
    ['chat_completions', 'anthropic', chat({ tools: [{ type: 'custom', custom: {} }] }), 'tools[0].type'],
    [
      'chat_completions',
      'anthropic',
      chat({ messages: [user([{ type: 'video' }])] }),
      'messages[0].content[0].type',
    ],
    [
      'chat_completions',
      'anthropic',
      chat({ messages: [user([{ type: 'file', file: { file_id: 'f' } }])] }),
      'messages[0].content[0].file.file_id',
    ],
    [
      'chat_completions',
      'anthropic',
      chat({ messages: [{ role: 'alien', content: '' }] }),
      'messages[0].role',
    ],
    [
      'chat_completions',
      'gemini',
      chat({ parallel_tool_calls: false, tools: [weather] }),
      'parallel_tool_calls',
    ],
    ['responses', 'anthropic', responses({ previous_response_id: 'resp_1' }), 'previous_response_id'],
    ['responses', 'anthropic', responses({ background: true }), 'background'],
    ['responses', 'anthropic', responses({ tools: [{ type: 'web_search' }] }), 'tools[0].type'],
    ['responses', 'anthropic', responses({ input: [{ type: 'item_reference', id: 'x' }] }), 'input[0].type'],
    ['responses', 'anthropic', responses({ include: ['message.output_text.logprobs'] }), 'include'],
    ['messages', 'azure_openai', messages({ mcp_servers: [{ url: 'https://a' }] }), 'mcp_servers'],
    ['messages', 'azure_openai', messages({ inference_geo: 'us' }), 'inference_geo'],
    [
      'messages',
      'azure_openai',
      messages({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }),
      'tools[0].type',
    ],
    [
      'messages',
      'azure_openai',
      messages({ messages: [user([{ type: 'search_result' }])] }),
      'messages[0].content[0].type',
    ],
    ['messages', 'openai', messages({ stop_sequences: ['END'] }), 'stop_sequences'],
    ['generate_content', 'azure_openai', gemini({ tools: [{ googleSearch: {} }] }), 'tools[0].googleSearch'],
    ['generate_content', 'azure_openai', gemini({ cachedContent: 'cachedContents/x' }), 'cachedContent'],
    [
      'generate_content',
      'azure_openai',
      gemini({ generationConfig: { candidateCount: 2 } }),
      'generationConfig.candidateCount',
    ],
    [
      'generate_content',
      'azure_openai',
      gemini({ generation_config: { response_modalities: ['IMAGE'] } }),
      'generationConfig.responseModalities',
    ],
  ]
  test.each(rows)('%s at %s: %#', async (endpoint, service, body, field) => {
    const { result, sent } = await ask(endpoint, service, body)
    expect(result).toMatchObject({ kind: 'refused', fault: { code: 'not_translatable', field } })
    expect(sent).toHaveLength(0)
  })

  test('a refusal names the part, the service, why, and what to do', async () => {
    const { result } = await ask('chat_completions', 'anthropic', chat({ logprobs: true }))
    expect(result.kind === 'refused' && result.fault).toMatchObject({
      message: '“logprobs” cannot be carried over to Anthropic. Anthropic gives no log probabilities.',
      next: 'Leave “logprobs” out or change it, or use a model of a service that speaks this dialect itself (OpenAI, Mistral, xAI).',
    })
    const { result: noField } = await ask(
      'chat_completions',
      'gemini',
      chat({ messages: [user('a'), { role: 'system', content: 'c' }, user('d')] }),
    )
    expect(noField.kind === 'refused' && noField.fault.message).toMatch(
      /^This request cannot be carried over to Google Gemini\. Google Gemini’s dialect has no place for /,
    )
  })

  test('wrong shapes are the caller’s mistake, by name', async () => {
    for (const [body, field] of [
      [chat({ messages: 'hi' }), 'messages'],
      [chat({ temperature: 'hot' }), 'temperature'],
      [
        chat({ messages: [{ role: 'tool', tool_call_id: 'nobody', content: 'x' }] }),
        'messages[0].tool_call_id',
      ],
      [
        chat({
          messages: [
            { role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{"a":' } }] },
          ],
        }),
        'messages[0].tool_calls[0].function.arguments',
      ],
    ] as const) {
      const { result } = await ask('chat_completions', 'anthropic', body)
      expect(result).toMatchObject({ kind: 'refused', fault: { code: 'invalid_request', field } })
    }
  })
})

describe('harmless hints are left out and named', () => {
  const rows: readonly (readonly [Endpoint, string, object, string[]])[] = [
    [
      'chat_completions',
      'anthropic',
      chat({ user: 'u', metadata: { a: 'b' }, store: true }),
      ['user', 'metadata', 'store'],
    ],
    ['chat_completions', 'anthropic', chat({ seed: 7, frequency_penalty: 1 }), ['seed', 'frequency_penalty']],
    [
      'chat_completions',
      'anthropic',
      chat({ messages: [{ ...user('x'), name: 'Ann' }] }),
      ['messages[].name'],
    ],
    [
      'responses',
      'anthropic',
      responses({ truncation: 'auto', text: { verbosity: 'low' } }),
      ['truncation', 'text.verbosity'],
    ],
    ['messages', 'azure_openai', messages({ metadata: { user_id: 'u' }, top_k: 3 }), ['metadata', 'top_k']],
    [
      'messages',
      'azure_openai',
      messages({ system: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }] }),
      ['cache_control'],
    ],
    [
      'messages',
      'gemini',
      messages({
        messages: [
          user('a'),
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 't', signature: 'theirs' },
              { type: 'text', text: 'b' },
            ],
          },
          user('c'),
        ],
      }),
      ['reasoning of earlier turns'],
    ],
    [
      'generate_content',
      'azure_openai',
      gemini({ safetySettings: [{ category: 'x' }], labels: { a: 'b' } }),
      ['safetySettings', 'labels'],
    ],
  ]
  test.each(rows)('%s at %s: %#', async (endpoint, service, body, listed) => {
    const { result } = await ask(endpoint, service, body)
    expect(result.kind === 'reply' && result.notCarried).toEqual(expect.arrayContaining(listed))
  })

  test('a request that needs nothing of the kind lists nothing', async () => {
    for (const [endpoint, service, body] of [
      [
        'chat_completions',
        'anthropic',
        chat({ temperature: 0.5, stop: 'x', max_tokens: 5, n: 1, store: false }),
      ],
      ['messages', 'azure_openai', messages({ temperature: 0.5, stop_sequences: ['x'] })],
      ['generate_content', 'azure_openai', gemini({ generationConfig: { temperature: 0.5, topP: 0.9 } })],
    ] as const) {
      const { result } = await ask(endpoint, service, body)
      expect(result).toMatchObject({ kind: 'reply', notCarried: [] })
    }
  })
})

describe('addresses are the service’s to open, never ours', () => {
  const image = chat({
    messages: [user([{ type: 'image_url', image_url: { url: 'https://pictures.example/a.png' } }])],
  })
  test('a service that opens them is sent the address', async () => {
    const { body, sent } = await ask('chat_completions', 'anthropic', image)
    expect(body.messages[0].content[0].source).toEqual({ type: 'url', url: 'https://pictures.example/a.png' })
    expect(sent).toHaveLength(1)
  })
  test('what a service would open with the rights of its key is refused', async () => {
    for (const [service, url] of [
      ['bedrock', 's3://bucket/a.png'],
      ['gemini', 'https://generativelanguage.googleapis.com/v1beta/files/abc'],
      ['anthropic', 'file:///etc/passwd'],
    ] as const) {
      const body = chat({ messages: [user([{ type: 'image_url', image_url: { url } }])] })
      const { result, sent } = await ask('chat_completions', service, body)
      expect(result).toMatchObject({ kind: 'refused', fault: { code: 'not_translatable' } })
      expect(sent).toHaveLength(0)
    }
  })

  test('one that does not is not asked, and nothing is fetched', async () => {
    const inGemini = { contents: [{ parts: [{ fileData: { fileUri: 'https://pictures.example/a.png' } }] }] }
    for (const [endpoint, service, body] of [
      ['chat_completions', 'bedrock', image],
      ['generate_content', 'custom', inGemini],
    ] as const) {
      const { result, sent } = await ask(endpoint, service, body)
      expect(result).toMatchObject({ kind: 'refused', fault: { code: 'not_translatable' } })
      expect(result.kind === 'refused' && result.fault.message).toContain('must be a data URL for ')
      expect(sent).toHaveLength(0)
    }
  })
})

describe('limits of output', () => {
  test('a limit below what OpenAI’s responses take is raised to it and listed; elsewhere it goes out as it is', async () => {
    const replying = answering(() =>
      Response.json({
        id: 'r',
        created_at: 1,
        model: 'gpt-4o',
        output: [
          {
            type: 'message',
            id: 'm',
            role: 'assistant',
            content: [{ type: 'output_text', text: 'ok', annotations: [] }],
          },
        ],
        usage: { input_tokens: 1, output_tokens: 1 },
      }),
    )
    const tiny = await ask('messages', 'openai', messages({ max_tokens: 5 }), { fetch: replying.fetch })
    expect(tiny.result).toMatchObject({ kind: 'reply', notCarried: ['max_tokens below 16'] })
    expect(replying.sent[0]?.body).toMatchObject({ max_output_tokens: 16 })
    expect((await ask('messages', 'openai', messages({ max_tokens: 16 }))).body.max_output_tokens).toBe(16)
    expect((await ask('messages', 'custom', messages({ max_tokens: 5 }))).body.max_tokens).toBe(5)
  })

  test('the smaller of the caller’s and ours goes out, reasoning included', async () => {
    const thinking = { thinking: { type: 'enabled', budget_tokens: 4_000 }, max_tokens: 6_000 }
    const { body } = await ask('messages', 'anthropic', messages(thinking))
    expect(body).toMatchObject({ max_tokens: 6_000, thinking: { budget_tokens: 4_000 } })
    const limited = await ask('messages', 'anthropic', messages(thinking), { maximumOutputTokens: 2_000 })
    expect(limited.body).toMatchObject({ max_tokens: 2_000, thinking: { budget_tokens: 1_600 } })
    const effort = await ask(
      'chat_completions',
      'anthropic',
      chat({ reasoning_effort: 'high', max_completion_tokens: 3_000 }),
    )
    expect(effort.body.max_tokens).toBe(3_000)
    const tiny = await ask(
      'chat_completions',
      'anthropic',
      chat({ reasoning_effort: 'high', max_tokens: 100 }),
    )
    expect(tiny.body).toMatchObject({ max_tokens: 100 })
    expect(tiny.body.thinking).toBeUndefined()
    expect(
      (await ask('chat_completions', 'azure_openai', chat({ max_tokens: 50 }), { maximumOutputTokens: 20 }))
        .body.max_tokens,
    ).toBe(20)
  })
})
