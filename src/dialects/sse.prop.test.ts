import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anthropicCodec } from './anthropic.ts'
import { openaiCodec } from './openai.ts'
import { type Events, makeEventSplitter } from './sse.ts'

/** Cuts bytes at the given places. */
const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length))
}

const eventsOf = ({ text, ends }: Events) =>
  ends.map((end, index) => text.subarray(ends[index - 1] ?? 0, end))

const lineEnds = fc.constantFrom('\n', '\r\n')
const places = fc.array(fc.nat(), { maxLength: 30 })
const words = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { minLength: 1, maxLength: 12 })

test('any chunking gives the same events, byte for byte', () => {
  fc.assert(
    fc.property(words, lineEnds, places, (texts, end, cuts) => {
      const events = texts.map((text) => Buffer.from(`data: ${JSON.stringify({ text })}${end}${end}`))
      const splitter = makeEventSplitter(1_000_000)
      const found = cut(Buffer.concat(events), cuts).flatMap((chunk) => eventsOf(splitter.push(chunk)))
      expect(found.map((event) => event.toString())).toEqual(events.map((event) => event.toString()))
      expect(splitter.pending()).toBe(0)
    }),
    { numRuns: 500 },
  )
})

test('an event that never ends costs bounded memory and is refused', () => {
  const splitter = makeEventSplitter(10_000)
  expect(() => {
    for (let i = 0; i < 100; i++) splitter.push(Buffer.alloc(1_000, 'x'))
  }).toThrow(RangeError)
})

const tapped = (makeTap: typeof openaiCodec.makeTap, chunks: Buffer[]) => {
  const tap = makeTap(null as never)
  const splitter = makeEventSplitter(1_000_000)
  const kinds = chunks.flatMap((chunk) => {
    const { text, ends } = splitter.push(chunk)
    return tap.classify(text, ends)
  })
  return { kinds, usage: tap.reported() }
}

const counts = fc.record({
  prompt: fc.nat(100_000),
  cached: fc.nat(100_000),
  output: fc.nat(100_000),
  reasoning: fc.nat(100_000),
})

test('OpenAI: any chunking gives the same usage, classes are disjoint and add up to what was reported', () => {
  fc.assert(
    fc.property(counts, words, places, (n, texts, cuts) => {
      const cached = Math.min(n.cached, n.prompt)
      const reasoning = Math.min(n.reasoning, n.output)
      const usage = {
        prompt_tokens: n.prompt,
        completion_tokens: n.output,
        prompt_tokens_details: { cached_tokens: cached },
        completion_tokens_details: { reasoning_tokens: reasoning },
      }
      // Generated text that looks like a report must not be taken for one.
      const chunks = ['"usage":{"prompt_tokens":1}', ...texts].map((content) => ({
        choices: [{ delta: { content } }],
        usage: null,
      }))
      const stream = [...chunks, { choices: [], usage }]
        .map((data) => `data: ${JSON.stringify(data)}\n\n`)
        .join('')
      const { kinds, usage: found } = tapped(
        openaiCodec.makeTap,
        cut(Buffer.from(`${stream}data: [DONE]\n\n`), cuts),
      )
      expect(found).toEqual({
        input: n.prompt - cached,
        cacheRead: cached,
        cacheWrite: 0,
        cacheWrite1h: 0,
        output: n.output - reasoning,
        reasoning,
      })
      expect(kinds.at(-1)).toBe('end')
      expect(kinds.at(-2)).toBe('usage')
      expect(kinds.slice(0, -2).every((kind) => kind === 'content')).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test('Anthropic: any chunking gives the same usage; running totals replace, they do not add', () => {
  fc.assert(
    fc.property(counts, words, places, (n, texts, cuts) => {
      const event = (name: string, data: object) =>
        `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`
      const start = {
        input_tokens: n.prompt,
        cache_read_input_tokens: n.cached,
        cache_creation_input_tokens: 7,
        output_tokens: 1,
      }
      const stream =
        event('message_start', { message: { usage: start } }) +
        texts.map((text) => event('content_block_delta', { delta: { type: 'text_delta', text } })).join('') +
        event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: n.output } }) +
        event('message_stop', {})
      const { kinds, usage } = tapped(anthropicCodec.makeTap, cut(Buffer.from(stream), cuts))
      expect(usage).toEqual({
        input: n.prompt,
        cacheRead: n.cached,
        cacheWrite: 7,
        cacheWrite1h: 0,
        output: n.output,
        reasoning: 0,
      })
      expect(kinds.at(-1)).toBe('end')
    }),
    { numRuns: 300 },
  )
})

test('no bytes make a tap or the splitter crash', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }),
      fc.boolean(),
      (chunks, anthropic) => {
        const noisy = chunks.map((chunk) =>
          Buffer.concat([Buffer.from('data: {"usage":{'), chunk, Buffer.from('\n\n')]),
        )
        tapped(anthropic ? anthropicCodec.makeTap : openaiCodec.makeTap, noisy)
      },
    ),
    { numRuns: 500 },
  )
})
