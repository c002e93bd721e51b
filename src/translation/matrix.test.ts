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
import { dataOf, makeEventSplitter } from '../dialects/sse.ts'
import type { Endpoint } from '../services/service.ts'

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

type Inbound = 'chat_completions' | 'responses' | 'messages' | 'gemini'
const inbounds: readonly Inbound[] = ['chat_completions', 'responses', 'messages', 'gemini']

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

interface Read {
  text: string
  thought: string
  calls: { name: string; args: unknown }[]
  finish: string
}
// oxlint-disable-next-line typescript/no-explicit-any
type Any = any

/** What a caller makes of a whole reply. */
const readers: Record<Inbound, (reply: Any) => Read> = {
  chat_completions: ({ choices: [choice] }) => ({
    text: choice.message.content ?? '',
    thought: choice.message.reasoning_content ?? '',
    calls: (choice.message.tool_calls ?? []).map((call: Any) => ({
      name: call.function.name,
      args: JSON.parse(call.function.arguments),
    })),
    finish: choice.finish_reason,
  }),
  responses: ({ output, status }) => ({
    text: output.flatMap((item: Any) => (item.content ?? []).map((part: Any) => part.text)).join(''),
    thought: output.flatMap((item: Any) => (item.summary ?? []).map((part: Any) => part.text)).join(''),
    calls: output
      .filter((item: Any) => item.type === 'function_call')
      .map((item: Any) => ({ name: item.name, args: JSON.parse(item.arguments) })),
    finish: status,
  }),
  messages: ({ content, stop_reason: finish }) => ({
    text: content.map((block: Any) => block.text ?? '').join(''),
    thought: content.map((block: Any) => block.thinking ?? '').join(''),
    calls: content
      .filter((block: Any) => block.type === 'tool_use')
      .map((block: Any) => ({ name: block.name, args: block.input })),
    finish,
  }),
  gemini: ({ candidates: [candidate] }) => {
    const { parts } = candidate.content
    return {
      text: parts.map((part: Any) => (part.thought ? '' : (part.text ?? ''))).join(''),
      thought: parts.map((part: Any) => (part.thought ? (part.text ?? '') : '')).join(''),
      calls: parts
        .filter((part: Any) => part.functionCall)
        .map((part: Any) => ({ name: part.functionCall.name, args: part.functionCall.args })),
      finish: candidate.finishReason,
    }
  },
}

/** And of a stream: the dialect's own rules of putting it together again. */
const assemble: Record<Inbound, (events: Any[]) => Any> = {
  chat_completions: (events) => {
    const message: Any = { content: '', reasoning_content: '', tool_calls: [] }
    let finish_reason = null
    for (const { choices } of events) {
      const [choice] = choices
      if (choice === undefined) continue
      message.content += choice.delta.content ?? ''
      message.reasoning_content += choice.delta.reasoning_content ?? ''
      for (const call of choice.delta.tool_calls ?? []) {
        message.tool_calls[call.index] ??= { function: { name: call.function.name, arguments: '' } }
        message.tool_calls[call.index].function.arguments += call.function.arguments
      }
      finish_reason ??= choice.finish_reason
    }
    return { choices: [{ message, finish_reason }] }
  },
  responses: (events) => events.at(-1).response,
  messages: (events) => {
    const content: Any[] = []
    let stop_reason = null
    for (const event of events) {
      if (event.type === 'content_block_start') content.push({ ...event.content_block, json: '' })
      const block = content.at(-1)
      if (event.delta?.type === 'text_delta') block.text += event.delta.text
      if (event.delta?.type === 'thinking_delta') block.thinking += event.delta.thinking
      if (event.delta?.type === 'input_json_delta') block.json += event.delta.partial_json
      if (event.type === 'content_block_stop' && block.type === 'tool_use')
        block.input = JSON.parse(block.json)
      if (event.type === 'message_delta') stop_reason = event.delta.stop_reason
    }
    return { content, stop_reason }
  },
  gemini: (events) => ({
    candidates: [
      {
        content: { parts: events.flatMap((event) => event.candidates[0].content.parts) },
        finishReason: events.at(-1).candidates[0].finishReason,
      },
    ],
  }),
}

const finished: Record<Inbound, { stop: string; calls: string }> = {
  chat_completions: { stop: 'stop', calls: 'tool_calls' },
  responses: { stop: 'completed', calls: 'completed' },
  messages: { stop: 'end_turn', calls: 'tool_use' },
  gemini: { stop: 'STOP', calls: 'STOP' },
}

const endpointOf = (inbound: Inbound, streamed: boolean): Endpoint => {
  if (inbound !== 'gemini') return inbound
  return streamed ? 'stream_generate_content' : 'generate_content'
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
    if (!streamed)
      return { read: readers[inbound](JSON.parse(bytes.toString())), usage, raw: bytes.toString() }
    const { text, ends } = makeEventSplitter(1_000_000).push(bytes)
    expect(ends.at(-1), 'every event is whole').toBe(text.length)
    const events = ends
      .map((end, at) => dataOf(text.subarray(ends[at - 1] ?? 0, end)))
      .filter((data) => data !== '[DONE]')
      .map((data) => JSON.parse(data) as unknown)
    return { read: readers[inbound](assemble[inbound](events)), usage, raw: text.toString() }
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
