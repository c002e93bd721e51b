import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { noSecret } from './openai-models.ts'
import type { Service } from './service.ts'
import { verdictOf } from './verdict.ts'

export const luma: Service = {
  id: 'luma',
  name: 'Luma AI',
  baseUrl: 'https://api.lumalabs.ai',
  docsUrl: 'https://docs.lumalabs.ai',
  keysUrl: 'https://lumalabs.ai/dream-machine/api/keys',
  endpoints: {},
  translation: {
    image: async ({ model, baseUrl, fetch }) => {
      const { createLuma } = await import('@ai-sdk/luma')
      return createLuma({ baseURL: baseUrl, apiKey: noSecret, fetch }).imageModel(model)
    },
  },
  tasks: ['image', 'video'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^luma-[A-Za-z0-9_-]{30,120}$/, specific: true }],
  keyHint: 'luma-…',
  validation: {
    request: () => ({ method: 'GET', path: '/dream-machine/v1/credits', headers: {} }),
    verdict: verdictOf({ invalid: [401, 403] }),
  },
  rotation: null,
  pricesId: null,
  modelShape: /^(?:photon|ray)-/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  readFailure: failureReader((status, { message }) =>
    status === 400 && message.startsWith('Insufficient credits') ? 'exhausted' : null,
  ),
}
