import type { LLMock } from '@copilotkit/aimock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  bytesOf,
  requestOf,
  serviceOf,
  startMock,
  translate,
  usageRead,
} from '../../tests/translation/upstream.ts'

import { endpointOf, type Inbound, inbounds, readReply } from '../../tests/translation/readers.ts'
/**
 * Every caller's dialect at every service's, whole and streamed, over the real AI SDK packages and an independent
 * stand-in of the services.
 */
const upstreams = {
  openai: 'gpt-5',
  custom: 'some-model',
  anthropic: 'claude-sonnet-4-5',
  gemini: 'gemini-2.5-flash',
  bedrock: 'anthropic.claude-3-5-sonnet-20241022-v2:0',
} as const

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
} as const

type Case = 'text' | 'tools' | 'image' | 'structured' | 'reasoning'
const prompts: Record<Case, string> = {
  text: 'say hello',
  tools: 'weather please',
  image: 'look at this',
  structured: 'give me a city',
  reasoning: 'think hard',
}

const bodies: Record<Inbound, (kind: Case) => object> = {
  chat_completions: (kind) => ({
    model: 'group/smart',
    messages: [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content:
          kind === 'image'
            ? [
                { type: 'text', text: prompts.image },
                { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
              ]
            : prompts[kind],
      },
    ],
    ...(kind === 'tools' && {
      tools: [{ type: 'function', function: { name: 'weather', parameters: schema } }],
    }),
    ...(kind === 'structured' && {
      response_format: { type: 'json_schema', json_schema: { name: 'city', schema, strict: true } },
    }),
    ...(kind === 'reasoning' && { reasoning_effort: 'low' }),
  }),
  responses: (kind) => ({
    model: 'group/smart',
    instructions: 'Be brief.',
    input:
      kind === 'image'
        ? [
            {
              role: 'user',
              content: [
                { type: 'input_text', text: prompts.image },
                { type: 'input_image', image_url: `data:image/png;base64,${png}` },
              ],
            },
          ]
        : prompts[kind],
    ...(kind === 'tools' && { tools: [{ type: 'function', name: 'weather', parameters: schema }] }),
    ...(kind === 'structured' && { text: { format: { type: 'json_schema', name: 'city', schema } } }),
    ...(kind === 'reasoning' && { reasoning: { effort: 'low', summary: 'auto' } }),
  }),
  messages: (kind) => ({
    model: 'group/smart',
    max_tokens: 2_000,
    system: 'Be brief.',
    messages: [
      {
        role: 'user',
        content:
          kind === 'image'
            ? [
                { type: 'text', text: prompts.image },
                { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
              ]
            : prompts[kind],
      },
    ],
    ...(kind === 'tools' && { tools: [{ name: 'weather', input_schema: schema }] }),
    ...(kind === 'structured' && { output_format: { type: 'json_schema', schema } }),
    ...(kind === 'reasoning' && { thinking: { type: 'enabled', budget_tokens: 1_024 } }),
  }),
  gemini: (kind) => ({
    systemInstruction: { parts: [{ text: 'Be brief.' }] },
    contents: [
      {
        role: 'user',
        parts: [
          { text: prompts[kind] },
          ...(kind === 'image' ? [{ inlineData: { mimeType: 'image/png', data: png } }] : []),
        ],
      },
    ],
    ...(kind === 'tools' && {
      tools: [
        {
          functionDeclarations: [
            {
              name: 'weather',
              parameters: { type: 'OBJECT', properties: { city: { type: 'STRING' } }, required: ['city'] },
            },
          ],
        },
      ],
    }),
    generationConfig: {
      ...(kind === 'structured' && {
        responseMimeType: 'application/json',
        responseSchema: { type: 'OBJECT', properties: { city: { type: 'STRING' } }, required: ['city'] },
      }),
      ...(kind === 'reasoning' && { thinkingConfig: { thinkingBudget: 1_024, includeThoughts: true } }),
    },
  }),
}

const finished: Record<Inbound, { stop: string; calls: string }> = {
  chat_completions: { stop: 'stop', calls: 'tool_calls' },
  responses: { stop: 'completed', calls: 'completed' },
  messages: { stop: 'end_turn', calls: 'tool_use' },
  gemini: { stop: 'STOP', calls: 'STOP' },
}

const calls = [
  { name: 'weather', args: { city: 'Graz' } },
  { name: 'weather', args: { city: 'Linz "an der Donau"' } },
]

describe('a caller of one dialect, served by another', () => {
  let mock: LLMock
  beforeAll(async () => {
    mock = await startMock()
    mock.onMessage(prompts.text, { content: 'Hello there, dear caller. Grüß Gott!' })
    mock.onMessage(prompts.image, { content: 'A dot.' })
    mock.onMessage(prompts.structured, { content: '{"city":"Graz"}' })
    mock.onMessage(prompts.reasoning, { content: 'Done.', reasoning: 'I weigh it.' })
    mock.onMessage(prompts.tools, {
      toolCalls: calls.map(({ name, args }) => ({ name, arguments: JSON.stringify(args) })),
    })
  })
  afterAll(() => mock.stop())

  const run = async (inbound: Inbound, upstream: keyof typeof upstreams, kind: Case, streamed: boolean) => {
    const body = bodies[inbound](kind)
    const request = requestOf(
      endpointOf(inbound, streamed),
      streamed ? { ...body, ...(inbound === 'gemini' ? {} : { stream: true }) } : body,
      {
        service: serviceOf(upstream),
        baseUrl: upstream === 'custom' ? `${mock.url}/v1` : mock.url,
        model: upstreams[upstream],
        streamed,
      },
    )
    const result = await translate(request)
    const bytes = await bytesOf(result)
    const usage = usageRead(request.endpoint, request, bytes)
    return { read: readReply(inbound, bytes, streamed), usage, raw: bytes.toString() }
  }

  const rows = inbounds.flatMap((inbound) =>
    (Object.keys(upstreams) as (keyof typeof upstreams)[]).flatMap((upstream) =>
      [false, true].map(
        (streamed) => [inbound, upstream, streamed ? 'streamed' : 'whole', streamed] as const,
      ),
    ),
  )

  test.each(rows)(
    '%s → %s, %s: text, image, structured output and calls arrive whole',
    async (inbound, upstream, _, streamed) => {
      const text = await run(inbound, upstream, 'text', streamed)
      expect(text.read).toEqual({
        text: 'Hello there, dear caller. Grüß Gott!',
        thought: '',
        calls: [],
        finish: finished[inbound].stop,
      })
      expect(text.raw).toContain('group/smart')
      expect(text.raw).not.toContain(upstreams[upstream])
      expect((await run(inbound, upstream, 'image', streamed)).read.text).toBe('A dot.')
      expect(JSON.parse((await run(inbound, upstream, 'structured', streamed)).read.text)).toEqual({
        city: 'Graz',
      })
      const tools = await run(inbound, upstream, 'tools', streamed)
      expect(tools.read.calls).toEqual(calls)
      expect(tools.read.finish).toBe(finished[inbound].calls)
      const thought = await run(inbound, upstream, 'reasoning', streamed)
      expect(thought.read.text).toBe('Done.')
      // OpenAI's chat completions, which stand for it here, have no place for reasoning.
      if (upstream !== 'openai') expect(thought.read.thought).toBe('I weigh it.')
    },
  )
})
