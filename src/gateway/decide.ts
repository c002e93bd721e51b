import type { IncomingMessage } from 'node:http'
import { codecOf } from '../dialects/codecs.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { type Fault, fault, type Outcome, success } from '../kit/fault.ts'
import type { PriceBook } from '../metering/price-book.ts'
import type { Catalogue } from '../routing/catalogue.ts'
import { planRoute, type Route } from '../routing/route.ts'
import type { Caller } from './callers.ts'
import type { Target } from './endpoints.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { bodyTypesOf, readBody } from './read-body.ts'

/** An operation that may be attempted. */
export interface Decision {
  readonly caller: Caller
  readonly request: ParsedRequest
  readonly priceBook: PriceBook
  readonly route: Route
}

/** Who calls, by access token; for unknown paths and methods too, so that strangers learn nothing. */
export const makeAuthenticate =
  ({ callers }: GatewayParts) =>
  async (operation: Operation, incoming: IncomingMessage): Promise<Outcome<Caller>> => {
    const caller = await callers.identify(incoming.headers)
    if (!caller.ok) return caller
    operation.caller = caller.value
    const { target } = operation
    if (target.kind === 'unknown') return { ok: false, fault: fault('unknown_route') }
    return incoming.method === target.method ? caller : { ok: false, fault: fault('method_not_allowed') }
  }

/** Reads the request and plans its route by policy, preference, keys and prices. */
export const makeDecide =
  ({ callers, catalogue, clock, limits, prices }: GatewayParts) =>
  async (operation: Operation, caller: Caller, incoming: IncomingMessage): Promise<Outcome<Decision>> => {
    const { target } = operation
    if (target.kind !== 'operation') return { ok: false, fault: fault('unknown_route') }
    const { endpoint, pathModel } = target
    const refusal = refusalOf(target, catalogue, incoming.url ?? '')
    if (refusal !== null) return { ok: false, fault: refusal }
    const body = await readBody(incoming, limits, bodyTypesOf(endpoint))
    if (!body.ok) return body
    const contentType = incoming.headers['content-type'] ?? 'application/json'
    const request = codecOf(endpoint).parse({ endpoint, body: body.value, contentType, pathModel })
    if (!request.ok) return request
    operation.request = request.value
    const priceBook = prices.current()
    operation.priceBook = priceBook
    const route = planRoute({
      endpoint,
      model: target.service === null ? request.value.model : `${target.service.id}/${request.value.model}`,
      control: caller.person.control,
      preferences: caller.person.preferences,
      askedFallback: incoming.headers['x-aideon-fallback'] as string | undefined,
      ownKeys: caller.ownKeys,
      systemKeys: await callers.systemKeys(),
      services: target.service === null ? catalogue.enabled() : [target.service],
      priceBook,
      now: clock(),
    })
    return route.ok ? success({ caller, request: request.value, priceBook, route: route.value }) : route
  }

/** What no body could mend. */
const refusalOf = (
  { endpoint, service }: Target & { kind: 'operation' },
  catalogue: Catalogue,
  url: string,
): Fault | null => {
  if (service !== null && !catalogue.isEnabled(service.id))
    return fault('unknown_route', { message: `${service.name} is switched off here.` })
  // Without it Gemini streams one JSON array, which has no events to pass on one by one.
  if (endpoint === 'stream_generate_content' && !/[?&]alt=sse(?:&|$)/.test(url))
    return fault('invalid_request', {
      message: 'streamGenerateContent is served as server-sent events only.',
      next: 'Add alt=sse to the URL, as Google’s own clients do.',
      field: 'alt',
    })
  return null
}
