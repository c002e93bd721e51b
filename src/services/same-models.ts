/**
 * Which names at which services mean the same model. Two sources: a table for models whose names differ from service to
 * service, and rules for vendors whose names are carried over regularly. Names are compared in lower case and written
 * as the service writes them.
 */
export interface ModelName {
  readonly serviceId: string
  readonly model: string
  /** From the table, or where a key's owner sets the model up (a deployment); otherwise the price data must know it. */
  readonly isCertain: boolean
}

/** Canonical name → its name at each service. The first name of several is the one that is sent. */
type Names = Readonly<Record<string, string | readonly string[]>>

const fireworks = (name: string) => `accounts/fireworks/models/${name}`

/** Models of nobody's own service, in order of the hosts' speed and price; whoever asks for one means any host. */
const openModels: Readonly<Record<string, Names>> = {
  'gpt-oss-120b': {
    groq: 'openai/gpt-oss-120b',
    cerebras: 'gpt-oss-120b',
    fireworks: fireworks('gpt-oss-120b'),
    together: 'openai/gpt-oss-120b',
    huggingface: 'openai/gpt-oss-120b',
    nvidia: 'openai/gpt-oss-120b',
    bedrock: 'openai.gpt-oss-120b-1:0',
    openrouter: 'openai/gpt-oss-120b',
  },
  'gpt-oss-20b': {
    groq: 'openai/gpt-oss-20b',
    fireworks: fireworks('gpt-oss-20b'),
    together: 'openai/gpt-oss-20b',
    huggingface: 'openai/gpt-oss-20b',
    nvidia: 'openai/gpt-oss-20b',
    bedrock: 'openai.gpt-oss-20b-1:0',
    openrouter: 'openai/gpt-oss-20b',
  },
  'llama-3.3-70b-instruct': {
    groq: 'llama-3.3-70b-versatile',
    cerebras: 'llama-3.3-70b',
    fireworks: fireworks('llama-v3p3-70b-instruct'),
    together: 'meta-llama/Llama-3.3-70B-Instruct-Turbo',
    huggingface: 'meta-llama/Llama-3.3-70B-Instruct',
    nvidia: 'meta/llama-3.3-70b-instruct',
    bedrock: 'meta.llama3-3-70b-instruct-v1:0',
    openrouter: 'meta-llama/llama-3.3-70b-instruct',
  },
  'llama-3.1-8b-instruct': {
    groq: 'llama-3.1-8b-instant',
    cerebras: 'llama3.1-8b',
    fireworks: fireworks('llama-v3p1-8b-instruct'),
    together: 'meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo',
    huggingface: 'meta-llama/Llama-3.1-8B-Instruct',
    nvidia: 'meta/llama-3.1-8b-instruct',
    bedrock: 'meta.llama3-1-8b-instruct-v1:0',
    openrouter: 'meta-llama/llama-3.1-8b-instruct',
  },
  'llama-4-maverick': {
    groq: 'meta-llama/llama-4-maverick-17b-128e-instruct',
    together: 'meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8',
    fireworks: fireworks('llama4-maverick-instruct-basic'),
    huggingface: 'meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8',
    bedrock: 'meta.llama4-maverick-17b-instruct-v1:0',
    openrouter: 'meta-llama/llama-4-maverick',
  },
  'llama-4-scout': {
    groq: 'meta-llama/llama-4-scout-17b-16e-instruct',
    together: 'meta-llama/Llama-4-Scout-17B-16E-Instruct',
    huggingface: 'meta-llama/Llama-4-Scout-17B-16E-Instruct',
    bedrock: 'meta.llama4-scout-17b-instruct-v1:0',
    openrouter: 'meta-llama/llama-4-scout',
  },
  'deepseek-v3.2': {
    fireworks: fireworks('deepseek-v3p2'),
    openrouter: 'deepseek/deepseek-v3.2',
  },
  'deepseek-r1-0528': {
    fireworks: fireworks('deepseek-r1-0528'),
    openrouter: 'deepseek/deepseek-r1-0528',
  },
  'glm-5.2': { fireworks: fireworks('glm-5p2'), openrouter: 'z-ai/glm-5.2' },
  'glm-5.1': { fireworks: fireworks('glm-5p1'), openrouter: 'z-ai/glm-5.1' },
  'glm-4.7': { cerebras: 'zai-glm-4.7', fireworks: fireworks('glm-4p7'), openrouter: 'z-ai/glm-4.7' },
  'minimax-m3': { fireworks: fireworks('minimax-m3'), openrouter: 'minimax/minimax-m3' },
  'minimax-m2.7': { fireworks: fireworks('minimax-m2p7'), openrouter: 'minimax/minimax-m2.7' },
  'gemma-3-27b-it': {
    fireworks: fireworks('gemma-3-27b-it'),
    bedrock: 'google.gemma-3-27b-it',
    openrouter: 'google/gemma-3-27b-it',
  },
  'gemma-4-31b-it': {
    gemini: 'gemma-4-31b-it',
    cerebras: 'gemma-4-31b',
    openrouter: 'google/gemma-4-31b-it',
  },
  'qwen3-32b': {
    groq: 'qwen/qwen3-32b',
    cerebras: 'qwen-3-32b',
    alibaba: 'qwen3-32b',
    huggingface: 'Qwen/Qwen3-32B',
    bedrock: 'qwen.qwen3-32b-v1:0',
    openrouter: 'qwen/qwen3-32b',
  },
  'qwen3-235b-a22b': {
    alibaba: 'qwen3-235b-a22b',
    fireworks: fireworks('qwen3-235b-a22b'),
    openrouter: 'qwen/qwen3-235b-a22b',
  },
  'qwen3-coder-480b-a35b': {
    alibaba: 'qwen3-coder-480b-a35b-instruct',
    huggingface: 'Qwen/Qwen3-Coder-480B-A35B-Instruct',
    bedrock: 'qwen.qwen3-coder-480b-a35b-v1:0',
    openrouter: 'qwen/qwen3-coder',
  },
  'whisper-large-v3': {
    groq: 'whisper-large-v3',
    huggingface: 'openai/whisper-large-v3',
    together: 'openai/whisper-large-v3',
  },
}

