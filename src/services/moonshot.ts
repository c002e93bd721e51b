import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { readOpenAiVerdict } from './openai-like.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'

export const moonshot: Service = {
  id: 'moonshot',
  name: 'Moonshot AI',
  baseUrl: 'https://api.moonshot.ai',
  docsUrl: 'https://platform.moonshot.ai/docs',
  keysUrl: 'https://platform.moonshot.ai/console/api-keys',
  endpoints: { chat_completions: '/v1/chat/completions', messages: '/anthropic/v1/messages' },
  translation: openAiCompatible('moonshot', '/v1'),
  tasks: ['chat'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^sk-[A-Za-z0-9]{48}$/, specific: false }],
  keyHint: 'sk-…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/users/me/balance', headers: {} }),
    verdict: readOpenAiVerdict,
  },
  rotation: null,
  pricesId: 'moonshotai',
  outputLimitField: 'max_tokens',
  outputLimits: [],
  cachesPrompts: true,
  forwardedHeaders: ['anthropic-version', 'anthropic-beta'],
  readFailure: failureReader((status, { type }) =>
    status === 429 && type === 'exceeded_current_quota_error' ? 'exhausted' : null,
  ),
}
