import { authorization } from './authentication.ts'
import { failureReader } from './failure.ts'
import { noSecret } from './openai-models.ts'
import type { Service } from './service.ts'

export const fal: Service = {
  id: 'fal',
  name: 'fal',
  baseUrl: 'https://fal.run',
  docsUrl: 'https://docs.fal.ai',
  keysUrl: 'https://fal.ai/dashboard/keys',
  endpoints: {},
  translation: {
    image: async ({ model, baseUrl, fetch }) => {
      const { createFal } = await import('@ai-sdk/fal')
      return createFal({ baseURL: baseUrl, apiKey: noSecret, fetch }).imageModel(model)
    },
  },
  tasks: ['image', 'video', 'speech', 'transcription'],
  authenticate: authorization('Key'),
  keyShapes: [{ pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]{32}$/, specific: true }],
  keyHint: 'id:secret',
  // What its platform API tells depends on the key's scope; no call is open to every key and free.
  validation: null,
  rotation: null,
  pricesId: null,
  modelShape: /^[\w-]{1,64}\/[\w./-]{1,200}$/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  // “User is locked. Reason: Exhausted balance.”
  readFailure: failureReader((status, { message }) =>
    status === 403 && message.startsWith('User is locked. Reason: Exhausted balance') ? 'exhausted' : null,
  ),
}
