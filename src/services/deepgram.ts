import { authorization } from './authentication.ts'
import { failureReader } from './failure.ts'
import { noSecret, rebased } from './openai-models.ts'
import type { ModelParts, Service } from './service.ts'
import { verdictOf } from './verdict.ts'

const home = 'https://api.deepgram.com'

const provider = async ({ baseUrl, fetch }: ModelParts) =>
  (await import('@ai-sdk/deepgram')).createDeepgram({
    apiKey: noSecret,
    fetch: rebased(fetch, home, baseUrl),
  })

export const deepgram: Service = {
  id: 'deepgram',
  name: 'Deepgram',
  baseUrl: home,
  docsUrl: 'https://developers.deepgram.com',
  keysUrl: 'https://console.deepgram.com',
  endpoints: {},
  translation: {
    speech: async (parts) => (await provider(parts)).speech(parts.model),
    transcription: async (parts) => (await provider(parts)).transcription(parts.model),
  },
  tasks: ['speech', 'transcription'],
  authenticate: authorization('Token'),
  keyShapes: [],
  keyHint: '40 letters and digits',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/projects', headers: {} }),
    verdict: verdictOf({ invalid: [401], restricted: [403] }),
  },
  rotation: 'deepgram',
  pricesId: null,
  modelShape: /^(?:nova|aura|enhanced|base|flux-general|whisper-(?:tiny|base|small|medium|large)$)/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  readFailure: failureReader((status, { code }) => {
    // A model or feature outside the project's plan.
    if (status === 401 && code === 'INSUFFICIENT_PERMISSIONS') return 'account'
    return code === 'ASR_PAYMENT_REQUIRED' ? 'exhausted' : null
  }),
}
