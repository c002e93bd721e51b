import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { readOpenAiVerdict } from './openai-like.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'

export const groq: Service = {
  id: 'groq',
  name: 'Groq',
  baseUrl: 'https://api.groq.com/openai',
  docsUrl: 'https://console.groq.com/docs',
  keysUrl: 'https://console.groq.com/keys',
  endpoints: {
    chat_completions: '/v1/chat/completions',
    responses: '/v1/responses',
    speech: '/v1/audio/speech',
    transcriptions: '/v1/audio/transcriptions',
    translations: '/v1/audio/translations',
  },
  translation: openAiCompatible('groq', '/v1'),
  tasks: ['chat', 'speech', 'transcription'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^gsk_[A-Za-z0-9]{40,80}$/, specific: true }],
  keyHint: 'gsk_…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/models', headers: {} }),
    verdict: readOpenAiVerdict,
  },
  rotation: null,
  pricesId: 'groq',
  outputLimitField: 'max_completion_tokens',
  outputLimits: [],
  // compound systems search and run code at a price of their own.
  unpricedModels: /^(?:groq\/)?compound/,
  cachesPrompts: true,
  forwardedHeaders: [],
  readFailure: failureReader((status, { code, type }) => {
    // More tokens than the account may send in a minute.
    if (status === 413 && type === 'tokens') return 'account'
    if (status === 400 && code === 'organization_restricted') return 'unauthorized'
    if (status === 400 && code === 'model_decommissioned') return 'account'
    // “Flex tier capacity exceeded”.
    return status === 498 ? 'service' : null
  }),
}