/** Models with a vendor's own service (named first) whose names follow no rule elsewhere. */
const vendorModels: Readonly<Record<string, Names>> = {
  'deepseek-v4-pro': {
    deepseek: 'deepseek-v4-pro',
    fireworks: fireworks('deepseek-v4-pro'),
    openrouter: 'deepseek/deepseek-v4-pro',
  },
  'deepseek-v4-flash': {
    deepseek: 'deepseek-v4-flash',
    fireworks: fireworks('deepseek-v4-flash'),
    openrouter: 'deepseek/deepseek-v4-flash',
  },
  'kimi-k3': { moonshot: 'kimi-k3', fireworks: fireworks('kimi-k3'), openrouter: 'moonshotai/kimi-k3' },
  'kimi-k2.7-code': {
    moonshot: 'kimi-k2.7-code',
    fireworks: fireworks('kimi-k2p7-code'),
    openrouter: 'moonshotai/kimi-k2.7-code',
  },
  'kimi-k2.6': {
    moonshot: 'kimi-k2.6',
    fireworks: fireworks('kimi-k2p6'),
    openrouter: 'moonshotai/kimi-k2.6',
  },
  'kimi-k2.5': {
    moonshot: 'kimi-k2.5',
    fireworks: fireworks('kimi-k2p5'),
    huggingface: 'moonshotai/Kimi-K2.5',
    openrouter: 'moonshotai/kimi-k2.5',
  },
  'qwen3.7-plus': {
    alibaba: 'qwen3.7-plus',
    fireworks: fireworks('qwen3p7-plus'),
    openrouter: 'qwen/qwen3.7-plus',
  },
  'qwen3.6-plus': {
    alibaba: 'qwen3.6-plus',
    fireworks: fireworks('qwen3p6-plus'),
    openrouter: 'qwen/qwen3.6-plus',
  },
  'gpt-5.4': { openai: 'gpt-5.4', bedrock: 'openai.gpt-5.4' },
  'gpt-5.5': { openai: 'gpt-5.5', bedrock: 'openai.gpt-5.5' },
  'gpt-5.6-luna': { openai: 'gpt-5.6-luna', bedrock: 'global.openai.gpt-5.6-luna' },
  'gpt-5.6-sol': { openai: 'gpt-5.6-sol', bedrock: 'global.openai.gpt-5.6-sol' },
  'gpt-5.6-terra': { openai: 'gpt-5.6-terra', bedrock: 'global.openai.gpt-5.6-terra' },
  'claude-opus-5-5': { anthropic: 'claude-opus-5-5', bedrock: 'global.anthropic.claude-opus-5-5' },
  'claude-opus-5': { anthropic: 'claude-opus-5', bedrock: 'global.anthropic.claude-opus-5' },
  'claude-sonnet-5': { anthropic: 'claude-sonnet-5', bedrock: 'global.anthropic.claude-sonnet-5-v1:0' },
  'claude-fable-5-1': { anthropic: 'claude-fable-5-1', bedrock: 'global.anthropic.claude-fable-5-1-v1:0' },
  'claude-fable-5': { anthropic: 'claude-fable-5', bedrock: 'global.anthropic.claude-fable-5-v1:0' },
  'claude-opus-4-8': { anthropic: 'claude-opus-4-8', bedrock: 'global.anthropic.claude-opus-4-8-v1:0' },
  'claude-opus-4-7': { anthropic: 'claude-opus-4-7', bedrock: 'global.anthropic.claude-opus-4-7-v1:0' },
  'claude-opus-4-6': { anthropic: 'claude-opus-4-6', bedrock: 'global.anthropic.claude-opus-4-6-v1:0' },
  'claude-opus-4-5': { anthropic: 'claude-opus-4-5', bedrock: 'global.anthropic.claude-opus-4-5-v1:0' },
  'claude-sonnet-4-6': { anthropic: 'claude-sonnet-4-6', bedrock: 'global.anthropic.claude-sonnet-4-6-v1:0' },
  'claude-sonnet-4-5': {
    anthropic: 'claude-sonnet-4-5',
    bedrock: 'global.anthropic.claude-sonnet-4-5-20250929-v1:0',
  },
  'claude-haiku-4-5': {
    anthropic: 'claude-haiku-4-5',
    bedrock: 'global.anthropic.claude-haiku-4-5-20251001-v1:0',
  },
  'flux-1.1-pro': {
    black_forest_labs: 'flux-pro-1.1',
    replicate: 'black-forest-labs/flux-1.1-pro',
    fal: 'fal-ai/flux-pro/v1.1',
    together: 'black-forest-labs/FLUX.1.1-pro',
  },
}

