import { header } from './authentication.ts'
import { failureReader } from './failure.ts'
import { openai } from './openai.ts'
import { openAiModels } from './openai-models.ts'
import type { KeySettings, Service } from './service.ts'
import { verdictOf } from './verdict.ts'

/** `gpt-4o=my-deployment, …` → what a model is called there; deployments named like their model need no entry. */
const deploymentOf = (model: string, { deployments = '' }: KeySettings): string => {
  const pairs = deployments.split(',').map((pair) => pair.split('=').map((side) => side.trim()))
  return pairs.find(([name]) => name === model)?.[1] ?? model
}

/** By the v1 API, which needs no api-version. https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle */
export const azureOpenai: Service = {
  id: 'azure_openai',
  name: 'Azure OpenAI',
  baseUrl: null,
  baseUrlFor: ({ resource = '' }) => `https://${resource}.openai.azure.com`,
  docsUrl: 'https://learn.microsoft.com/azure/ai-foundry/openai/',
  keysUrl: 'https://ai.azure.com/',
  endpoints: {
    chat_completions: '/openai/v1/chat/completions',
    responses: '/openai/v1/responses',
    embeddings: '/openai/v1/embeddings',
    image_generations: '/openai/v1/images/generations',
    image_edits: '/openai/v1/images/edits',
    speech: '/openai/v1/audio/speech',
    transcriptions: '/openai/v1/audio/transcriptions',
    translations: '/openai/v1/audio/translations',
    realtime: '/openai/v1/realtime?model={model}',
  },
  // Not every region has /responses.
  translation: openAiModels('/openai/v1', () => 'chat'),
  tasks: ['chat', 'embedding', 'image', 'speech', 'transcription'],
  settingFields: [
    {
      id: 'resource',
      label: 'Resource name',
      hint: 'my-resource, of https://my-resource.openai.azure.com',
      required: true,
      pattern: /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])$/i,
      expected: 'A resource name is 2 to 64 letters, digits and hyphens, without the rest of the address.',
    },
    {
      id: 'deployments',
      label: 'Deployments',
      hint: 'gpt-4o=my-deployment, gpt-5=another; empty where they are named like their model',
      required: false,
      pattern: /^[\w.:-]{1,64} ?= ?[\w.-]{1,64}(?: ?, ?[\w.:-]{1,64} ?= ?[\w.-]{1,64}){0,99}$/,
      expected: 'Write model=deployment, with commas between them.',
    },
  ],
  authenticate: header('api-key'),
  keyShapes: [{ pattern: /^[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9][A-L][A-Za-z0-9]{24}$/, specific: true }],
  keyHint: 'Key 1 or Key 2 of the resource',
  validation: {
    request: () => ({ method: 'GET', path: '/openai/v1/models', headers: {} }),
    verdict: verdictOf({ invalid: [401], restricted: [403] }),
  },
  rotation: 'azure',
  pricesId: 'azure',
  wireModel: deploymentOf,
  outputLimitField: 'max_completion_tokens',
  outputLimits: openai.outputLimits,
  imageTokens: [['gpt-4o-mini', 48_169]],
  unpricedModels: /-search-(?:preview|api)/,
  cachesPrompts: true,
  forwardedHeaders: [],
  readFailure: failureReader((status, { code }) => {
    if (code === 'insufficient_quota') return 'exhausted'
    // A network rule of the resource: no key gets through from here.
    return status === 403 && code === 'AccessDenied' ? 'unauthorized' : null
  }),
}
