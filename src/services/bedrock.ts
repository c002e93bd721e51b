import { failureReader } from './failure.ts'
import { noSecret } from './openai-models.ts'
import type { KeySettings, ModelParts, Service } from './service.ts'
import { signedHeaders } from './signature.ts'
import { accepted, refused, restricted, unproven } from './verdict.ts'

const hostOf = (name: string, { region = '' }: KeySettings): string =>
  `https://${name}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`

/** With `apiKey` the package signs nothing and looks for no AWS credentials. */
const provider = async ({ baseUrl, settings, fetch }: ModelParts) =>
  (await import('@ai-sdk/amazon-bedrock')).createAmazonBedrock({
    region: settings.region ?? '',
    baseURL: baseUrl,
    apiKey: noSecret,
    fetch,
  })

// Words of AWS about credentials, whatever was asked for. A 403 without them is about the model or the region.
const aboutTheKey =
  /^(?:The security token included in the request|The request signature we calculated|Authentication failed|Bearer Token has expired|Invalid API Key|API key)/i

const readFailure = failureReader((status, { message }) => {
  if (status === 403 && aboutTheKey.test(message)) return 'unauthorized'
  // The clocks differ, ours or theirs: the key is as good as it was.
  if (status === 403 && message.startsWith('Signature expired')) return 'service'
  // Neither the model nor the account is the caller's to change; another service may have it.
  if (status === 400 && /^(?:The provided model identifier|Invocation of model ID)/.test(message))
    return 'account'
  return status === 424 ? 'service' : null
})

/** AWS's own APIs; other dialects are translated to Converse. */
export const bedrock: Service = {
  id: 'bedrock',
  name: 'Amazon Bedrock',
  baseUrl: null,
  baseUrlFor: (settings) => hostOf('bedrock-runtime', settings),
  docsUrl: 'https://docs.aws.amazon.com/bedrock/',
  keysUrl: 'https://console.aws.amazon.com/bedrock/home#/api-keys',
  endpoints: {},
  translation: {
    language: async (parts) => (await provider(parts)).languageModel(parts.model),
    embedding: async (parts) => (await provider(parts)).embeddingModel(parts.model),
    image: async (parts) => (await provider(parts)).imageModel(parts.model),
    // A host of its own, which takes signatures only, no Bedrock API keys.
    reranking: async (parts) => {
      const baseUrl = parts.baseUrl.replace('//bedrock-runtime.', '//bedrock-agent-runtime.')
      return (await provider({ ...parts, baseUrl })).rerankingModel(parts.model)
    },
  },
  credentialHosts: /^bedrock-agent-runtime\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?$/,
  tasks: ['chat', 'embedding', 'image', 'rerank'],
  settingFields: [
    {
      id: 'region',
      label: 'Region',
      hint: 'us-east-1',
      required: true,
      pattern: /^[a-z]{2}(?:-[a-z]{2,12}){1,3}-\d{1,2}$/,
      expected: 'An AWS region looks like us-east-1.',
    },
    {
      id: 'accessKeyId',
      label: 'Access key ID',
      hint: 'AKIA…, when the secret is its secret access key; empty with a Bedrock API key',
      required: false,
      // Temporary ones (ASIA) end within hours and need a session token beside the secret.
      pattern: /^AKIA[A-Z2-7]{16}$/,
      expected: 'An access key ID is AKIA and 16 more characters.',
    },
  ],
  authenticate: ({ secret, settings }, outgoing) =>
    settings.accessKeyId
      ? signedHeaders({
          accessKeyId: settings.accessKeyId,
          secretAccessKey: secret,
          region: settings.region ?? '',
          service: 'bedrock',
          outgoing,
        })
      : { authorization: `Bearer ${secret}` },
  keyShapes: [
    { pattern: /^ABSK[A-Za-z0-9+/]{100,300}={0,2}$/, specific: true },
    { pattern: /^bedrock-api-key-[A-Za-z0-9+/=_-]{20,8000}$/, specific: true },
  ],
  keyHint: 'ABSK…, or a secret access key',
  validation: {
    request: (settings) => ({
      method: 'GET',
      path: `${hostOf('bedrock', settings)}/foundation-models`,
      headers: {},
    }),
    verdict: (status, body) => {
      if (status === 200) return accepted
      if (status !== 403) return unproven(status)
      return readFailure(status, body).kind === 'unauthorized' ? refused : restricted
    },
  },
  rotation: 'aws',
  pricesId: 'aws',
  // `us.anthropic.claude-…`, `amazon.nova-…`, or the ARN of an inference profile. `regional.` is the price data's own.
  modelShape:
    /^(?!regional\.)(?:[a-z]{2,6}(?:-[a-z]{2,6})?\.)?[a-z][a-z0-9]{1,20}\.[a-z][\w.:-]{1,120}$|^arn:aws[\w-]{0,10}:bedrock:/,
  outputLimitField: 'maxTokens',
  outputLimits: [],
  cachesPrompts: true,
  forwardedHeaders: [],
  readFailure,
}
