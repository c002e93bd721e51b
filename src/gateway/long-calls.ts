import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { isObject } from '../dialects/request.ts'
import { type Fault, failure, fault, type Outcome, statusOf, success } from '../kit/fault.ts'
import { formatMicros } from '../kit/money.ts'
import type { Begun, NewLongOperation } from '../long-operations/long-operations.ts'
import { unpricedUnit } from '../metering/cost.ts'
import { noUsage } from '../metering/usage.ts'
import type { Candidate } from '../routing/route.ts'
import type { AttemptResult } from './attempt.ts'
import { makeAttempts } from './attempts.ts'
import type { Decision } from './decide.ts'
import { makeEnter } from './enter.ts'
import { cancellationOf, collect, type Exchange } from './exchange.ts'
import { isRemix } from './follow-up.ts'
import { readWebhook } from './midjourney-request.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { cancelledEnding } from './relay.ts'
import { receiptHeaders, sendBody, sendFault, sendServiceReply, serviceHeaders } from './reply.ts'
import { resourceCallIn } from './resource-call.ts'
import type { Finish } from './settle.ts'

/** A call whose work begins when it is answered. */
export interface LongCall {
  readonly kind: Exclude<NewLongOperation['kind'], 'midjourney'>
  readonly action: string
  readonly endpoint: 'videos' | 'batches'
}

/** Null: a call that is over when it is answered. */
export const longCallOf = (operation: Operation, request: ParsedRequest): LongCall | null => {
  if (request.endpoint === 'videos') return { kind: 'video', action: 'video', endpoint: 'videos' }
  // Only where what it is made of is known is its price.
  if (isRemix(operation))
    return request.unpriced === null ? { kind: 'video', action: 'remix', endpoint: 'videos' } : null
  const call = resourceCallIn(operation)
  const { target } = operation
  if (call?.kind !== 'batch' || call.action !== 'create' || target.kind !== 'operation') return null
  if (target.dialect === 'gemini') return null
  const kind = target.dialect === 'anthropic' ? 'anthropic_batch' : 'openai_batch'
  return { kind, action: 'batch', endpoint: 'batches' }
}

const maximumReplyBytes = 256 * 1024

/**
 * Begins what goes on after the reply: a video, a batch. Credits are held as for every other call; once the service has
 * taken it, it and its hold live in a row of their own (src/long-operations/), and its record is written at its end.
 */
export const makeLongCalls = (parts: GatewayParts) => {
  const { limits, log, longOperations } = parts
  const enter = makeEnter(parts)
  const attempts = makeAttempts(parts)

  /** Never rejects: once something has begun, its hold is not this call's to give back. */
  const noted = (...binding: Parameters<typeof longOperations.resources.bind>): Promise<boolean> =>
    longOperations.resources.bind(...binding).then(
      () => true,
      (error: unknown) => {
        log.error({ err: error }, 'what a service keeps could not be written down')
        return false
      },
    )

  const begin = async (
    operation: Operation,
    decision: Decision,
    long: LongCall,
    body: Buffer,
    webhookUrl: string | null,
  ): Promise<Outcome<Exclude<Begun, { kind: 'foreign' }>>> => {
    const { candidate } = operation
    const externalId = idIn(body)
    if (candidate === null || externalId === null) return failure('service_reply_invalid')
    const { person } = decision.caller
    const at = { serviceId: candidate.service.id, serviceKeyId: candidate.serviceKey.id }
    const resource = { id: externalId, kind: long.kind === 'video' ? 'video' : 'batch' }
    // Before it begins: whoever is told of it afterwards can ask for it, whatever becomes of this process.
    if (!(await noted(person, at, { made: [], named: [resource] }))) return failure('database_unavailable')
    const started = newLongOperation(operation, decision, long, candidate, { externalId, webhookUrl })
    const began = await longOperations.begin(started, false)
    if (!began.ok) return began
    if (began.value.kind === 'foreign') {
      log.error({ operationId: operation.id, ...at }, 'a service gave one task to two callers')
      return failure('service_reply_invalid')
    }
    // Now it is known to be the caller's, also where another server gave them the same name before.
    await noted(person, at, { made: [resource], named: [] })
    return success(began.value)
  }

  const ends = (operation: Operation, response: ServerResponse, finish: Finish) => {
    const none = { usage: null, usageSource: 'none' } as const
    return {
      refuse: async (refused: Fault) => {
        await finish({ status: 'refused', httpStatus: statusOf(refused), fault: refused, ...none })
        sendFault(response, operation, refused)
      },
      fail: async ({ fault: failed, reply }: Pick<AttemptResult & { kind: 'failed' }, 'fault' | 'reply'>) => {
        await finish({
          status: 'failed',
          httpStatus: reply?.status ?? statusOf(failed),
          fault: failed,
          ...none,
        })
        if (reply === null) sendFault(response, operation, failed)
        else sendServiceReply(response, operation, reply)
      },
      /** What it names goes on already, and is paid for by its own operation. */
      repeat: () => finish({ status: 'succeeded', httpStatus: 200, fault: null, ...none }),
    }
  }

  const send = async (
    operation: Operation,
    decision: Decision,
    long: LongCall,
    exchange: Exchange,
    webhookUrl: string | null,
    response: ServerResponse,
    { fail, repeat }: ReturnType<typeof ends>,
  ): Promise<void> => {
    const body = await collect(exchange, maximumReplyBytes, limits.idleTimeoutMs)
    operation.firstByteMs = Math.round(performance.now() - operation.startedMs)
    if (!body.ok) return fail({ fault: body.fault, reply: null })
    const began = await begin(operation, decision, long, body.value, webhookUrl)
    if (!began.ok) return fail({ fault: began.fault, reply: null })
    if (began.value.kind === 'continues') {
      if (!(await repeat())) return sendFault(response, operation, fault('database_unavailable'))
    } else for (const pass of operation.passes) pass.end(0)
    const held = began.value.kind === 'begun' ? operation.heldMicros : 0n
    sendBody(
      response,
      exchange.status,
      [
        ...serviceHeaders(operation, exchange.headers),
        ...receiptHeaders(operation, 0n),
        'x-aideon-credits-held',
        formatMicros(held),
      ],
      body.value,
    )
  }

  return async (
    operation: Operation,
    decision: Decision,
    long: LongCall,
    incoming: IncomingMessage,
    response: ServerResponse,
    finish: Finish,
  ): Promise<void> => {
    const end = ends(operation, response, finish)
    const webhook = readWebhook(incoming.headers['x-aideon-webhook'], 'x-aideon-webhook')
    if (!webhook.ok) return end.refuse(webhook.fault)
    const checked = webhook.value === null ? null : longOperations.webhooks.check(webhook.value)
    if (checked?.ok === false) return end.refuse({ ...checked.fault, field: 'x-aideon-webhook' })
    const place = await enter(operation, decision)
    if (!place.ok) return end.refuse(place.fault)
    const cancellation = cancellationOf(response, limits.totalTimeoutMs)
    try {
      const result = await attempts(operation, decision, incoming, cancellation)
      if (!result.ok) return await end.refuse(result.fault)
      if (result.value.kind === 'failed') {
        if (cancellation.cancelled)
          return void (await finish({ ...cancelledEnding(operation, decision.request), ...nothingUsed }))
        return await end.fail(result.value)
      }
      // The service has taken it: whoever hung up has it all the same.
      await send(operation, decision, long, result.value.exchange, webhook.value, response, end)
    } finally {
      cancellation.end()
    }
  }
}

