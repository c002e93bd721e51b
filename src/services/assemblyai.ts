import { failureReader } from './failure.ts'
import { header } from './authentication.ts'
import { noSecret, rebased } from './openai-models.ts'
import type { Service } from './service.ts'
import { verdictOf } from './verdict.ts'

const home = 'https://api.assemblyai.com'

export const assemblyai: Service = {
  id: 'assemblyai',
  name: 'AssemblyAI',
  baseUrl: home,
  docsUrl: 'https://www.assemblyai.com/docs',
  keysUrl: 'https://www.assemblyai.com/dashboard/api-keys',
  endpoints: {},
  translation: {
    transcription: async ({ model, baseUrl, fetch }) => {
      const { createAssemblyAI } = await import('@ai-sdk/assemblyai')
      const moved = rebased(fetch, home, baseUrl)
      return createAssemblyAI({ apiKey: noSecret, fetch: moved }).transcription(model)
    },
  },
  tasks: ['transcription'],
  // The key alone, without a word before it.
  authenticate: header('authorization'),
  keyShapes: [],
  keyHint: '32 letters and digits',
  validation: {
    request: () => ({ method: 'GET', path: '/v2/transcript?limit=1', headers: {} }),
    verdict: verdictOf({ invalid: [401], restricted: [403] }),
  },
  rotation: null,
  pricesId: null,
  modelShape: /^(?:best|nano|slam-1|universal)/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  readFailure: failureReader((status, { message }) =>
    status === 400 && message.startsWith('Your current account balance is negative') ? 'exhausted' : null,
  ),
}
