import type { ModelParts, Translation } from './service.ts'

/** The packages insist on a key; `fetch` puts the real credentials in its place. */
export const noSecret = 'replaced-by-fetch'

/**
 * Translation for services that speak OpenAI's chat: for callers of the other dialects. `path` leads from the base URL
 * to where `/chat/completions` hangs.
 */
export const openAiCompatible = (
  name: string,
  path: string,
  more: { readonly embedding?: true; readonly image?: true; readonly noUsageOption?: true } = {},
): Translation => {
  const provider = async ({ baseUrl, fetch }: ModelParts) =>
    (await import('@ai-sdk/openai-compatible')).createOpenAICompatible({
      name,
      baseURL: baseUrl + path,
      apiKey: noSecret,
      includeUsage: more.noUsageOption !== true,
      supportsStructuredOutputs: true,
      fetch,
    })
  return {
    language: async (parts) => (await provider(parts)).chatModel(parts.model),
    ...(more.embedding && {
      embedding: async (parts) => (await provider(parts)).embeddingModel(parts.model),
    }),
    ...(more.image && { image: async (parts) => (await provider(parts)).imageModel(parts.model) }),
  }
}

/** The least limit that OpenAI's responses take; its chat completions take 1, as every other service does. */
export const leastResponsesTokens = 16

/** OpenAI's own package, for OpenAI and for Azure's copy of its API. */
export const openAiModels = (
  path: string,
  language: (model: string) => 'responses' | 'chat',
): Required<Omit<Translation, 'reranking'>> => {
  const provider = async ({ baseUrl, fetch }: ModelParts) =>
    (await import('@ai-sdk/openai')).createOpenAI({ baseURL: baseUrl + path, apiKey: noSecret, fetch })
  return {
    language: async (parts) => (await provider(parts))[language(parts.model)](parts.model),
    embedding: async (parts) => (await provider(parts)).embeddingModel(parts.model),
    image: async (parts) => (await provider(parts)).imageModel(parts.model),
    speech: async (parts) => (await provider(parts)).speech(parts.model),
    transcription: async (parts) => (await provider(parts)).transcription(parts.model),
  }
}

/** For packages that know one address only: what goes there goes to the service key's base URL instead. */
export const rebased =
  (fetch: ModelParts['fetch'], fixed: string, baseUrl: string): ModelParts['fetch'] =>
  (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    if (!url.startsWith(`${fixed}/`)) return fetch(input, init)
    const moved = baseUrl + url.slice(fixed.length)
    return input instanceof Request ? fetch(new Request(moved, input), init) : fetch(moved, init)
  }
