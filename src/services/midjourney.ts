import { header } from './authentication.ts'
import { isServiceTrouble } from './error-reply.ts'
import type { Service } from './service.ts'

/** Any midjourney-proxy compatible server; there is no official API. Never a Discord user token. */
export const midjourney: Service = {
  id: 'midjourney',
  name: 'Midjourney',
  baseUrl: null,
  docsUrl: 'https://github.com/novicezk/midjourney-proxy',
  keysUrl: null,
  // Spoken by the gateway's own part for tasks (gateway/midjourney.ts); images are such tasks that are waited for.
  endpoints: { midjourney: '/mj/submit', image_generations: '/mj/images' },
  modelShape: /^midjourney$/,
  tasks: ['image'],
  authenticate: header('mj-api-secret'),
  keyShapes: [],
  keyHint: 'the mj-api-secret of your midjourney-proxy server',
  validation: {
    request: () => ({ method: 'GET', path: '/mj/task/list', headers: {} }),
    verdict: (status) => {
      if (status === 200) return { verdict: 'valid', detail: 'The server accepted the secret.' }
      if (status === 401 || status === 403)
        return { verdict: 'invalid', detail: 'The server refused the secret.' }
      return {
        verdict: 'unknown',
        detail: `The server answered ${status}; the secret could not be proven now.`,
      }
    },
  },
  rotation: null,
  pricesId: null,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  readFailure: (status) => {
    if (status === 401 || status === 403) return { kind: 'unauthorized' }
    if (status === 429) return { kind: 'limited' }
    return isServiceTrouble(status) ? { kind: 'service' } : { kind: 'caller' }
  },
}
