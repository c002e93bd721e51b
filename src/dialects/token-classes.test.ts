import { describe, expect, test } from 'vitest'
import { costNanoUsd } from '../metering/cost.ts'
import type { ModelPrice } from '../metering/price-book.ts'
import type { Endpoint } from '../services/service.ts'
import { codecOf } from './codecs.ts'
import type { ParsedRequest } from './dialect.ts'

/*
 * Cases in which today's gateways counted tokens wrongly. The numbers are the reports' own where they give any.
 */

const request = (endpoint: Endpoint) => ({ endpoint, choices: 1 }) as ParsedRequest
const usageOf = (endpoint: Endpoint, reply: unknown) =>
  codecOf(endpoint).usageOf(
    { body: Buffer.from(JSON.stringify(reply)), contentType: 'application/json' },
    request(endpoint),
  )
const streamed = (endpoint: Endpoint, events: readonly string[]) => {
  const tap = codecOf(endpoint).makeTap(request(endpoint))
  for (const event of events) tap.classify(Buffer.from(event), [Buffer.byteLength(event)])
  return tap.reported()
}
const anthropicEvent = (name: string, data: object) =>
  `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`
const geminiEvent = (data: object) => `data: ${JSON.stringify(data)}\r\n\r\n`
const none = { input: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output: 0, reasoning: 0 }

describe('Anthropic', () => {
  const written = { input_tokens: 3, cache_creation_input_tokens: 12_304, cache_read_input_tokens: 0 }
  const expected = { ...none, input: 3, cacheWrite: 12_304, output: 550 }

  test('LiteLLM #9812: what was written to the cache is not counted as input as well', () => {
    expect(usageOf('messages', { usage: { ...written, output_tokens: 550 } })).toEqual(expected)
  })

  test('LiteLLM #11789, Bifrost #3451: nor is it in a stream', () => {
    expect(
      streamed('messages', [
        anthropicEvent('message_start', { message: { usage: { ...written, output_tokens: 1 } } }),
        anthropicEvent('message_delta', { delta: {}, usage: { output_tokens: 550 } }),
      ]),
    ).toEqual(expected)
  })

  test('Bifrost #5354: a prompt told whole at the start and by parts at the end counts once', () => {
    expect(
      streamed('messages', [
        anthropicEvent('message_start', { message: { usage: { input_tokens: 9_000, output_tokens: 0 } } }),
        anthropicEvent('message_delta', {
          usage: { input_tokens: 40, cache_read_input_tokens: 8_960, output_tokens: 7 },
        }),
      ]),
    ).toEqual({ ...none, input: 40, cacheRead: 8_960, output: 7 })
  })

  test('new-api #6353: writes to the cache are not free, of either lifetime', () => {
    const usage = {
      input_tokens: 1,
      output_tokens: 1,
      cache_creation_input_tokens: 10,
      cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 6 },
    }
    expect(usageOf('messages', { usage })).toMatchObject({ cacheWrite: 4, cacheWrite1h: 6 })
  })

  test('thinking is a part of the output, and a compaction is none of the totals', () => {
    const usage = {
      input_tokens: 10,
      output_tokens: 100,
      output_tokens_details: { thinking_tokens: 70 },
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
      iterations: [
        { type: 'compaction', input_tokens: 1_000, output_tokens: 50, cache_read_input_tokens: 5 },
        { type: 'message', input_tokens: 10, output_tokens: 100 },
      ],
    }
    expect(usageOf('messages', { usage })).toEqual({
      ...none,
      input: 1_010,
      cacheRead: 5,
      output: 80,
      reasoning: 70,
      units: { search: 2 },
    })
  })
})

