import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ask } from '../../tests/translation/asking.ts'
import { endpointOf, type Inbound, inbounds, readReply } from '../../tests/translation/readers.ts'
import { answering, bytesOf, requestOf, serviceOf, translate } from '../../tests/translation/upstream.ts'

/** Of every plane, with quotes, line ends and controls; no lone surrogates, which no UTF-8 can hold. */
const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((value) => value.trim() !== '')
const args = fc.dictionary(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((name) => name !== '__proto__'),
  fc
    .jsonValue({ maxDepth: 2 })
    .map((value) => JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'p')) as unknown),
  { maxKeys: 4 },
)
const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/)
interface Turn {
  readonly asked: string
  readonly calls: readonly { readonly name: string; readonly args: unknown; readonly result: string }[]
  readonly said: string
}
const turn: fc.Arbitrary<Turn> = fc.record({
  asked: text,
  calls: fc.array(fc.record({ name, args, result: text }), { maxLength: 3 }),
  said: text,
})
const turns = fc.array(turn, { minLength: 1, maxLength: 3 })

const bodies: Record<Inbound, (turns: readonly Turn[]) => object> = {
  chat_completions: (all) => ({
    model: 'm',
    tools: [{ type: 'function', function: { name: 'any' } }],
    messages: all.flatMap(({ asked, calls, said }, at) => [
      { role: 'user', content: asked },
      ...(calls.length === 0
        ? []
        : [
            {
              role: 'assistant',
              tool_calls: calls.map((call, index) => ({
                id: `c${at}_${index}`,
                type: 'function',
                function: { name: call.name, arguments: JSON.stringify(call.args) },
              })),
            },
          ]),
      ...calls.map(({ result }, index) => ({
        role: 'tool',
        tool_call_id: `c${at}_${index}`,
        content: result,
      })),
      { role: 'assistant', content: said },
    ]),
  }),
  responses: (all) => ({
    model: 'm',
    tools: [{ type: 'function', name: 'any' }],
    input: all.flatMap(({ asked, calls, said }, at) => [
      { role: 'user', content: [{ type: 'input_text', text: asked }] },
      ...calls.map((call, index) => ({
        type: 'function_call',
        call_id: `c${at}_${index}`,
        name: call.name,
        arguments: JSON.stringify(call.args),
      })),
      ...calls.map(({ result }, index) => ({
        type: 'function_call_output',
        call_id: `c${at}_${index}`,
        output: result,
      })),
      { role: 'assistant', content: [{ type: 'output_text', text: said }] },
    ]),
  }),
  messages: (all) => ({
    model: 'm',
    max_tokens: 10,
    tools: [{ name: 'any', input_schema: { type: 'object' } }],
    messages: all.flatMap(({ asked, calls, said }, at) => [
      { role: 'user', content: asked },
      ...(calls.length === 0
        ? []
        : [
            {
              role: 'assistant',
              content: calls.map((call, index) => ({
                type: 'tool_use',
                id: `c${at}_${index}`,
                name: call.name,
                input: call.args,
              })),
            },
            {
              role: 'user',
              content: calls.map(({ result }, index) => ({
                type: 'tool_result',
                tool_use_id: `c${at}_${index}`,
                content: result,
              })),
            },
          ]),
      { role: 'assistant', content: [{ type: 'text', text: said }] },
    ]),
  }),
  gemini: (all) => ({
    tools: [{ functionDeclarations: [{ name: 'any' }] }],
    contents: all.flatMap(({ asked, calls, said }) => [
      { role: 'user', parts: [{ text: asked }] },
      ...(calls.length === 0
        ? []
        : [
            {
              role: 'model',
              parts: calls.map((call) => ({ functionCall: { name: call.name, args: call.args } })),
            },
            {
              role: 'user',
              parts: calls.map(({ name, result }) => ({ functionResponse: { name, response: { result } } })),
            },
          ]),
      { role: 'model', parts: [{ text: said }] },
    ]),
  }),
}