interface Vendor {
  readonly home: string
  /** Of its models' names, in lower case. */
  readonly prefixes: readonly string[]
  /** How another service writes the vendor's names; `isCertain`: it has all of them. */
  readonly elsewhere: Readonly<Record<string, { write(name: string): string; isCertain?: true }>>
}

const prefixed = (prefix: string) => ({ write: (name: string) => prefix + name })
const asIs = { write: (name: string) => name, isCertain: true } as const

const vendors: readonly Vendor[] = [
  {
    home: 'openai',
    prefixes: [
      'gpt-',
      'chatgpt-',
      'o1',
      'o3',
      'o4',
      'ft:gpt-',
      'text-embedding-3',
      'text-embedding-ada',
      'whisper-1',
      'tts-1',
      'dall-e-',
      'sora-',
      'codex-',
      'omni-moderation',
      'text-moderation',
      'computer-use',
    ],
    elsewhere: { azure_openai: asIs, openrouter: prefixed('openai/') },
  },
  {
    home: 'anthropic',
    prefixes: ['claude-'],
    // `claude-sonnet-4-5` is `claude-sonnet-4.5` there.
    elsewhere: {
      vertex: asIs,
      openrouter: { write: (name) => `anthropic/${name.replace(/-(\d)-(\d)$/, '-$1.$2')}` },
    },
  },
  {
    home: 'gemini',
    prefixes: ['gemini-'],
    elsewhere: { vertex: asIs, openrouter: prefixed('google/') },
  },
  { home: 'xai', prefixes: ['grok-'], elsewhere: { openrouter: prefixed('x-ai/') } },
  {
    home: 'mistral',
    prefixes: ['mistral-', 'ministral-', 'codestral', 'magistral-', 'devstral-', 'pixtral-', 'voxtral-'],
    elsewhere: { openrouter: prefixed('mistralai/') },
  },
  { home: 'voyage', prefixes: ['voyage-', 'rerank-1', 'rerank-2', 'rerank-lite'], elsewhere: {} },
  {
    home: 'cohere',
    prefixes: ['command', 'embed-v', 'rerank-'],
    elsewhere: { openrouter: prefixed('cohere/') },
  },
  { home: 'perplexity', prefixes: ['sonar'], elsewhere: { openrouter: prefixed('perplexity/') } },
  { home: 'deepseek', prefixes: ['deepseek-'], elsewhere: {} },
  { home: 'moonshot', prefixes: ['kimi-', 'moonshot-'], elsewhere: {} },
  { home: 'alibaba', prefixes: ['qwen'], elsewhere: {} },
  { home: 'jina', prefixes: ['jina-'], elsewhere: {} },
  { home: 'elevenlabs', prefixes: ['eleven_', 'scribe_'], elsewhere: {} },
  { home: 'deepgram', prefixes: ['nova-', 'aura-'], elsewhere: {} },
  { home: 'assemblyai', prefixes: ['universal', 'slam-1'], elsewhere: {} },
  { home: 'black_forest_labs', prefixes: ['flux-'], elsewhere: {} },
  { home: 'stability', prefixes: ['stable-image-', 'sd3'], elsewhere: {} },
  { home: 'luma', prefixes: ['photon-', 'ray-'], elsewhere: {} },
]

