import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'

const { embedding } = openAiCompatible('voyage', '/v1', { embedding: true })

export const voyage: Service = {
  id: 'voyage',
  name: 'Voyage AI',
  baseUrl: 'https://api.voyageai.com',
  docsUrl: 'https://docs.voyageai.com',
  keysUrl: 'https://dashboard.voyageai.com/organization/api-keys',
  // Its rerank says `top_k` and `data` where Cohere's shape says `top_n` and `results`.
  endpoints: { embeddings: '/v1/embeddings' },
  translation: {
    ...(embedding && { embedding }),
    reranking: async (parts) => (await import('./voyage-rerank.ts')).voyageRerank(parts),
  },
  tasks: ['embedding', 'rerank'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^pa-[A-Za-z0-9_-]{40,60}$/, specific: true }],
  keyHint: 'pa-…',
  // No call of its API is free.
  validation: null,
  rotation: null,
  pricesId: 'voyageai',
  modelShape: /^(?:voyage|rerank-\d|rerank-lite)/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  readFailure: failureReader(),
}
