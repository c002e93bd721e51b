import { bearer } from './authentication.ts'
import { readOpenAiFailure, readOpenAiVerdict } from './openai-like.ts'
import { leastResponsesTokens, openAiModels } from './openai-models.ts'
import type { Service } from './service.ts'

export const openai: Service = {
  id: 'openai',
  name: 'OpenAI',
  baseUrl: 'https://api.openai.com',
  docsUrl: 'https://platform.openai.com/docs',
  keysUrl: 'https://platform.openai.com/api-keys',
  endpoints: {
    chat_completions: '/v1/chat/completions',
    responses: '/v1/responses',
    embeddings: '/v1/embeddings',
    image_generations: '/v1/images/generations',
    image_edits: '/v1/images/edits',
    speech: '/v1/audio/speech',
    transcriptions: '/v1/audio/transcriptions',
    translations: '/v1/audio/translations',
    moderations: '/v1/moderations',
    videos: '/v1/videos',
    realtime: '/v1/realtime?model={model}',
  },
  // Reasoning passes between turns at /v1/responses only; search and audio models are at chat completions only.
  translation: openAiModels('/v1', (model) =>
    /-search-(?:preview|api)|-audio/.test(model) ? 'chat' : 'responses',
  ),
  leastTranslatedTokens: leastResponsesTokens,
  tasks: ['chat', 'embedding', 'image', 'speech', 'transcription', 'moderation', 'video'],
  authenticate: bearer,
  keyShapes: [
    { pattern: /^sk-(?:proj|svcacct|admin|service)-[A-Za-z0-9_-]{20,400}$/, specific: true },
    { pattern: /^sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}$/, specific: true },
    { pattern: /^sk-[A-Za-z0-9_-]{20,400}$/, specific: false },
  ],
  keyHint: 'sk-proj-…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1/models', headers: {} }),
    verdict: readOpenAiVerdict,
  },
  rotation: 'openai',
  pricesId: 'openai',
  outputLimitField: 'max_completion_tokens',
  // https://platform.openai.com/docs/models
  outputLimits: [
    ['gpt-3.5', 4_096],
    ['gpt-4-turbo', 4_096],
    ['gpt-4o', 16_384],
    ['chatgpt-4o', 16_384],
    ['gpt-4.1', 32_768],
    ['gpt-4-', 4_096],
    ['gpt-4', 8_192],
    ['gpt-5-chat', 16_384],
    ['gpt-5', 128_000],
    ['gpt-6', 128_000],
    ['o1', 100_000],
    ['o3', 100_000],
    ['o4', 100_000],
  ],
  // 2,833 tokens and 5,667 for each of up to 8 tiles. https://platform.openai.com/docs/guides/images-vision
  imageTokens: [['gpt-4o-mini', 48_169]],
  unpricedModels: /-search-(?:preview|api)/,
  cachesPrompts: true,
  forwardedHeaders: ['openai-beta'],
  readFailure: readOpenAiFailure,
}