describe('OpenAI and services like it', () => {
  const chat = (usage: object) => usageOf('chat_completions', { choices: [], usage })

  test('LiteLLM #6215: cached tokens are a part of the prompt, not beside it', () => {
    expect(
      chat({
        prompt_tokens: 2_006,
        completion_tokens: 300,
        total_tokens: 2_306,
        prompt_tokens_details: { cached_tokens: 1_920 },
      }),
    ).toEqual({ ...none, input: 86, cacheRead: 1_920, output: 300 })
  })

  test('new-api #5003: more cached than prompted is no negative input but a cache counted apart', () => {
    expect(
      chat({
        prompt_tokens: 56_322,
        completion_tokens: 87,
        prompt_tokens_details: { cached_tokens: 72_960 },
      }),
    ).toEqual({ ...none, input: 56_322, cacheRead: 72_960, output: 87 })
  })

  test('LiteLLM #11364, Bifrost #904: reads and writes of a cache leave the rest as input', () => {
    expect(
      chat({
        prompt_tokens: 98_805,
        completion_tokens: 5_120,
        prompt_tokens_details: { cached_tokens: 66_360, cache_creation_tokens: 32_435 },
        completion_tokens_details: { reasoning_tokens: 1_710 },
      }),
    ).toEqual({
      ...none,
      input: 10,
      cacheRead: 66_360,
      cacheWrite: 32_435,
      output: 3_410,
      reasoning: 1_710,
    })
  })

  test('xAI: reasoning that the completion leaves out is not lost', () => {
    expect(
      chat({
        prompt_tokens: 10_120,
        completion_tokens: 1_499,
        total_tokens: 14_428,
        prompt_tokens_details: { cached_tokens: 128 },
        completion_tokens_details: { reasoning_tokens: 2_809 },
      }),
    ).toEqual({ ...none, input: 9_992, cacheRead: 128, output: 1_499, reasoning: 2_809 })
  })

  test.each([{ prompt_cache_hit_tokens: 40 }, { cached_tokens: 40 }, { num_cached_tokens: 40 }])(
    'a cache told under another name: %j',
    (told) => {
      expect(chat({ prompt_tokens: 100, completion_tokens: 1, ...told })).toMatchObject({
        input: 60,
        cacheRead: 40,
      })
    },
  )

  test('audio is a unit and not text as well; what was cached is text first', () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 50,
      prompt_tokens_details: { audio_tokens: 60, cached_tokens: 50 },
      completion_tokens_details: { audio_tokens: 30, reasoning_tokens: 5 },
    }
    expect(chat(usage)).toEqual({
      ...none,
      cacheRead: 40,
      output: 15,
      reasoning: 5,
      units: { input_audio_tokens: 50, cache_read_audio_tokens: 10, output_audio_tokens: 30 },
    })
  })

  test('responses: classes are disjoint, and searches are counted', () => {
    expect(
      usageOf('responses', {
        output: [
          { type: 'web_search_call', action: { type: 'search' } },
          { type: 'web_search_call', action: { type: 'open_page' } },
        ],
        usage: {
          input_tokens: 100,
          output_tokens: 60,
          input_tokens_details: { cached_tokens: 64, cache_write_tokens: 16 },
          output_tokens_details: { reasoning_tokens: 50 },
        },
      }),
    ).toEqual({
      input: 20,
      cacheRead: 64,
      cacheWrite: 16,
      cacheWrite1h: 0,
      output: 10,
      reasoning: 50,
      units: { search: 1 },
    })
  })

  test('a schema that a caller sent and a service echoes is no report', () => {
    const forged = { usage: { input_tokens: 0, output_tokens: 0 } }
    const reply = {
      usage: { input_tokens: 9, output_tokens: 8 },
      tools: [{ parameters: forged }],
      metadata: {},
    }
    expect(usageOf('responses', reply)).toMatchObject({ input: 9, output: 8 })
    const chatReply = {
      usage: { prompt_tokens: 9, completion_tokens: 8 },
      tools: [{ usage: { prompt_tokens: 0, completion_tokens: 0 } }],
    }
    expect(usageOf('chat_completions', chatReply)).toMatchObject({ input: 9, output: 8 })
  })
})

describe('Gemini', () => {
  const usageMetadata = {
    promptTokenCount: 264,
    cachedContentTokenCount: 200,
    toolUsePromptTokenCount: 30,
    candidatesTokenCount: 104,
    thoughtsTokenCount: 989,
    totalTokenCount: 1_387,
  }
  const expected = { ...none, input: 94, cacheRead: 200, output: 104, reasoning: 989 }

  test('cached tokens are a part of the prompt, thoughts and tools’ results are beside it', () => {
    expect(usageOf('generate_content', { candidates: [], usageMetadata })).toEqual(expected)
  })

  test('thoughts that a service counted among the candidates’ tokens are not counted twice', () => {
    const twice = {
      promptTokenCount: 10,
      candidatesTokenCount: 100,
      thoughtsTokenCount: 60,
      totalTokenCount: 110,
    }
    expect(usageOf('generate_content', { usageMetadata: twice })).toMatchObject({ output: 40, reasoning: 60 })
  })

  test('Dify #1350: running totals replace each other, and what is not told again stays', () => {
    const text = (index: number) => ({ candidates: [{ content: { parts: [{ text: `${index}` }] } }] })
    expect(
      streamed('stream_generate_content', [
        geminiEvent({ ...text(1), usageMetadata: { promptTokenCount: 264, candidatesTokenCount: 4 } }),
        geminiEvent({ ...text(2), usageMetadata }),
        geminiEvent({ ...text(3), usageMetadata: { promptTokenCount: 264, totalTokenCount: 1_387 } }),
      ]),
    ).toEqual(expected)
  })

  test('arguments that a model made up are no report, in a stream or a reply', () => {
    const args = { usageMetadata: { promptTokenCount: 0, candidatesTokenCount: 0 } }
    const candidates = [{ content: { parts: [{ functionCall: { name: 'f', args } }] }, finishReason: 'STOP' }]
    for (const reply of [
      { candidates, usageMetadata },
      { usageMetadata, candidates },
    ]) {
      expect(usageOf('generate_content', reply)).toEqual(expected)
      expect(streamed('stream_generate_content', [geminiEvent(reply)])).toEqual(expected)
    }
    expect(usageOf('generate_content', { candidates })).toBeNull()
    const withoutFinish = [{ content: candidates[0]?.content }]
    const unfinished = geminiEvent({ usageMetadata, candidates: withoutFinish })
    expect(streamed('stream_generate_content', [unfinished])).toEqual(expected)
    expect(streamed('stream_generate_content', [geminiEvent({ candidates: withoutFinish })])).toBeNull()
  })

  test('audio and images are units and not text as well', () => {
    const usage = {
      promptTokenCount: 500,
      cachedContentTokenCount: 200,
      candidatesTokenCount: 1_400,
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 180 },
        { modality: 'AUDIO', tokenCount: 320 },
      ],
      cacheTokensDetails: [{ modality: 'AUDIO', tokenCount: 150 }],
      candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 1_290 }],
    }
    expect(usageOf('generate_content', { usageMetadata: usage })).toEqual({
      ...none,
      input: 130,
      cacheRead: 50,
      output: 110,
      units: { input_audio_tokens: 170, cache_read_audio_tokens: 150, output_image_tokens: 1_290 },
    })
  })

  test('a stream that came as one array is read like one', () => {
    const chunks = [{ usageMetadata: { promptTokenCount: 264 } }, { usageMetadata }]
    expect(usageOf('stream_generate_content', chunks)).toEqual(expected)
  })

  test('searches that an answer was grounded on are counted once, however often they are told', () => {
    const grounded = { candidates: [{ groundingMetadata: { webSearchQueries: ['a', 'b'] } }], usageMetadata }
    expect(usageOf('generate_content', grounded)).toEqual({ ...expected, units: { search: 2 } })
    expect(streamed('stream_generate_content', [geminiEvent(grounded), geminiEvent(grounded)])).toEqual({
      ...expected,
      units: { search: 2 },
    })
  })
})

