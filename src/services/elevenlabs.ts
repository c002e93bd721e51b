import { header } from './authentication.ts'
import { failureReader } from './failure.ts'
import { noSecret, rebased } from './openai-models.ts'
import type { ModelParts, Service } from './service.ts'
import { accepted, refused, unproven } from './verdict.ts'
import { readAnyError } from './error-reply.ts'

const home = 'https://api.elevenlabs.io'

const provider = async ({ baseUrl, fetch }: ModelParts) =>
  (await import('@ai-sdk/elevenlabs')).createElevenLabs({
    apiKey: noSecret,
    fetch: rebased(fetch, home, baseUrl),
  })

export const elevenlabs: Service = {
  id: 'elevenlabs',
  name: 'ElevenLabs',
  baseUrl: home,
  docsUrl: 'https://elevenlabs.io/docs',
  keysUrl: 'https://elevenlabs.io/app/settings/api-keys',
  endpoints: {},
  translation: {
    speech: async (parts) => (await provider(parts)).speech(parts.model),
    transcription: async (parts) => (await provider(parts)).transcription(parts.model),
  },
  tasks: ['speech', 'transcription'],
  authenticate: header('xi-api-key'),
  keyShapes: [{ pattern: /^sk_[0-9a-f]{48}$/, specific: true }],
  keyHint: 'sk_…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/user', headers: {} }),
    // A key limited to speech gets a 401 here as well.
    verdict: (status, body) => {
      if (status === 200) return accepted
      const { code } = readAnyError(body)
      return (status === 400 || status === 401) && code === 'invalid_api_key' ? refused : unproven(status)
    },
  },
  rotation: 'elevenlabs',
  pricesId: null,
  modelShape: /^(?:eleven|scribe)_/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  forwardedHeaders: [],
  // Its 401 is about the key only where it says so: quota, and permissions of the key, are 401s too.
  readFailure: failureReader((status, { code }) => {
    if (code === 'quota_exceeded') return 'exhausted'
    if (status !== 401) return null
    return code === 'invalid_api_key' || code === 'detected_unusual_activity' ? 'unauthorized' : 'account'
  }),
}
