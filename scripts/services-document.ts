import { shippedModels } from '../src/metering/genai-prices.ts'
import type { PriceSet } from '../src/metering/model-price.ts'
import type { Endpoint } from '../src/services/endpoint.ts'
import { services } from '../src/services/registry.ts'
import type { Service } from '../src/services/service.ts'
import { canTranslate } from '../src/translation/translation.ts'

/** What the document has a column for; an endpoint with several paths is one of them. */
const columns: readonly (readonly [head: string, endpoints: readonly Endpoint[]])[] = [
  ['chat completions', ['chat_completions']],
  ['responses', ['responses']],
  ['messages', ['messages']],
  ['count tokens', ['count_tokens']],
  ['Gemini generate', ['generate_content', 'stream_generate_content']],
  ['Gemini count tokens', ['gemini_count_tokens']],
  ['embeddings', ['embeddings']],
  ['Gemini embed', ['embed_content', 'batch_embed_contents']],
  ['images', ['image_generations']],
  ['image edits', ['image_edits']],
  ['speech', ['speech']],
  ['transcription', ['transcriptions']],
  ['audio translation', ['translations']],
  ['moderation', ['moderations']],
  ['rerank', ['rerank']],
  ['video', ['videos']],
  ['realtime', ['realtime']],
]

const howServed = (service: Service, all: readonly Endpoint[]): string => {
  const spoken = all.find((endpoint) => service.endpoints[endpoint] !== undefined)
  const translated = all.some((endpoint) => canTranslate(endpoint, service)) ? 'translated' : ''
  if (spoken === undefined) return translated
  if (service.nativeModels?.[spoken] === undefined) return 'native'
  return translated ? 'native, translated' : 'native for some'
}

const provenBy = ({ validation, settingFields = [] }: Service): string => {
  if (validation === null) return 'first use'
  const { method, path } = validation.request(
    Object.fromEntries(settingFields.map(({ id }) => [id, `{${id}}`])),
  )
  return `\`${method} ${path}\``
}

/** How, is in docs/rotation-services.md. */
const rotationOf = ({ rotation }: Service): string => {
  if (rotation === null) return 'by hand, assisted'
  return rotation === 'anthropic' ? 'assisted; the old key by its API' : 'by its API'
}

/** What is entered beside the secret. */
const formOf = (service: Service): string => {
  const fields = (service.settingFields ?? []).map(({ label, required }) =>
    required ? label : `${label} (optional)`,
  )
  const address = service.baseUrl === null && service.baseUrlFor === undefined ? ['Address'] : []
  const secret = service.secretKind === 'json' ? 'JSON document' : 'Key'
  return [secret, ...address, ...fields].join(', ')
}

const shipped = shippedModels(services)

/** What its models have shipped prices for. */
const meteringOf = (service: Service): string => {
  const priced = shipped.filter((model) => model.serviceId === service.id && model.isPriced)
  const sets: PriceSet[] = priced.flatMap((model) => [model, ...(model.periods ?? [])])
  const hasTokens = sets.some(({ rates }) => Object.keys(rates).length > 0)
  const units = new Set(
    sets.flatMap(({ unitRates = [] }) =>
      unitRates.map(({ unit }) => unit.split(':')[0]?.replaceAll('_', ' ') ?? ''),
    ),
  )
  const parts = [...(hasTokens ? ['tokens'] : []), ...[...units].toSorted()]
  return parts.length === 0 ? 'own keys only' : parts.join(', ')
}

export const servicesDocument = (
  table: (head: readonly string[], rows: readonly (readonly string[])[]) => string,
): string => `# Services

Every integrated service, from its file in \`src/services/\`. How to read the first table: *native* means that the service
speaks the endpoint itself, so bytes pass through untouched; *translated* means that the call is made in the service's own
way and its reply brought back; *native, translated*, or *for some*, depends on the model. Any other path of a service is at
\`/services/<id>/…\`, on own keys. Files and batches are at \`/v1/files\`, \`/v1/batches\` (OpenAI) and \`/v1/messages/batches\`
(Anthropic; its files, too, for callers with its \`anthropic-version\`), Gemini’s files at \`/v1beta/files\`, and those of other services at their own
paths. Realtime sessions and batches run on own keys only ([why](decisions/0031-sessions-and-batches-on-own-keys.md)).

A cell says what the service serves, not what each of its models can: which model is for which endpoint is in
[routing.md](routing.md).

${table(
  ['service', 'id', ...columns.map(([head]) => head)],
  services.map((service) => [
    service.name,
    `\`${service.id}\``,
    ...columns.map(([, endpoints]) => howServed(service, endpoints)),
  ]),
)}

## Keys

What a key is proven by costs nothing. A service without such a call has its keys proven by their first use.
Metering is what system keys charge by, of the prices that are shipped; where there is none, a service runs on own keys
until an administrator sets prices. How keys are rotated, and with what, is in [rotation-services.md](rotation-services.md).

${table(
  ['service', 'entered', 'proven by', 'rotation', 'metering'],
  services.map((service) => [
    `[${service.name}](${service.docsUrl})`,
    formOf(service),
    provenBy(service),
    rotationOf(service),
    meteringOf(service),
  ]),
)}
`
