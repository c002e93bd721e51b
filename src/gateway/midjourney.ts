import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseObject } from '../dialects/request.ts'
import { type Fault, failure, fault, type Outcome, statusOf, success } from '../kit/fault.ts'
import { formatMicros } from '../kit/money.ts'
import { taskView } from '../long-operations/midjourney-task.ts'
import type { LongOperation, LongOperations } from '../long-operations/long-operations.ts'
import { planRoute, type Route, type RouteRequest } from '../routing/route.ts'
import type { Caller } from './callers.ts'
import { makeAuthenticate } from './decide.ts'
import { bodyForServer, readMidjourneyRequest, readWebhook } from './midjourney-request.ts'
import { type MidjourneyRoute, midjourneyRouteOf, type Submission } from './midjourney-routes.ts'
import { makeMidjourneySubmit, type SubmitResult } from './midjourney-submit.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { makePlan } from './plan.ts'
import { sharedService } from '../routing/shared-service.ts'
import { midjourney } from '../services/midjourney.ts'
import { bodyTypesOf, readBody } from './read-body.ts'
import { receiptHeaders, sendBody, sendFault } from './reply.ts'
import { type Finish, makeSettle } from './settle.ts'

export type MidjourneyParts = GatewayParts & { readonly longOperations: LongOperations }

const largestList = 100
const seedTimeoutMs = 30_000

/**
 * /mj/*: tasks of Midjourney servers. A submission is an operation that ends when its task does (src/long-operations/);
 * everything else reads tasks of the caller's own. What follows on a task goes to the key that made it and nowhere else.
 * `finish` is the caller's, so that whatever is thrown here is settled by it, once.
 */