const prefixesOfOpenRouter: Readonly<Record<string, string>> = {
  'openai/': 'openai',
  'anthropic/': 'anthropic',
  'google/': 'gemini',
  'x-ai/': 'xai',
  'mistralai/': 'mistral',
  'cohere/': 'cohere',
  'perplexity/': 'perplexity',
}

const table = new Map<string, Names>(Object.entries({ ...openModels, ...vendorModels }))

/** `service model`, in lower case → canonical name. */
const canonicalByName = new Map<string, string>()
for (const [canonical, names] of table)
  for (const [serviceId, model] of Object.entries(names))
    for (const name of typeof model === 'string' ? [model] : model)
      canonicalByName.set(`${serviceId} ${name.toLowerCase()}`, canonical)

const vendorOf = (name: string): Vendor | undefined =>
  table.has(name) && name in openModels
    ? undefined
    : vendors.find((vendor) => vendor.prefixes.some((prefix) => name.startsWith(prefix)))

/** The service of the vendor by whose names this one is written; null for models that only others host. */
export const homeOf = (model: string): string | null => vendorOf(model.trim().toLowerCase())?.home ?? null

/** Services that have no models but their vendor's. */
const vendorServices = new Set(vendors.map((vendor) => vendor.home))

/** Whether a service may have a model of this name that nobody has heard of: a fine-tune, or one that is new. */
export const mayOffer = (serviceId: string, model: string): boolean => {
  const home = homeOf(model)
  if (vendorServices.has(serviceId)) return home === serviceId
  // The rule's certainty: Azure has OpenAI's models, Vertex AI Anthropic's and Google's.
  return home === null || vendorOf(model.toLowerCase())?.elsewhere[serviceId] !== undefined
}

