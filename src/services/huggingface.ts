import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'
import { verdictOf } from './verdict.ts'

/** Its router to other companies' inference; what a call costs depends on who answers it. */
export const huggingface: Service = {
  id: 'huggingface',
  name: 'Hugging Face',
  baseUrl: 'https://router.huggingface.co',
  docsUrl: 'https://huggingface.co/docs/inference-providers',
  keysUrl: 'https://huggingface.co/settings/tokens',
  endpoints: { chat_completions: '/v1/chat/completions', responses: '/v1/responses' },
  translation: openAiCompatible('huggingface', '/v1'),
  tasks: ['chat'],
  authenticate: bearer,
  keyShapes: [
    { pattern: /^hf_[A-Za-z0-9]{30,44}$/, specific: true },
    { pattern: /^api_org_[A-Za-z0-9]{34}$/, specific: true },
  ],
  keyHint: 'hf_…',
  validation: {
    request: () => ({ method: 'GET', path: 'https://huggingface.co/api/whoami-v2', headers: {} }),
    verdict: verdictOf({ invalid: [401], restricted: [403] }),
  },
  rotation: null,
  pricesId: null,
  // `organisation/model`, with `:provider` where one is to answer.
  modelShape: /^[\w.-]{1,96}\/[\w.-]{1,96}(?::[\w-]{1,40})?$/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  readFailure: failureReader((status, { code, message }) => {
    if (
      status === 403 &&
      message.startsWith('This authentication method does not have sufficient permissions')
    )
      return 'unauthorized'
    // None of the providers that this account has switched on.
    return status === 400 && code === 'model_not_supported' ? 'account' : null
  }),
}
