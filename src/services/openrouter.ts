import { bearer } from './authentication.ts'
import { readOpenAiFailure, readOpenAiVerdict } from './openai-like.ts'
import { readError } from './error-reply.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'

export const openrouter: Service = {
  id: 'openrouter',
  name: 'OpenRouter',
  baseUrl: 'https://openrouter.ai/api',
  docsUrl: 'https://openrouter.ai/docs',
  keysUrl: 'https://openrouter.ai/settings/keys',
  endpoints: {
    chat_completions: '/v1/chat/completions',
    responses: '/v1/responses',
    messages: '/v1/messages',
    embeddings: '/v1/embeddings',
  },
  translation: openAiCompatible('openrouter', '/v1', { embedding: true }),
  tasks: ['chat', 'embedding'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^sk-or-v1-[0-9a-f]{64}$/, specific: true }],
  keyHint: 'sk-or-v1-…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/key', headers: {} }),
    verdict: readOpenAiVerdict,
  },
  rotation: 'openrouter',
  pricesId: 'openrouter',
  modelShape: /^~?[a-z0-9_.-]{1,64}\/[^/]{1,128}$/,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  imageTokens: [['openai/gpt-4o-mini', 48_169]],
  // Perplexity's models charge for each call.
  unpricedModels: /^~?perplexity\/|-search-(?:preview|api)|:online\b/,
  cachesPrompts: true,
  forwardedHeaders: ['anthropic-version', 'anthropic-beta'],
  // A name it does not know is a 400 there, and no reason not to ask another host of the model.
  readFailure: (status, body) =>
    status === 400 && readError(body).message.endsWith(' is not a valid model ID')
      ? { kind: 'account' }
      : readOpenAiFailure(status, body),
}
