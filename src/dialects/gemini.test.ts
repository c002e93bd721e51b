import { describe, expect, test } from 'vitest'
import { must } from '../kit/fault.ts'
import type { Endpoint } from '../services/service.ts'
import { codecOf } from './codecs.ts'
import { boundInputTokens, estimateInputTokens } from './estimate.ts'

const model = 'gemini-2.5-flash'
const parse = (value: unknown, endpoint: Endpoint = 'generate_content', pathModel: string | null = model) =>
  codecOf(endpoint).parse({
    endpoint,
    body: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    contentType: 'application/json',
    pathModel,
  })
const parsed = (value: unknown, endpoint?: Endpoint, pathModel?: string) =>
  must(parse(value, endpoint, pathModel))
const sent = (value: unknown, changes: object, endpoint: Endpoint = 'generate_content') =>
  codecOf(endpoint).bodyFor(parsed(value, endpoint), {
    model,
    maximumOutputTokens: null,
    outputLimitField: 'max_tokens',
    noStreamOptions: false,
    ...changes,
  })
const contents = [{ role: 'user', parts: [{ text: 'hello' }] }]

describe('what goes to the service', () => {
  test('is the caller’s bytes untouched where nothing has to differ, whatever model the path names', () => {
    const text = '{ "contents":[{"parts":[{"text":"h\\u00e9"}]}],\n"generationConfig" : {"temperature":1.0} }'
    const request = parsed(text)
    const codec = codecOf('generate_content')
    const changes = { maximumOutputTokens: null, outputLimitField: '', noStreamOptions: false }
    expect(codec.bodyFor(request, { model, ...changes })).toBe(request.body)
    expect(codec.bodyFor(request, { model: 'another', ...changes }).equals(request.body)).toBe(true)
  })

  const limited: [string, string, string][] = [
    ['nowhere', '{"contents":[]}', '{"generationConfig":{"maxOutputTokens":300},"contents":[]}'],
    [
      'beside others',
      '{"contents":[],"generationConfig": {"temperature":1.0, "topK":3}}',
      '{"contents":[],"generationConfig": {"maxOutputTokens":300,"temperature":1.0, "topK":3}}',
    ],
    [
      'in an empty one',
      '{"generationConfig":{ },"contents":[]}',
      '{"generationConfig":{"maxOutputTokens":300 },"contents":[]}',
    ],
    [
      'under its other name',
      '{"generation_config":{"max_output_tokens":null,"topP":0.50},"contents":[]}',
      '{"generation_config":{"max_output_tokens":300,"topP":0.50},"contents":[]}',
    ],
    [
      'as null',
      '{"generationConfig":null,"contents":[]}',
      '{"generationConfig":{"maxOutputTokens":300},"contents":[]}',
    ],
  ]
  test.each(limited)(
    'carries our limit and nothing else, where there is a configuration %s',
    (_, from, to) => {
      expect(sent(from, { maximumOutputTokens: 300 }).toString()).toBe(to)
    },
  )

  test('names the service’s own model wherever the body names one', () => {
    const renamed = { model: 'gemini-9' }
    const named = `models/${model}`
    const cases: [Endpoint, object, object][] = [
      ['generate_content', { model: named, contents }, { model: 'models/gemini-9', contents }],
      [
        'gemini_count_tokens',
        { generateContentRequest: { model: named, contents } },
        { generateContentRequest: { model: 'models/gemini-9', contents } },
      ],
      [
        'batch_embed_contents',
        {
          requests: [
            { model: named, content: contents[0] },
            { content: contents[0], model: named },
          ],
        },
        {
          requests: [
            { model: 'models/gemini-9', content: contents[0] },
            { content: contents[0], model: 'models/gemini-9' },
          ],
        },
      ],
    ]
    for (const [endpoint, from, to] of cases)
      expect(JSON.parse(sent(from, renamed, endpoint).toString())).toEqual(to)
  })
})

describe('requests that cannot be served are refused by name', () => {
  test.each([
    ['another model in the body than in the path', { model: 'models/gemini-2.5-pro', contents }, 'model'],
    ['another in a batch', { requests: [{ model: 'models/other', content: {} }] }, 'model'],
    ['a configuration that is none', { contents, generationConfig: 4 }, 'generationConfig'],
    ['a limit of a wrong type', { contents, generationConfig: { maxOutputTokens: '9' } }, 'maxOutputTokens'],
  ])('%s', (_, value, field) => {
    expect(parse(value)).toMatchObject({ ok: false, fault: { code: 'invalid_request', field } })
  })

  test.each([
    '{"contents":[],"contents":[]}',
    '{"generationConfig":{},"generation_config":{"maxOutputTokens":9}}',
    '{"generationConfig":{"maxOutputTokens":9,"maxOutputTokens":90000}}',
    '{"generationConfig":{"maxOutputTokens":9,"max_output_tokens":90000}}',
  ])('a field that occurs twice, under either name: %s', (text) => {
    expect(parse(text)).toMatchObject({ ok: false, fault: { code: 'duplicate_field' } })
  })

  test('no model at all', () => {
    expect(parse({ contents }, 'generate_content', null)).toMatchObject({ ok: false })
  })
})

