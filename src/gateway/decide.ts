import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Explanation } from '../contract/explain.ts'
import { codecOf } from '../dialects/codecs.ts'
import { conversationOf } from '../dialects/conversation.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { estimateInputTokens } from '../dialects/estimate.ts'
import { type Fault, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { notFromHere } from '../identity/session-policy.ts'
import type { PriceBook } from '../metering/price-book.ts'
import type { Catalogue } from '../routing/catalogue.ts'
import { decisionText } from '../routing/decision.ts'
import { typicalSize } from '../routing/estimate.ts'
import { type ExplainRequest, explainRoute } from '../routing/explain.ts'
import { explanationOnWire } from '../routing/on-wire.ts'
import type { Route, RouteRequest } from '../routing/route.ts'
import { endpointKind } from '../services/endpoint.ts'
import type { Caller } from './callers.ts'
import type { Target } from './endpoints.ts'
import { makeObstacles } from './obstacles.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { makePlan, stickTo } from './plan.ts'
import { bodyTypesOf, readBody } from './read-body.ts'
import { makeBind } from './resources.ts'

/** An operation that may be attempted. */
export interface Decision {
  readonly caller: Caller
  readonly request: ParsedRequest
  readonly priceBook: PriceBook
  readonly route: Route
}

/** Who calls, by access token; for unknown paths and methods too, so that strangers learn nothing. */
export const makeAuthenticate = ({ addressOf, callers, noteOrigin }: GatewayParts) => {
  const admit = (
    operation: Operation,
    incoming: IncomingMessage,
    identified: Outcome<Caller>,
  ): Outcome<Caller> => {
    const caller = fromWhere(identified, incoming, addressOf)
    if (!caller.ok) return caller
    operation.caller = caller.value
    noteOrigin?.(caller.value, incoming)
    const { target } = operation
    if (target.kind === 'unknown') return { ok: false, fault: fault('unknown_route') }
    return incoming.method === target.method ? caller : { ok: false, fault: fault('method_not_allowed') }
  }

  return (operation: Operation, incoming: IncomingMessage): Outcome<Caller> | Promise<Outcome<Caller>> => {
    const found = callers.identify(incoming.headers)
    return found instanceof Promise
      ? found.then((late) => admit(operation, incoming, late))
      : admit(operation, incoming, found)
  }
}

/** The session policy may let operations in from some networks alone. */
export const fromWhere = (
  caller: Outcome<Caller>,
  incoming: IncomingMessage,
  addressOf: GatewayParts['addressOf'],
): Outcome<Caller> =>
  !caller.ok || caller.value.admits === null || caller.value.admits(addressOf(incoming))
    ? caller
    : failure('network_not_allowed', notFromHere)

/** Whoever wants no call must not get one for a misspelt word. */
export const wantsExplanation = ({ 'x-aideon-explain': asked }: IncomingHttpHeaders): Outcome<boolean> => {
  if (asked === undefined) return success(false)
  const word = String(asked).toLowerCase()
  if (word === '1' || word === 'true') return success(true)
  return word === '0' || word === 'false'
    ? success(false)
    : failure('invalid_request', {
        message: 'x-aideon-explain must be 1 or 0.',
        field: 'x-aideon-explain',
      })
}

/** A request that was understood, and what its route is planned from. */
interface Prepared {
  readonly request: ParsedRequest
  readonly priceBook: PriceBook
  readonly wanted: RouteRequest
  readonly conversation: string | undefined
}

/** Reads the request and plans its route by policy, preference, keys and prices. */
export const makeDecide = (parts: GatewayParts) => {
  const { catalogue, clock, ledger, limits, prices } = parts
  const planning = makePlan(parts)
  const bind = makeBind(parts)
  const obstaclesOf = makeObstacles(parts)

  const prepare = async (
    operation: Operation,
    caller: Caller,
    incoming: IncomingMessage,
  ): Promise<Outcome<Prepared>> => {
    const { target } = operation
    const { url = '', headers } = incoming
    if (target.kind !== 'operation') return { ok: false, fault: fault('unknown_route') }
    const { endpoint, pathModel } = target
    const refusal = refusalOf(target, catalogue, url)
    if (refusal !== null) return { ok: false, fault: refusal }
    const body = await readBody(incoming, limits, bodyTypesOf(endpoint))
    if (!body.ok) return body
    const contentType = headers['content-type'] ?? 'application/json'
    const request = codecOf(endpoint).parse({ endpoint, body: body.value, contentType, pathModel })
    if (!request.ok) return request
    operation.request = request.value
    const priceBook = prices.current()
    operation.priceBook = priceBook
    const asked = headers['x-aideon-fallback'] as string | undefined
    const asking = planning.requestFor(operation, caller, request.value, asked, priceBook)
    const wanted = asking instanceof Promise ? await asking : asking
    const conversation = headers['x-aideon-conversation'] as string | undefined
    return success({ request: request.value, priceBook, wanted, conversation })
  }

  return {
    async decide(
      operation: Operation,
      caller: Caller,
      incoming: IncomingMessage,
    ): Promise<Outcome<Decision>> {
      const prepared = await prepare(operation, caller, incoming)
      if (!prepared.ok) return prepared
      const { priceBook, wanted, conversation } = prepared.value
      const planned = planning.plan(caller, wanted)
      const found = bind(operation, caller, prepared.value.request, planned, incoming)
      const bound = found instanceof Promise ? await found : found
      if (!bound.ok) return bound
      const { request } = bound.value
      const route = stickTo(bound.value.route, request, conversation)
      operation.request = request
      operation.decision = decisionText(route)
      return success({ caller, request, priceBook, route })
    },

    /** What `decide` would come to, and why. No call is made and nothing is kept. */
    async explain(
      operation: Operation,
      caller: Caller,
      incoming: IncomingMessage,
    ): Promise<Outcome<Explanation>> {
      const prepared = await prepare(operation, caller, incoming)
      if (!prepared.ok) return prepared
      const { request, priceBook, wanted, conversation } = prepared.value
      const { organizationId, accountId, control } = caller.person
      const balance = accountId === null ? null : await ledger.balance(organizationId, accountId)
      const availableMicros = balance?.availableMicros ?? 0n
      const at = clock()
      const asked: ExplainRequest = {
        ...wanted,
        now: at,
        availableMicros,
        conversation: conversation ?? conversationOf(request),
        size: {
          inputTokens: estimateInputTokens(request.input),
          outputTokens:
            request.maximumOutputTokens ?? typicalSize(endpointKind(request.endpoint).task).outputTokens,
        },
      }
      const candidates = explainRoute(asked).candidates.map(({ candidate }) => candidate)
      const call = { caller, request, priceBook, at, operationId: operation.id }
      const explained = explainRoute({ ...asked, obstacleOn: await obstaclesOf(call, candidates) })
      const locked = control.lockedFallback !== null
      const { model, endpoint } = request
      return success(
        explanationOnWire(explained, {
          model,
          endpoint,
          locked,
          availableMicros,
          ownKeys: [...caller.ownKeys, ...caller.keptKeys],
        }),
      )
    },
  }
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
