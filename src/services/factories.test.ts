import type { LanguageModelV4CallOptions } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import { findService } from './registry.ts'
import type { KeySettings, Service, Translation } from './service.ts'

interface Sent {
  readonly url: string
  readonly body: string
}

/** Takes every request down and answers none of them: what is sent is all that these tests are about. */
const listen = () => {
  const sent: Sent[] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, { ...init, signal: null })
    sent.push({ url: request.url, body: await request.text() })
    return Response.json({ error: { message: 'no', code: 'no' } }, { status: 400 })
  }
  return { sent, fetch }
}

const settingsOf: Readonly<Record<string, KeySettings>> = {
  vertex: { project: 'my-project', location: 'us-central1' },
  azure_openai: { resource: 'my-resource' },
  bedrock: { region: 'us-east-1' },
}
const serviceOf = (id: string) => findService(id) as Service
const partsOf = (id: string, model: string, fetch: typeof globalThis.fetch) => {
  const settings = settingsOf[id] ?? {}
  const service = serviceOf(id)
  const baseUrl = service.baseUrlFor?.(settings) ?? service.baseUrl ?? 'https://server.example'
  return { model, baseUrl, settings, fetch }
}

const prompt: LanguageModelV4CallOptions['prompt'] = [
  { role: 'user', content: [{ type: 'text', text: 'the prompt' }] },
]
const audio = { audio: new Uint8Array([1, 2, 3]), mediaType: 'audio/wav' }

type Kind = keyof Translation
/** Runs one call of a kind, whatever comes of it. */
const run = async (id: string, kind: Kind, model: string, streamed = false): Promise<readonly Sent[]> => {
  const { sent, fetch } = listen()
  const parts = partsOf(id, model, fetch)
  const translation = serviceOf(id).translation ?? {}
  const calls: Record<Kind, () => Promise<unknown>> = {
    language: async () => {
      const made = await translation.language?.(parts)
      return streamed ? made?.doStream({ prompt }) : made?.doGenerate({ prompt })
    },
    embedding: async () => (await translation.embedding?.(parts))?.doEmbed({ values: ['the prompt'] }),
    image: async () =>
      (await translation.image?.(parts))?.doGenerate({
        prompt: 'the prompt',
        n: 1,
        size: undefined,
        aspectRatio: '1:1',
        seed: undefined,
        files: undefined,
        mask: undefined,
        providerOptions: {},
      }),
    speech: async () => (await translation.speech?.(parts))?.doGenerate({ text: 'the prompt', voice: 'v' }),
    transcription: async () => (await translation.transcription?.(parts))?.doGenerate(audio),
    reranking: async () =>
      (await translation.reranking?.(parts))?.doRerank({
        query: 'the prompt',
        documents: { type: 'text', values: ['a', 'b'] },
        topN: 1,
      }),
  }
  await calls[kind]().catch(() => null)
  return sent
}

const google = 'https://generativelanguage.googleapis.com/v1beta/models'
const vertexAt = 'https://us-central1-aiplatform.googleapis.com/v1/projects/my-project/locations/us-central1'
const bedrockAt = 'https://bedrock-runtime.us-east-1.amazonaws.com/model'

