import { header } from './authentication.ts'
import { failureReader } from './failure.ts'
import { noSecret } from './openai-models.ts'
import type { Service } from './service.ts'
import { verdictOf } from './verdict.ts'

export const blackForestLabs: Service = {
  id: 'black_forest_labs',
  name: 'Black Forest Labs',
  baseUrl: 'https://api.bfl.ai',
  docsUrl: 'https://docs.bfl.ai',
  keysUrl: 'https://dashboard.bfl.ai',
  endpoints: {},
  translation: {
    image: async ({ model, baseUrl, fetch }) => {
      const { createBlackForestLabs } = await import('@ai-sdk/black-forest-labs')
      return createBlackForestLabs({ baseURL: `${baseUrl}/v1`, apiKey: noSecret, fetch }).imageModel(model)
    },
  },
  // An image is asked for at one host and waited for at the cluster that makes it.
  credentialHosts: /^api\.[a-z0-9-]{1,20}\.bfl\.ai$/,
  tasks: ['image'],
  authenticate: header('x-key'),
  keyShapes: [{ pattern: /^bfl_[A-Za-z0-9]{20,80}$/, specific: true }],
  keyHint: 'bfl_…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/credits', headers: {} }),
    verdict: verdictOf({ invalid: [401, 403] }),
  },
  rotation: null,
  pricesId: null,
  modelShape: /^flux-/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  // Nothing that is asked for needs a permission of its own.
  readFailure: failureReader((status) => (status === 403 ? 'unauthorized' : null)),
}
