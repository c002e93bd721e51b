import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'
import { accepted, refused, restricted, unproven } from './verdict.ts'

export const xai: Service = {
  id: 'xai',
  name: 'xAI',
  baseUrl: 'https://api.x.ai',
  docsUrl: 'https://docs.x.ai',
  keysUrl: 'https://console.x.ai',
  // Image edits are JSON there, not the form that OpenAI's clients send; its copy of Anthropic's API is abandoned.
  endpoints: {
    chat_completions: '/v1/chat/completions',
    responses: '/v1/responses',
    image_generations: '/v1/images/generations',
  },
  translation: openAiCompatible('xai', '/v1', { image: true }),
  tasks: ['chat', 'image'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^xai-[A-Za-z0-9_]{60,120}$/, specific: true }],
  keyHint: 'xai-…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/api-key', headers: {} }),
    verdict: (status, body) => {
      if (status === 400 || status === 401) return refused
      if (status !== 200) return unproven(status)
      const isBlocked = /"(?:api_key_blocked|api_key_disabled|team_blocked)"\s{0,9}:\s{0,9}true/.test(
        body.slice(0, 8_000),
      )
      return isBlocked ? restricted : accepted
    },
  },
  rotation: 'xai',
  pricesId: 'x-ai',
  outputLimitField: 'max_completion_tokens',
  outputLimits: [],
  cachesPrompts: true,
  forwardedHeaders: [],
  /**
   * `{"code": "a sentence", "error": "another"}`. A 403 is a prompt against its rules (which it charges for), or a
   * model that the key's access list leaves out.
   */
  readFailure: failureReader((status, { message }) => {
    if (status === 400 && message.startsWith('Incorrect API key provided')) return 'unauthorized'
    if (status === 403 && message.startsWith('Content violates usage guidelines')) return 'caller'
    return (status === 403 || status === 429) && isOutOfCredits.test(message) ? 'exhausted' : null
  }),
}

const isOutOfCredits =
  /^Your (?:newly created )?team .{0,80}(?:doesn't have any credits|has either used all available credits)/