describe('what a request may use at most', () => {
  test('limits multiply by candidates, under either name', () => {
    const camel = parsed({ contents, generationConfig: { candidateCount: 3, maxOutputTokens: 100 } })
    const snake = parsed({ contents, generation_config: { candidate_count: 3, max_output_tokens: 100 } })
    for (const request of [camel, snake])
      expect(request).toMatchObject({ choices: 3, maximumOutputTokens: 300 })
  })

  const most = { image: 3_000, document: 1_000_000 }
  const base64 = 'A'.repeat(400_000)
  const withPart = (part: unknown) => parsed({ contents: [{ parts: [{ text: 'x' }, part] }] })
  const png = { inlineData: { mimeType: 'image/png', data: base64 } }

  test('an image by what models make of one, a document by their context; neither by its base64', () => {
    const snake = { inline_data: { mime_type: 'image/png', data: base64 } }
    const nested = { functionResponse: { name: 'f', response: {}, parts: [png] } }
    for (const part of [png, snake, nested])
      expect(boundInputTokens(withPart(part).input, most)).toBeLessThan(4_000)
    expect(boundInputTokens(withPart(png).input, most)).toBeGreaterThanOrEqual(3_000)
    const pdf = { inlineData: { mimeType: 'application/pdf', data: base64 } }
    const video = { fileData: { fileUri: 'https://www.youtube.com/watch?v=x' } }
    for (const part of [pdf, video]) expect(boundInputTokens(withPart(part).input, most)).toBe(1_000_000)
    expect(boundInputTokens(withPart({ text: base64 }).input, most)).toBeGreaterThan(400_000)
  })

  test('audio by its length, images and speech by the limit, also of models that draw unasked', () => {
    const audio = { inlineData: { mimeType: 'audio/mp3', data: base64 } }
    expect(withPart(audio).mostUnits).toEqual({ input_audio_tokens: 10_000 })
    const config = { maxOutputTokens: 500, responseModalities: ['AUDIO', 'IMAGE'] }
    expect(parsed({ contents, generationConfig: config }).mostUnits).toEqual({
      output_audio_tokens: 500,
      output_image_tokens: 500,
    })
    expect(parsed({ contents }, 'generate_content', 'gemini-2.5-flash-image').mostUnits).toEqual({
      output_image_tokens: 8_192,
    })
    expect(parsed({ contents }).mostUnits).toBeNull()
  })

  test('counting costs nothing, and embedding about a token for four bytes', () => {
    const request = parsed({ contents }, 'gemini_count_tokens')
    expect(boundInputTokens(request.input, most)).toBe(0)
    const text = 'word '.repeat(400)
    const { input } = parsed({ content: { parts: [{ text }] } }, 'embed_content')
    expect(estimateInputTokens(input)).toBeGreaterThan(490)
    expect(estimateInputTokens(input)).toBeLessThan(530)
  })
})

