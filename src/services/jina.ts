import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'

const { embedding } = openAiCompatible('jina', '/v1', { embedding: true })

export const jina: Service = {
  id: 'jina',
  name: 'Jina AI',
  baseUrl: 'https://api.jina.ai',
  docsUrl: 'https://jina.ai/embeddings',
  keysUrl: 'https://jina.ai/api-dashboard',
  endpoints: { embeddings: '/v1/embeddings', rerank: '/v1/rerank' },
  translation: { ...(embedding && { embedding }) },
  tasks: ['embedding', 'rerank'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^jina_[A-Za-z0-9_-]{40,90}$/, specific: true }],
  keyHint: 'jina_…',
  // The call that tells a key's balance wants the key in the address.
  validation: null,
  rotation: null,
  pricesId: null,
  modelShape: /^jina-/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  readFailure: failureReader(),
}
