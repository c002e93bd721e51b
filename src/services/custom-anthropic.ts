import { anthropic } from './anthropic.ts'
import { header } from './authentication.ts'
import { customModels } from './custom-models.ts'
import { failureReader } from './failure.ts'
import type { Service } from './service.ts'
import { verdictOf } from './verdict.ts'

/** Any server that speaks Anthropic's API. The address ends where ANTHROPIC_BASE_URL does: before /v1. */
export const customAnthropic: Service = {
  id: 'custom_anthropic',
  name: 'Custom (Anthropic-compatible)',
  baseUrl: null,
  baseUrlHint: 'https://models.example.com',
  docsUrl: 'https://platform.claude.com/docs/en/api/messages',
  keysUrl: null,
  endpoints: { messages: '/v1/messages', count_tokens: '/v1/messages/count_tokens' },
  ...(anthropic.translation && { translation: anthropic.translation }),
  tasks: ['chat'],
  authenticate: header('x-api-key'),
  settingFields: [customModels],
  keyShapes: [{ pattern: /^sk-[A-Za-z0-9_-]{4,400}$/, specific: false }],
  keyHint: 'what your server wants as x-api-key',
  validation: {
    request: () => ({
      method: 'GET',
      path: '/v1/models?limit=1',
      headers: { 'anthropic-version': '2023-06-01' },
    }),
    verdict: verdictOf({ invalid: [401, 403] }),
  },
  rotation: null,
  pricesId: null,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: ['anthropic-version', 'anthropic-beta'],
  readFailure: failureReader(),
}
