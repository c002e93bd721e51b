import { readGoogleFailure, geminiOutputLimits } from './google.ts'
import { noSecret } from './openai-models.ts'
import type { ModelParts, Service } from './service.ts'
import { readVertexVerdict, vertexTokenExchange } from './vertex-token.ts'

const hostOf = (location: string): string => {
  if (location === 'global') return 'aiplatform.googleapis.com'
  return location === 'us' || location === 'eu'
    ? `aiplatform.${location}.rep.googleapis.com`
    : `${location}-aiplatform.googleapis.com`
}

const place = '/v1/projects/{project}/locations/{location}/publishers/google/models/{model}'
const isClaude = (model: string) => model.startsWith('claude')
const publisherUrl = ({ baseUrl, settings }: ModelParts, publisher: string): string =>
  `${baseUrl}/v1/projects/${settings.project}/locations/${settings.location}/publishers/${publisher}`

/** With `apiKey` the package asks for no Google credentials of its own. */
const google = async (parts: ModelParts) =>
  (await import('@ai-sdk/google-vertex/edge')).createGoogleVertex({
    baseURL: publisherUrl(parts, 'google'),
    apiKey: noSecret,
    fetch: parts.fetch,
  })

const claude = async (parts: ModelParts) =>
  (await import('@ai-sdk/google-vertex/anthropic/edge')).createGoogleVertexAnthropic({
    baseURL: `${publisherUrl(parts, 'anthropic')}/models`,
    generateAuthToken: () => Promise.resolve(noSecret),
    fetch: parts.fetch,
  })

export const vertex: Service = {
  id: 'vertex',
  name: 'Google Vertex AI',
  baseUrl: null,
  baseUrlFor: ({ location = '' }) => `https://${hostOf(location)}`,
  docsUrl: 'https://cloud.google.com/vertex-ai/generative-ai/docs',
  keysUrl: 'https://console.cloud.google.com/iam-admin/serviceaccounts',
  endpoints: {
    generate_content: `${place}:generateContent`,
    stream_generate_content: `${place}:streamGenerateContent?alt=sse`,
    gemini_count_tokens: `${place}:countTokens`,
  },
  nativeModels: {
    generate_content: /^(?!claude)/,
    stream_generate_content: /^(?!claude)/,
    gemini_count_tokens: /^(?!claude)/,
  },
  translation: {
    language: async (parts) =>
      isClaude(parts.model)
        ? (await claude(parts)).languageModel(parts.model)
        : (await google(parts)).languageModel(parts.model),
    embedding: async (parts) => (await google(parts)).embeddingModel(parts.model),
    image: async (parts) => (await google(parts)).imageModel(parts.model),
  },
  tasks: ['chat', 'embedding', 'image'],
  settingFields: [
    {
      id: 'project',
      label: 'Project',
      hint: 'project_id in the service account’s JSON',
      required: true,
      pattern: /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
      expected: 'A Google Cloud project id is 6 to 30 lower-case letters, digits and hyphens.',
      inSecret: 'project_id',
    },
    {
      id: 'location',
      label: 'Location',
      hint: 'us-central1, europe-west4, or global',
      required: true,
      pattern: /^(?:global|us|eu|[a-z]{2,20}-[a-z]{2,20}\d{1,2})$/,
      expected: 'A location looks like us-central1, or is global, us or eu.',
    },
  ],
  secretKind: 'json',
  authenticate: ({ accessToken }): Record<string, string> =>
    accessToken === null ? {} : { authorization: `Bearer ${accessToken}` },
  tokenExchange: vertexTokenExchange,
  keyShapes: [{ pattern: /^\{[^]{0,8000}?"type" ?: ?"service_account"/, specific: true }],
  keyHint: '{"type": "service_account", …}',
  validation: {
    // Free of charge, and allowed by the role that calls need.
    request: ({ project = '', location = '' }) => ({
      method: 'POST',
      path: `/v1/projects/${project}/locations/${location}/publishers/google/models/gemini-2.5-flash:countTokens`,
      headers: { 'content-type': 'application/json' },
      body: '{"contents":[{"role":"user","parts":[{"text":"a"}]}]}',
    }),
    verdict: readVertexVerdict,
  },
  rotation: null,
  pricesId: 'google',
  // Bedrock's names of Anthropic's models, which the price data knows by their middle.
  modelShape: /^(?!.*anthropic\.)/,
  outputLimitField: 'maxOutputTokens',
  outputLimits: geminiOutputLimits,
  cachesPrompts: true,
  forwardedHeaders: [],
  readFailure: readGoogleFailure,
}
