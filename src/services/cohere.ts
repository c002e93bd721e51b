import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { noSecret } from './openai-models.ts'
import type { ModelParts, Service } from './service.ts'
import { accepted, refused, unproven } from './verdict.ts'

const provider = async ({ baseUrl, fetch }: ModelParts) =>
  (await import('@ai-sdk/cohere')).createCohere({ baseURL: `${baseUrl}/v2`, apiKey: noSecret, fetch })

export const cohere: Service = {
  id: 'cohere',
  name: 'Cohere',
  baseUrl: 'https://api.cohere.com',
  docsUrl: 'https://docs.cohere.com',
  keysUrl: 'https://dashboard.cohere.com/api-keys',
  endpoints: { rerank: '/v2/rerank' },
  translation: {
    language: async (parts) => (await provider(parts)).languageModel(parts.model),
    embedding: async (parts) => (await provider(parts)).embeddingModel(parts.model),
    reranking: async (parts) => (await provider(parts)).rerankingModel(parts.model),
  },
  tasks: ['chat', 'embedding', 'rerank'],
  authenticate: bearer,
  keyShapes: [],
  keyHint: '40 letters and digits',
  validation: {
    request: () => ({
      method: 'POST',
      path: '/v1/check-api-key',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    }),
    verdict: (status, body) => {
      if (status === 401) return refused
      if (status !== 200) return unproven(status)
      return /"valid"\s{0,9}:\s{0,9}false/.test(body.slice(0, 2_000)) ? refused : accepted
    },
  },
  rotation: null,
  pricesId: 'cohere',
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  // A trial key's month is over with a 429 as well.
  readFailure: failureReader((status, { message }) =>
    status === 429 && /^You are using a Trial key, which is limited to \d+ API calls \/ month/.test(message)
      ? 'exhausted'
      : null,
  ),
}
