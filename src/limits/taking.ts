import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import { makeGroupCommit } from '../db/group-commit.ts'
import { isPassing, openWriter } from '../db/writer.ts'
import type { Log } from '../kit/log.ts'
import {
  type Allowance,
  accountLost,
  accountOf,
  hasNews,
  install,
  isIdle,
  leaseMs,
  newAllowance,
  noteUse,
} from './allowance.ts'
import { type Account, type Answer, decide, type Need } from './decide.ts'
import { type RateLimits, type Subject, subjectText } from './rate-limits.ts'
import { type WindowStore, windowStore } from './store.ts'
import { emptyWindow } from './window.ts'

export interface Asking {
  readonly allowance: Allowance
  readonly need: Need
}
type Told = Answer | { readonly kind: 'unavailable' } | { readonly kind: 'late' }
export interface Result {
  readonly told: Told
  /** To which second of its window each need was charged. */
  readonly seconds: readonly number[]
}

export interface TakingOptions {
  readonly database: Database
  readonly epoch: Pick<Epoch, 'processId'>
  readonly log: Log
  /** Tests put an error in. */
  readonly store?: (own: WindowStore) => WindowStore
}

/** What this process has of every subject's limits, and its conversation with the database about them. */
export interface Taking {
  /** With the limits that hold now. */
  allowanceOf(subject: Subject, limits: RateLimits, now: number): Allowance
  isEmpty(): boolean
  find(subject: Subject): Allowance | undefined
  /** Everything of one operation, or nothing; shares a transaction with whoever asks at the same time. */
  ask(askings: readonly Asking[]): Promise<Result>
  /** Something of a subject has to be told. */
  tell(name: string, urgency: 'now' | 'soon'): void
  settled(): Promise<void>
  close(): Promise<void>
}

const mostInBatch = 256
const mostNews = 256
/** Until a caller is told that the database cannot be asked. */
const patienceMs = 2_000
const newsEveryMs = 250

const nothing = (): void => {}

export const makeTaking = (options: TakingOptions): Taking => {
  const { database, epoch, log } = options
  const windows = options.store?.(windowStore) ?? windowStore
  const writer = openWriter(database, { name: 'limits' })
  const allowances = new Map<string, Allowance>()
  /** Subjects of which the database should hear though nobody asks. */
  const news = new Set<string>()
  let newsTimer: NodeJS.Timeout | undefined
  let isClosed = false

  /** What the database counts for this process may be more than it uses. */
  const isStale = (name: string, allowance: Allowance) => {
    allowance.isDirty = true
    news.add(name)
  }

  /** One transaction: lock, tell, ask, write. An empty item only tells. */
  const run = async (batch: readonly (readonly Asking[])[]): Promise<Result[]> => {
    const askedAt = performance.now()
    const subjects = new Map<string, Allowance>()
    for (const { allowance, need } of batch.flat()) subjects.set(need.subject, allowance)
    const asked = subjects.size
    for (const name of news) {
      if (subjects.size >= asked + mostNews) break
      news.delete(name)
      const allowance = allowances.get(name)
      if (allowance !== undefined) subjects.set(name, allowance)
    }
    if (subjects.size === 0) return batch.map(() => ({ told: { kind: 'granted' }, seconds: [] }))

    const accounts = new Map<string, Account>()
    let index = 0
    for (const [name, allowance] of subjects)
      accounts.set(name, accountOf(allowance, askedAt, index++ < asked && !isClosed))
    try {
      const decision = await writer.transact(async (unit) => {
        const list = [...subjects.values()].map(({ subject }) => subject)
        const locked = await windows.read(unit, list)
        const asks = batch.map((asking) => asking.map(({ need }) => need))
        const decided = decide({ ...locked, asks, accounts, processId: epoch.processId })
        const changed = list.map((subject) => ({
          subject,
          window: decided.windows.get(subjectText(subject)) ?? emptyWindow,
        }))
        void windows.write(unit, changed).catch(nothing)
        return decided
      })
      // Later than a lease lasts, nothing of it counts any more: whoever waits asks again.
      const isLate = performance.now() - askedAt >= leaseMs
      for (const [name, allowance] of subjects) {
        const grant = decision.grants.get(name)
        if (grant === undefined) continue
        install(allowance, grant, askedAt)
        if (isLate) isStale(name, allowance)
      }
      return decision.answers.map((answer, index) => {
        const asking = batch[index] as readonly Asking[]
        const seconds = asking.map(({ need }) => decision.grants.get(need.subject)?.second ?? 0)
        if (answer.kind === 'granted' && isLate) return { told: { kind: 'late' }, seconds }
        if (answer.kind === 'granted')
          for (const { allowance, need } of asking) noteUse(allowance, need.tokens)
        return { told: answer, seconds }
      })
    } catch (error) {
      for (const [name, account] of accounts) {
        const allowance = subjects.get(name) as Allowance
        accountLost(allowance, account)
        isStale(name, allowance)
      }
      throw error
    }
  }

  const commits = makeGroupCommit<readonly Asking[], Result>({
    maximumBatch: mostInBatch,
    patienceMs,
    run,
    isPassing,
    onGivenUp: (_, error) => {
      log.warn({ err: error }, 'rate limits cannot be asked for')
      return { told: { kind: 'unavailable' }, seconds: [] }
    },
  })

  const tellAll = () => {
    newsTimer = undefined
    const now = performance.now()
    for (const [name, allowance] of allowances) {
      if (hasNews(allowance, now)) news.add(name)
      else if (isIdle(allowance, now)) allowances.delete(name)
    }
    if (news.size > 0) flush()
    if (allowances.size > 0) tellSoon()
  }
  const tellSoon = () => {
    if (!isClosed) newsTimer ??= setTimeout(tellAll, newsEveryMs).unref()
  }
  const flush = () =>
    void commits
      .submit([])
      .catch((error: unknown) => log.error({ err: error }, 'rate limits could not be told'))

  return {
    allowanceOf(subject, limits, now) {
      const name = subjectText(subject)
      const known = allowances.get(name)
      if (known !== undefined) {
        known.limits = limits
        return known
      }
      const made = newAllowance(subject, limits, now)
      allowances.set(name, made)
      return made
    },
    isEmpty: () => allowances.size === 0,
    find: (subject) => allowances.get(subjectText(subject)),
    ask: (askings) => {
      tellSoon()
      return commits.submit(askings)
    },
    tell(name, urgency) {
      news.add(name)
      if (urgency === 'now') flush()
      else tellSoon()
    },
    async settled() {
      flush()
      await commits.drain()
    },
    async close() {
      isClosed = true
      clearTimeout(newsTimer)
      // Whatever lies here unused goes back.
      for (const [name, allowance] of allowances) isStale(name, allowance)
      flush()
      await commits.drain()
      await writer.close()
    },
  }
}
