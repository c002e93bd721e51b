import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { noSecret } from './openai-models.ts'
import type { Service } from './service.ts'
import { verdictOf } from './verdict.ts'

export const replicate: Service = {
  id: 'replicate',
  name: 'Replicate',
  baseUrl: 'https://api.replicate.com',
  docsUrl: 'https://replicate.com/docs',
  keysUrl: 'https://replicate.com/account/api-tokens',
  endpoints: {},
  translation: {
    image: async ({ model, baseUrl, fetch }) => {
      const { createReplicate } = await import('@ai-sdk/replicate')
      return createReplicate({ baseURL: `${baseUrl}/v1`, apiToken: noSecret, fetch }).imageModel(model)
    },
  },
  tasks: ['image', 'video'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^r8_[A-Za-z0-9_-]{37}$/, specific: true }],
  keyHint: 'r8_…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/account', headers: {} }),
    verdict: verdictOf({ invalid: [401], restricted: [403] }),
  },
  rotation: null,
  pricesId: null,
  // `owner/model`, with `:version` where one is meant.
  modelShape: /^[\w.-]{1,64}\/[\w.-]{1,128}(?::[0-9a-f]{64})?$/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  readFailure: failureReader(),
}
