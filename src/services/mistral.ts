import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { readOpenAiVerdict } from './openai-like.ts'
import { noSecret } from './openai-models.ts'
import type { ModelParts, Service } from './service.ts'

const provider = async ({ baseUrl, fetch }: ModelParts) =>
  (await import('@ai-sdk/mistral')).createMistral({ baseURL: `${baseUrl}/v1`, apiKey: noSecret, fetch })

export const mistral: Service = {
  id: 'mistral',
  name: 'Mistral',
  baseUrl: 'https://api.mistral.ai',
  docsUrl: 'https://docs.mistral.ai',
  keysUrl: 'https://console.mistral.ai/api-keys',
  // Its moderations and speech have other shapes under the same paths.
  endpoints: {
    chat_completions: '/v1/chat/completions',
    embeddings: '/v1/embeddings',
    transcriptions: '/v1/audio/transcriptions',
  },
  translation: {
    language: async (parts) => (await provider(parts)).languageModel(parts.model),
    embedding: async (parts) => (await provider(parts)).embeddingModel(parts.model),
  },
  tasks: ['chat', 'embedding', 'transcription'],
  authenticate: bearer,
  keyShapes: [],
  keyHint: '32 letters and digits',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/models', headers: {} }),
    verdict: readOpenAiVerdict,
  },
  rotation: null,
  pricesId: 'mistral',
  outputLimitField: 'max_tokens',
  outputLimits: [],
  // Fields it does not know are refused, and its last chunk has the usage in any case.
  noStreamOptions: true,
  forwardedHeaders: [],
  // 400 and 404 alike say `invalid_model`.
  readFailure: failureReader((status, { type }) =>
    status === 400 && type === 'invalid_model' ? 'account' : null,
  ),
}
