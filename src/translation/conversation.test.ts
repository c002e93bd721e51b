import { describe, expect, test } from 'vitest'
import { ask, chat, messages, models, user, weather } from '../../tests/translation/asking.ts'
import { answering, bytesOf, requestOf, serviceOf, sse, translate } from '../../tests/translation/upstream.ts'

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

  test('instructions in the middle are refused where the service takes them at the beginning only', async () => {
    const body = chat({
      messages: [user('a'), { role: 'assistant', content: 'b' }, { role: 'system', content: 'c' }, user('d')],
    })
    const { result, sent } = await ask('chat_completions', 'gemini', body)
    expect(result).toMatchObject({ kind: 'refused', fault: { code: 'not_translatable' } })
    expect(sent).toHaveLength(0)
    expect((await ask('chat_completions', 'custom', body)).body.messages[2]).toEqual({
      role: 'system',
      content: 'c',
    })
  })

  test('a service that reports no usage is told apart, and the dialect’s own count is an estimate', async () => {
    const about = { id: 'c', created: 1, model: 'm' }
    const stream = () =>
      sse(
        { ...about, choices: [{ index: 0, delta: { role: 'assistant', content: 'x'.repeat(40) } }] },
        { ...about, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
        '[DONE]',
      )
    const { fetch } = answering(stream)
    const request = requestOf('messages', messages({ stream: true }), {
      service: serviceOf('custom'),
      fetch,
      streamed: true,
    })
    const result = await translate(request)
    const text = (await bytesOf(result)).toString()
    expect(text).toContain('"output_tokens":10')
    expect(result.kind === 'reply' && result.usageUnknown?.()).toBe(true)
    // Other dialects can say nothing, and do.
    const inChat = requestOf('chat_completions', chat({ stream: true }), {
      service: serviceOf('custom'),
      fetch,
      streamed: true,
    })
    expect((await bytesOf(await translate(inChat))).toString()).not.toContain('prompt_tokens')
  })
})