const firstCalls: readonly (readonly [id: string, kind: Kind, model: string, url: string, has: string])[] = [
  ['openai', 'language', 'gpt-5', 'https://api.openai.com/v1/responses', '"model":"gpt-5"'],
  ['openai', 'language', 'gpt-4o-audio-preview', 'https://api.openai.com/v1/chat/completions', 'the prompt'],
  ['openai', 'embedding', 'text-embedding-3-small', 'https://api.openai.com/v1/embeddings', 'the prompt'],
  ['openai', 'image', 'gpt-image-1', 'https://api.openai.com/v1/images/generations', '"prompt":"the prompt"'],
  ['openai', 'speech', 'gpt-4o-mini-tts', 'https://api.openai.com/v1/audio/speech', '"input":"the prompt"'],
  ['openai', 'transcription', 'whisper-1', 'https://api.openai.com/v1/audio/transcriptions', 'name="model"'],
  ['anthropic', 'language', 'claude-opus-5', 'https://api.anthropic.com/v1/messages', '"max_tokens"'],
  ['custom_anthropic', 'language', 'claude', 'https://server.example/v1/messages', '"model":"claude"'],
  ['gemini', 'language', 'gemini-3.8-flash', `${google}/gemini-3.8-flash:generateContent`, '"contents"'],
  ['gemini', 'embedding', 'gemini-embedding-2', `${google}/gemini-embedding-2:embedContent`, 'the prompt'],
  [
    'gemini',
    'image',
    'gemini-2.5-flash-image',
    `${google}/gemini-2.5-flash-image:generateContent`,
    'the prompt',
  ],
  [
    'gemini',
    'speech',
    'gemini-2.5-flash-tts',
    `${google}/gemini-2.5-flash-tts:generateContent`,
    'the prompt',
  ],
  [
    'vertex',
    'language',
    'gemini-2.5-pro',
    `${vertexAt}/publishers/google/models/gemini-2.5-pro:generateContent`,
    'the prompt',
  ],
  [
    'vertex',
    'language',
    'claude-sonnet-4-5@20250929',
    `${vertexAt}/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict`,
    '"anthropic_version":"vertex-2023-10-16"',
  ],
  [
    'vertex',
    'embedding',
    'text-embedding-005',
    `${vertexAt}/publishers/google/models/text-embedding-005:predict`,
    'the prompt',
  ],
  [
    'azure_openai',
    'language',
    'my-deployment',
    'https://my-resource.openai.azure.com/openai/v1/chat/completions',
    '"model":"my-deployment"',
  ],
  [
    'azure_openai',
    'embedding',
    'emb',
    'https://my-resource.openai.azure.com/openai/v1/embeddings',
    'the prompt',
  ],
  [
    'bedrock',
    'language',
    'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
    `${bedrockAt}/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse`,
    'the prompt',
  ],
  [
    'bedrock',
    'embedding',
    'amazon.titan-embed-text-v2:0',
    `${bedrockAt}/amazon.titan-embed-text-v2%3A0/invoke`,
    'the prompt',
  ],
  [
    'bedrock',
    'reranking',
    'cohere.rerank-v3-5:0',
    'https://bedrock-agent-runtime.us-east-1.amazonaws.com/rerank',
    'the prompt',
  ],
  ['mistral', 'language', 'mistral-large-2512', 'https://api.mistral.ai/v1/chat/completions', 'the prompt'],
  ['mistral', 'embedding', 'mistral-embed', 'https://api.mistral.ai/v1/embeddings', 'the prompt'],
  ['cohere', 'language', 'command-a', 'https://api.cohere.com/v2/chat', 'the prompt'],
  ['cohere', 'embedding', 'embed-v4.0', 'https://api.cohere.com/v2/embed', 'the prompt'],
  ['cohere', 'reranking', 'rerank-v3.5', 'https://api.cohere.com/v2/rerank', '"top_n":1'],
  ['voyage', 'embedding', 'voyage-4', 'https://api.voyageai.com/v1/embeddings', 'the prompt'],
  ['voyage', 'reranking', 'rerank-2.5', 'https://api.voyageai.com/v1/rerank', '"top_k":1'],
  ['jina', 'embedding', 'jina-embeddings-v4', 'https://api.jina.ai/v1/embeddings', 'the prompt'],
  ['xai', 'language', 'grok-4.6', 'https://api.x.ai/v1/chat/completions', 'the prompt'],
  ['xai', 'image', 'grok-imagine-image', 'https://api.x.ai/v1/images/generations', 'the prompt'],
  ['together', 'image', 'a/flux', 'https://api.together.xyz/v1/images/generations', 'the prompt'],
  ['deepseek', 'language', 'deepseek-chat', 'https://api.deepseek.com/chat/completions', 'the prompt'],
  ['perplexity', 'language', 'sonar', 'https://api.perplexity.ai/chat/completions', 'the prompt'],
  ['moonshot', 'language', 'kimi-k3', 'https://api.moonshot.ai/v1/chat/completions', 'the prompt'],
  ['groq', 'language', 'qwen/qwen3-32b', 'https://api.groq.com/openai/v1/chat/completions', 'the prompt'],
  ['cerebras', 'language', 'gpt-oss-120b', 'https://api.cerebras.ai/v1/chat/completions', 'the prompt'],
  ['together', 'language', 'a/b', 'https://api.together.xyz/v1/chat/completions', 'the prompt'],
  ['fireworks', 'language', 'm', 'https://api.fireworks.ai/inference/v1/chat/completions', 'the prompt'],
  ['openrouter', 'language', 'a/b', 'https://openrouter.ai/api/v1/chat/completions', 'the prompt'],
  ['huggingface', 'language', 'a/b', 'https://router.huggingface.co/v1/chat/completions', 'the prompt'],
  ['nvidia', 'language', 'a/b', 'https://integrate.api.nvidia.com/v1/chat/completions', 'the prompt'],
  [
    'alibaba',
    'language',
    'qwen-plus',
    'https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions',
    'the prompt',
  ],
  ['custom', 'language', 'any', 'https://server.example/chat/completions', 'the prompt'],
  [
    'replicate',
    'image',
    'black-forest-labs/flux-schnell',
    'https://api.replicate.com/v1/models/black-forest-labs/flux-schnell/predictions',
    'the prompt',
  ],
  ['fal', 'image', 'fal-ai/flux/dev', 'https://fal.run/fal-ai/flux/dev', 'the prompt'],
  ['luma', 'image', 'photon-1', 'https://api.lumalabs.ai/dream-machine/v1/generations/image', 'the prompt'],
  ['black_forest_labs', 'image', 'flux-pro-1.1', 'https://api.bfl.ai/v1/flux-pro-1.1', 'the prompt'],
  [
    'stability',
    'image',
    'stable-image-core',
    'https://api.stability.ai/v2beta/stable-image/generate/core',
    'the prompt',
  ],
  [
    'stability',
    'image',
    'sd3.5-large',
    'https://api.stability.ai/v2beta/stable-image/generate/sd3',
    'sd3.5-large',
  ],
  ['elevenlabs', 'transcription', 'scribe_v1', 'https://api.elevenlabs.io/v1/speech-to-text', 'scribe_v1'],
  ['assemblyai', 'transcription', 'best', 'https://api.assemblyai.com/v2/upload', ''],
]

