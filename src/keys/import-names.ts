import { recognizeService, services } from '../services/registry.ts'
import type { Service } from '../services/service.ts'
import type { Entry } from './import-text.ts'

/** What of a name tells the service: of a variable, a label or a column. Most telling first. */
const words: readonly (readonly [serviceId: string, pattern: RegExp])[] = [
  ['azure_openai', /azure/],
  ['openrouter', /open_?router/],
  ['custom_anthropic', /custom_?anthropic/],
  ['openai', /open_?ai|chat_?gpt/],
  ['anthropic', /anthropic|claude/],
  ['vertex', /vertex|google_application_credentials|service_account/],
  ['gemini', /gemini|google_?ai|google_generative|palm|^google_api/],
  ['midjourney', /midjourney|^mj_/],
  ['mistral', /mistral/],
  ['xai', /(?:^|_)xai(?:_|$)|grok/],
  ['groq', /groq/],
  ['deepseek', /deep_?seek/],
  ['cohere', /cohere|^co_api/],
  ['perplexity', /perplexity|pplx/],
  ['moonshot', /moonshot|kimi/],
  ['alibaba', /alibaba|dashscope|qwen/],
  ['black_forest_labs', /black_?forest|(?:^|_)bfl(?:_|$)/],
  ['stability', /stability|stable_diffusion/],
  ['luma', /luma/],
  ['elevenlabs', /eleven_?labs|^xi_api/],
  ['deepgram', /deepgram/],
  ['assemblyai', /assembly_?ai/],
  ['voyage', /voyage/],
  ['jina', /jina/],
  ['cerebras', /cerebras/],
  ['together', /together/],
  ['fireworks', /fireworks/],
  ['huggingface', /hugging_?face|^hf_/],
  ['nvidia', /nvidia|(?:^|_)nim(?:_|$)|^ngc_/],
  ['replicate', /replicate/],
  ['fal', /(?:^|_)fal(?:_|$)/],
  ['bedrock', /bedrock|aws_secret_access_key|aws_bearer_token|amazon/],
]

const known = new Set(services.map(({ id }) => id))

/** By what it calls itself; the name of the service itself, as in a CSV column, counts above all. */
export const serviceNamed = (name: string): string | null => {
  const plain = name
    .trim()
    .toLowerCase()
    .slice(0, 200)
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '')
  const exact = services.find(
    (service) => service.id === plain || service.name.toLowerCase() === name.trim().toLowerCase(),
  )
  const id = exact?.id ?? words.find(([, pattern]) => pattern.test(plain))?.[0] ?? null
  return id !== null && known.has(id) ? id : null
}

/** Names of what is no key, though it may stand beside one. */
const besides =
  /(?:url|uri|endpoint|host|base|model|models|region|version|org|organization|organisation|project|project_id|deployment|resource|resource_name|account|name|id|path|file|timeout|port|debug|enabled|language|location)$/

/** What a variable's name says of its value: a key, something that belongs to one, or nothing. */
export const roleOf = (entry: Entry): 'key' | 'beside' | 'other' => {
  const name = entry.name.toLowerCase()
  if (entry.columns.service !== undefined || entry.columns.label !== undefined) return 'key'
  if (name.endsWith('google_application_credentials')) return 'key'
  if (besides.test(name)) return 'beside'
  return /key|token|secret|credential/.test(name) || serviceNamed(name) !== null ? 'key' : 'other'
}

export interface Suggestion {
  readonly serviceId: string | null
  readonly candidates: readonly string[]
  readonly warning: string | null
}

/**
 * Offline: by the name, the column and the shape of the key. A shape that only one service has says more than the name: keys
 * of compatible services are often kept in OPENAI_API_KEY.
 */
export const suggest = (entry: Entry): Suggestion => {
  const told = entry.columns.service === undefined ? null : serviceNamed(entry.columns.service)
  const named = told ?? serviceNamed(entry.name)
  const alike = recognizeService(entry.value)
  const specific = alike.filter((service) => isSpecific(service, entry.value)).map(({ id }) => id)
  const candidates = [...new Set([...specific, ...(named ? [named] : []), ...alike.map(({ id }) => id)])]
  // A server of one's own takes keys of any shape, and its name is the only thing that tells.
  const isOwn = named === 'custom' || named === 'custom_anthropic' || entry.columns.baseUrl !== undefined
  if (named !== null && (specific.length === 0 || specific.includes(named) || isOwn))
    return { serviceId: named, candidates, warning: null }
  if (specific.length === 0) return { serviceId: null, candidates, warning: null }
  const serviceId = specific.length === 1 ? (specific[0] as string) : null
  const warning =
    named === null
      ? null
      : `Its name speaks of ${nameOf(named)}, its shape of ${specific.map(nameOf).join(' or ')}.`
  return { serviceId, candidates, warning }
}

/** Whatever its name says. */
export const isShapedLikeKey = (entry: Entry): boolean =>
  recognizeService(entry.value).some((service) => isSpecific(service, entry.value))

const isSpecific = (service: Service, secret: string): boolean =>
  service.keyShapes.some((shape) => shape.specific && shape.pattern.test(secret))

const nameOf = (id: string): string => services.find((service) => service.id === id)?.name ?? id

const stemless = new Set(
  'api key token secret access service account bearer url uri endpoint host base region resource id name default'.split(
    ' ',
  ),
)

/** What the names of a key and of its address begin with: `AZURE_OPENAI_ENDPOINT` belongs to `AZURE_OPENAI_API_KEY`. */
export const stemOf = (name: string): string => {
  const parts = name.toLowerCase().slice(0, 200).split(/[_.-]/)
  while (parts.length > 1 && (stemless.has(parts.at(-1) ?? '') || /^\d{1,3}$/.test(parts.at(-1) ?? '')))
    parts.pop()
  return parts.join('_')
}
