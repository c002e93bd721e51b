import type { Database } from '../db/database.ts'
import type { Outcome } from '../kit/fault.ts'
import type { Log } from '../kit/log.ts'
import { checkpointRecord, entryRecord, type StreamRecord } from './record.ts'
import type { Sink } from './sink.ts'
import * as store from './store-streams.ts'

export interface AuditStream extends store.StreamState {
  readonly kind: Sink['kind']
}

export interface AuditStreaming {
  /** Delivers what there is, and from then on what comes. */
  start(): void
  /** Lets a delivery that is under way end. */
  stop(): Promise<void>
  /** One round over all places; true where something was delivered or had to wait. */
  round(): Promise<boolean>
  /** Where each place stands. */
  view(): Promise<AuditStream[]>
}

/** Longer than any delivery takes: while one is under way its lease does not run out. */
const leaseSeconds = 30
const usualPollMs = 2_000
/** Organizations of a round: the others come with the next, which begins at once. */
const organizationsAtOnce = 100
const firstWaitMs = 1_000
const longestWaitMs = 5 * 60_000

/**
 * Delivers every entry of the audit trail to every place, at least once and in the order of its organization's chain. How far
 * each chain is delivered is kept by place: a place that is away, or a process that dies, costs time and repetitions, and no
 * entry. One process at a time delivers to a place.
 */
export const makeAuditStreaming = (parts: {
  readonly database: Database
  readonly sinks: readonly Sink[]
  readonly processId: string
  readonly log: Log
  readonly pollMs?: number
  /** From 0 to 1. */
  readonly random?: () => number
}): AuditStreaming => {
  const { database, sinks, processId, log, pollMs = usualPollMs, random = Math.random } = parts
  const names = sinks.map(({ name }) => name)
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> | null = null
  let isStopped = false
  let isDeclared = false
  /** The chain at which a place stopped last: the next round begins after it, so that one holds up no other. */
  const refused = new Map<string, string>()

  const declare = async () => {
    if (!isDeclared) await store.declareStreams(database, names)
    isDeclared = true
  }

  const deliver = async (
    sink: Sink,
    records: readonly StreamRecord[],
    failures: number,
  ): Promise<boolean> => {
    const outcome: Outcome<void> = await sink.deliver(records)
    if (outcome.ok) {
      if (failures > 0) log.info({ sink: sink.name }, 'the audit trail is delivered again')
      return true
    }
    const { message } = outcome.fault
    if (failures === 0)
      log.error({ sink: sink.name, problem: message }, 'the audit trail cannot be delivered')
    await store.noteFailure(database, sink.name, message, waitAfter(failures, random()))
    return false
  }

  /** False: the place does not take it. */
  const deliverChain = async (sink: Sink, backlog: store.Backlog, failures: number): Promise<boolean> => {
    // A place that takes no large deliveries is given smaller ones.
    const most = Math.max(1, sink.batchSize >> Math.min(failures, 16))
    const links = await store.readLinksAfter(database, backlog, most)
    const reached = { ...backlog, sequence: links.at(-1)?.sequence ?? backlog.sequence }
    if (links.length > 0) {
      if (!(await deliver(sink, links.map(entryRecord), failures))) return false
      await store.advance(database, sink.name, reached)
    }
    const checkpoints = await store.readCheckpointsAfter(database, reached, most)
    const signed = checkpoints.at(-1)
    if (signed === undefined) return true
    if (!(await deliver(sink, checkpoints.map(checkpointRecord), failures))) return false
    await store.advance(database, sink.name, { ...reached, checkpointSequence: signed.sequence })
    return true
  }

  /** True: there may be more. */
  const serve = async (sink: Sink): Promise<boolean> => {
    const held = await store.holdStream(database, sink.name, processId, leaseSeconds)
    if (held === null) return false
    const backlogs = await store.readBacklogs(
      database,
      sink.name,
      refused.get(sink.name) ?? null,
      organizationsAtOnce,
    )
    let { failures } = held
    for (const backlog of backlogs) {
      // Prolonged before each chain; whoever lost it, such as a process that was stopped for a while, delivers no further.
      if (isStopped || (await store.holdStream(database, sink.name, processId, leaseSeconds)) === null)
        return false
      if (!(await deliverChain(sink, backlog, failures))) {
        refused.set(sink.name, backlog.organizationId)
        return false
      }
      await store.noteDelivered(database, sink.name)
      failures = 0
    }
    return backlogs.length > 0
  }

  const round = async (): Promise<boolean> => {
    await declare()
    const more = await Promise.all(sinks.map(serve))
    return more.includes(true)
  }

  const isOver = () => isStopped

  const keepOn = async (): Promise<void> => {
    try {
      // As long as there is more.
      for (let more = true; more && !isOver(); ) more = await round()
    } catch (error) {
      log.warn({ err: error }, 'the audit trail could not be streamed')
    }
  }

  const schedule = (waitMs: number) => {
    if (isStopped) return
    timer = setTimeout(() => {
      running = keepOn().finally(() => schedule(pollMs))
    }, waitMs).unref()
  }

  return {
    start() {
      if (sinks.length > 0) schedule(0)
    },
    async stop() {
      isStopped = true
      if (timer !== null) clearTimeout(timer)
      await running
      if (isDeclared)
        await Promise.all(names.map((name) => store.releaseStream(database, name, processId))).catch(() => {})
    },
    round,
    async view() {
      if (sinks.length === 0) return []
      await declare()
      const states = await store.readStreams(database, names)
      return states.map((state) => ({
        ...state,
        kind: (sinks.find(({ name }) => name === state.sink) as Sink).kind,
      }))
    },
  }
}

/** Twice as long each time, less up to a quarter: places that came back are not met by all at once. */
export const waitAfter = (failures: number, random: number): number =>
  Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(failures, 20)) * (1 - random / 4)

/** In Prometheus' text format. Names of places are the operator's; nothing of a tenant is in them. */
export const streamMetrics = (streams: readonly AuditStream[], now: Date): string => {
  const rows: [string, string, (stream: AuditStream) => number][] = [
    ['behind', 'Entries of the audit trail that a place has not taken yet.', ({ behind }) => Number(behind)],
    ['failures', 'Deliveries that failed since the last that succeeded.', ({ failures }) => failures],
    [
      'lag_seconds',
      'Age of the oldest entry that a place has not taken yet.',
      ({ oldestWaitingAt }) =>
        oldestWaitingAt === null ? 0 : Math.max(0, (now.getTime() - oldestWaitingAt.getTime()) / 1000),
    ],
  ]
  if (streams.length === 0) return ''
  return rows
    .flatMap(([name, help, valueOf]) => [
      `# HELP aideon_audit_stream_${name} ${help}`,
      `# TYPE aideon_audit_stream_${name} gauge`,
      ...streams.map(
        (stream) => `aideon_audit_stream_${name}{sink="${escaped(stream.sink)}"} ${valueOf(stream)}`,
      ),
    ])
    .map((line) => `${line}\n`)
    .join('')
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
