import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import {
  type Breaker,
  type BreakerEvent,
  type BreakerState,
  breakerAfter,
  count,
  mustOpen,
  newTally,
  probeLeaseMs,
  type SubjectKind,
  stateOf,
  sumOf,
  type Tally,
  worseOf,
} from './breaker.ts'
import * as store from './store.ts'
import { makeHealthViews, type HealthMatrix, type OwnHealth } from './views.ts'

export type { BreakerState } from './breaker.ts'

/**
 * `failure`: no answer, or one of trouble at the service (attempt outcomes service, timeout, unreachable). `unknown`: the
 * attempt said nothing about the service, such as one that the caller broke off.
 */
export type HealthOutcome = 'ok' | 'failure' | 'unknown'

/**
 * Of services and service keys, over all processes. `serviceId` is null for keys with an address of their own: what
 * happens there says nothing about the service elsewhere, and the other way round.
 */
export interface Health {
  /** Reads what is open, and hears of changes from then on. */
  start(): Promise<void>
  /** From memory; null: closed. */
  breaker(serviceId: string | null, serviceKeyId: string): BreakerState | null
  /** True without asking where nothing is half-open; else for one process at a time, which has to `report`. */
  claimProbe(serviceId: string | null, serviceKeyId: string): boolean | Promise<boolean>
  /** Counts; writes only when a breaker opens or a probe has ended. */
  report(
    serviceId: string | null,
    serviceKeyId: string,
    outcome: HealthOutcome,
    organizationId?: string,
  ): void
  /** For administrators: every service, the platform's keys, and whatever else is open. */
  view(): Promise<HealthMatrix>
  /** For a user: every service, and the keys they may use. */
  viewFor(organizationId: string, userId: string): Promise<OwnHealth>
  /** By hand: closed at once, on all processes when it returns. */
  reset(
    actor: Actor,
    which: { readonly organizationId: string; readonly kind: SubjectKind; readonly subject: string },
  ): Promise<Outcome<void>>
  /** Resolves when everything reported so far is written, and everything heard so far is read. */
  settled(): Promise<void>
  close(): Promise<void>
}

export interface HealthOptions {
  readonly database: Database
  readonly epoch: Pick<Epoch, 'processId' | 'change' | 'announce' | 'onChange'>
  readonly clock: Clock
  readonly log: Log
  readonly random?: () => number
}

type Named = Pick<Breaker, 'organizationId' | 'subject' | 'kind'>
interface Known {
  readonly breaker: Breaker
  readonly readAt: Date
}

const samplesEveryMs = 10_000
const mostTallies = 10_000

class NothingChanged extends Error {}

