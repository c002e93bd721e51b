import { setTimeout as wait } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { isPassing, openWriter, type Unit } from '../db/writer.ts'
import type { ServiceKeys } from '../keys/keys.ts'
import type { KeyUses } from '../keys/uses.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Recorder } from '../metering/recorder.ts'
import type { Outbound } from '../net/outbound.ts'
import type { Catalogue } from '../routing/catalogue.ts'
import type { Vault } from '../vault/vault.ts'
import { isOver, type LongOperation, type Owner } from './long-operation.ts'
import { makeLoop } from './loop.ts'
import { nextAskMs, type Timing, usualTiming } from './progress.ts'
import { makePoller } from './poller.ts'
import { makeResources, type Resources } from './resources.ts'
import { type CallService, makeCallService } from './service-call.ts'
import * as store from './store.ts'
import { serviceOf, type TrackerKind, trackers } from './trackers.ts'
import { makeWebhooks, type Webhooks } from './webhooks.ts'

export type { LongOperation, LongOperationState, Owner } from './long-operation.ts'
export type { Binding, NamedResource, Resources } from './resources.ts'
export type { CallService } from './service-call.ts'
export type { Delivery, Webhooks } from './webhooks.ts'

/** What the service has accepted. */
export type NewLongOperation = Pick<
  LongOperation,
  | 'organizationId'
  | 'id'
  | 'userId'
  | 'accessTokenId'
  | 'serviceId'
  | 'serviceKeyId'
  | 'keyOwner'
  | 'externalId'
  | 'kind'
  | 'action'
  | 'parentId'
  | 'webhookUrl'
  | 'draft'
  | 'units'
  | 'costNanoUsd'
  | 'chargeMicros'
  | 'heldMicros'
>

export type Begun =
  | { readonly kind: 'begun'; readonly operation: LongOperation }
  /** The service names a task that this caller has already: nothing new began, and nothing new is to be paid. */
  | { readonly kind: 'continues'; readonly operation: LongOperation }
  /** The service names a task that is somebody else's. */
  | { readonly kind: 'foreign' }

/**
 * Operations that go on after their reply. Each lives in a row that any process can take further: whoever has claimed it
 * asks its service, and one commit writes how it ended, settles its hold and puts it on record.
 */
export interface LongOperations {
  /**
   * Durable when it resolves; the hold outlives this process from then on. `isRepeat`: the service said that it had the
   * task already.
   */
  begin(request: NewLongOperation, isRepeat: boolean): Promise<Outcome<Begun>>
  /** The owner's, by the names that they were told, as far as there are any. */
  named(owner: Owner, kind: TrackerKind, publicIds: readonly string[]): Promise<LongOperation[]>
  find(owner: Owner, id: string): Promise<LongOperation | null>
  /** As the service has it now, at most a second old; when it has ended there, it is settled when this resolves. */
  refresh(operation: LongOperation): Promise<LongOperation>
  /** Until it has ended, the time is over, or nobody waits any more. It goes on in any case. */
  waitFor(
    operation: LongOperation,
    until: { readonly timeoutMs: number; readonly isUnwanted: () => boolean },
  ): Promise<LongOperation>
  /** Where the service can stop what it has begun. */
  cancel(operation: LongOperation): Promise<Outcome<LongOperation>>
  page(filter: store.LongOperationFilter, before: string | null, limit: number): Promise<LongOperation[]>
  readonly webhooks: Webhooks
  readonly resources: Resources
  readonly call: CallService
  /** Takes away what is kept for callers' reads only: what services said, and payloads of deliveries. */
  sweep(now: Date): Promise<void>
  start(): void
  close(): Promise<void>
}

export interface LongOperationsOptions {
  readonly database: Database
  readonly ledger: Pick<Ledger, 'handOver'>
  readonly recorder: Pick<Recorder, 'recordIn'>
  readonly serviceKeys: Pick<ServiceKeys, 'listForGateway' | 'listSystemKeys' | 'report'>
  readonly catalogue: Pick<Catalogue, 'baseUrlOf'>
  readonly keyUses?: KeyUses
  readonly vault: Vault
  readonly outbound: Outbound
  /** The way out to addresses that callers name. */
  readonly callbacks: Outbound
  readonly clock: Clock
  readonly log: Log
  readonly timing?: Partial<Timing>
}

const portion = 50
/** As long as a record waits for a database that does not answer. */
const patienceMs = 10_000
const dayMs = 24 * 3600 * 1000
const saidKeptMs = 30 * dayMs
const payloadsKeptMs = 7 * dayMs

