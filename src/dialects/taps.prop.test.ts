import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tokenClasses, type Usage } from '../metering/usage.ts'
import type { Endpoint } from '../services/service.ts'
import { codecOf } from './codecs.ts'
import type { ParsedRequest } from './dialect.ts'
import { makeEventSplitter } from './sse.ts'

/*
 * Taps watch bytes that somebody else cut into chunks, and that somebody else may have made up. Each dialect is held to
 * the same: the chunking changes nothing, the bytes pass as they are, and no bytes do harm.
 */

interface Counts {
  readonly input: number
  readonly cached: number
  readonly output: number
  readonly reasoning: number
}
interface Stream {
  readonly endpoint: Endpoint
  /** Events as `[event name or null, data]`. */
  readonly events: readonly (readonly [string | null, unknown])[]
  readonly expected: Usage
  readonly ends: 'event' | 'connection'
}

const expectedOf = ({ input, cached, output, reasoning }: Counts): Usage => ({
  input: input - cached,
  cacheRead: cached,
  cacheWrite: 0,
  cacheWrite1h: 0,
  output: output - reasoning,
  reasoning,
})
/** Generated text that looks like a report, an error or an end must not be taken for one. */
const forged = [
  '"usage":{"prompt_tokens":1}',
  '"error":{}',
  '[DONE]',
  '\n\ndata: [DONE]\n\n',
  '"usageMetadata":{}',
]

const makers: Readonly<Record<string, (texts: readonly string[], n: Counts) => Stream>> = {
  'chat completions': (texts, n) => ({
    endpoint: 'chat_completions',
    events: [
      ...texts.map((content) => [null, { choices: [{ delta: { content } }], usage: null }] as const),
      [
        null,
        {
          choices: [],
          usage: {
            prompt_tokens: n.input,
            completion_tokens: n.output,
            prompt_tokens_details: { cached_tokens: n.cached },
            completion_tokens_details: { reasoning_tokens: n.reasoning },
          },
        },
      ],
      [null, '[DONE]'],
    ],
    expected: expectedOf(n),
    ends: 'event',
  }),
  responses: (texts, n) => ({
    endpoint: 'responses',
    events: [
      ['response.created', { type: 'response.created', response: { usage: null, output: [] } }],
      ...texts.map(
        (delta) => ['response.output_text.delta', { type: 'response.output_text.delta', delta }] as const,
      ),
      ['response.output_text.done', { type: 'response.output_text.done', text: texts.join('') }],
      [
        'response.completed',
        {
          type: 'response.completed',
          response: {
            output: [{ type: 'message', content: [{ type: 'output_text', text: texts.join('') }] }],
            usage: {
              input_tokens: n.input,
              input_tokens_details: { cached_tokens: n.cached },
              output_tokens: n.output,
              output_tokens_details: { reasoning_tokens: n.reasoning },
            },
          },
        },
      ],
    ],
    expected: expectedOf(n),
    ends: 'event',
  }),
  messages: (texts, n) => ({
    endpoint: 'messages',
    events: [
      [
        'message_start',
        {
          type: 'message_start',
          message: {
            usage: {
              input_tokens: n.input - n.cached,
              cache_read_input_tokens: n.cached,
              cache_creation_input_tokens: 0,
              output_tokens: 1,
            },
          },
        },
      ],
      ...texts.map(
        (text) => ['content_block_delta', { type: 'content_block_delta', delta: { text } }] as const,
      ),
      [
        'message_delta',
        {
          type: 'message_delta',
          usage: { output_tokens: n.output, output_tokens_details: { thinking_tokens: n.reasoning } },
        },
      ],
      ['message_stop', { type: 'message_stop' }],
    ],
    expected: expectedOf(n),
    ends: 'event',
  }),
  Gemini: (texts, n) => ({
    endpoint: 'stream_generate_content',
    events: [
      ...texts.map(
        (text, index) =>
          [
            null,
            {
              candidates: [{ content: { parts: [{ text }], role: 'model' }, index: 0 }],
              usageMetadata: { promptTokenCount: n.input, candidatesTokenCount: index },
            },
          ] as const,
      ),
      [
        null,
        {
          candidates: [{ content: { parts: [{ text: '' }] }, finishReason: 'STOP', index: 0 }],
          usageMetadata: {
            promptTokenCount: n.input,
            cachedContentTokenCount: n.cached,
            candidatesTokenCount: n.output - n.reasoning,
            thoughtsTokenCount: n.reasoning,
            totalTokenCount: n.input + n.output,
          },
          modelVersion: 'gemini-2.5-flash',
        },
      ],
    ],
    expected: expectedOf(n),
    ends: 'connection',
  }),
}
const dialects = Object.entries(makers)
const tapOf = (endpoint: Endpoint) => codecOf(endpoint).makeTap({ endpoint, choices: 1 } as ParsedRequest)

