import { setImmediate } from 'node:timers/promises'
import { type Outcome, success } from '../kit/fault.ts'
import { canonicalOf, homeOf, listedNames } from '../services/same-models.ts'
import type { Endpoint, Service, Task } from '../services/service.ts'
import { type Ability, abilitiesOf, byName } from './ability.ts'
import { groupPrefix } from './group.ts'
import { listedModels } from './key-index.ts'
import { type Market, resolveModel } from './offers.ts'
import { type Candidate, planRoute, type RouteRequest } from './route.ts'

export interface ModelListRequest extends Omit<RouteRequest, 'endpoint' | 'model' | keyof Market>, Market {
  /** Where this list's reader would ask for a task; null: nowhere. */
  readonly endpointOf: (task: Task) => Endpoint | null
}

/** A model or a group that a caller could use now, as they would ask for it, and what it would run on first. */
export interface UsableModel {
  readonly id: string
  readonly task: Task
  readonly endpoint: Endpoint
  readonly first: Candidate
}

/** Groups, then models, service by service. Pure. */
export const usableModels = (request: ModelListRequest): UsableModel[] =>
  [...modelNames(request)].flatMap((id) => {
    const found = usableModel(request, id)
    return found?.ok === true ? [found.value] : []
  })

/** One by its name, or what a call for it would be told; null where the dialect has no endpoint for its task. */
export const usableModel = (request: ModelListRequest, id: string): Outcome<UsableModel> | null => {
  const task = taskOfId(request, id)
  const endpoint = request.endpointOf(task)
  if (endpoint === null) return null
  const route = planRoute({ ...request, endpoint, model: id })
  if (!route.ok) return route
  const [first] = route.value.candidates
  return first === undefined ? null : success({ id, task, endpoint, first })
}

/**
 * A bare name where that means the service that has the model, else with the service in front; open models once more by the
 * name that stands for all their hosts.
 */
export const modelNames = (request: ModelListRequest): ReadonlySet<string> => {
  const found = new Set(request.groups.map(({ id }) => groupPrefix + id))
  for (const { service, models } of shelves(request)) {
    for (const model of models) found.add(nameFor(request, service, model))
    for (const model of models) {
      const canonical = canonicalOf(service.id, model)
      if (canonical !== null && homeOf(canonical) === null) found.add(canonical)
    }
  }
  for (const key of request.ownKeys)
    for (const model of listedModels(key) ?? []) found.add(`${key.serviceId}/${model}`)
  return found
}

/** What each service calls its models, by price data and by the table of same models. */
const shelves = ({ services, priceBook }: ModelListRequest) => {
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
export const warmModels = async (request: ModelListRequest): Promise<void> => {
  const began = { ms: performance.now() }
  for (const { service, models } of shelves(request))
    for (const model of models) {
      const name = nameFor(request, service, model)
      resolveModel(request, request.endpointOf(taskOfId(request, name)) ?? 'raw', name)
      if (performance.now() - began.ms < warmMs) continue
      await setImmediate()
      began.ms = performance.now()
    }
}
const warmMs = 4

const nameFor = (request: ModelListRequest, service: Service, model: string): string => {
  const resolved = resolveModel(request, request.endpointOf(taskAt(request, service, model)) ?? 'raw', model)
  const first = resolved.kind === 'offers' ? resolved.asked[0] : undefined
  return first?.service.id === service.id && first.model === model ? model : `${service.id}/${model}`
}

export const taskOfId = (request: ModelListRequest, id: string): Task => {
  const group = request.groups.find((known) => groupPrefix + known.id === id)
  if (group !== undefined) return group.task
  const slash = id.indexOf('/')
  const named = slash > 0 ? request.services.find((service) => service.id === id.slice(0, slash)) : undefined
  return named === undefined ? taskOfName(request, id) : taskAt(request, named, id.slice(slash + 1))
}

const taskAt = ({ priceBook }: ModelListRequest, service: Service, model: string): Task =>
  asTask(abilitiesOf(service, model, priceBook.find(service.id, model)))

/** A bare name is its vendor's model. */
const taskOfName = (request: ModelListRequest, model: string): Task => {
  const home = homeOf(model)
  const service = home === null ? undefined : request.services.find(({ id }) => id === home)
  return service === undefined ? asTask(byName(model)) : taskAt(request, service, model)
}

/** A session is a chat to whoever browses models. */
const asTask = (abilities: readonly Ability[] | null): Task => {
  const [first = 'chat'] = abilities ?? []
  return first === 'realtime' ? 'chat' : first
}
