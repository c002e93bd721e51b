import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { readOpenAiVerdict } from './openai-like.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'

export const cerebras: Service = {
  id: 'cerebras',
  name: 'Cerebras',
  baseUrl: 'https://api.cerebras.ai',
  docsUrl: 'https://inference-docs.cerebras.ai',
  keysUrl: 'https://cloud.cerebras.ai',
  endpoints: { chat_completions: '/v1/chat/completions' },
  translation: openAiCompatible('cerebras', '/v1'),
  tasks: ['chat'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^csk-[a-z0-9]{40,64}$/, specific: true }],
  keyHint: 'csk-…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/models', headers: {} }),
    verdict: readOpenAiVerdict,
  },
  rotation: null,
  pricesId: 'cerebras',
  outputLimitField: 'max_completion_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  readFailure: failureReader((status, { code }) =>
    status === 429 && code === 'token_quota_exceeded' ? 'limited' : null,
  ),
}