const bytesOf = ({ events }: Stream, lineEnd: string): Buffer =>
  Buffer.from(
    events
      .map(([name, data]) => {
        const line = `data: ${typeof data === 'string' ? data : JSON.stringify(data)}${lineEnd}${lineEnd}`
        return name === null ? line : `event: ${name}${lineEnd}${line}`
      })
      .join(''),
  )

/** Cuts bytes at the given places. */
const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length))
}

const watch = (endpoint: Endpoint, chunks: readonly Buffer[]) => {
  const tap = tapOf(endpoint)
  const splitter = makeEventSplitter(1_000_000)
  const passed: Buffer[] = []
  const kinds = chunks.flatMap((chunk) => {
    const { text, ends } = splitter.push(chunk)
    const found = tap.classify(text, ends)
    expect(found).toHaveLength(ends.length)
    passed.push(text.subarray(0, ends.at(-1) ?? 0))
    return found
  })
  return { kinds, usage: tap.reported(), passed: Buffer.concat(passed), tap }
}

const counts = fc
  .record({
    input: fc.nat(100_000),
    cached: fc.nat(100_000),
    output: fc.nat(100_000),
    reasoning: fc.nat(100_000),
  })
  .map((n) => ({ ...n, cached: Math.min(n.cached, n.input), reasoning: Math.min(n.reasoning, n.output) }))
const texts = fc.array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom(...forged)), {
  minLength: 1,
  maxLength: 10,
})
const lineEnds = fc.constantFrom('\n', '\r\n')
const places = fc.array(fc.nat(), { maxLength: 30 })