test.each(inbounds)(
  '%s: no text, argument or result of a conversation is lost on the way',
  async (inbound) => {
    await fc.assert(
      fc.asyncProperty(turns, async (all) => {
        const closed = [...all, { asked: 'and now?', calls: [], said: 'well' }]
        const { result, body } = await ask(endpointOf(inbound, false), 'custom', bodies[inbound](closed))
        expect(result).toMatchObject({ kind: 'reply', notCarried: [] })
        // What the service was sent, message by message.
        // oxlint-disable-next-line typescript/no-explicit-any
        const sent = body.messages as any[]
        const of = (role: string) => sent.filter((message) => message.role === role)
        expect(of('user').map(({ content }) => content)).toEqual(closed.map(({ asked }) => asked))
        expect(of('assistant').flatMap(({ content }) => (content ? [content] : []))).toEqual(
          closed.map(({ said }) => said),
        )
        const calls = of('assistant').flatMap(({ tool_calls: made }) => made ?? [])
        expect(calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)])).toEqual(
          closed.flatMap(({ calls: made }) => made.map((call) => [call.name, call.args])),
        )
        const results = of('tool')
        expect(results.map(({ tool_call_id: id }) => id)).toEqual(calls.map(({ id }) => id))
        const read = (content: string) => (inbound === 'gemini' ? JSON.parse(content).result : content)
        expect(results.map(({ content }) => read(content))).toEqual(
          closed.flatMap(({ calls: made }) => made.map((call) => call.result)),
        )
      }),
      { numRuns: 30 },
    )
  },
)

const reply = fc.record({
  said: fc.array(text, { maxLength: 4 }),
  calls: fc.array(fc.record({ name, args }), { maxLength: 3 }),
  cuts: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
})

/** The bytes of a stream, cut wherever it pleases. */
const cutUp = (bytes: Buffer, cuts: readonly number[]) => {
  let at = 0
  let next = 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      const end = at + (cuts[next++ % cuts.length] as number)
      controller.enqueue(new Uint8Array(bytes.subarray(at, end)))
      at = end
    },
  })
}

test.each(inbounds)(
  '%s: a streamed reply says what was said, however its bytes were cut',
  async (inbound) => {
    await fc.assert(
      fc.asyncProperty(reply, async ({ said, calls, cuts }) => {
        const delta = (content: object) => ({ id: 'c', choices: [{ index: 0, delta: content }] })
        const events = [
          delta({ role: 'assistant', content: '' }),
          ...said.map((content) => delta({ content })),
          ...calls.flatMap((call, index) => {
            const json = JSON.stringify(call.args)
            const half = Math.floor(json.length / 2)
            const part = (argument: string) =>
              delta({ tool_calls: [{ index, function: { arguments: argument } }] })
            const head = {
              index,
              id: `c${index}`,
              type: 'function',
              function: { name: call.name, arguments: '' },
            }
            return [delta({ tool_calls: [head] }), part(json.slice(0, half)), part(json.slice(half))]
          }),
          {
            id: 'c',
            choices: [{ index: 0, delta: {}, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' }],
          },
        ]
        const bytes = Buffer.from(
          `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`,
        )
        const { fetch } = answering(
          () => new Response(cutUp(bytes, cuts), { headers: { 'content-type': 'text/event-stream' } }),
        )
        const body = bodies[inbound]([{ asked: 'x', calls: [], said: 'y' }])
        const request = requestOf(endpointOf(inbound, true), body, {
          service: serviceOf('custom'),
          fetch,
          streamed: true,
        })
        const read = readReply(inbound, await bytesOf(await translate(request)), true)
        expect(read.text).toBe(said.join(''))
        expect(read.calls).toEqual(calls.map((call) => ({ name: call.name, args: call.args })))
      }),
      { numRuns: 30 },
    )
  },
)
