import type { Explanation, UsableModel as WireModel } from '../contract/explain.ts'
import type { AdminGroup, ListedGroup as WireGroup } from '../contract/groups.ts'
import type { ServiceKey } from '../keys/keys.ts'
import { type Outcome, statusOf } from '../kit/fault.ts'
import { findService } from '../services/registry.ts'
import type { Endpoint, Task } from '../services/service.ts'
import type { PriceBook } from '../metering/price-book.ts'
import { creditsFor, typicalSize } from './estimate.ts'
import type { RouteExplanation } from './explain.ts'
import { groupPrefix, type ModelGroup } from './group.ts'
import type { ListedGroup } from './groups.ts'
import type { UsableModel } from './model-list.ts'
import { type Market, resolveModel } from './offers.ts'
import type { Route } from './route.ts'

/** Where the calls of a group's task go. */
export const endpointOfTask = (task: Task): Endpoint => endpointByTask[task] ?? 'chat_completions'

const endpointByTask: Readonly<Partial<Record<Task, Endpoint>>> = {
  embedding: 'embeddings',
  image: 'image_generations',
  speech: 'speech',
  transcription: 'transcriptions',
  moderation: 'moderations',
  rerank: 'rerank',
  video: 'videos',
}

const nameOf = (serviceId: string): string => findService(serviceId)?.name ?? serviceId

/** Ids of keys that are only supposed begin so. */
export const supposedPrefix = 'supposed:'

export const explanationOnWire = (
  explained: RouteExplanation,
  request: {
    readonly model: string
    readonly endpoint: string
    readonly locked: boolean
    readonly availableMicros: bigint
    readonly ownKeys: readonly ServiceKey[]
  },
): Explanation => {
  const labels = new Map(request.ownKeys.map((key) => [key.id, key.label]))
  const { refusal } = explained
  return {
    model: request.model,
    endpoint: request.endpoint,
    kind: explained.kind,
    fallback: explained.fallback,
    locked: request.locked,
    candidates: explained.candidates.map(({ candidate, creditMicros, words }) => ({
      serviceId: candidate.service.id,
      serviceName: candidate.service.name,
      model: candidate.model,
      via: candidate.via,
      keyOwner: candidate.serviceKey.owner,
      keyLabel: labels.get(candidate.serviceKey.id) ?? null,
      keyPriority: candidate.serviceKey.priority,
      supposed: candidate.serviceKey.id.startsWith(supposedPrefix),
      health: candidate.health,
      reason: candidate.reason,
      words,
      creditMicros: creditMicros === null ? null : `${creditMicros}`,
    })),
    passedOver: explained.passedOver.map(({ passed, words }) => ({
      serviceId: passed.serviceId,
      serviceName: nameOf(passed.serviceId),
      model: passed.model,
      keyOwner: passed.owner,
      keyLabel: passed.serviceKeyId === null ? null : (labels.get(passed.serviceKeyId) ?? null),
      why: passed.why,
      words,
      until: passed.until?.toISOString() ?? null,
    })),
    refusal:
      refusal === null
        ? null
        : {
            code: refusal.code,
            status: statusOf(refusal),
            message: refusal.message,
            next: refusal.next,
            retryAfterSeconds: refusal.retryAfterSeconds ?? null,
          },
    estimatedFor: {
      inputTokens: explained.size.inputTokens,
      outputTokens: explained.size.outputTokens,
    },
    availableMicros: `${request.availableMicros}`,
    validUntil: explained.validUntil?.toISOString() ?? null,
  }
}

export const groupOnWire = (group: ModelGroup, route: Outcome<Route>): WireGroup => {
  const first = route.ok ? route.value.candidates[0] : undefined
  return {
    id: group.id,
    label: group.label,
    description: group.description,
    task: group.task as WireGroup['task'],
    models: [...group.models],
    attemptTimeoutSeconds: group.attemptTimeoutSeconds ?? null,
    hedgeAfterSeconds: group.hedgeAfterSeconds ?? null,
    model: groupPrefix + group.id,
    next:
      first === undefined
        ? null
        : {
            serviceId: first.service.id,
            serviceName: first.service.name,
            model: first.model,
            keyOwner: first.serviceKey.owner,
          },
    nextNot: route.ok ? null : `${route.fault.message} ${route.fault.next}`,
  }
}

export const adminGroupOnWire = (market: Market, group: ListedGroup): AdminGroup => ({
  id: group.id,
  label: group.label,
  description: group.description,
  task: group.task,
  models: [...group.models],
  attemptTimeoutSeconds: group.attemptTimeoutSeconds ?? null,
  hedgeAfterSeconds: group.hedgeAfterSeconds ?? null,
  origin: group.origin,
  offers: group.models.map((model) => {
    const resolved = resolveModel(market, endpointOfTask(group.task), model)
    const offers =
      resolved.kind === 'guesses'
        ? resolved.guesses.slice(0, 1)
        : resolved.scope === 'service'
          ? resolved.asked
          : [...resolved.asked, ...resolved.alternatives]
    return {
      model,
      services: offers.map((offer) => ({
        serviceId: offer.service.id,
        model: offer.model,
        translated: offer.via === 'translation',
      })),
    }
  }),
})

export const modelOnWire = (priceBook: PriceBook, { id, task, first }: UsableModel): WireModel => {
  const { service, model, via, serviceKey } = first
  const credits = serviceKey.owner === 'system' ? creditsFor(priceBook, first, typicalSize(task)) : 0n
  return {
    model: id,
    task,
    serviceId: service.id,
    serviceName: service.name,
    serviceModel: model,
    via,
    keyOwner: serviceKey.owner,
    creditMicros: credits === null ? null : `${credits}`,
  }
}
