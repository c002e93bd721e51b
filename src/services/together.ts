import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { readOpenAiVerdict } from './openai-like.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'

export const together: Service = {
  id: 'together',
  name: 'Together AI',
  baseUrl: 'https://api.together.xyz',
  docsUrl: 'https://docs.together.ai',
  keysUrl: 'https://api.together.ai/settings/api-keys',
  endpoints: {
    chat_completions: '/v1/chat/completions',
    embeddings: '/v1/embeddings',
    image_generations: '/v1/images/generations',
    speech: '/v1/audio/speech',
    transcriptions: '/v1/audio/transcriptions',
    translations: '/v1/audio/translations',
    rerank: '/v1/rerank',
  },
  translation: openAiCompatible('together', '/v1', { embedding: true, image: true }),
  tasks: ['chat', 'embedding', 'image', 'speech', 'transcription', 'rerank'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^tgp_v1_[A-Za-z0-9_-]{30,80}$/, specific: true }],
  keyHint: 'tgp_v1_…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/models', headers: {} }),
    verdict: readOpenAiVerdict,
  },
  rotation: null,
  pricesId: 'together',
  modelShape: /^[\w.-]{1,64}\/[\w.:-]{1,128}$/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  // 403: input and max_tokens are more than the model's context. https://docs.together.ai/docs/error-codes
  readFailure: failureReader((status) => (status === 403 ? 'caller' : null)),
}