const nothingUsed = { usage: null, usageSource: 'none' } as const

const idIn = (body: Buffer): string | null => {
  try {
    const reply: unknown = JSON.parse(body.toString('utf8'))
    const id = isObject(reply) ? reply['id'] : null
    return typeof id === 'string' && id.length > 0 && id.length <= 200 ? id : null
  } catch {
    return null
  }
}

/** The price of one is agreed on when it begins; what a batch costs tells itself at its end. */
const agree = (
  { startedAt }: Operation,
  { priceBook, request }: Decision,
  { price, serviceKey }: Candidate,
): { costNanoUsd: bigint | null; chargeMicros: bigint } => {
  const units = request.mostUnits ?? {}
  if (price === null || Object.keys(units).length === 0 || unpricedUnit(price, units, startedAt) !== null)
    return { costNanoUsd: null, chargeMicros: 0n }
  const costNanoUsd = priceBook.costNanoUsd(price, { ...noUsage, units }, startedAt)
  return {
    costNanoUsd,
    chargeMicros: serviceKey.owner === 'system' ? priceBook.creditMicros(costNanoUsd, price) : 0n,
  }
}

const newLongOperation = (
  operation: Operation,
  decision: Decision,
  { kind, action, endpoint }: LongCall,
  candidate: Candidate,
  { externalId, webhookUrl }: { externalId: string; webhookUrl: string | null },
): NewLongOperation => {
  const { person, token } = decision.caller
  const { service, serviceKey, model } = candidate
  const isBatch = endpoint === 'batches'
  return {
    organizationId: person.organizationId,
    id: operation.id,
    userId: person.userId,
    accessTokenId: token.id,
    serviceId: service.id,
    serviceKeyId: serviceKey.id,
    keyOwner: serviceKey.owner,
    externalId,
    kind,
    action,
    parentId: null,
    webhookUrl,
    draft: {
      accountId: person.accountId,
      teamId: token.teamId,
      attempts: operation.attempts,
      startedAt: operation.startedAt.toISOString(),
      firstByteMs: operation.firstByteMs,
      endpoint,
      requestedModel: isBatch ? null : decision.request.model,
      model: isBatch ? null : model,
      keyPriority: serviceKey.priority,
      reason: operation.reason,
      decision: operation.decision,
      priceBookVersion: decision.priceBook.version,
    },
    units: decision.request.mostUnits ?? {},
    ...agree(operation, decision, candidate),
    heldMicros: operation.heldMicros,
  }
}