export const makeHealth = (options: HealthOptions): Health => {
  const { database, epoch, clock, log, random = Math.random } = options
  const { processId } = epoch
  const tallies = new Map<string, Tally>()
  /** Open ones only, by the id of service or key. */
  const open = new Map<string, Known>()
  const probing = new Map<string, Named>()
  const pending = new Map<string, { named: Named; event: BreakerEvent }>()
  let writing: Promise<void> | null = null
  let reading: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  const isProbe = (subject: string): boolean => probing.has(subject)

  const stateOfSubject = (subject: string | null, now: Date): BreakerState | null => {
    const known = subject === null ? undefined : open.get(subject)
    return known === undefined ? null : stateOf(known.breaker, known.readAt, processId, now)
  }

  const load = async (organizationId: string | null): Promise<void> => {
    const readAt = clock()
    const found = await store.openBreakers(database.kysely, organizationId)
    const names = new Set(found.map(({ subject }) => subject))
    for (const [subject, { breaker }] of open) {
      const concerned = organizationId === null || breaker.organizationId === organizationId
      if (!concerned || names.has(subject) || pending.has(subject)) continue
      open.delete(subject)
      // What led to the opening must not open it again at the next failure.
      tallies.delete(subject)
    }
    for (const breaker of found) open.set(breaker.subject, { breaker, readAt })
  }

  /** One after the other, in the order in which they were heard. Nobody's acknowledgement waits for it. */
  const reload = (organizationId: string | null): void => {
    reading = reading
      .then(() => load(organizationId))
      .catch((error: unknown) => log.warn({ err: error }, 'circuit breakers could not be read'))
  }

  const apply = async (
    transaction: Transaction<Schema>,
    named: Named,
    event: BreakerEvent,
  ): Promise<boolean> => {
    const before = await store.lockBreaker(transaction, named.organizationId, named.subject)
    const after = breakerAfter(before, event, named, clock(), random())
    return after !== null && (await store.writeBreaker(transaction, after, before === null))
  }

  const write = async (): Promise<void> => {
    while (pending.size > 0) {
      const batch = [...pending.values()].sort((a, b) => (a.named.subject < b.named.subject ? -1 : 1))
      for (const [organizationId, items] of Map.groupBy(batch, ({ named }) => named.organizationId)) {
        try {
          await epoch.announce(organizationId, async (transaction) => {
            let changed = false
            for (const { named, event } of items) if (await apply(transaction, named, event)) changed = true
            if (!changed) throw new NothingChanged()
          })
        } catch (error) {
          if (!(error instanceof NothingChanged))
            log.error({ err: error, organizationId }, 'circuit breakers could not be written')
        }
        for (const { named, event } of items)
          if (pending.get(named.subject)?.event === event) pending.delete(named.subject)
        reload(organizationId)
      }
    }
    // At once: what comes after this last look begins a writing of its own.
    writing = null
  }

  const submit = (named: Named, event: BreakerEvent): void => {
    pending.set(named.subject, { named, event })
    writing ??= write()
  }

  const tallyOf = (subject: string, organizationId: string): Tally => {
    const known = tallies.get(subject)
    if (known !== undefined) return known
    if (tallies.size >= mostTallies) tallies.clear()
    const made = newTally(organizationId)
    tallies.set(subject, made)
    return made
  }

  const reportOne = (named: Named, serviceKeyId: string, outcome: HealthOutcome, now: Date): void => {
    const { subject, organizationId } = named
    if (probing.size > 0 && isProbe(subject)) return endProbe(named, outcome)
    // Late news of operations from before it opened.
    if (outcome === 'unknown' || (open.size > 0 && open.has(subject))) return
    const tally = tallyOf(subject, organizationId)
    count(tally, serviceKeyId, outcome === 'failure', now.getTime())
    if (outcome !== 'failure' || !mustOpen(tally, named.kind, now.getTime())) return
    log.warn({ subject, organizationId }, 'a circuit breaker opens')
    const event = { kind: 'failing' } as const
    const breaker = breakerAfter(null, event, named, now, random())
    // This process stops at once, the others when they hear of it.
    if (breaker !== null) open.set(subject, { breaker, readAt: now })
    submit(named, event)
  }

  const endProbe = (named: Named, outcome: HealthOutcome): void => {
    probing.delete(named.subject)
    if (outcome !== 'unknown') return submit(named, { kind: 'probed', ok: outcome === 'ok', processId })
    reading = reading
      .then(() => store.releaseProbe(database.kysely, named, processId))
      .catch((error: unknown) => log.warn({ err: error }, 'a probe could not be given back'))
  }

  const claim = async (subjects: readonly string[]): Promise<boolean> => {
    const now = clock()
    const until = new Date(now.getTime() + probeLeaseMs)
    const claimed: Named[] = []
    for (const subject of subjects) {
      const named = open.get(subject)?.breaker
      // Two operations of this process are two as well.
      const free = named !== undefined && !isProbe(subject)
      if (free) probing.set(subject, named)
      const won =
        free && (await store.claimProbe(database.kysely, named, processId, now, until).catch(() => false))
      if (won) {
        claimed.push(named)
        continue
      }
      if (free) {
        probing.delete(subject)
        reload(named.organizationId)
      }
      for (const one of claimed) endProbe(one, 'unknown')
      return false
    }
    return true
  }

  const writeSamples = async (): Promise<void> => {
    const now = clock()
    const samples: store.Sample[] = []
    for (const [subject, tally] of tallies) {
      if (!tally.isNew) continue
      tally.isNew = false
      samples.push({ organizationId: tally.organizationId, subject, ...sumOf(tally, now.getTime()) })
    }
    if (samples.length === 0) return
    await store
      .writeSamples(database.kysely, processId, samples, now)
      .catch((error: unknown) => log.warn({ err: error }, 'the health of services could not be written'))
  }

  const views = makeHealthViews({ database, clock })

  return {
    async start() {
      epoch.onChange((organizationId) => reload(organizationId))
      await load(null)
      timer = setInterval(() => void writeSamples(), samplesEveryMs).unref()
    },

    breaker(serviceId, serviceKeyId) {
      if (open.size === 0) return null
      const now = clock()
      return worseOf(stateOfSubject(serviceId, now), stateOfSubject(serviceKeyId, now))
    },

    claimProbe(serviceId, serviceKeyId) {
      if (open.size === 0) return true
      const now = clock()
      const subjects = [serviceId, serviceKeyId].filter((subject) => subject !== null)
      const states = subjects.map((subject) => stateOfSubject(subject, now))
      if (states.some((state) => state?.state === 'open')) return false
      const halfOpen = subjects.filter((_, index) => states[index] !== null)
      return halfOpen.length === 0 || claim(halfOpen)
    },

    report(serviceId, serviceKeyId, outcome, organizationId = platformOrganizationId) {
      const now = clock()
      if (serviceId !== null) {
        const service = {
          organizationId: platformOrganizationId,
          subject: serviceId,
          kind: 'service',
        } as const
        reportOne(service, serviceKeyId, outcome, now)
        // What fails while the service does is not the key's fault.
        if (open.size > 0 && open.has(serviceId) && !isProbe(serviceKeyId)) return
      }
      reportOne({ organizationId, subject: serviceKeyId, kind: 'service_key' }, serviceKeyId, outcome, now)
    },

    view: () => views.matrix(),
    viewFor: (organizationId, userId) => views.own(organizationId, userId),

    async reset(actor, { organizationId, kind, subject }) {
      const named = { organizationId, kind, subject }
      try {
        await epoch.change(organizationId, async (transaction) => {
          if (!(await apply(transaction, named, { kind: 'reset' }))) throw new NothingChanged()
          await recordAudit(transaction, {
            organizationId,
            actor,
            action: 'breaker.reset',
            subject: { kind, id: subject },
            before: { state: 'open' },
            after: { state: 'closed' },
          })
        })
      } catch (error) {
        if (error instanceof NothingChanged) return failure('not_found')
        throw error
      }
      await reading
      return success(undefined)
    },

    async settled() {
      await writing
      await reading
      await writeSamples()
    },

    async close() {
      clearInterval(timer)
      for (const named of probing.values()) endProbe(named, 'unknown')
      await writing
      await reading
    },
  }
}