export const makeMidjourney = (parts: MidjourneyParts) => {
  const { callers, catalogue, clock, health, limits, longOperations, prices } = parts
  const authenticate = makeAuthenticate(parts)
  const submit = makeMidjourneySubmit(parts)
  const planning = makePlan(parts)
  const settle = makeSettle(parts)

  const findTask = async (caller: Caller, taskId: string): Promise<Outcome<LongOperation>> => {
    const [found] = await longOperations.named(caller.person, 'midjourney', [taskId])
    return found ? success(found) : failure('not_found', { message: 'There is no such task of yours.' })
  }

  /** On the parent's key alone, where there is a parent. */
  const plan = async (
    incoming: IncomingMessage,
    caller: Caller,
    parent: LongOperation | null,
  ): Promise<Outcome<Route>> => {
    const systemKeys = await callers.systemKeys()
    const isWanted = ({ id }: { id: string }) => parent === null || id === parent.serviceKeyId
    const request: RouteRequest = {
      endpoint: 'midjourney',
      model: 'midjourney/midjourney',
      control: caller.person.control,
      preferences: caller.person.preferences,
      askedFallback: incoming.headers['x-aideon-fallback'] as string | undefined,
      ownKeys: parent === null ? caller.ownKeys : caller.ownKeys.filter(isWanted),
      systemKeys: parent === null ? systemKeys : systemKeys.filter(isWanted),
      services: catalogue.enabled(),
      priceBook: prices.current(),
      now: clock(),
      breaker: (serviceKey) => health.breaker(sharedService(serviceKey), serviceKey.id),
      entitlements: caller.person.entitlements,
      tiers: callers.offeredTiers(),
    }
    const route = planRoute(request)
    return route.ok ? route : { ok: false, fault: whyNoRoute(route.fault, request, parent) }
  }

  const submitTask = async (
    operation: Operation,
    caller: Caller,
    what: Submission,
    incoming: IncomingMessage,
    isGone: () => boolean,
  ): Promise<Outcome<SubmitResult>> => {
    const body = await readBody(incoming, limits, bodyTypesOf('midjourney'))
    if (!body.ok) return body
    const request = readMidjourneyRequest(what, body.value)
    if (!request.ok) return request
    const webhook = readWebhook(incoming.headers['x-aideon-webhook'], 'x-aideon-webhook')
    if (!webhook.ok) return webhook
    const webhookUrl = request.value.webhookUrl ?? webhook.value
    const checked = webhookUrl === null ? null : longOperations.webhooks.check(webhookUrl)
    if (checked?.ok === false) return { ok: false, fault: { ...checked.fault, field: 'notifyHook' } }
    const parent = request.value.taskId === null ? null : await findTask(caller, request.value.taskId)
    if (parent?.ok === false) return parent
    const task = parent?.value ?? null
    const priceBook = prices.current()
    operation.priceBook = priceBook
    const route = await plan(incoming, caller, task)
    if (!route.ok) return route
    const { path, action, units, unpriced } = request.value
    return submit(
      operation,
      {
        caller,
        priceBook,
        route: route.value,
        path,
        body: bodyForServer(request.value, task?.externalId ?? null),
        action,
        units,
        unpriced,
        parent: task,
        webhookUrl,
        endpoint: 'midjourney',
        requestedModel: 'midjourney',
      },
      isGone,
    )
  }

  const serveSubmission = async (
    operation: Operation,
    caller: Caller,
    what: Submission,
    incoming: IncomingMessage,
    response: ServerResponse,
    finish: Finish,
  ): Promise<void> => {
    const result = await submitTask(operation, caller, what, incoming, () => response.closed)
    if (!result.ok) {
      const refused = { status: 'refused', httpStatus: statusOf(result.fault), fault: result.fault } as const
      await finish({ ...refused, usage: null, usageSource: 'none' })
      return sendFault(response, operation, result.fault)
    }
    await endSubmission(operation, result.value, finish, response)
  }

  const serveRead = async (
    operation: Operation,
    caller: Caller,
    route: Exclude<MidjourneyRoute, { kind: 'submit' }>,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    if (route.kind === 'list') return serveList(operation, caller, incoming, response)
    const found = await findTask(caller, route.taskId)
    if (!found.ok) return sendFault(response, operation, found.fault)
    if (route.kind === 'image_seed') return serveSeed(operation, caller, found.value, response)
    const task = await longOperations.refresh(found.value)
    sendJson(response, taskHeaders(task), taskView(task))
  }

  const serveList = async (
    operation: Operation,
    caller: Caller,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const body = await readBody(incoming, limits, bodyTypesOf('midjourney'))
    const ids = body.ok ? readIds(body.value) : body
    if (!ids.ok) return sendFault(response, operation, ids.fault)
    const found = await longOperations.named(caller.person, 'midjourney', ids.value)
    const tasks = await Promise.all(found.map((task) => longOperations.refresh(task)))
    sendJson(response, ['x-aideon-operation', operation.id], tasks.map(taskView))
  }

  /** Costs nothing at the server, so it is no operation of its own. */
  const serveSeed = async (
    operation: Operation,
    caller: Caller,
    task: LongOperation,
    response: ServerResponse,
  ): Promise<void> => {
    const known = [...caller.ownKeys, ...(await callers.systemKeys())]
    const serviceKey = known.find(({ id }) => id === task.serviceKeyId)
    if (serviceKey?.status !== 'active') return sendFault(response, operation, keyIsGone)
    const forbidden = planning.forbidden(caller, serviceKey, { service: midjourney, model: 'midjourney' })
    if (forbidden !== null) return sendFault(response, operation, forbidden)
    const reply = await longOperations.call(serviceKey, {
      method: 'GET',
      path: `/mj/task/${encodeURIComponent(task.externalId)}/image-seed`,
      timeoutMs: seedTimeoutMs,
      maximumBytes: 64 * 1024,
    })
    const said = reply.ok && reply.value.status === 200 ? parseObject(Buffer.from(reply.value.body)) : null
    if (said?.ok !== true)
      return sendFault(response, operation, reply.ok ? fault('service_error') : reply.fault)
    const { code, description, result } = said.value
    sendJson(response, taskHeaders(task), { code, description, result })
  }

  return async (
    operation: Operation,
    incoming: IncomingMessage,
    response: ServerResponse,
    finish: Finish = settle(operation),
  ): Promise<void> => {
    const caller = await authenticate(operation, incoming)
    if (!caller.ok) return sendFault(response, operation, caller.fault)
    const route = midjourneyRouteOf(incoming.url ?? '/')
    if (route === null) return sendFault(response, operation, fault('unknown_route'))
    if (incoming.method !== route.method) return sendFault(response, operation, fault('method_not_allowed'))
    if (route.kind !== 'submit') return serveRead(operation, caller.value, route, incoming, response)
    return serveSubmission(operation, caller.value, route.what, incoming, response, finish)
  }
}

