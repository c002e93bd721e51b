import { PgBoss } from 'pg-boss'
import type { Log } from '../kit/log.ts'

export interface Jobs {
  /**
   * Recurring work, by cron in UTC. One process of all runs each occurrence, so `work` must be safe to repeat: a process
   * that dies leaves it to another one. Register before `start`.
   */
  every(name: string, cron: string, work: () => Promise<void>): void
  /** Runs it once more, now, wherever a worker is free; used at start and by tests. */
  runSoon(name: string): Promise<void>
  start(): Promise<void>
  /** Lets running work end. */
  stop(): Promise<void>
}

interface Recurring {
  readonly name: string
  readonly cron: string
  readonly work: () => Promise<void>
}

const stopTimeoutMs = 10_000

/** What pg-boss keeps of a failure in its table, where no log's redaction passes: what kind of error it was. */
class JobError extends Error {
  constructor(error: unknown) {
    const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown }
    super(
      [name, code].filter((word) => typeof word === 'string' && /^\w{1,60}$/.test(word)).join(' ') ||
        'failed',
    )
    this.stack = undefined
  }
}

/** Recurring work in PostgreSQL (pg-boss, schema `pgboss`), shared by all processes. */
export const makeJobs = (options: { url: string; log: Log }): Jobs => {
  const { log } = options
  const recurring: Recurring[] = []
  const boss = new PgBoss({
    connectionString: options.url,
    application_name: 'aideon-keys jobs',
    max: 3,
    // A worker hears of a job in about 10 ms; polling stays as the floor, for poolers that drop LISTEN.
    useListenNotify: true,
  })
  // Without a listener a lost connection would end the process; pg-boss connects again by itself.
  boss.on('error', (error) => log.warn({ err: error }, 'jobs: database trouble'))

  const run = async (job: Recurring): Promise<void> => {
    const began = performance.now()
    try {
      await job.work()
      log.debug({ job: job.name, durationMs: Math.round(performance.now() - began) }, 'job done')
    } catch (error) {
      log.error({ job: job.name, err: error }, 'job failed; it will be tried again')
      throw new JobError(error)
    }
  }

  const register = async (job: Recurring): Promise<void> => {
    // stately: at most one waiting and one running, however many processes schedule it.
    await boss.createQueue(job.name, {
      policy: 'stately',
      retryLimit: 3,
      retryBackoff: true,
      deleteAfterSeconds: 86_400,
      notify: true,
    })
    await boss.schedule(job.name, job.cron, null, { tz: 'UTC' })
    await boss.work(job.name, { notifyPollingIntervalSeconds: 5 }, () => run(job))
  }

  return {
    every: (name, cron, work) => {
      recurring.push({ name, cron, work })
    },
    runSoon: async (name) => {
      await boss.send(name)
    },
    start: async () => {
      await boss.start()
      for (const job of recurring) await register(job)
    },
    stop: () => boss.stop({ graceful: true, timeout: stopTimeoutMs }),
  }
}
