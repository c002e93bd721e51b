import { bearer } from './authentication.ts'
import { failureReader } from './failure.ts'
import { readOpenAiVerdict } from './openai-like.ts'
import { openAiCompatible } from './openai-models.ts'
import type { Service } from './service.ts'

/** Model Studio outside China (Singapore); keys of other regions need another base URL. */
export const alibaba: Service = {
  id: 'alibaba',
  name: 'Alibaba Cloud',
  baseUrl: 'https://dashscope-intl.aliyuncs.com',
  docsUrl: 'https://www.alibabacloud.com/help/en/model-studio/',
  keysUrl: 'https://modelstudio.console.alibabacloud.com/?tab=dashboard#/api-key',
  endpoints: {
    chat_completions: '/compatible-mode/v1/chat/completions',
    embeddings: '/compatible-mode/v1/embeddings',
    messages: '/apps/anthropic/v1/messages',
  },
  translation: openAiCompatible('alibaba', '/compatible-mode/v1', { embedding: true }),
  tasks: ['chat', 'embedding'],
  authenticate: bearer,
  keyShapes: [{ pattern: /^sk-[0-9a-f]{32}$/, specific: false }],
  keyHint: 'sk-…',
  validation: {
    request: () => ({ method: 'GET', path: '/compatible-mode/v1/models', headers: {} }),
    verdict: readOpenAiVerdict,
  },
  rotation: null,
  pricesId: null,
  outputLimitField: 'max_tokens',
  outputLimits: [],
  cachesPrompts: true,
  forwardedHeaders: ['anthropic-version', 'anthropic-beta'],
  // https://www.alibabacloud.com/help/en/model-studio/error-code
  readFailure: failureReader((_, { code }) => (code === 'Arrearage' ? 'exhausted' : null)),
}