describe('a model of each service asks where its key is good for', () => {
  test.each(firstCalls)('%s %s %s', async (id, kind, model, url, has) => {
    const sent = await run(id, kind, model)
    // Vertex's package knows only the beta for some calls; the place in the address is what matters.
    expect(sent.map((one) => one.url)).toEqual([url])
    expect(sent[0]?.body).toContain(has)
  })

  test.each([
    ['elevenlabs', 'speech', 'eleven_v3', 'https://api.elevenlabs.io/v1/text-to-speech/v?'],
    ['deepgram', 'speech', 'aura-2-thalia-en', 'https://api.deepgram.com/v1/speak?'],
    ['deepgram', 'transcription', 'nova-3', 'https://api.deepgram.com/v1/listen?'],
  ] as const)('%s %s %s', async (id, kind, model, url) => {
    const sent = await run(id, kind, model)
    expect(sent).toHaveLength(1)
    expect(sent[0]?.url.slice(0, url.length)).toBe(url)
  })

  test('streams are asked for, with their usage where it must be asked for', async () => {
    const [vertex] = await run('vertex', 'language', 'claude-opus-5', true)
    expect(vertex?.url).toBe(`${vertexAt}/publishers/anthropic/models/claude-opus-5:streamRawPredict`)
    const [bedrock] = await run('bedrock', 'language', 'amazon.nova-pro-v1:0', true)
    expect(bedrock?.url).toBe(`${bedrockAt}/amazon.nova-pro-v1%3A0/converse-stream`)
    const [gemini] = await run('gemini', 'language', 'gemini-3.8-flash', true)
    expect(gemini?.url).toBe(`${google}/gemini-3.8-flash:streamGenerateContent?alt=sse`)
    const [groq] = await run('groq', 'language', 'llama', true)
    expect(groq?.body).toContain('"include_usage":true')
    const [perplexity] = await run('perplexity', 'language', 'sonar', true)
    expect(perplexity?.body).not.toContain('stream_options')
  })

  test('every factory of every service is tried above', async () => {
    const { services } = await import('./registry.ts')
    const tried = new Set([
      ...firstCalls.map(([id, kind]) => `${id} ${kind}`),
      'elevenlabs speech',
      'deepgram speech',
      'deepgram transcription',
      // The same factories as those of others above.
      'azure_openai image',
      'azure_openai speech',
      'azure_openai transcription',
      'vertex image',
      'bedrock image',
      'custom embedding',
      'custom image',
      'openrouter embedding',
      'together embedding',
      'fireworks embedding',
      'nvidia embedding',
      'alibaba embedding',
    ])
    const all = services.flatMap((s) => Object.keys(s.translation ?? {}).map((kind) => `${s.id} ${kind}`))
    expect(all.filter((one) => !tried.has(one))).toEqual([])
  })
})

test('what a package cannot address otherwise follows the service key’s base URL', async () => {
  const { sent, fetch } = listen()
  const parts = { model: 'scribe_v1', baseUrl: 'https://eu.example/el', settings: {}, fetch }
  const model = await serviceOf('elevenlabs').translation?.transcription?.(parts)
  await Promise.resolve(model?.doGenerate(audio)).catch(() => null)
  expect(sent.map((one) => one.url)).toEqual(['https://eu.example/el/v1/speech-to-text'])
})

test('Voyage’s ranking and Stability’s image are read, and their errors keep what the service said', async () => {
  const answer =
    (status: number, body: unknown): typeof globalThis.fetch =>
    () =>
      Promise.resolve(Response.json(body, { status }))
  const ranked = await serviceOf('voyage').translation?.reranking?.(
    partsOf('voyage', 'rerank-2.5', answer(200, { data: [{ index: 1, relevance_score: 0.5 }] })),
  )
  const rank = { query: 'q', documents: { type: 'text' as const, values: ['a', 'b'] } }
  expect((await ranked?.doRerank(rank))?.ranking).toEqual([{ index: 1, relevanceScore: 0.5 }])
  const failing = await serviceOf('voyage').translation?.reranking?.(
    partsOf('voyage', 'rerank-2.5', answer(429, { detail: 'slow down' })),
  )
  await expect(failing?.doRerank(rank)).rejects.toMatchObject({
    statusCode: 429,
    responseBody: '{"detail":"slow down"}',
  })
  const drawn = await serviceOf('stability').translation?.image?.(
    partsOf('stability', 'sd3.5-large', answer(200, { image: 'aGk=', finish_reason: 'SUCCESS' })),
  )
  const image = { prompt: 'p', n: 1, size: '1024x1024', aspectRatio: undefined, seed: undefined } as const
  const made = await drawn?.doGenerate({ ...image, files: undefined, mask: undefined, providerOptions: {} })
  expect(made?.images).toEqual(['aGk='])
  expect(made?.warnings).toEqual([{ type: 'unsupported', feature: 'size' }])
})
