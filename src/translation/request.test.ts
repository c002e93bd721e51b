import { describe, expect, test } from 'vitest'
import { answering, bytesOf, requestOf, serviceOf, sse, translate } from '../../tests/translation/upstream.ts'
import type { Endpoint } from '../services/service.ts'

const replies: Record<string, () => Response> = {
  anthropic: () =>
    Response.json({
      type: 'message',
      id: 'm',
      role: 'assistant',
      content: [{ type: 'text', text: 'ok' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 1, output_tokens: 1 },
    }),
  azure_openai: () =>
    Response.json({
      choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
    }),
  custom: () =>
    Response.json({
      choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
    }),
  gemini: () =>
    Response.json({
      candidates: [{ content: { role: 'model', parts: [{ text: 'ok' }] }, finishReason: 'STOP' }],
    }),
  bedrock: () =>
    Response.json({
      output: { message: { role: 'assistant', content: [{ text: 'ok' }] } },
      stopReason: 'end_turn',
      usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
    }),
  openai: () => Response.json({ error: { message: 'not asked here' } }, { status: 400 }),
  mistral: () =>
    Response.json({
      id: 'x',
      model: 'm',
      created: 1,
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    }),
}
const models: Record<string, string> = {
  anthropic: 'claude-sonnet-4-5',
  azure_openai: 'gpt-4o',
  gemini: 'gemini-2.5-flash',
  bedrock: 'anthropic.claude-3-5-sonnet-20241022-v2:0',
  openai: 'gpt-4o',
}

const ask = async (endpoint: Endpoint, service: string, body: object, more: object = {}) => {
  const { fetch, sent } = answering(replies[service] as () => Response)
  const request = requestOf(endpoint, body, {
    service: serviceOf(service),
    model: models[service] ?? 'm',
    settings: { region: 'us-east-1', resource: 'r' },
    fetch,
    ...more,
  })
  // oxlint-disable-next-line typescript/no-explicit-any
  return { result: await translate(request), body: sent[0]?.body as any, sent }
}

const user = (content: unknown) => ({ role: 'user', content })
const chat = (more: object) => ({ model: 'm', messages: [user('hi')], ...more })
const messages = (more: object) => ({ model: 'm', max_tokens: 100, messages: [user('hi')], ...more })
const responses = (more: object) => ({ model: 'm', input: 'hi', ...more })
const gemini = (more: object) => ({ contents: [{ parts: [{ text: 'hi' }] }], ...more })
const weather = { type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }

describe('what changes the meaning is refused by name, before anything is sent', () => {
  const rows: readonly (readonly [Endpoint, string, object, string])[] = [
    ['chat_completions', 'anthropic', chat({ n: 2 }), 'n'],
    ['chat_completions', 'anthropic', chat({ logprobs: true }), 'logprobs'],
    ['chat_completions', 'anthropic', chat({ logit_bias: { 5: 1 } }), 'logit_bias'],
    ['chat_completions', 'anthropic', chat({ modalities: ['text', 'audio'] }), 'modalities'],
    ['chat_completions', 'anthropic', chat({ web_search_options: { a: 1 } }), 'web_search_options'],
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
  test('one that does not is not asked, and nothing is fetched', async () => {
    const inGemini = { contents: [{ parts: [{ fileData: { fileUri: 'https://pictures.example/a.png' } }] }] }
    for (const [endpoint, service, body] of [
      ['chat_completions', 'bedrock', image],
      ['generate_content', 'custom', inGemini],
    ] as const) {
      const { result, sent } = await ask(endpoint, service, body)
      expect(result).toMatchObject({ kind: 'refused', fault: { code: 'not_translatable' } })
      expect(result.kind === 'refused' && result.fault.message).toContain(
        'must be a data URL for this service',
      )
      expect(sent).toHaveLength(0)
    }
  })
})

describe('limits of output', () => {
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

describe('conversations', () => {
  const call = (id: string, city: string) => ({
    id,
    type: 'function',
    function: { name: 'weather', arguments: JSON.stringify({ city }) },
  })
  const history = chat({
    tools: [weather],
    messages: [
      { role: 'developer', content: 'Be brief.' },
      user('two cities'),
      { role: 'assistant', content: null, tool_calls: [call('a:1', 'Graz'), call('b', 'Linz')] },
      { role: 'tool', tool_call_id: 'a:1', content: 'sun' },
      { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'rain' }] },
      user('thanks'),
    ],
  })

  test('parallel calls and their results stay together at Anthropic, under ids it takes', async () => {
    const { body } = await ask('chat_completions', 'anthropic', history)
    const [, assistant, results] = body.messages
    expect(
      assistant.content.map((block: { name: string; input: object }) => [block.name, block.input]),
    ).toEqual([
      ['weather', { city: 'Graz' }],
      ['weather', { city: 'Linz' }],
    ])
    expect(results.content.slice(0, 2).map((block: { tool_use_id: string }) => block.tool_use_id)).toEqual(
      assistant.content.map((block: { id: string }) => block.id),
    )
    expect(assistant.content[0].id).toMatch(/^[a-zA-Z0-9_-]+$/)
    expect(
      results.content.map((block: { content?: string; text?: string }) => block.content ?? block.text),
    ).toEqual(['sun', 'rain', 'thanks'])
    expect(body.system).toEqual([{ type: 'text', text: 'Be brief.' }])
  })

  test('and are one turn at Gemini', async () => {
    const { body } = await ask('chat_completions', 'gemini', history)
    expect(
      body.contents[2].parts.map(
        (part: { functionResponse: { response: { content: string } } }) =>
          part.functionResponse.response.content,
      ),
    ).toEqual(['sun', 'rain'])
  })

  test('Mistral gets ids of nine characters, the same for call and result', async () => {
    const { body } = await ask('messages', 'mistral', {
      ...messages({}),
      messages: [
        user('x'),
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_01abc', name: 'f', input: { a: 1 } }] },
        user([{ type: 'tool_result', tool_use_id: 'toolu_01abc', content: 'done', is_error: true }]),
      ],
    })
    const id = body.messages[1].tool_calls[0].id
    expect(id).toMatch(/^[a-zA-Z0-9]{9}$/)
    expect(body.messages[2]).toMatchObject({ role: 'tool', tool_call_id: id, content: 'done' })
  })

  test('Gemini’s calls without ids find their results by name and order', async () => {
    const { body } = await ask('generate_content', 'azure_openai', {
      contents: [
        { role: 'user', parts: [{ text: 'x' }] },
        {
          role: 'model',
          parts: [
            { functionCall: { name: 'f', args: { a: 1 } } },
            { functionCall: { name: 'f', args: { a: 2 } } },
          ],
        },
        {
          role: 'user',
          parts: [
            { functionResponse: { name: 'f', response: { r: 1 } } },
            { functionResponse: { name: 'f', response: { r: 2 } } },
          ],
        },
      ],
    })
    const [first, second] = body.messages[1].tool_calls
    expect(body.messages.slice(2)).toEqual([
      { role: 'tool', tool_call_id: first.id, content: '{"r":1}' },
      { role: 'tool', tool_call_id: second.id, content: '{"r":2}' },
    ])
  })

  test('images in results go where there is a place for them and are refused elsewhere', async () => {
    const withImage = messages({
      tools: [{ name: 'f', input_schema: { type: 'object' } }],
      messages: [
        user('x'),
        { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] },
        user([
          {
            type: 'tool_result',
            tool_use_id: 't',
            content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }],
          },
        ]),
      ],
    })
    expect((await ask('messages', 'azure_openai', withImage)).result).toMatchObject({ kind: 'refused' })
    const { body } = await ask('messages', 'bedrock', withImage)
    expect(body.messages[2].content[0].toolResult.content[0].image.format).toBe('png')
  })

  test('cache breakpoints reach Anthropic’s models on Bedrock', async () => {
    const system = [{ type: 'text', text: 'long', cache_control: { type: 'ephemeral', ttl: '1h' } }]
    const { body } = await ask('messages', 'bedrock', messages({ system }))
    expect(body.system).toEqual([{ text: 'long' }, { cachePoint: { type: 'default', ttl: '1h' } }])
  })

  test('“some JSON object” is asked for where the service has no such mode', async () => {
    const { body } = await ask(
      'chat_completions',
      'anthropic',
      chat({ response_format: { type: 'json_object' } }),
    )
    expect(JSON.stringify(body)).toContain('"json"')
  })

  test('a reply to a call of OpenAI’s responses is not kept at the service', async () => {
    const { body } = await ask('messages', 'openai', messages({}))
    expect(body.store).toBe(false)
  })

  test('what the model signed of its reasoning comes back to it, and to no other service', async () => {
    const { fetch } = answering(() =>
      Response.json({
        candidates: [
          {
            content: {
              role: 'model',
              parts: [
                { text: 'hm', thought: true },
                { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'c2lnbmVk' },
              ],
            },
            finishReason: 'STOP',
          },
        ],
      }),
    )
    const asked = requestOf('chat_completions', chat({ tools: [weather], reasoning_effort: 'low' }), {
      service: serviceOf('gemini'),
      model: 'gemini-3-pro-preview',
      fetch,
    })
    const reply = JSON.parse((await bytesOf(await translate(asked))).toString())
    const { message } = reply.choices[0]
    expect(message.reasoning_content).toBe('hm')
    const again = chat({
      messages: [user('x'), message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'y' }],
    })
    const { body } = await ask('chat_completions', 'gemini', again, { model: 'gemini-3-pro-preview' })
    expect(body.contents[1].parts[0].thoughtSignature).toBe('c2lnbmVk')
    expect(JSON.stringify((await ask('chat_completions', 'anthropic', again)).body)).not.toContain('c2lnbmVk')
  })

  test('a signed thinking block passes through a caller of messages and back', async () => {
    const { fetch } = answering(() =>
      Response.json({
        output: {
          message: {
            role: 'assistant',
            content: [
              { reasoningContent: { reasoningText: { text: 'hm', signature: 'S1' } } },
              { text: 'so' },
            ],
          },
        },
        stopReason: 'end_turn',
        usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
      }),
    )
    const thinking = { thinking: { type: 'enabled', budget_tokens: 1_024 }, max_tokens: 5_000 }
    const asked = requestOf('messages', messages(thinking), {
      service: serviceOf('bedrock'),
      model: models.bedrock,
      fetch,
    })
    const reply = JSON.parse((await bytesOf(await translate(asked))).toString())
    expect(reply.content.map((block: { type: string }) => block.type)).toEqual(['thinking', 'text'])
    const again = messages({
      ...thinking,
      messages: [user('x'), { role: 'assistant', content: reply.content }, user('y')],
    })
    const { body } = await ask('messages', 'bedrock', again)
    expect(body.messages[1].content[0]).toEqual({
      reasoningContent: { reasoningText: { text: 'hm', signature: 'S1' } },
    })
  })

  test('several calls written at once come out one after the other', async () => {
    const delta = (calls: object[]) => ({ id: 'c', choices: [{ index: 0, delta: { tool_calls: calls } }] })
    const { fetch } = answering(() =>
      sse(
        { id: 'c', choices: [{ index: 0, delta: { role: 'assistant', content: 'Let me look.' } }] },
        delta([{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }]),
        delta([{ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '' } }]),
        delta([{ index: 1, function: { arguments: '{"y"' } }]),
        delta([{ index: 0, function: { arguments: '{"x":1}' } }]),
        delta([{ index: 1, function: { arguments: ':2}' } }]),
        { id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
        '[DONE]',
      ),
    )
    const request = requestOf(
      'messages',
      { ...messages({}), stream: true },
      { service: serviceOf('custom'), fetch, streamed: true },
    )
    const text = (await bytesOf(await translate(request))).toString()
    const events = text
      .split('\n')
      .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []))
    const json = events.flatMap((event) =>
      event.delta?.type === 'input_json_delta' ? [[event.index, event.delta.partial_json]] : [],
    )
    const of = (index: number) =>
      json
        .filter(([at]) => at === index)
        .map(([, part]) => part)
        .join('')
    expect([of(1), of(2)]).toEqual(['{"x":1}', '{"y":2}'])
    const order = events.flatMap((event) =>
      event.type.startsWith('content_block_st') ? [`${event.type.slice(14)} ${event.index}`] : [],
    )
    expect(order).toEqual(['start 0', 'stop 0', 'start 1', 'stop 1', 'start 2', 'stop 2'])
  })
})
