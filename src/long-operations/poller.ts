import type { Writer } from '../db/writer.ts'
import type { ServiceKey, ServiceKeys } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { newId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Recorder } from '../metering/recorder.ts'
import type { LongOperation } from './long-operation.ts'
import { afterAnswer, type Change, recordOf, settlementOf, type Timing, withoutKey } from './progress.ts'
import { type CallService, saysNothingOfService } from './service-call.ts'
import * as store from './store.ts'
import { type Answer, serviceOf, trackers } from './trackers.ts'
import type { makeWebhooks } from './webhooks.ts'

export interface PollerParts {
  readonly writer: Writer
  readonly recorder: Pick<Recorder, 'recordIn'>
  readonly serviceKeys: Pick<ServiceKeys, 'listForGateway' | 'listSystemKeys' | 'report'>
  readonly webhooks: Pick<ReturnType<typeof makeWebhooks>, 'announce' | 'soon'>
  readonly call: CallService
  readonly clock: Clock
  readonly log: Log
  readonly timing: Timing
}

const askTimeoutMs = 6_000
/** Longer than a question takes; then another process may ask. Whoever comes too late with its answer writes nothing. */
const leaseMs = 10_000
const maximumTaskBytes = 256 * 1024
const maximumResultsBytes = 16 * 1024 * 1024
const resultsTimeoutMs = 30_000
const resultsLeaseMs = resultsTimeoutMs + 10_000

/** Asks services how their tasks stand, and writes down what they say. */
export const makePoller = (parts: PollerParts) => {
  const { writer, serviceKeys, webhooks, call, clock, log, timing } = parts

  /** Reads each owner's keys once. */
  const makeKeyOf = () => {
    const read = new Map<string, Promise<ServiceKey[]>>()
    /** Null: revoked, and its secret destroyed. A suspended key begins nothing, but what it began it may see to its end. */
    return async ({ keyOwner, organizationId, userId, serviceKeyId }: LongOperation) => {
      const owner = keyOwner === 'system' ? '' : `${organizationId} ${userId}`
      const keys =
        read.get(owner) ??
        (owner === '' ? serviceKeys.listSystemKeys() : serviceKeys.listForGateway(organizationId, userId))
      read.set(owner, keys)
      return (await keys).find((key) => key.id === serviceKeyId) ?? null
    }
  }
  type KeyOf = ReturnType<typeof makeKeyOf>

  const ask = async (operation: LongOperation, serviceKey: ServiceKey): Promise<Answer> => {
    const tracker = trackers[operation.kind]
    const reply = await call(serviceKey, {
      ...tracker.ask(operation.externalId, serviceOf(operation)),
      timeoutMs: askTimeoutMs,
      maximumBytes: maximumTaskBytes,
    })
    if (!reply.ok)
      return {
        kind: 'no_answer',
        about: saysNothingOfService(reply.fault) ? null : { kind: 'service' },
      }
    const answer = tracker.read(operation.externalId, reply.value.status, reply.value.body)
    const about = answer.kind === 'no_answer' ? answer.about : { kind: 'ok' as const }
    if (about !== null) serviceKeys.report(serviceKey, about)
    return answer
  }

  /** What a finished one used, where only what it made tells. Too much to read, or gone: nobody knows. */
  const measured = async (
    operation: LongOperation,
    serviceKey: ServiceKey,
    claim: string,
    answer: Answer,
  ): Promise<Answer> => {
    const { results, readResults } = trackers[operation.kind]
    if (answer.kind !== 'task' || results === undefined || readResults === undefined) return answer
    const question = isUnderWay(answer) ? null : results(answer, operation.externalId, serviceOf(operation))
    if (question === null) return answer
    await writer.transact((unit) => store.keepClaim(unit, claim, resultsLeaseMs, operation))
    const reply = await call(serviceKey, {
      ...question,
      timeoutMs: resultsTimeoutMs,
      maximumBytes: maximumResultsBytes,
    })
    const usage = reply.ok && reply.value.status === 200 ? readResults(reply.value.body) : null
    return usage === null ? answer : { ...answer, usage }
  }

  /** One commit: the row, the end of the hold, the record, and what the caller is told. */
  const write = (operation: LongOperation, claim: string, change: Change): Promise<void> =>
    writer.transact(async (unit) => {
      if (!(await store.write(unit, claim, operation, change))) return
      if (change.endedAt !== null) {
        const isRecorded = await parts.recorder.recordIn(
          unit,
          recordOf(operation, change),
          settlementOf(operation, change),
        )
        if (!isRecorded) throw new EndedElsewhereError()
      }
      if (change.isNews)
        webhooks.announce(
          unit,
          operation,
          `task.${change.state}`,
          JSON.stringify(trackers[operation.kind].view({ ...operation, ...change })),
        )
    })

  /** It is on record with another end, as where a commit was not heard of and given up: that end stands. */
  const follow = (operation: LongOperation, claim: string, now: Date): Promise<void> =>
    writer.transact(async (unit) => {
      const change = { ...withoutKey(operation, now), failure: 'It was ended otherwise before.' }
      await store.write(unit, claim, operation, change)
    })

  const advance = async (operation: LongOperation, claim: string, keyOf: KeyOf): Promise<void> => {
    const serviceKey = await keyOf(operation)
    const change =
      serviceKey === null
        ? withoutKey(operation, clock())
        : afterAnswer(
            operation,
            await measured(operation, serviceKey, claim, await ask(operation, serviceKey)),
            timing,
            clock(),
            Math.random(),
          )
    try {
      await write(operation, claim, change)
    } catch (error) {
      if (!(error instanceof EndedElsewhereError)) throw error
      log.error({ operationId: operation.id }, 'a long operation was ended otherwise before')
      await follow(operation, claim, clock())
    }
    if (change.isNews && operation.webhookUrl !== null) webhooks.soon()
    if (change.state === 'unresolved' && change.endedAt !== null)
      log.warn(
        { operationId: operation.id, serviceId: operation.serviceId, serviceKeyId: operation.serviceKeyId },
        'a long operation was not seen to end: given back, to be reconciled',
      )
  }

  return {
    keyOf: (operation: LongOperation) => makeKeyOf()(operation),
    /** The number of operations that were asked about. */
    async askDue(limit: number): Promise<number> {
      const claim = newId()
      const due = await writer.transact((unit) => store.claimDue(unit, claim, leaseMs, clock(), limit))
      const keyOf = makeKeyOf()
      await Promise.all(
        due.map((operation) =>
          advance(operation, claim, keyOf).catch((error: unknown) =>
            log.warn(
              { err: error, operationId: operation.id },
              'a long operation could not be taken further',
            ),
          ),
        ),
      )
      return due.length
    },
    /** Now, unless another one asks at this moment. */
    async askOne(which: { organizationId: string; id: string }): Promise<void> {
      const claim = newId()
      const operation = await writer.transact((unit) => store.claimOne(unit, claim, leaseMs, which))
      if (operation !== null) await advance(operation, claim, makeKeyOf())
    },
  }
}

const isUnderWay = ({ state }: Extract<Answer, { kind: 'task' }>): boolean =>
  state === 'submitted' || state === 'running'

class EndedElsewhereError extends Error {}
