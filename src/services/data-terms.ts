import type { DataRegion } from '../contract/data-regions.ts'
import type { KeySettings } from './service.ts'

/**
 * What a service says becomes of what is sent to it. `training`: `no` = not used to train models unless the account's owner
 * opts in; `may` = used, or used in some plans that a key does not tell. `region` null: several, or not said.
 */
export interface DataTerms {
  readonly region: DataRegion | null
  readonly training: 'no' | 'may' | 'unknown'
}

/** Where one attempt would go. */
export interface Destination {
  readonly serviceId: string
  readonly model: string
  /** Of the service key; the service's own or one that replaces it. */
  readonly baseUrl: string | null
  readonly settings: KeySettings
}

type Place = Omit<Destination, 'serviceId' | 'baseUrl'> & { readonly host: string }

/** Facts about one service, each with the service's own page that says it. */
interface Facts {
  /** What is said here is said of these addresses only: another one may be anybody's. */
  readonly hosts: RegExp
  readonly regionOf: (place: Place) => DataRegion | null
  /** The same in words, for people. */
  readonly where: string
  readonly training: DataTerms['training'] | ((place: Place) => DataTerms['training'])
  /** Where region and training are said. */
  readonly sources: readonly string[]
}

const unknown: DataTerms = { region: null, training: 'unknown' }
const notSaid = () => null

const byHost =
  (regions: Readonly<Record<string, DataRegion>>) =>
  ({ host }: Place): DataRegion | null =>
    regions[host] ?? null

/** https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html; of others nothing is known here. */
const awsRegions: Readonly<Record<string, DataRegion>> = {
  'us-east-1': 'us',
  'us-east-2': 'us',
  'us-west-1': 'us',
  'us-west-2': 'us',
  'us-gov-east-1': 'us',
  'us-gov-west-1': 'us',
  'ca-central-1': 'ca',
  'ca-west-1': 'ca',
  'sa-east-1': 'br',
  'eu-central-1': 'europe',
  'eu-central-2': 'europe',
  'eu-north-1': 'europe',
  'eu-south-1': 'europe',
  'eu-south-2': 'europe',
  'eu-west-1': 'europe',
  'eu-west-2': 'gb',
  'eu-west-3': 'europe',
  'ap-northeast-1': 'jp',
  'ap-northeast-2': 'kr',
  'ap-northeast-3': 'jp',
  'ap-south-1': 'in',
  'ap-south-2': 'in',
  'ap-southeast-1': 'sg',
  'ap-southeast-2': 'au',
  'ap-southeast-4': 'au',
}

/** Inference profiles run in any region of their geography; the global ones, and those of Asia, in several countries. */
const awsProfiles: Readonly<Record<string, DataRegion>> = { us: 'us', 'us-gov': 'us', eu: 'europe' }

const bedrockRegion = ({ model, host }: Place): DataRegion | null => {
  // Other paths of the service name the model where nothing reads it; ARNs name profiles of any geography.
  if (!model.includes('.') || model.startsWith('arn:')) return null
  const profile = /^(us-gov|us|eu|apac|jp|au|ca|global)\./.exec(model)?.[1]
  const [, region = ''] = host.split('.')
  return profile === undefined ? (awsRegions[region] ?? null) : (awsProfiles[profile] ?? null)
}

/** Promised for Google's own models, in the United States and Europe. */
const vertexRegion = ({ model, host, settings }: Place): DataRegion | null => {
  const { location = '' } = settings
  if (!/^(?:gemini-|text-embedding-|imagen-)/.test(model)) return null
  if (!host.startsWith(`${location}-`) && !host.includes(`.${location}.rep.`)) return null
  if (location === 'us' || location.startsWith('us-')) return 'us'
  if (location === 'europe-west2') return 'gb'
  return location === 'eu' || location.startsWith('europe-') ? 'europe' : null
}

/**
 * Read on 2026-11-23. A service that is not here, or a field that is not said, is unknown, and unknown is refused while a policy
 * restricts it: docs/data-terms.md has them all in a table.
 */
