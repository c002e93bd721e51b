import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'
import { verdictOf } from './verdict.ts'

export const fireworks: Service = {
  id: 'fireworks',
  name: 'Fireworks AI',
  baseUrl: 'https://api.fireworks.ai/inference',
  docsUrl: 'https://docs.fireworks.ai',
  keysUrl: 'https://app.fireworks.ai/settings/users/api-keys',
  endpoints: {
    chat_completions: '/v1/chat/completions',
    responses: '/v1/responses',
    messages: '/v1/messages',
    embeddings: '/v1/embeddings',
  },
  translation: openAiCompatible('fireworks', '/v1', { embedding: true }),
  tasks: ['chat', 'embedding'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^fw_[A-Za-z0-9]{20,64}$/, specific: true }],
  keyHint: 'fw_…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/models', headers: {} }),
    verdict: verdictOf({ invalid: [401, 403] }),
  },
  rotation: 'fireworks',
  pricesId: 'fireworks',
  // The price data has the short names; on the wire each belongs to an account.
  wireModel: (model) => (model.includes('/') ? model : `accounts/fireworks/models/${model}`),
  outputLimitField: 'max_tokens',
  outputLimits: [],
  cachesPrompts: true,
  forwardedHeaders: ['anthropic-version', 'anthropic-beta'],
  // 412: the account is suspended, or an adapter that the caller named did not load.
  // https://docs.fireworks.ai/guides/inference-error-codes
  readFailure: failureReader((status) => {
    if (status === 403) return 'unauthorized'
    return status === 412 ? 'account' : null
  }),
}