describe.each(dialects)('%s', (_, make) => {
  test('any chunking, also within a character, gives the same usage, kinds and bytes', () => {
    fc.assert(
      fc.property(texts, counts, lineEnds, places, (words, n, lineEnd, cuts) => {
        const stream = make(words, n)
        const bytes = bytesOf(stream, lineEnd)
        const whole = watch(stream.endpoint, [bytes])
        const found = watch(stream.endpoint, cut(bytes, cuts))
        expect(found.usage).toEqual(stream.expected)
        expect(found.kinds).toEqual(whole.kinds)
        expect(found.passed.equals(bytes)).toBe(true)
        expect(found.kinds.slice(0, -1).every((kind) => kind !== 'end' && kind !== 'error')).toBe(true)
        if (stream.ends === 'event') expect(found.kinds.at(-1)).toBe('end')
        else expect(found.tap.endsWithConnection?.()).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('every single place to cut gives the same', () => {
    const stream = make(['é', '好', '👩‍👩‍👧', ...forged], { input: 90, cached: 30, output: 20, reasoning: 5 })
    const bytes = bytesOf(stream, '\r\n')
    const { kinds } = watch(stream.endpoint, [bytes])
    for (let at = 0; at <= bytes.length; at++) {
      const found = watch(stream.endpoint, [bytes.subarray(0, at), bytes.subarray(at)])
      expect([found.kinds, found.usage]).toEqual([kinds, stream.expected])
    }
  })

  test('a stream that was cut anywhere is not taken for a whole one', () => {
    fc.assert(
      fc.property(texts, counts, fc.nat(), (words, n, place) => {
        const stream = make(words, n)
        const bytes = bytesOf(stream, '\n')
        // Without the last blank line the last event is not there.
        const { kinds, tap } = watch(stream.endpoint, [bytes.subarray(0, place % (bytes.length - 1))])
        expect(kinds).not.toContain('end')
        expect(tap.endsWithConnection?.() ?? false).toBe(false)
      }),
      { numRuns: 100 },
    )
  })

  test('garbage never makes it throw, nor report what is no count', () => {
    const marks = [
      'data: ',
      'event: ',
      'response.completed',
      '"usage":{',
      '"usageMetadata":{',
      '"finishReason":',
    ]
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom(...marks, '"error"', '"candidates":[', '}', ']', '\n', '\n\n', '\r\n\r\n')
        .map(Buffer.from),
      fc.json({ maxDepth: 3 }).map((json) => Buffer.from(`data: ${json}\n\n`)),
      fc
        .jsonValue({ maxDepth: 2 })
        .map((value) => Buffer.from(`data: ${JSON.stringify(reportWith(value))}\n\n`)),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const { endpoint } = make([''], { input: 0, cached: 0, output: 0, reasoning: 0 })
        const { usage } = watch(endpoint, pieces)
        expectSound(usage)
      }),
      { numRuns: 400 },
    )
  })

  test('an event nested deeper than anybody’s is not read, as parsing it could take all memory', () => {
    const counted = { input: 9, cached: 0, output: 5, reasoning: 0 }
    const stream = make([''], counted)
    const nested = ({ events }: Stream, depth: number) => {
      const nest = `${'['.repeat(depth)}${']'.repeat(depth)}`
      const texts = events.map(([name, data]) => {
        const json = typeof data === 'string' ? data : `${JSON.stringify(data).slice(0, -1)},"deep":${nest}}`
        return `${name === null ? '' : `event: ${name}\n`}data: ${json}\n\n`
      })
      return watch(stream.endpoint, [Buffer.from(texts.join(''))]).usage
    }
    expect(nested(stream, 100)).toEqual(stream.expected)
    expect(nested(stream, 5_000)).toBeNull()
  })

  test('memory does not grow with a stream', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const stream = make(['x'.repeat(20_000)], { input: 9, cached: 3, output: 5, reasoning: 1 })
    const bytes = bytesOf({ ...stream, events: stream.events.slice(0, 2) }, '\n')
    const tap = tapOf(stream.endpoint)
    const splitter = makeEventSplitter(1_000_000)
    /** Freed buffers are given back a little later than they are collected. */
    const used = async () => {
      let least = Number.POSITIVE_INFINITY
      for (let i = 0; i < 5; i++) {
        collect()
        await new Promise((done) => setImmediate(done))
        const { heapUsed, arrayBuffers } = process.memoryUsage()
        least = Math.min(least, heapUsed + arrayBuffers)
      }
      return least
    }
    const push = (times: number) => {
      for (let i = 0; i < times; i++) {
        const { text, ends } = splitter.push(Buffer.from(bytes))
        tap.classify(text, ends)
      }
    }
    push(100)
    const before = await used()
    push(4_000)
    // Of more than 80 MB.
    expect((await used()) - before).toBeLessThan(20_000_000)
  })
})

/** The same values where each dialect looks for its report. */
const reportWith = (value: unknown) => ({
  type: 'response.completed',
  choices: [],
  usage: value,
  message: { usage: value },
  usageMetadata: value,
  candidates: [value],
  response: { usage: value, output: value },
  prompt_tokens: value,
})

const expectSound = (usage: Usage | null) => {
  if (usage === null) return
  for (const name of tokenClasses) expect(Number.isSafeInteger(usage[name]) && usage[name] >= 0).toBe(true)
  for (const count of Object.values(usage.units ?? {}))
    expect(Number.isSafeInteger(count) && count > 0).toBe(true)
}

/** Numbers as services never report them, and reports that contradict themselves. */
const anyCount = fc.oneof(
  fc.nat(1_000),
  fc.integer(),
  fc.double(),
  fc.constantFrom(null, '5', {}, [], true, 1e300, Number.MAX_SAFE_INTEGER),
)
const anyReport = fc.dictionary(
  fc.constantFrom(
    'prompt_tokens',
    'completion_tokens',
    'input_tokens',
    'output_tokens',
    'total_tokens',
    'cached_tokens',
    'cache_read_input_tokens',
    'cache_creation_input_tokens',
    'prompt_cache_hit_tokens',
    'num_search_queries',
    'promptTokenCount',
    'candidatesTokenCount',
    'thoughtsTokenCount',
    'toolUsePromptTokenCount',
    'cachedContentTokenCount',
    'totalTokenCount',
  ),
  anyCount,
)
const anyDetails = fc.dictionary(
  fc.constantFrom(
    'cached_tokens',
    'audio_tokens',
    'cache_write_tokens',
    'reasoning_tokens',
    'thinking_tokens',
    'ephemeral_1h_input_tokens',
    'web_search_requests',
  ),
  anyCount,
)
const anyModalities = fc.array(
  fc.record({ modality: fc.constantFrom('TEXT', 'AUDIO', 'IMAGE', null), tokenCount: anyCount }),
  { maxLength: 3 },
)

const readers = [
  'chat_completions',
  'embeddings',
  'responses',
  'messages',
  'count_tokens',
  'generate_content',
  'gemini_count_tokens',
  'embed_content',
] as const satisfies readonly Endpoint[]

describe.each(readers)('whole replies of %s', (endpoint) => {
  const read = (body: Buffer) =>
    codecOf(endpoint).usageOf({ body, contentType: 'application/json' }, { endpoint } as ParsedRequest)

  test('reports that contradict themselves never make a negative or absurd count', () => {
    fc.assert(
      fc.property(anyReport, anyDetails, anyDetails, anyModalities, (report, input, output, modalities) => {
        const usage = {
          ...report,
          prompt_tokens_details: input,
          input_tokens_details: input,
          completion_tokens_details: output,
          output_tokens_details: output,
          cache_creation: input,
          server_tool_use: input,
          iterations: [{ ...report, type: 'compaction', cache_creation: input }, report, null],
        }
        const usageMetadata = {
          ...report,
          promptTokensDetails: modalities,
          cacheTokensDetails: modalities,
          candidatesTokensDetails: modalities,
        }
        expectSound(read(Buffer.from(JSON.stringify({ usage, usageMetadata, output: [] }))))
      }),
      { numRuns: 300 },
    )
  })

  test('bytes that are no reply are no report, and do no harm', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('{"usage":{', '"usageMetadata":', '"webSearchQueries"', '[', '}', '"', '\\')
        .map(Buffer.from),
      fc.json({ maxDepth: 3 }).map(Buffer.from),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => expectSound(read(Buffer.concat(pieces)))),
      { numRuns: 300 },
    )
  })

  test('a reply nested deeper than anybody’s is not read', () => {
    const report = {
      input_tokens: 1,
      output_tokens: 1,
      prompt_tokens: 1,
      promptTokenCount: 1,
      totalTokens: 1,
    }
    const nested = (depth: number) =>
      read(
        Buffer.from(
          `{"usage":${JSON.stringify(report)},"usageMetadata":${JSON.stringify(report)},"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`,
        ),
      )
    expect(nested(100)).not.toBeNull()
    // Of embeddings only the report itself is parsed.
    if (endpoint !== 'embeddings') expect(nested(5_000)).toBeNull()
  })
})
