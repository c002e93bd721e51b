import { describe, expect, test } from 'vitest'
import { ask, chat, gemini, messages, responses, user, weather } from '../../tests/translation/asking.ts'
import type { Endpoint } from '../services/endpoint.ts'

const said = (content: unknown) => ({ role: 'assistant', content })
const notCarried = (result: Awaited<ReturnType<typeof ask>>['result']) =>
  result.kind === 'reply' ? result.notCarried : result

/** Every text that goes out, wherever a service's dialect has it. */
const textsIn = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(textsIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    (name === 'text' || name === 'content') && typeof inner === 'string' ? [inner] : textsIn(inner),
  )
}

const services = ['anthropic', 'gemini', 'bedrock', 'mistral'] as const

describe('turns that say nothing', () => {
  const between = [
    said(''),
    said(null),
    said([]),
    said([{ type: 'text', text: '' }]),
    { role: 'assistant' },
    { role: 'assistant', content: '', tool_calls: [] },
  ]
  test.each(services)('an empty turn of the model is left out for %s, and listed', async (service) => {
    for (const turn of between) {
      const { result, body } = await ask(
        'chat_completions',
        service,
        chat({ messages: [user('one'), turn, user('two')] }),
      )
      expect(notCarried(result)).toEqual(['empty turns'])
      expect(textsIn(body)).toEqual(expect.arrayContaining(['one', 'two']))
      expect(textsIn(body)).not.toContain('')
      const turns = body.messages ?? body.contents
      expect(turns.every((message: { role: string }) => message.role === 'user')).toBe(true)
    }
  })

  test('empty parts beside others are left out, and nothing is lost', async () => {
    const rows: readonly (readonly [Endpoint, object])[] = [
      [
        'chat_completions',
        chat({
          messages: [
            { role: 'system', content: '' },
            user([
              { type: 'text', text: '' },
              { type: 'text', text: 'one' },
            ]),
            said([
              { type: 'text', text: 'yes' },
              { type: 'text', text: '' },
            ]),
            user('two'),
          ],
        }),
      ],
      [
        'responses',
        responses({
          input: [
            user([
              { type: 'input_text', text: '' },
              { type: 'input_text', text: 'one' },
            ]),
            said([
              { type: 'output_text', text: 'yes' },
              { type: 'output_text', text: '' },
            ]),
            user('two'),
          ],
        }),
      ],
      [
        'generate_content',
        gemini({
          contents: [
            { role: 'user', parts: [{ text: '' }, { text: 'one' }] },
            { role: 'model', parts: [{ text: 'yes' }, { text: '' }] },
            { role: 'user', parts: [{ text: 'two' }] },
          ],
        }),
      ],
    ]
    for (const [endpoint, body] of rows)
      for (const service of services) {
        if (service === 'gemini' && endpoint === 'generate_content') continue
        const { result, body: sent } = await ask(endpoint, service, body)
        expect(notCarried(result)).toEqual([])
        expect(textsIn(sent)).toEqual(['one', 'yes', 'two'])
      }
  })

  test('a call without words is carried as it is', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{}' } }
    const body = chat({
      tools: [weather],
      messages: [
        user('one'),
        { role: 'assistant', content: '', tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: '' },
        user('two'),
      ],
    })
    for (const service of ['anthropic', 'gemini', 'bedrock']) {
      const { result, body: sent } = await ask('chat_completions', service, body)
      expect(notCarried(result)).toEqual([])
      expect(JSON.stringify(sent)).toContain('weather')
    }
    const { body: atBedrock } = await ask('chat_completions', 'bedrock', body)
    expect(atBedrock.messages[2].content[0]).toEqual({ toolResult: { toolUseId: 'call_1', content: [] } })
  })

  test('space is nothing to Anthropic’s models, and something to others', async () => {
    const body = chat({ messages: [user('one'), said(' \n'), user('two')] })
    for (const service of ['anthropic', 'bedrock']) {
      const { result, body: sent } = await ask('chat_completions', service, body)
      expect(notCarried(result)).toEqual(['empty turns'])
      expect(textsIn(sent)).toEqual(['one', 'two'])
    }
    expect(textsIn((await ask('chat_completions', 'gemini', body)).body)).toEqual(['one', ' \n', 'two'])
  })

  test('a breakpoint on an empty text goes with it, and is listed', async () => {
    const body = messages({
      messages: [
        user([
          { type: 'text', text: '', cache_control: { type: 'ephemeral' } },
          { type: 'text', text: 'one' },
        ]),
      ],
    })
    expect(notCarried((await ask('messages', 'bedrock', body)).result)).toEqual(['cache_control'])
  })

  test('Gemini’s signature on an empty text goes back to Gemini', async () => {
    const body = chat({ messages: [user('one'), said('yes'), user('two')] })
    const { body: sent } = await ask('chat_completions', 'gemini', body)
    expect(sent.contents).toHaveLength(3)
    const signed = gemini({
      contents: [
        { role: 'user', parts: [{ text: 'one' }] },
        { role: 'model', parts: [{ text: 'yes' }, { text: '', thoughtSignature: 'c2lnbmVk' }] },
        { role: 'user', parts: [{ text: 'two' }] },
      ],
    })
    const elsewhere = await ask('generate_content', 'anthropic', signed)
    expect(textsIn(elsewhere.body)).toEqual(['one', 'yes', 'two'])
  })

  test('an empty last question is refused by name, before anything is sent', async () => {
    const rows: readonly (readonly [Endpoint, object, string])[] = [
      ['chat_completions', chat({ messages: [user('one'), said('yes'), user('')] }), 'messages[2].content'],
      ['chat_completions', chat({ messages: [user('')] }), 'messages[0].content'],
      ['responses', responses({ input: '' }), 'input'],
      ['generate_content', gemini({ contents: [{ parts: [{ text: '' }] }] }), 'contents[0].parts[0].text'],
    ]
    for (const [endpoint, body, field] of rows) {
      const { result, sent } = await ask(endpoint, 'anthropic', body)
      expect(result).toMatchObject({ kind: 'refused', fault: { code: 'not_translatable', field } })
      expect(sent).toHaveLength(0)
    }
  })
})
