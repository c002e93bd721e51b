import { header } from './authentication.ts'
import { isServiceTrouble, readError } from './error-reply.ts'
import { noSecret } from './openai-models.ts'
import type { Service } from './service.ts'

export const anthropic: Service = {
  id: 'anthropic',
  name: 'Anthropic',
  baseUrl: 'https://api.anthropic.com',
  docsUrl: 'https://platform.claude.com/docs',
  keysUrl: 'https://platform.claude.com/settings/keys',
  endpoints: { messages: '/v1/messages', count_tokens: '/v1/messages/count_tokens' },
  translation: {
    language: async ({ model, baseUrl, fetch }) => {
      const { createAnthropic } = await import('@ai-sdk/anthropic')
      return createAnthropic({ baseURL: `${baseUrl}/v1`, apiKey: noSecret, fetch })(model)
    },
  },
  tasks: ['chat'],
  authenticate: header('x-api-key'),
  keyShapes: [{ pattern: /^sk-ant-[A-Za-z0-9_-]{20,400}$/, specific: true }],
  keyHint: 'sk-ant-api03-…',
  validation: {
    request: () => ({
      method: 'GET',
      path: '/v1/models?limit=1',
      headers: { 'anthropic-version': '2023-06-01' },
    }),
    verdict: (status) => {
      if (status === 200) return { verdict: 'valid', detail: 'The service accepted the key.' }
      if (status === 401 || status === 404)
        return { verdict: 'invalid', detail: 'The service does not know this key.' }
      if (status === 403)
        return { verdict: 'valid_but_unusable', detail: 'The key is known but not permitted to list models.' }
      return {
        verdict: 'unknown',
        detail: `The service answered ${status}; the key could not be proven now.`,
      }
    },
  },
  rotation: 'anthropic',
  pricesId: 'anthropic',
  // The caller must always set it, so there is never a limit to choose.
  outputLimitField: 'max_tokens',
  outputLimits: [],
  cachesPrompts: true,
  forwardedHeaders: ['anthropic-version', 'anthropic-beta'],
  readFailure: (status, body) => {
    const { type, message } = readError(body)
    // An empty balance is a 400, and 402 on newer accounts.
    if (status === 402 || (status === 400 && message.startsWith('Your credit balance is too low')))
      return { kind: 'exhausted' }
    if (status === 404 && type === 'not_found_error' && message.startsWith('model'))
      return { kind: 'account' }
    if (status === 401 || status === 403) return { kind: 'unauthorized' }
    if (status === 429) return { kind: 'limited' }
    return isServiceTrouble(status) ? { kind: 'service' } : { kind: 'caller' }
  },
}
