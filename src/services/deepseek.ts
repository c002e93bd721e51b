import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'
import { accepted, refused, unproven } from './verdict.ts'

export const deepseek: Service = {
  id: 'deepseek',
  name: 'DeepSeek',
  baseUrl: 'https://api.deepseek.com',
  docsUrl: 'https://api-docs.deepseek.com',
  keysUrl: 'https://platform.deepseek.com/api_keys',
  endpoints: { chat_completions: '/chat/completions', messages: '/anthropic/v1/messages' },
  translation: openAiCompatible('deepseek', ''),
  tasks: ['chat'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^sk-[a-z0-9]{32}$/, specific: false }],
  keyHint: 'sk-…',
  validation: {
    request: () => ({ method: 'GET', path: '/user/balance', headers: {} }),
    verdict: (status, body) => {
      if (status === 401) return refused
      if (status !== 200) return unproven(status)
      return /"is_available"\s{0,9}:\s{0,9}false/.test(body.slice(0, 2_000))
        ? { verdict: 'valid_but_unusable', detail: 'The key is known but has no credit at the service.' }
        : accepted
    },
  },
  rotation: null,
  pricesId: 'deepseek',
  outputLimitField: 'max_tokens',
  outputLimits: [
    ['deepseek-reasoner', 65_536],
    ['deepseek-chat', 8_192],
  ],
  cachesPrompts: true,
  forwardedHeaders: ['anthropic-version', 'anthropic-beta'],
  // https://api-docs.deepseek.com/quick_start/error_codes
  readFailure: failureReader(),
}