/** One name for all names of a model: a vendor's own where there is one. Null: none is known to be the same. */
export const canonicalOf = (serviceId: string, model: string): string | null => {
  const name = model.trim().toLowerCase()
  const listed = canonicalByName.get(`${serviceId} ${name}`)
  if (listed !== undefined) return listed
  const written = vendorName(serviceId, name)
  if (written === null) return null
  return canonicalByName.get(`${vendorOf(written)?.home} ${written}`) ?? written
}

/** The vendor's own name of what a service calls so, by rule. */
const vendorName = (serviceId: string, name: string): string | null => {
  if (serviceId === 'openrouter') return vendorNameAtOpenRouter(name)
  const plain =
    serviceId === 'bedrock'
      ? name.replace(/^(?:[a-z-]+\.)?anthropic\./, '').replace(/-v\d+(?::\d+)?$/, '')
      : name.replace(/^models\//, '')
  // Anthropic's names with a date are the snapshots that the names without are aliases of.
  const undated = plain.startsWith('claude-') ? plain.replace(/[-@]\d{8}$/, '') : plain
  const vendor = vendorOf(undated)
  if (vendor === undefined) return null
  const isOffered = vendor.home === serviceId || vendor.elsewhere[serviceId] !== undefined
  return isOffered || (serviceId === 'bedrock' && vendor.home === 'anthropic') ? undated : null
}

const vendorNameAtOpenRouter = (name: string): string | null => {
  const slash = name.indexOf('/') + 1
  const home = prefixesOfOpenRouter[name.slice(0, slash)]
  // A suffix such as `:free` or `:online` is another offer.
  if (home === undefined || name.includes(':')) return null
  const rest = name.slice(slash)
  const written = home === 'anthropic' ? rest.replaceAll('.', '-') : rest
  return vendorOf(written)?.home === home ? written : null
}

/** All names of a canonical model, the vendor's own first. */
export const namesOf = (canonical: string): readonly ModelName[] => {
  const found = new Map<string, ModelName>()
  const vendor = vendorOf(canonical)
  if (vendor !== undefined)
    found.set(vendor.home, { serviceId: vendor.home, model: canonical, isCertain: false })
  for (const [serviceId, model] of Object.entries(table.get(canonical) ?? {}))
    found.set(serviceId, {
      serviceId,
      model: typeof model === 'string' ? model : (model[0] as string),
      isCertain: true,
    })
  for (const [serviceId, { write, isCertain = false }] of Object.entries(vendor?.elsewhere ?? {}))
    if (!found.has(serviceId)) found.set(serviceId, { serviceId, model: write(canonical), isCertain })
  return [...found.values()]
}

/** The canonical name that a caller wrote without a service; null where it is none. */
export const canonicalOfBare = (model: string): string | null => {
  const name = model.trim().toLowerCase()
  if (table.has(name)) return name
  const home = vendorOf(name)?.home
  return home === undefined ? null : canonicalOf(home, name)
}

/** Every name of the table, for tests and for near matches. */
export const listedNames = (): readonly ModelName[] => [...table.keys()].flatMap(namesOf)

/** Services that have models in common with this one, as far as names tell. */
export const relatedServices = (serviceId: string): ReadonlySet<string> =>
  related.get(serviceId) ?? new Set<string>()

const related = new Map<string, Set<string>>()
const relate = (ids: readonly string[]) => {
  for (const id of ids) {
    const others = related.get(id) ?? new Set()
    for (const other of ids) if (other !== id) others.add(other)
    related.set(id, others)
  }
}
for (const names of table.values()) relate(Object.keys(names))
for (const vendor of vendors) for (const other of Object.keys(vendor.elsewhere)) relate([vendor.home, other])
