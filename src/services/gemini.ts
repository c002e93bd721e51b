import { header } from './authentication.ts'
import { geminiOutputLimits, readGoogleFailure } from './google.ts'
import { noSecret } from './openai-models.ts'
import type { ModelParts, Service } from './service.ts'
import { verdictOf } from './verdict.ts'

const provider = async ({ baseUrl, fetch }: ModelParts) =>
  (await import('@ai-sdk/google')).createGoogle({ baseURL: `${baseUrl}/v1beta`, apiKey: noSecret, fetch })

/**
 * Google has an OpenAI-compatible address as well, which leaves out what its own API says (thought signatures, safety);
 * other dialects are translated instead.
 */
export const gemini: Service = {
  id: 'gemini',
  name: 'Google Gemini',
  baseUrl: 'https://generativelanguage.googleapis.com',
  docsUrl: 'https://ai.google.dev/gemini-api/docs',
  keysUrl: 'https://aistudio.google.com/apikey',
  endpoints: {
    generate_content: '/v1beta/models/{model}:generateContent',
    stream_generate_content: '/v1beta/models/{model}:streamGenerateContent?alt=sse',
    gemini_count_tokens: '/v1beta/models/{model}:countTokens',
    embed_content: '/v1beta/models/{model}:embedContent',
    batch_embed_contents: '/v1beta/models/{model}:batchEmbedContents',
  },
  translation: {
    language: async (parts) => (await provider(parts)).languageModel(parts.model),
    embedding: async (parts) => (await provider(parts)).embeddingModel(parts.model),
    image: async (parts) => (await provider(parts)).imageModel(parts.model),
    speech: async (parts) => (await provider(parts)).speechModel(parts.model),
  },
  tasks: ['chat', 'embedding', 'image', 'speech'],
  // Never `?key=`: addresses are logged.
  authenticate: header('x-goog-api-key'),
  keyShapes: [
    { pattern: /^AIza[A-Za-z0-9_-]{35}$/, specific: true },
    { pattern: /^AQ\.[A-Za-z0-9_.-]{20,400}$/, specific: true },
  ],
  keyHint: 'AIza… or AQ.…',
  validation: {
    request: () => ({ method: 'GET', path: '/v1beta/models?pageSize=1', headers: {} }),
    // 400 says “API key not valid”; nothing else is wrong with this request.
    verdict: verdictOf({ invalid: [400, 401], restricted: [403] }),
  },
  rotation: 'google',
  pricesId: 'google',
  // Its price data has Vertex AI's other models as well.
  modelShape: /^(?!.*claude|.*-maas$)/,
  outputLimitField: 'maxOutputTokens',
  outputLimits: geminiOutputLimits,
  cachesPrompts: true,
  forwardedHeaders: [],
  readFailure: readGoogleFailure,
}
