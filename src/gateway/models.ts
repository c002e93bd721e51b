import type { ServerResponse } from 'node:http'
import type { ServiceKey } from '../keys/keys.ts'
import type { PriceBook } from '../metering/price-book.ts'
import { planRoute } from '../routing/route.ts'
import type { Dialect, Service } from '../services/service.ts'
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
  readonly now: Date
}

/** The models this caller could use now, in the shape of the dialect's own list. Pure. */
export const listModels = (request: ModelsRequest): unknown => {
  const ids = request.services.flatMap((service) =>
    service.endpoints[request.dialect === 'anthropic' ? 'messages' : 'chat_completions'] !== undefined
      ? request.priceBook
          .models(service.id)
          .filter((model) => isRoutable(request, service, model.modelId))
          .map((model) => ({ id: model.modelId, owner: service.id }))
      : [],
  )
  return request.dialect === 'anthropic'
    ? {
        data: ids.map(({ id }) => ({ type: 'model', id, display_name: id, created_at: epochStart })),
        has_more: false,
        first_id: ids[0]?.id ?? null,
        last_id: ids.at(-1)?.id ?? null,
      }
    : {
        object: 'list',
        data: ids.map(({ id, owner }) => ({ id, object: 'model', created: 0, owned_by: owner })),
      }
}

/** The price data has no dates of release; both dialects demand one. */
const epochStart = '1970-01-01T00:00:00Z'

const isRoutable = (request: ModelsRequest, service: Service, model: string): boolean => {
  const endpoint =
    request.dialect === 'anthropic'
      ? 'messages'
      : model.includes('embedding')
        ? 'embeddings'
        : 'chat_completions'
  if (service.modelShape !== undefined && !service.modelShape.test(model)) return false
  const { person, ownKeys } = request.caller
  return planRoute({
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
  }).ok
}

export const sendModels = async (
  { callers, catalogue, clock, prices }: GatewayParts,
  operation: Operation,
  caller: Caller,
  response: ServerResponse,
): Promise<void> => {
  const list = listModels({
    caller,
    dialect: operation.target.dialect,
    services: catalogue.enabled(),
    systemKeys: await callers.systemKeys(),
    priceBook: prices.current(),
    now: clock(),
  })
  operation.reason = 'list'
  sendBody(
    response,
    200,
    ['content-type', 'application/json', ...receiptHeaders(operation, 0n)],
    JSON.stringify(list),
  )
}
