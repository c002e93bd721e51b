import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import type { Service } from './service.ts'
import { verdictOf } from './verdict.ts'

export const stability: Service = {
  id: 'stability',
  name: 'Stability AI',
  baseUrl: 'https://api.stability.ai',
  docsUrl: 'https://platform.stability.ai/docs',
  keysUrl: 'https://platform.stability.ai/account/keys',
  endpoints: {},
  translation: {
    image: async (parts) => (await import('./stability-image.ts')).stabilityImage(parts),
  },
  tasks: ['image'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^sk-[A-Za-z0-9]{48}$/, specific: false }],
  keyHint: 'sk-…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/user/balance', headers: {} }),
    verdict: verdictOf({ invalid: [401], restricted: [403] }),
  },
  rotation: null,
  pricesId: null,
  modelShape: /^(?:(?:stable-image-)?(?:ultra|core)$|sd3)/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  // 403 is the prompt's filter.
  readFailure: failureReader((status, { type }) =>
    status === 403 && type === 'content_moderation' ? 'caller' : null,
  ),
}