describe('on system keys', () => {
  const youtube = { fileData: { fileUri: 'https://www.youtube.com/watch?v=x' } }
  const priced: [string, object][] = [
    ['text', {}],
    [
      'functions that the caller runs',
      { tools: [{ functionDeclarations: [] }, { function_declarations: [] }] },
    ],
    ['reported modalities', { generationConfig: { responseModalities: ['TEXT', 'IMAGE', 'AUDIO'] } }],
    ['thoughts', { generation_config: { thinking_config: { thinking_budget: 0 } } }],
    ['what everybody may see', { contents: [{ parts: [youtube] }] }],
    ['instructions and settings', { system_instruction: { parts: [{ text: 'x' }] }, safetySettings: [] }],
  ]
  test.each(priced)('may run: %s', (_, fields) => {
    expect(parsed({ contents, ...fields }).unpriced).toBeNull()
  })

  const file = (fileUri: string) => ({
    contents: [{ parts: [{ fileData: { mimeType: 'image/png', fileUri } }] }],
  })
  const unpriced: [string, string, object][] = [
    ['cachedContent', 'a prompt of the account', { cached_content: 'cachedContents/x' }],
    ['tools', 'searches', { tools: [{ google_search: {} }] }],
    ['tools', 'searches beside functions', { tools: [{ functionDeclarations: [], googleSearch: {} }] }],
    ['tools', 'pages', { tools: [{ urlContext: {} }] }],
    ['tools', 'code', { tools: [{ codeExecution: {} }] }],
    ['contents', 'files of the account', file('https://generativelanguage.googleapis.com/v1beta/files/x')],
    ['contents', 'buckets of the account', file('gs://bucket/x')],
    [
      'contents',
      'files within a function’s result',
      { contents: [{ parts: [{ functionResponse: { parts: [{ file_data: { file_uri: 'gs://x' } }] } }] }] },
    ],
    ['serviceTier', 'another price', { serviceTier: 'priority' }],
    ['generationConfig.routingConfig', 'another model', { generationConfig: { routingConfig: {} } }],
    ['generationConfig.responseModalities', 'video', { generationConfig: { responseModalities: ['VIDEO'] } }],
    ['continuationToken', 'a prompt that nobody measured', { continuationToken: 'x' }],
    ['aFieldOfTomorrow', 'what nobody knows yet', { a_field_of_tomorrow: 1 }],
  ]
  test.each(unpriced)('%s: %s may not', (field, _, fields) => {
    expect(parsed({ contents, ...fields }).unpriced).toBe(field)
  })

  test('embeddings of text may run, those of media and of files may not', () => {
    const embed = (part: object) => parsed({ content: { parts: [part] } }, 'embed_content').unpriced
    expect(embed({ text: 'x' })).toBeNull()
    expect(embed({ inlineData: { mimeType: 'image/png', data: 'A' } })).toBe('content')
    const batch = { requests: [{ content: contents[0] }, { content: { parts: [{ fileData: {} }] } }] }
    expect(parsed(batch, 'batch_embed_contents').unpriced).toBe('requests')
  })

  test('what is free may be counted, but for what is the account’s', () => {
    const count = (body: object) => parsed(body, 'gemini_count_tokens').unpriced
    expect(count({ contents })).toBeNull()
    expect(count({ generateContentRequest: { contents, tools: [{ googleSearch: {} }] } })).toBeNull()
    expect(count({ generateContentRequest: { contents, cachedContent: 'x' } })).toBe('cachedContent')
    expect(count(file('gs://bucket/x'))).toBe('contents')
  })
})

describe('streams', () => {
  const event = (value: unknown) => Buffer.from(`data: ${JSON.stringify(value)}\n\n`)
  const part = (index: number, finishReason?: string) => ({
    candidates: [{ index, content: { parts: [{ text: 'x' }] }, finishReason }],
  })
  const watch = (body: object, ...values: unknown[]) => {
    const tap = codecOf('stream_generate_content').makeTap(parsed(body, 'stream_generate_content'))
    const kinds = values.flatMap((value) => tap.classify(event(value), [event(value).length]))
    return { kinds, isWhole: tap.endsWithConnection?.(), usage: tap.reported() }
  }

  test('are whole once the candidate finished, and cut before', () => {
    expect(watch({ contents }, part(0))).toMatchObject({ kinds: ['content'], isWhole: false })
    expect(watch({ contents }, part(0), part(0, 'STOP')).isWhole).toBe(true)
    expect(watch({ contents }, part(0, 'FINISH_REASON_UNSPECIFIED')).isWhole).toBe(false)
    expect(watch({ contents }).isWhole).toBe(false)
  })

  test('of several candidates are whole when all that began have finished', () => {
    const two = { contents, generationConfig: { candidateCount: 2 } }
    expect(watch(two, part(0), part(1), part(0, 'STOP')).isWhole).toBe(false)
    expect(watch(two, part(0), part(1), part(0, 'STOP'), part(1, 'MAX_TOKENS')).isWhole).toBe(true)
  })

  test('of a refused prompt are whole', () => {
    const refused = { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 4 } }
    expect(watch({ contents }, refused)).toMatchObject({
      kinds: ['other'],
      isWhole: true,
      usage: { input: 4 },
    })
  })

  test('arguments that look like an end or an error are neither', () => {
    const args = { finishReason: 'STOP', error: 'x', blockReason: 'SAFETY' }
    const call = { candidates: [{ content: { parts: [{ functionCall: { name: 'f', args } }] } }] }
    expect(watch({ contents }, call)).toMatchObject({ kinds: ['content'], isWhole: false })
  })

  test('an error is one', () => {
    expect(watch({ contents }, part(0), { error: { code: 503, message: 'no' } }).kinds).toEqual([
      'content',
      'error',
    ])
  })

  test('what the running report counts is not estimated again', () => {
    const usageMetadata = { promptTokenCount: 4, candidatesTokenCount: 1 }
    expect(watch({ contents }, { ...part(0), usageMetadata }).kinds).toEqual(['other'])
    expect(watch({ contents }, { ...part(0), usageMetadata: { promptTokenCount: 4 } }).kinds).toEqual([
      'content',
    ])
  })
})
