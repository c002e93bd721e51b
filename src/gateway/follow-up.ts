import type { IncomingMessage } from 'node:http'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { isOver, type LongOperation } from '../long-operations/long-operation.ts'
import type { ModelPrice } from '../metering/model-price.ts'
import type { Candidate, Route, RouteReason } from '../routing/route.ts'
import { findService } from '../services/registry.ts'
import type { Service } from '../services/service.ts'
import type { Caller } from './callers.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { makePlan } from './plan.ts'
import { type Bound, keyGone, rawPathOf } from './resource-call.ts'
import type { ResourceCall } from './resource-paths.ts'

/**
 * What is asked of a video that goes on after its reply. Looking at it is free of charge, so it works on the platform's
 * keys too, as far as the policy of now lets it; another one made of it costs what it cost itself, and is planned as one is.
 */
export const makeFollowUp = (parts: GatewayParts) => {
  const { callers, longOperations, prices } = parts
  const planning = makePlan(parts)

  const remix = async (
    operation: Operation,
    caller: Caller,
    request: ParsedRequest,
    video: LongOperation,
    incoming: IncomingMessage,
  ): Promise<Outcome<Bound>> => {
    const { target } = operation
    const model = video.draft.model
    const service = findService(video.serviceId)
    if (target.kind !== 'operation' || target.service === null || service === undefined || model === null)
      return failure('unknown_route')
    const asVideo: Operation = { ...operation, target: { ...target, endpoint: 'videos', service } }
    const asked = incoming.headers['x-aideon-fallback'] as string | undefined
    const wanted = await planning.requestFor(
      asVideo,
      caller,
      { endpoint: 'videos', model },
      asked,
      operation.priceBook ?? prices.current(),
    )
    const planned = planning.plan(caller, wanted)
    if (!planned.ok) return planned
    const candidate = planned.value.candidates.find(({ serviceKey }) => serviceKey.id === video.serviceKeyId)
    if (candidate === undefined) return keyGone(planned.value, video.serviceKeyId)
    // As long and as large as what it is made of.
    const priced: ParsedRequest = { ...request, model, mostUnits: video.units, unpriced: null }
    return success({
      request: priced,
      route: { ...planned.value, candidates: [{ ...candidate, service: target.service }] },
    })
  }

  /** Of a system key that made what is asked about. No policy forbids deletion: nobody else can delete it there. */
  const onSystemKey = async (
    operation: Operation,
    caller: Caller,
    request: ParsedRequest,
    video: LongOperation,
    isDeletion: boolean,
  ): Promise<Outcome<Bound> | null> => {
    const { target } = operation
    const keyId = video.serviceKeyId
    const serviceKey = (await callers.systemKeys()).find(({ id }) => id === keyId)
    if (serviceKey === undefined || target.kind !== 'operation' || target.service === null) return null
    if (serviceKey.status !== 'active') return keyGone(noRoute, keyId)
    const made = { service: target.service, model: video.draft.model ?? 'raw' }
    const forbidden = isDeletion ? null : planning.forbidden(caller, serviceKey, made)
    if (forbidden !== null) return { ok: false, fault: forbidden }
    const candidate: Candidate = {
      service: target.service,
      model: 'raw',
      serviceKey,
      via: 'pass_through',
      reason: 'system-key-no-own-key' satisfies RouteReason,
      price: freeOfCharge(target.service),
      health: 'ok',
    }
    const route: Route = { ...noRoute, fallback: 'system', candidates: [candidate] }
    return success({ request: { ...request, mostUnits: { request: 1 }, unpriced: null }, route })
  }

  /** Null: nothing that goes on; it is passed on to the key that made it, if it is the caller's. */
  return async (
    operation: Operation,
    caller: Caller,
    request: ParsedRequest,
    planned: Outcome<Route>,
    call: ResourceCall,
    keyId: string,
    incoming: IncomingMessage,
  ): Promise<Outcome<Bound> | null> => {
    if (call.kind !== 'video' || call.id === null) return null
    const [video] = await longOperations.named(caller.person, 'video', [call.id])
    if (video === undefined || video.serviceKeyId !== keyId) return null
    if (isRemix(operation)) return remix(operation, caller, request, video, incoming)
    const isDeletion = call.action === 'delete'
    if (isDeletion && video.heldMicros > 0n && !isOver(await longOperations.refresh(video)))
      // What is gone at the service cannot be seen to end: it would have been made for nothing.
      return failure('conflict', {
        message: 'The video is still being made.',
        next: 'Delete it when it has ended.',
      })
    const isOwn = planned.ok && planned.value.candidates.some(({ serviceKey }) => serviceKey.id === keyId)
    const isFree = operation.target.method === 'GET' || isDeletion
    return isOwn || !isFree ? null : onSystemKey(operation, caller, request, video, isDeletion)
  }
}

export const isRemix = (operation: Operation): boolean =>
  operation.target.method === 'POST' && /\/videos\/[^/?]+\/remix\/?(?:\?|$)/.test(rawPathOf(operation))

const noRoute: Route = {
  candidates: [],
  passedOver: [],
  fallback: 'none',
  validUntil: null,
  lots: [],
  group: null,
}

const freeOfCharge = ({ id }: Service): ModelPrice => ({
  serviceId: id,
  modelId: 'raw',
  match: { equals: 'raw' },
  contextTokens: null,
  rates: {},
  unitRates: [{ unit: 'request', nanoUsd: 0n, per: 1n }],
  periods: [],
  unmetered: [],
  isPriced: true,
})
