export interface SimulatedModel {
  readonly id: string
  /** What replies call it, where the service resolves an alias to a snapshot. */
  readonly snapshot?: string
  readonly contextTokens: number
  readonly outputTokens: number
  /** Thinks before it answers: reasoning tokens, other parameters. */
  readonly reasoning?: boolean
  /** Smallest prefix that can be cached (Anthropic). */
  readonly cacheableTokens?: number
  /** Accepts a last message of the assistant to continue from (Anthropic). */
  readonly prefill?: boolean
  readonly created: number
}

const model = (
  id: string,
  contextTokens: number,
  outputTokens: number,
  created: number,
  more: Partial<SimulatedModel> = {},
): SimulatedModel => ({ id, contextTokens, outputTokens, created, ...more })

const reasoning = true

export const openAiChatModels: readonly SimulatedModel[] = [
  model('gpt-4o-mini', 128_000, 16_384, 1_721_172_741, { snapshot: 'gpt-4o-mini-2024-07-18' }),
  model('gpt-4o', 128_000, 16_384, 1_715_367_049, { snapshot: 'gpt-4o-2024-08-06' }),
  model('gpt-4.1-nano', 1_047_576, 32_768, 1_744_321_707, { snapshot: 'gpt-4.1-nano-2025-04-14' }),
  model('gpt-4.1-mini', 1_047_576, 32_768, 1_744_318_173, { snapshot: 'gpt-4.1-mini-2025-04-14' }),
  model('gpt-4.1', 1_047_576, 32_768, 1_744_316_542, { snapshot: 'gpt-4.1-2025-04-14' }),
  model('o4-mini', 200_000, 100_000, 1_744_225_351, { snapshot: 'o4-mini-2025-04-16', reasoning }),
  model('o3', 200_000, 100_000, 1_744_225_308, { snapshot: 'o3-2025-04-16', reasoning }),
  model('gpt-5-nano', 400_000, 128_000, 1_754_426_384, { snapshot: 'gpt-5-nano-2025-08-07', reasoning }),
  model('gpt-5-mini', 400_000, 128_000, 1_754_425_928, { snapshot: 'gpt-5-mini-2025-08-07', reasoning }),
  model('gpt-5', 400_000, 128_000, 1_754_425_777, { snapshot: 'gpt-5-2025-08-07', reasoning }),
  model('gpt-5.4-mini', 400_000, 128_000, 1_773_700_000, { snapshot: 'gpt-5.4-mini-2026-03-17', reasoning }),
  model('gpt-5.4', 400_000, 128_000, 1_773_700_001, { reasoning }),
  model('gpt-5.3-codex', 400_000, 128_000, 1_770_000_000, { reasoning }),
  model('gpt-5.6-sol', 1_050_000, 128_000, 1_782_000_000, { reasoning }),
  model('gpt-6-luna', 1_050_000, 128_000, 1_788_000_000, { reasoning }),
  model('gpt-6-sol', 1_050_000, 128_000, 1_788_000_001, { reasoning }),
]

export interface EmbeddingModel {
  readonly id: string
  readonly dimensions: number
  readonly shortens: boolean
  readonly created: number
}

export const openAiEmbeddingModels: readonly EmbeddingModel[] = [
  { id: 'text-embedding-3-small', dimensions: 1536, shortens: true, created: 1_705_948_997 },
  { id: 'text-embedding-3-large', dimensions: 3072, shortens: true, created: 1_705_953_180 },
  { id: 'text-embedding-ada-002', dimensions: 1536, shortens: false, created: 1_671_217_299 },
]

export const anthropicModels: readonly (SimulatedModel & { readonly name: string })[] = [
  {
    ...model('claude-opus-5-5', 1_000_000, 128_000, 1_787_000_000, { cacheableTokens: 4096 }),
    name: 'Claude Opus 5.5',
  },
  {
    ...model('claude-opus-5', 1_000_000, 128_000, 1_779_000_000, { cacheableTokens: 4096 }),
    name: 'Claude Opus 5',
  },
  {
    ...model('claude-sonnet-5', 1_000_000, 128_000, 1_780_000_000, { cacheableTokens: 1024 }),
    name: 'Claude Sonnet 5',
  },
  {
    ...model('claude-sonnet-4-6', 200_000, 64_000, 1_770_000_000, { cacheableTokens: 1024 }),
    name: 'Claude Sonnet 4.6',
  },
  {
    ...model('claude-sonnet-4-5', 200_000, 64_000, 1_759_104_000, { cacheableTokens: 1024, prefill: true }),
    snapshot: 'claude-sonnet-4-5-20250929',
    name: 'Claude Sonnet 4.5',
  },
  {
    ...model('claude-haiku-4-5', 200_000, 64_000, 1_759_276_800, { cacheableTokens: 4096, prefill: true }),
    snapshot: 'claude-haiku-4-5-20251001',
    name: 'Claude Haiku 4.5',
  },
]

