import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'

export const nvidia: Service = {
  id: 'nvidia',
  name: 'NVIDIA NIM',
  baseUrl: 'https://integrate.api.nvidia.com',
  docsUrl: 'https://docs.api.nvidia.com/nim',
  keysUrl: 'https://build.nvidia.com/settings/api-keys',
  endpoints: { chat_completions: '/v1/chat/completions', embeddings: '/v1/embeddings' },
  translation: openAiCompatible('nvidia', '/v1', { embedding: true }),
  tasks: ['chat', 'embedding'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^nvapi-[A-Za-z0-9_-]{60,80}$/, specific: true }],
  keyHint: 'nvapi-…',
  // Its list of models is public, and its call about keys wants the key in the body.
  validation: null,
  rotation: null,
  pricesId: null,
  modelShape: /^[\w.-]{1,64}\/[\w.-]{1,128}$/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  // A 403 without a key that it knows; models that an account lacks are a 404 (“Function … not found for account”).
  readFailure: failureReader((status) => (status === 403 ? 'unauthorized' : null)),
}
