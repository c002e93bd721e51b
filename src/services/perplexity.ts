import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { readOpenAiVerdict } from './openai-like.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'

export const perplexity: Service = {
  id: 'perplexity',
  name: 'Perplexity',
  baseUrl: 'https://api.perplexity.ai',
  docsUrl: 'https://docs.perplexity.ai',
  keysUrl: 'https://www.perplexity.ai/account/api/keys',
  // Its embeddings come as base64 of signed bytes, which OpenAI's clients would read as floats.
  endpoints: { chat_completions: '/chat/completions' },
  translation: openAiCompatible('perplexity', '', { noUsageOption: true }),
  tasks: ['chat'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^pplx-[A-Za-z0-9]{40,64}$/, specific: true }],
  keyHint: 'pplx-…',
  validation: {
    // The list of one's own queued requests: free, and nothing without a key.
    request: () => ({ method: 'GET', path: '/async/chat/completions?limit=1', headers: {} }),
    verdict: readOpenAiVerdict,
  },
  rotation: 'perplexity',
  pricesId: 'perplexity',
  outputLimitField: 'max_tokens',
  outputLimits: [],
  // Each request costs, by how much is searched for it, beside its tokens.
  unpricedModels: /^sonar/,
  // Every chunk of its streams has the usage so far.
  noStreamOptions: true,
  forwardedHeaders: [],
  // No credit left is a 401 too.
  readFailure: failureReader((status, { type }) =>
    status === 401 && type === 'insufficient_quota' ? 'exhausted' : null,
  ),
}