export const dataFacts: Readonly<Record<string, Facts>> = {
  openai: {
    hosts: /^(?:[a-z]{2}\.)?api\.openai\.com$/,
    // Other regions store there, and may process elsewhere. Of a global project the plain address promises nothing.
    regionOf: byHost({
      'us.api.openai.com': 'us',
      'eu.api.openai.com': 'europe',
      'au.api.openai.com': 'au',
      'in.api.openai.com': 'in',
      'jp.api.openai.com': 'jp',
    }),
    where:
      'by address: `us.`, `eu.`, `au.`, `in.`, `jp.api.openai.com`; the plain address promises none, other prefixes only store there',
    training: 'no',
    sources: [
      'https://developers.openai.com/api/docs/guides/data-residency',
      'https://developers.openai.com/api/docs/guides/your-data',
    ],
  },
  anthropic: {
    hosts: /^api\.anthropic\.com$/,
    // By `inference_geo` of each call or the workspace's default, which a key does not tell.
    regionOf: notSaid,
    where: 'not told by a key (`inference_geo`, or the workspace’s default)',
    training: 'no',
    sources: [
      'https://platform.claude.com/docs/en/manage-claude/data-residency',
      'https://support.anthropic.com/en/articles/7996868-is-my-data-used-for-model-training',
    ],
  },
  gemini: {
    hosts: /^generativelanguage\.googleapis\.com$/,
    regionOf: notSaid,
    where: 'not said',
    // Unpaid quota is used to improve products, paid quota is not; a key does not tell which it has.
    training: 'may',
    sources: ['https://ai.google.dev/gemini-api/terms'],
  },
  vertex: {
    hosts: /^(?:[a-z0-9-]+-)?aiplatform\.(?:[a-z]{2}\.rep\.)?googleapis\.com$/,
    regionOf: vertexRegion,
    where: 'by location, for Google’s models: `us`, `us-…`, `eu`, `europe-…`; elsewhere and `global` none',
    training: 'no',
    sources: [
      'https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/data-residency',
      'https://docs.cloud.google.com/gemini-enterprise-agent-platform/resources/zero-data-retention',
    ],
  },
  azure_openai: {
    hosts: /^[a-z0-9-]+\.(?:openai\.azure|services\.ai\.azure|cognitiveservices\.azure)\.com$/,
    // By the type of the deployment (global, data zone, region), which neither the key nor its settings tell.
    regionOf: notSaid,
    where: 'not told by a key (by the type of each deployment)',
    training: 'no',
    sources: [
      'https://learn.microsoft.com/en-us/azure/ai-services/openai/how-to/deployment-types',
      'https://learn.microsoft.com/en-us/legal/cognitive-services/openai/data-privacy',
    ],
  },
  bedrock: {
    hosts: /^bedrock(?:-agent)?-runtime\.[a-z0-9-]+\.amazonaws\.com$/,
    regionOf: bedrockRegion,
    where:
      'by region; of inference profiles by their geography (`us.`, `eu.`), of `global.` and `apac.` none',
    training: 'no',
    sources: [
      'https://docs.aws.amazon.com/bedrock/latest/userguide/cross-region-inference.html',
      'https://docs.aws.amazon.com/bedrock/latest/userguide/data-protection.html',
    ],
  },
  mistral: {
    hosts: /^api\.(?:(?:eu|us)\.)?mistral\.ai$/,
    regionOf: byHost({ 'api.eu.mistral.ai': 'europe', 'api.us.mistral.ai': 'us' }),
    where: 'by address: `api.eu.mistral.ai`, `api.us.mistral.ai`',
    // The free plan is used unless one opts out, paid plans are not; a key does not tell which it has.
    training: 'may',
    sources: [
      'https://docs.mistral.ai/studio/regional-inference',
      'https://help.mistral.ai/en/articles/323757-do-you-use-my-user-data-to-train-your-artificial-intelligence-models',
    ],
  },
  xai: {
    hosts: /^(?:us\.)?api\.x\.ai$/,
    regionOf: byHost({ 'us.api.x.ai': 'us' }),
    where: 'by address: `us.api.x.ai`',
    training: 'no',
    sources: [
      'https://docs.x.ai/developers/advanced-api-usage/regions',
      'https://docs.x.ai/docs/faq/security',
    ],
  },
  cohere: {
    hosts: /^api\.cohere\.(?:com|ai)$/,
    regionOf: notSaid,
    where: 'not said',
    // Unless the account opted out, which a key does not tell.
    training: 'may',
    sources: ['https://cohere.com/enterprise-data-commitments'],
  },
  perplexity: {
    hosts: /^api\.perplexity\.ai$/,
    regionOf: notSaid,
    where: 'not said',
    training: 'no',
    sources: ['https://docs.perplexity.ai/docs/resources/privacy-security'],
  },
  together: {
    hosts: /^api\.together\.(?:ai|xyz)$/,
    regionOf: notSaid,
    where: 'not said',
    training: 'no',
    sources: ['https://docs.together.ai/docs/privacy-and-security'],
  },
  deepgram: {
    hosts: /^api\.(?:(?:eu|au|in)\.)?deepgram\.com$/,
    // What is kept for its improvement programme may leave the region, and is kept unless each call opts out.
    regionOf: notSaid,
    where: 'none: what it keeps to improve its models may leave the region of the address',
    training: 'may',
    sources: ['https://developers.deepgram.com/trust-security/your-data'],
  },
  assemblyai: {
    hosts: /^api\.(?:eu\.)?assemblyai\.com$/,
    regionOf: byHost({ 'api.assemblyai.com': 'us', 'api.eu.assemblyai.com': 'europe' }),
    where: 'by address: `api.assemblyai.com` United States, `api.eu.assemblyai.com` Europe',
    training: ({ host }) => (host === 'api.eu.assemblyai.com' ? 'no' : 'may'),
    sources: [
      'https://www.assemblyai.com/docs/pre-recorded-audio/select-the-region',
      'https://www.assemblyai.com/docs/data-retention-and-model-training',
    ],
  },
}

const hostOf = (baseUrl: string | null): string => {
  if (baseUrl === null || !URL.canParse(baseUrl)) return ''
  const { protocol, hostname } = new URL(baseUrl)
  return protocol === 'https:' ? hostname : ''
}

export const dataTermsOf = ({ serviceId, baseUrl, ...rest }: Destination): DataTerms => {
  const facts = dataFacts[serviceId]
  const host = hostOf(baseUrl)
  if (facts === undefined || !facts.hosts.test(host)) return unknown
  const place = { ...rest, host }
  const { training } = facts
  return {
    region: facts.regionOf(place),
    training: typeof training === 'function' ? training(place) : training,
  }
}