const endSubmission = async (
  operation: Operation,
  result: SubmitResult,
  finish: Finish,
  response: ServerResponse,
): Promise<void> => {
  if (result.kind === 'failed') {
    const httpStatus = result.body === null ? statusOf(result.fault) : 200
    const ending = { status: 'failed', httpStatus, fault: result.fault } as const
    await finish({ ...ending, usage: null, usageSource: 'none' })
    if (result.body === null) return sendFault(response, operation, result.fault)
    return sendJson(response, receiptHeaders(operation, operation.creditMicros), result.body)
  }
  // What it names is paid for by its own operation: this one gives back what it held.
  if (result.begun.kind === 'continues') {
    const ending = { status: 'succeeded', httpStatus: 200, fault: null } as const
    if (!(await finish({ ...ending, usage: null, usageSource: 'none' })))
      return sendFault(response, operation, fault('database_unavailable'))
  }
  const held = result.begun.kind === 'begun' ? operation.heldMicros : 0n
  const headers = [...receiptHeaders(operation, 0n), 'x-aideon-credits-held', formatMicros(held)]
  sendJson(response, headers, result.body)
}

const sendJson = (response: ServerResponse, headers: string[], body: unknown): void =>
  sendBody(response, 200, ['content-type', 'application/json', ...headers], JSON.stringify(body))

/** The receipt of the operation that made the task, as far as it is known. */
const taskHeaders = (task: LongOperation): string[] => {
  const charged = task.state === 'succeeded' ? task.chargeMicros : 0n
  const headers = ['x-aideon-operation', task.id, 'x-aideon-service', task.serviceId]
  headers.push('x-aideon-key-owner', task.keyOwner, 'x-aideon-credits', formatMicros(charged))
  return headers
}

const readIds = (body: Buffer): Outcome<string[]> => {
  const parsed = parseObject(body)
  if (!parsed.ok) return parsed
  const { ids } = parsed.value
  const areIds = Array.isArray(ids) && ids.length <= largestList && ids.every((id) => typeof id === 'string')
  return areIds
    ? success(ids)
    : failure('invalid_request', {
        message: `ids must be a list of at most ${largestList} ids.`,
        field: 'ids',
      })
}

const keyIsGone = fault('no_route', {
  message: 'The key that made this task cannot be used any more, and no other server knows the task.',
  next: 'Make the image anew.',
})

/** The planner knows models; here there is one, and what may be missing is a key or its price. */
const whyNoRoute = (refused: Fault, request: RouteRequest, parent: LongOperation | null): Fault => {
  const usable = [...request.ownKeys, ...request.systemKeys].filter(
    (key) => key.serviceId === 'midjourney' && key.status !== 'revoked',
  )
  if (parent !== null && usable.length === 0) return keyIsGone
  if (refused.code !== 'unknown_model') return refused
  return usable.some((key) => key.owner === 'system')
    ? fault('price_unknown')
    : fault('no_route', {
        message: 'You have no Midjourney key and no fallback is left.',
        next: 'Add the address and secret of your Midjourney server as a key.',
      })
}
