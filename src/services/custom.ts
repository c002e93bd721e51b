import { bearer } from './authentication.ts'
import { customModels } from './custom-models.ts'
import { failureReader } from './failure.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'
import { verdictOf } from './verdict.ts'

/**
 * Any server that speaks OpenAI's API: vLLM, Ollama, LM Studio, a gateway. The address ends where clients' `base_url`
 * does, mostly with /v1.
 */
export const custom: Service = {
  id: 'custom',
  name: 'Custom (OpenAI-compatible)',
  baseUrl: null,
  baseUrlHint: 'https://models.example.com/v1',
  docsUrl: 'https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html',
  keysUrl: null,
  endpoints: {
    chat_completions: '/chat/completions',
    responses: '/responses',
    embeddings: '/embeddings',
    image_generations: '/images/generations',
    image_edits: '/images/edits',
    speech: '/audio/speech',
    transcriptions: '/audio/transcriptions',
    translations: '/audio/translations',
    moderations: '/moderations',
    videos: '/videos',
    rerank: '/rerank',
  },
  translation: openAiCompatible('custom', '', { embedding: true, image: true }),
  tasks: ['chat', 'embedding', 'image', 'speech', 'transcription', 'moderation', 'rerank'],
  authenticate: bearer,
  settingFields: [customModels],
  keyShapes: [{ pattern: /^sk-[A-Za-z0-9_-]{4,400}$/, specific: false }],
  keyHint: 'what your server wants as a Bearer token; any 8 characters where it wants none',
  validation: {
    request: () => ({ method: 'GET', path: '/models', headers: {} }),
    verdict: verdictOf({ invalid: [401, 403] }),
  },
  rotation: null,
  pricesId: null,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  readFailure: failureReader((status, { code }) =>
    code === 'insufficient_quota' && status === 429 ? 'exhausted' : null,
  ),
}
