import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { KeyUses } from '../keys/uses.ts'
import type { Log } from '../kit/log.ts'
import * as drains from './store-drains.ts'

export interface UseReports {
  /** Says now what it knows; for tests and for stopping. */
  report(): Promise<void>
  close(): Promise<void>
}

const everyMs = 1000

/**
 * Says how many operations of this process still use versions that go. The beginning of a drain is a change of the
 * configuration, which wakes this; while nothing drains it costs nothing.
 */
export const makeUseReports = (parts: {
  readonly database: Database
  readonly epoch: Pick<Epoch, 'processId' | 'onChange'>
  readonly uses: KeyUses
  readonly log: Log
  readonly everyMs?: number
}): UseReports => {
  const { database, epoch, uses, log } = parts
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> | null = null
  let isClosed = false

  const say = async (): Promise<boolean> => {
    const open = await drains.listDrains(database.kysely)
    if (open.length === 0) return false
    const counts = open.map(({ attemptId, serviceKeyId, version, barrierEpoch }) => ({
      attemptId,
      inFlight: uses.count(serviceKeyId, version, barrierEpoch),
    }))
    await drains.reportUses(database.kysely, epoch.processId, counts)
    return true
  }

  const run = (): Promise<void> => {
    running ??= say()
      .catch((error: unknown) => {
        log.warn({ err: error }, 'uses of key versions could not be reported; it is tried again')
        return true
      })
      .then((more) => {
        running = null
        if (more) schedule(parts.everyMs ?? everyMs)
      })
    return running
  }
  const schedule = (ms: number) => {
    if (isClosed || timer !== null) return
    timer = setTimeout(() => {
      timer = null
      // One that is under way may have looked before what this is about.
      void Promise.resolve(running).then(() => (isClosed ? undefined : run()))
    }, ms)
    timer.unref()
  }

  // Not awaited: the acknowledgement of a change waits for its listeners.
  epoch.onChange(() => schedule(0))

  return {
    report: async () => {
      await running
      await run()
    },
    async close() {
      isClosed = true
      if (timer !== null) clearTimeout(timer)
      await running
    },
  }
}