export const makeLongOperations = (options: LongOperationsOptions): LongOperations => {
  const { database, ledger, clock, log } = options
  const timing: Timing = { ...usualTiming, ...options.timing }
  const writer = openWriter(database, { name: 'long operations', connections: 2 })
  const call = makeCallService(options)
  const resources = makeResources(options)
  const webhooks = makeWebhooks({ ...options, writer, timing })
  const poller = makePoller({ ...options, writer, webhooks, call, timing })
  const loop = makeLoop({
    everyMs: timing.tickMs,
    name: 'long operations',
    log,
    work: async () => (await poller.askDue(portion)) === portion,
  })

  let closed: Promise<void> | null = null

  const beginIn = async (unit: Unit, request: NewLongOperation, isRepeat: boolean): Promise<Begun> => {
    const known = await store.ofTask(unit, request.serviceKeyId, request.externalId)
    // The commit of the first try was not heard of.
    if (known?.id === request.id) return { kind: 'begun', operation: known }
    if (known && !isOwn(known, request)) return { kind: 'foreign' }
    if (known && (!isOver(known) || (isRepeat && known.state === 'succeeded')))
      return { kind: 'continues', operation: known }
    const isTaken = await store.isNamed(unit, request, request.externalId, request.serviceKeyId)
    const operation = newRow(request, isTaken, clock(), timing)
    await store.insert(unit, operation)
    const { organizationId, id, draft, heldMicros } = request
    if (heldMicros > 0n) {
      const hold = { organizationId, accountId: draft.accountId ?? '', operationId: id }
      if (!(await ledger.handOver(unit, hold))) throw new HoldGoneError()
    }
    return { kind: 'begun', operation }
  }

  const begin = async (request: NewLongOperation, isRepeat: boolean): Promise<Outcome<Begun>> => {
    const giveUpAt = performance.now() + patienceMs
    for (;;) {
      try {
        return success(await writer.transact((unit) => beginIn(unit, request, isRepeat)))
      } catch (error) {
        if (error instanceof HoldGoneError) return failure('internal', { message: error.message })
        const again = isPassing(error) || isCollision(error)
        if (!again || performance.now() > giveUpAt) {
          log.error({ err: error, operationId: request.id }, 'a long operation could not be written down')
          return failure('database_unavailable')
        }
        await wait(100)
      }
    }
  }

  const reread = async (operation: LongOperation): Promise<LongOperation> =>
    (await store.find(database.kysely, operation.organizationId, operation.id)) ?? operation

  const refresh = async (operation: LongOperation): Promise<LongOperation> => {
    if (isOver(operation) || isFresh(operation, timing, clock())) return operation
    await poller.askOne(operation)
    return reread(operation)
  }

  return {
    begin,
    named: (owner, kind, publicIds) => store.named(database.kysely, owner, kind, publicIds),
    find: async (owner, id) => {
      const found = await store.find(database.kysely, owner.organizationId, id)
      return found && found.userId === owner.userId ? found : null
    },
    refresh,
    async waitFor(operation, { timeoutMs, isUnwanted }) {
      const until = performance.now() + timeoutMs
      let latest = operation
      while (!isOver(latest) && performance.now() < until && !isUnwanted()) {
        await wait(Math.min(timing.freshMs, timeoutMs))
        latest = await refresh(await reread(latest))
      }
      return latest
    },
    async cancel(operation) {
      const { cancel } = trackers[operation.kind]
      if (isOver(operation)) return failure('conflict', { message: 'It has ended already.' })
      if (cancel === undefined)
        return failure('conflict', {
          message: 'This service cannot stop what it has begun.',
          next: 'Wait for its end; what fails is given back.',
        })
      const serviceKey = await poller.keyOf(operation)
      if (serviceKey === null) return failure('service_key_refused')
      const reply = await call(serviceKey, {
        ...cancel(operation.externalId, serviceOf(operation)),
        timeoutMs: 10_000,
        maximumBytes: 64 * 1024,
      })
      if (!reply.ok) return reply
      await poller.askOne(operation)
      return success(await reread(operation))
    },
    page: (filter, before, limit) => store.page(database.kysely, filter, before, limit),
    webhooks,
    resources,
    call,
    async sweep(now) {
      await store.forget(database.kysely, new Date(now.getTime() - saidKeptMs))
      await webhooks.forget(new Date(now.getTime() - payloadsKeptMs))
      await resources.sweep(now)
    },
    start() {
      loop.start()
      webhooks.start()
    },
    close: () => (closed ??= Promise.all([loop.stop(), webhooks.stop()]).then(() => writer.close())),
  }
}

/** The hold was given back while its process stood still: what the service began is not paid by anybody's credits. */
class HoldGoneError extends Error {
  constructor() {
    super('The operation’s hold has ended before the operation could begin.')
  }
}

const isOwn = (known: Owner, owner: Owner): boolean =>
  known.organizationId === owner.organizationId && known.userId === owner.userId

/** Two replies named the same task at once; the second look finds the first one’s row. */
const isCollision = (error: unknown): boolean => (error as { code?: string }).code === '23505'

const isFresh = ({ lastAskedAt }: LongOperation, { freshMs }: Timing, now: Date): boolean =>
  lastAskedAt !== null && now.getTime() - lastAskedAt.getTime() < freshMs

const newRow = (request: NewLongOperation, isTaken: boolean, now: Date, timing: Timing): LongOperation => ({
  ...request,
  publicId: isTaken ? `${request.externalId}-${newId().slice(-12)}` : request.externalId,
  state: 'submitted',
  progress: 0,
  failure: null,
  said: null,
  submittedAt: now,
  deadlineAt: new Date(now.getTime() + (timing.deadlineMs ?? trackers[request.kind].deadlineMs)),
  lastAskedAt: null,
  failedAsks: 0,
  nextAskAt: new Date(now.getTime() + nextAskMs(timing, 0, 0, Math.random())),
  endedAt: null,
})