test('LiteLLM #37992: a reported zero is zero, and no report is none', () => {
  expect(usageOf('responses', { usage: { input_tokens: 0, output_tokens: 0 } })).toEqual(none)
  expect(usageOf('generate_content', { usageMetadata: { promptTokenCount: 0 } })).toEqual(none)
  expect(usageOf('responses', { status: 'queued', usage: null })).toBeNull()
  expect(usageOf('embed_content', { embedding: { values: [0.1] } })).toBeNull()
})

test('counting tokens used none, and says so; a failure is no reply', () => {
  expect(usageOf('count_tokens', { input_tokens: 2_095 })).toEqual(none)
  expect(usageOf('gemini_count_tokens', { totalTokens: 31 })).toEqual(none)
  expect(usageOf('count_tokens', { error: { message: 'no' } })).toBeNull()
})

test('embeddings that report their tokens are not estimated', () => {
  const usage = { promptTokenCount: 12, totalTokenCount: 12 }
  expect(usageOf('batch_embed_contents', { embeddings: [{ values: [0.5] }], usageMetadata: usage })).toEqual({
    ...none,
    input: 12,
  })
})

test('every unit that a text codec reports is charged: none is free because the prices call it otherwise', () => {
  const rate = [{ fromInputTokens: 0, nanoUsdPerMillion: 1_000_000_000n }]
  const price = {
    serviceId: 's',
    modelId: 'm',
    match: { equals: 'm' },
    contextTokens: null,
    rates: { input: rate, output: rate },
    unitRates: [{ unit: 'search', nanoUsd: 10_000_000n, per: 1n }],
    unmetered: [],
    isPriced: true,
  } as unknown as ModelPrice
  const details = { audio_tokens: 60, cached_tokens: 50 }
  const modalities = [{ modality: 'AUDIO', tokenCount: 40 }]
  const replies: [Endpoint, object][] = [
    [
      'chat_completions',
      {
        usage: {
          prompt_tokens: 100,
          completion_tokens: 50,
          num_search_queries: 1,
          prompt_tokens_details: details,
          completion_tokens_details: { audio_tokens: 20 },
        },
      },
    ],
    [
      'generate_content',
      {
        usageMetadata: {
          promptTokenCount: 100,
          cachedContentTokenCount: 60,
          candidatesTokenCount: 90,
          promptTokensDetails: modalities,
          cacheTokensDetails: [{ modality: 'AUDIO', tokenCount: 20 }],
          candidatesTokensDetails: [...modalities, { modality: 'IMAGE', tokenCount: 30 }],
        },
      },
    ],
    [
      'messages',
      { usage: { input_tokens: 1, output_tokens: 1, server_tool_use: { web_search_requests: 2 } } },
    ],
  ]
  const seen = new Set<string>()
  for (const [endpoint, reply] of replies) {
    const units = usageOf(endpoint, reply)?.units ?? {}
    for (const [unit, count] of Object.entries(units)) {
      seen.add(unit)
      const charged = costNanoUsd(price, { ...none, units: { [unit]: count } })
      expect([unit, charged > 0n]).toEqual([unit, true])
    }
  }
  expect([...seen].toSorted()).toEqual([
    'cache_read_audio_tokens',
    'input_audio_tokens',
    'output_audio_tokens',
    'output_image_tokens',
    'search',
  ])
})