/** What OpenRouter has of makers that are neither of the two. */
const openModels: readonly SimulatedModel[] = [
  'google/gemini-3.1-pro-preview',
  'google/gemini-3.8-flash',
  'google/gemini-3.5-flash-lite',
  'moonshotai/kimi-k3',
  'moonshotai/kimi-k2.7-code',
  'deepseek/deepseek-v4-pro',
  'deepseek/deepseek-v4-flash',
  'mistralai/mistral-large-2512',
  'mistralai/mistral-small-2603',
  'mistralai/ministral-3b-2512',
  'mistralai/devstral-2512',
  'mistralai/codestral-2508',
  'openai/gpt-oss-120b',
  'openai/gpt-oss-20b',
  'meta-llama/llama-3.3-70b-instruct',
  'meta-llama/llama-3.1-8b-instruct',
  'qwen/qwen3-coder',
  'x-ai/grok-code-fast-1',
].map((id) => model(id, 131_072, 16_384, 1_780_000_000))

export const openRouterModels: readonly (SimulatedModel & {
  readonly provider: string
  readonly name: string
})[] = [
  ...openAiChatModels.map((m) => ({
    ...m,
    id: `openai/${m.id}`,
    snapshot: undefined,
    provider: 'OpenAI',
    name: `OpenAI: ${m.id}`,
  })),
  ...anthropicModels.map((m) => ({
    ...m,
    id: `anthropic/${m.id.replace(/-(\d)-(\d)$/, '-$1.$2')}`,
    snapshot: undefined,
    provider: 'Anthropic',
    name: `Anthropic: ${m.name}`,
  })),
  ...openModels.map((m) => ({ ...m, provider: 'DeepInfra', name: m.id })),
]

export interface GeminiModel extends SimulatedModel {
  /** Wants the signatures of its thoughts back with function calls. */
  readonly signatures?: true
}

const signatures = true

export const geminiModels: readonly GeminiModel[] = [
  model('gemini-2.0-flash', 1_048_576, 8192, 1_738_700_000),
  model('gemini-2.5-flash-lite', 1_048_576, 65_536, 1_752_000_000),
  model('gemini-2.5-flash', 1_048_576, 65_536, 1_749_000_000, { reasoning }),
  model('gemini-2.5-pro', 1_048_576, 65_536, 1_749_000_000, { reasoning }),
  { ...model('gemini-3-flash-preview', 1_048_576, 65_536, 1_765_000_000, { reasoning }), signatures },
  model('gemini-3.5-flash-lite', 1_048_576, 65_536, 1_778_000_000),
  { ...model('gemini-3.8-flash', 1_048_576, 65_536, 1_786_000_000, { reasoning }), signatures },
  { ...model('gemini-3.1-pro-preview', 1_048_576, 65_536, 1_771_000_000, { reasoning }), signatures },
]

export const geminiEmbeddingModels: readonly EmbeddingModel[] = [
  { id: 'gemini-embedding-001', dimensions: 3072, shortens: true, created: 1_752_000_000 },
  { id: 'gemini-embedding-2', dimensions: 3072, shortens: true, created: 1_775_000_000 },
]

export type BedrockModel = SimulatedModel

export const bedrockModels: readonly BedrockModel[] = [
  model('anthropic.claude-sonnet-4-5-20250929-v1:0', 200_000, 64_000, 1_759_104_000, {
    cacheableTokens: 1024,
  }),
  model('anthropic.claude-haiku-4-5-20251001-v1:0', 200_000, 64_000, 1_759_276_800, {
    cacheableTokens: 4096,
  }),
  model('anthropic.claude-opus-5-5', 1_000_000, 128_000, 1_787_000_000, { cacheableTokens: 4096 }),
  model('amazon.nova-micro-v1:0', 128_000, 5000, 1_733_200_000),
  model('amazon.nova-lite-v1:0', 300_000, 5000, 1_733_200_000, { cacheableTokens: 1000 }),
  model('amazon.nova-pro-v1:0', 300_000, 5000, 1_733_200_000, { cacheableTokens: 1000 }),
]

export const cohereModels: readonly SimulatedModel[] = [
  model('command-a-03-2025', 256_000, 8000, 1_741_900_000),
  model('command-a-reasoning-08-2025', 256_000, 32_000, 1_755_700_000, { reasoning }),
  model('command-r7b-12-2024', 128_000, 4000, 1_734_000_000),
  model('command-r-plus-08-2024', 128_000, 4000, 1_724_900_000),
]

/** By alias or snapshot. */
export const findModel = <T extends SimulatedModel>(models: readonly T[], id: unknown): T | undefined =>
  models.find((m) => m.id === id || (m.snapshot !== undefined && m.snapshot === id))
