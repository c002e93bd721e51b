import { beyondTenants } from '../db/tenant-scope.ts'
import type { Log } from '../kit/log.ts'

export interface Loop {
  start(): void
  /** Looks for work now. */
  soon(): void
  /** Lets running work end. */
  stop(): Promise<void>
}

/** Work that is looked for every so often; at once again while there is more of it. */
export const makeLoop = (options: {
  readonly everyMs: number
  /** True: there may be more. */
  readonly work: () => Promise<boolean>
  readonly name: string
  readonly log: Log
}): Loop => {
  const { everyMs, work, name, log } = options
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> | null = null
  let isStopped = true
  let askedFor = false

  const schedule = (ms: number) => {
    if (isStopped || running !== null) return
    if (timer !== null) clearTimeout(timer)
    // Asked for by one tenant's request, done for all.
    timer = beyondTenants(() => setTimeout(run, ms))
    timer.unref()
  }
  const run = () => {
    timer = null
    let more = false
    running = work()
      .then((result) => void (more = result))
      .catch((error: unknown) => log.warn({ err: error }, `${name}: will be tried again`))
      .finally(() => {
        running = null
        schedule(more || askedFor ? 0 : everyMs)
        askedFor = false
      })
  }
  return {
    start() {
      isStopped = false
      schedule(0)
    },
    soon() {
      askedFor = running !== null
      schedule(0)
    },
    async stop() {
      isStopped = true
      if (timer !== null) clearTimeout(timer)
      await running
    },
  }
}
