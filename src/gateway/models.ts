import type { ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import type { ServiceKey } from '../keys/keys.ts'
import type { PriceBook } from '../metering/price-book.ts'
import { groupPrefix, type ModelGroup } from '../routing/group.ts'
import { listedModels } from '../routing/key-index.ts'
import { resolveModel, type Translates } from '../routing/offers.ts'
import { type Candidate, planRoute } from '../routing/route.ts'
import { canonicalOf, homeOf, listedNames } from '../services/same-models.ts'
import type { Dialect, Endpoint, Service, Task } from '../services/service.ts'
import { canTranslate } from '../translation/translation.ts'
import type { Caller } from './callers.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { receiptHeaders, sendBody } from './reply.ts'

export interface ModelsRequest {
  readonly caller: Caller
  readonly dialect: Dialect
  readonly services: readonly Service[]
  readonly systemKeys: readonly ServiceKey[]
  readonly priceBook: PriceBook
  readonly groups: readonly ModelGroup[]
  readonly translates: Translates
  readonly now: Date
}

/** A model or a group that the caller could use now, as they would ask for it, and what it would run on first. */
interface Listed {
  readonly id: string
  readonly endpoint: Endpoint
  readonly first: Candidate
}

/** What this caller could use now, in the shape of the dialect's own list: groups, then models. Pure. */
export const listModels = (request: ModelsRequest): unknown => {
  const listed = [...names(request)].flatMap((id): Listed[] => {
    const endpoint = endpointFor(request, id)
    const first = endpoint === null ? null : firstCandidate(request, endpoint, id)
    return endpoint === null || first === null ? [] : [{ id, endpoint, first }]
  })
  if (request.dialect === 'anthropic') return anthropicList(listed)
  return request.dialect === 'gemini' ? geminiList(listed) : openAiList(listed)
}

/**
 * A bare name where that means the service that has the model, else with the service in front; open models once more by the
 * name that stands for all their hosts.
 */
const names = (request: ModelsRequest): ReadonlySet<string> => {
  const found = new Set(request.groups.map(({ id }) => groupPrefix + id))
  for (const { service, models } of shelves(request)) {
    for (const model of models) found.add(nameFor(request, service, model))
    for (const model of models) {
      const canonical = canonicalOf(service.id, model)
      if (canonical !== null && homeOf(canonical) === null) found.add(canonical)
    }
  }
  for (const key of request.caller.ownKeys)
    for (const model of listedModels(key) ?? []) found.add(`${key.serviceId}/${model}`)
  return found
}

/** What each service calls its models, by price data and by the table of same models. */
const shelves = ({ services, priceBook }: ModelsRequest) => {
  const table = Map.groupBy(
    listedNames().filter(({ isCertain }) => isCertain),
    ({ serviceId }) => serviceId,
  )
  return services.map((service) => ({
    service,
    models: new Set([
      ...priceBook.models(service.id).map(({ modelId }) => modelId),
      ...(table.get(service.id) ?? []).map(({ model }) => model),
    ]),
  }))
}

/**
 * Finding each of some 1,400 names at 33 services for the first time takes half a second, in which no stream would go on:
 * so a few at a time. What is found is remembered (offers.ts).
 */
const warm = async (request: ModelsRequest): Promise<void> => {
  const began = { ms: performance.now() }
  for (const { service, models } of shelves(request))
    for (const model of models) {
      const name = nameFor(request, service, model)
      resolveModel(request, endpointFor(request, name) ?? 'raw', name)
      if (performance.now() - began.ms < warmMs) continue
      await setImmediate()
      began.ms = performance.now()
    }
}
const warmMs = 4

const nameFor = (request: ModelsRequest, service: Service, model: string): string => {
  const resolved = resolveModel(request, endpointOf(request.dialect, taskOfName(model)) ?? 'raw', model)
  const first = resolved.kind === 'offers' ? resolved.asked[0] : undefined
  return first?.service.id === service.id && first.model === model ? model : `${service.id}/${model}`
}

/** By the words in its name: the price data does not say what a model is for. */
const taskOfName = (model: string): Task =>
  taskWords.find(([words]) => words.some((word) => model.includes(word)))?.[1] ?? 'chat'

const taskWords: readonly (readonly [readonly string[], Task])[] = [
  [['embed', 'voyage-'], 'embedding'],
  [['rerank'], 'rerank'],
  [['moderation'], 'moderation'],
  [['whisper', 'transcribe', 'scribe_', 'nova-3', 'universal'], 'transcription'],
  [['-tts', 'tts-', 'eleven_', 'aura-'], 'speech'],
  [['gpt-image', 'dall-e', 'flux', 'stable-image', 'photon-', 'imagen', 'midjourney'], 'image'],
]

const endpointFor = ({ dialect, groups }: ModelsRequest, id: string): Endpoint | null => {
  const group = groups.find((known) => groupPrefix + known.id === id)
  return endpointOf(dialect, group?.task ?? taskOfName(id.toLowerCase()))
}

/** Null where the dialect's clients cannot ask for it. */
const endpointOf = (dialect: Dialect, task: Task): Endpoint | null => {
  if (dialect === 'anthropic') return task === 'chat' ? 'messages' : null
  if (dialect === 'gemini')
    return task === 'chat' ? 'generate_content' : task === 'embedding' ? 'embed_content' : null
  return openAiEndpoints[task] ?? null
}

const openAiEndpoints: Readonly<Partial<Record<Task, Endpoint>>> = {
  chat: 'chat_completions',
  embedding: 'embeddings',
  image: 'image_generations',
  speech: 'speech',
  transcription: 'transcriptions',
  moderation: 'moderations',
  rerank: 'rerank',
}

const firstCandidate = (request: ModelsRequest, endpoint: Endpoint, model: string): Candidate | null => {
  const { person, ownKeys } = request.caller
  const route = planRoute({
    endpoint,
    model,
    control: person.control,
    preferences: person.preferences,
    askedFallback: undefined,
    ownKeys,
    systemKeys: request.systemKeys,
    services: request.services,
    priceBook: request.priceBook,
    now: request.now,
    translates: request.translates,
    groups: request.groups,
  })
  return route.ok ? (route.value.candidates[0] ?? null) : null
}

/** The price data has no dates of release; two dialects demand one. */
const epochStart = '1970-01-01T00:00:00Z'

/** What a dashboard shows beside a model; clients of the dialect do not look at it. */
const servedBy = ({ service, serviceKey }: Candidate) => ({
  service: service.id,
  key_owner: serviceKey.owner,
})

const openAiList = (listed: readonly Listed[]) => ({
  object: 'list',
  data: listed.map(({ id, first }) => ({
    id,
    object: 'model',
    created: 0,
    owned_by: id.startsWith(groupPrefix) ? 'aideon' : first.service.id,
    aideon: servedBy(first),
  })),
})

const anthropicList = (listed: readonly Listed[]) => ({
  data: listed.map(({ id }) => ({ type: 'model', id, display_name: id, created_at: epochStart })),
  has_more: false,
  first_id: listed[0]?.id ?? null,
  last_id: listed.at(-1)?.id ?? null,
})

const geminiList = (listed: readonly Listed[]) => ({
  models: listed.map(({ id, endpoint }) => ({
    name: `models/${id}`,
    displayName: id,
    supportedGenerationMethods:
      endpoint === 'embed_content'
        ? ['embedContent', 'batchEmbedContents']
        : ['generateContent', 'streamGenerateContent', 'countTokens'],
  })),
})

export const sendModels = async (
  { callers, catalogue, clock, prices }: GatewayParts,
  operation: Operation,
  caller: Caller,
  response: ServerResponse,
): Promise<void> => {
  const request: ModelsRequest = {
    caller,
    dialect: operation.target.dialect,
    services: catalogue.enabled(),
    systemKeys: await callers.systemKeys(),
    priceBook: prices.current(),
    groups: catalogue.groups.list(),
    translates: canTranslate,
    now: clock(),
  }
  await warm(request)
  const list = listModels(request)
  operation.reason = 'list'
  sendBody(
    response,
    200,
    ['content-type', 'application/json', ...receiptHeaders(operation, 0n)],
    JSON.stringify(list),
  )
}
