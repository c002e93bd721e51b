import { type Fault, failure, fault, type Outcome, success } from '../kit/fault.ts'
import type { Begun, LongOperation, LongOperations } from '../long-operations/long-operations.ts'
import { saysNothingOfService } from '../long-operations/service-call.ts'
import { unpricedUnit } from '../metering/cost.ts'
import type { PriceBook } from '../metering/price-book.ts'
import { noUsage, type Units } from '../metering/usage.ts'
import { decisionText } from '../routing/decision.ts'
import type { Candidate, Route } from '../routing/route.ts'
import type { KeyFailure } from '../services/service.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { budgetsFor, claimsOn } from './budgeted.ts'
import type { Caller } from './callers.ts'
import { makeEnter, makeEnterKey } from './enter.ts'
import { makeFitOwn } from './fit.ts'
import { faultFor, retryAfterSeconds } from './failure.ts'
import { readSubmitReply, submitReplyFor } from './midjourney-reply.ts'
import type { AttemptRecord, Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { sharedService } from '../routing/shared-service.ts'

/** A task for a Midjourney server, ready but for the key. */
export interface TaskRequest {
  readonly caller: Caller
  readonly priceBook: PriceBook
  readonly route: Route
  readonly path: string
  readonly body: string
  readonly action: string
  readonly units: Units
  readonly unpriced: string | null
  readonly parent: LongOperation | null
  readonly webhookUrl: string | null
  /** The caller's, of what they asked in their own dialect. */
  readonly endpoint: 'midjourney' | 'image_generations'
  readonly requestedModel: string
}

export type SubmitResult =
  | { readonly kind: 'accepted'; readonly begun: Exclude<Begun, { kind: 'foreign' }>; readonly body: object }
  /** `body` is the protocol's own reply, where the caller may see it. */
  | { readonly kind: 'failed'; readonly final: boolean; readonly fault: Fault; readonly body: object | null }

const maximumReplyBytes = 256 * 1024

/** The price of one task, agreed on before it is begun. */
interface Agreed {
  readonly costNanoUsd: bigint | null
  readonly chargeMicros: bigint
}

/**
 * Gives a task to the route's candidates one after the other until a server takes it. Credits are held before the first
 * system key is used; once a server has taken it, task and hold live in a row of their own, whatever becomes of this
 * process. A server that did not answer may have begun all the same: then two work, and one is charged.
 */
export const makeMidjourneySubmit = (parts: GatewayParts & { readonly longOperations: LongOperations }) => {
  const { health, ledger, keys, limits, longOperations, log } = parts
  const enter = makeEnter(parts)
  const enterKey = makeEnterKey(parts)
  const fitOwn = makeFitOwn(parts)

  /** What the server's answer says about it, for everybody who may be sent there. */
  const report = ({ serviceKey }: Candidate, said: KeyFailure | { kind: 'ok' }, retryAfter?: number) => {
    const outcome = said.kind === 'service' ? 'failure' : 'ok'
    health.report(sharedService(serviceKey), serviceKey.id, outcome, serviceKey.organizationId)
    keys.report(serviceKey, said, retryAfter)
  }
  /** Of what is half-open, one operation at a time finds out whether it is back. */
  const mayTry = (candidate: Candidate): boolean | Promise<boolean> =>
    candidate.health === 'ok' ||
    health.claimProbe(sharedService(candidate.serviceKey), candidate.serviceKey.id)

  const hold = async (
    operation: Operation,
    request: TaskRequest,
    candidate: Candidate,
  ): Promise<Outcome<void>> => {
    const { organizationId, accountId, userId } = request.caller.person
    const { price, service, serviceKey, model } = candidate
    if (accountId === null) return failure('insufficient_credits')
    if (price === null) return failure('price_unknown')
    if (request.unpriced !== null)
      return unpriced(JSON.stringify(request.unpriced.slice(0, 80)), request.unpriced)
    const unit = unpricedUnit(price, request.units, operation.startedAt)
    if (unit !== null) return unpriced(unit)
    const { chargeMicros } = agree(operation, request, candidate)
    const budgets = claimsOn(operation, request.caller, candidate)
    const held = await ledger.hold({
      organizationId,
      accountId,
      operationId: operation.id,
      minimumMicros: chargeMicros,
      maximumMicros: chargeMicros,
      budgets,
      operation: {
        userId,
        accessTokenId: request.caller.token.id,
        teamId: request.caller.token.teamId,
        startedAt: operation.startedAt,
        endpoint: request.endpoint,
        streamed: false,
        requestedModel: request.requestedModel,
        serviceId: service.id,
        model,
        serviceKeyId: serviceKey.id,
        keyPriority: serviceKey.priority,
        reason: operation.reason,
        priceBookVersion: request.priceBook.version,
      },
    })
    if (!held.ok) return held
    operation.heldMicros = held.value.heldMicros
    return success(undefined)
  }

  const attempt = async (
    operation: Operation,
    request: TaskRequest,
    candidate: Candidate,
  ): Promise<SubmitResult> => {
    const { serviceKey, service } = candidate
    const startedMs = performance.now()
    const note = (outcome: AttemptRecord['outcome'], httpStatus: number | null) =>
      operation.attempts.push(attemptRecord(candidate, outcome, httpStatus, performance.now() - startedMs))
    const reply = await longOperations.call(serviceKey, {
      method: 'POST',
      path: request.path,
      body: request.body,
      timeoutMs: limits.firstByteTimeoutMs,
      maximumBytes: maximumReplyBytes,
    })
    if (!reply.ok) {
      const isUnreadable = saysNothingOfService(reply.fault)
      if (isUnreadable)
        health.report(sharedService(serviceKey), serviceKey.id, 'unknown', serviceKey.organizationId)
      else report(candidate, { kind: 'service' })
      const isLate = reply.fault.code === 'service_timeout'
      note(isUnreadable ? 'unreadable' : isLate ? 'timeout' : 'unreachable', null)
      return { kind: 'failed', final: false, fault: reply.fault, body: null }
    }
    const { status, headers, body } = reply.value
    if (status !== 200) {
      const said = service.readFailure(status, body)
      const retryAfter = retryAfterSeconds(headers, Date.now())
      report(candidate, said, retryAfter)
      note(outcomeOf(said), status)
      const failed = faultFor(said, candidate, retryAfter)
      return { kind: 'failed', final: said.kind === 'caller', fault: failed, body: null }
    }
    const read = readSubmitReply(body, request.parent !== null)
    if (read.kind === 'unreadable') {
      note('service', status)
      return { kind: 'failed', final: false, fault: fault('service_reply_invalid'), body: null }
    }
    const isOwn = serviceKey.owner !== 'system'
    if (read.kind === 'refused') {
      report(candidate, read.about)
      note(outcomeOf(read.about), status)
      return {
        kind: 'failed',
        final: read.final,
        fault: read.fault,
        body: submitReplyFor(read.body, null, isOwn),
      }
    }
    note('ok', status)
    report(candidate, { kind: 'ok' })
    operation.firstByteMs ??= Math.round(performance.now() - operation.startedMs)
    const began = await longOperations.begin(
      newLongOperation(operation, request, candidate, agree(operation, request, candidate), read.taskId),
      read.isRepeat,
    )
    if (!began.ok) return { kind: 'failed', final: true, fault: began.fault, body: null }
    if (began.value.kind === 'foreign') {
      log.error(
        { serviceKeyId: serviceKey.id, operationId: operation.id },
        'a server gave one task to two callers',
      )
      return { kind: 'failed', final: true, fault: fault('service_reply_invalid'), body: null }
    }
    const told = submitReplyFor(read.body, began.value.operation.publicId, isOwn)
    return { kind: 'accepted', begun: began.value, body: told }
  }

  const tryOn = (operation: Operation, request: TaskRequest, candidate: Candidate) => {
    operation.candidate = candidate
    return attempt(operation, request, candidate)
  }

  return async (
    operation: Operation,
    request: TaskRequest,
    isGone: () => boolean,
  ): Promise<Outcome<SubmitResult>> => {
    const decision = { ...request, request: parsedFor(request) }
    operation.request = decision.request
    operation.budgets = await budgetsFor(parts, request.caller)
    const entered = await enter(operation, decision)
    if (!entered.ok) return entered
    let last: Outcome<SubmitResult> | null = null
    let full: Outcome<never> = busy
    let ownKeyFailed = false
    for (const candidate of request.route.candidates) {
      const isSystem = candidate.serviceKey.owner === 'system'
      const reasonBefore = operation.reason
      operation.reason = isSystem && ownKeyFailed ? 'system-key-own-key-failed' : candidate.reason
      if (isSystem && operation.heldMicros === 0n) {
        const held = await hold(operation, request, candidate)
        if (!held.ok) {
          if (last === null) return held
          operation.reason = reasonBefore
          return last
        }
      }
      const fits = isSystem || (await fitOwn(operation, decision, candidate))
      if (fits !== true && !fits.ok) {
        ownKeyFailed = true
        operation.reason = reasonBefore
        full = fits
        continue
      }
      if (isGone()) return last ?? success(goneBefore)
      const place = await enterKey(decision, candidate)
      if (!place.ok) full = place
      const result = place.ok && (await mayTry(candidate)) ? await tryOn(operation, request, candidate) : null
      if (place.ok) place.value.end(0)
      if (result === null) {
        operation.reason = reasonBefore
        continue
      }
      // A place within limits is one of requests; the task itself keeps none.
      if (result.kind === 'accepted' && result.begun.kind === 'begun')
        for (const pass of operation.passes) pass.end(0)
      if (result.kind === 'accepted' || result.final) return success(result)
      ownKeyFailed ||= !isSystem
      last = success(result)
    }
    return last ?? full
  }
}

/** Every candidate is being tried by somebody else. */
const busy = failure('service_overloaded', { retryAfterSeconds: 1 })

/** What the other stages of an operation read of a request. */
const parsedFor = ({ endpoint, requestedModel, body, units, unpriced }: TaskRequest): ParsedRequest => ({
  endpoint,
  body: Buffer.from(body),
  contentType: 'application/json',
  model: requestedModel,
  streamed: false,
  maximumOutputTokens: null,
  producesOutput: false,
  choices: 1,
  input: { textBytes: 0, hiddenTokens: 0, images: 0, documents: 0, documentBytes: 0 },
  mostUnits: units,
  unpriced,
  wantsUsageEvent: false,
})

const goneBefore: SubmitResult = {
  kind: 'failed',
  final: true,
  fault: fault('service_timeout'),
  body: null,
}

const unpriced = (what: string, field?: string) =>
  failure('unpriced_option', {
    message: `${what} has no price here, so it cannot run on system keys.`,
    ...(field === undefined ? {} : { field }),
  })

/** What an own key's task costs its owner is known where there is a price; only system keys are charged. */
const agree = (
  { startedAt }: Operation,
  { priceBook, units }: TaskRequest,
  { price, serviceKey }: Candidate,
): Agreed => {
  if (price === null || unpricedUnit(price, units, startedAt) !== null)
    return { costNanoUsd: null, chargeMicros: 0n }
  const costNanoUsd = priceBook.costNanoUsd(price, { ...noUsage, units }, startedAt)
  const chargeMicros = serviceKey.owner === 'system' ? priceBook.creditMicros(costNanoUsd, price) : 0n
  return { costNanoUsd, chargeMicros }
}

const newLongOperation = (
  operation: Operation,
  request: TaskRequest,
  { service, serviceKey, model }: Candidate,
  { costNanoUsd, chargeMicros }: Agreed,
  externalId: string,
): Parameters<LongOperations['begin']>[0] => {
  const { person, token } = request.caller
  const { organizationId, userId, accountId } = person
  return {
    organizationId,
    id: operation.id,
    userId,
    accessTokenId: token.id,
    serviceId: service.id,
    serviceKeyId: serviceKey.id,
    keyOwner: serviceKey.owner,
    externalId,
    kind: 'midjourney',
    action: request.action,
    parentId: request.parent?.id ?? null,
    webhookUrl: request.webhookUrl,
    draft: {
      accountId,
      teamId: token.teamId,
      attempts: operation.attempts,
      startedAt: operation.startedAt.toISOString(),
      firstByteMs: operation.firstByteMs,
      endpoint: request.endpoint,
      requestedModel: request.requestedModel,
      model,
      keyPriority: serviceKey.priority,
      reason: operation.reason,
      decision: decisionText(request.route),
      priceBookVersion: request.priceBook.version,
    },
    units: request.units,
    costNanoUsd,
    chargeMicros,
    heldMicros: operation.heldMicros,
  }
}

const outcomeOf = ({ kind }: KeyFailure): AttemptRecord['outcome'] =>
  kind === 'caller' || kind === 'account' ? 'refused' : kind

const attemptRecord = (
  { service, serviceKey, model, reason }: Candidate,
  outcome: AttemptRecord['outcome'],
  httpStatus: number | null,
  durationMs: number,
): AttemptRecord => ({
  serviceId: service.id,
  model,
  keyOwner: serviceKey.owner,
  serviceKeyId: serviceKey.id,
  keyPriority: serviceKey.priority,
  reason,
  outcome,
  httpStatus,
  durationMs: Math.round(durationMs),
})
