import { createHash } from 'node:crypto'
import { CompiledQuery, type Transaction } from 'kysely'
import type { PoolClient } from 'pg'
import type { Alerts } from '../alerts/alerts.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type {
  ColumnMapping,
  ReconciliationTolerance,
  ServiceExportFormat,
} from '../contract/reconciliation.ts'
import type { Database } from '../db/database.ts'
import { inSnapshot, inTransaction } from '../db/transaction.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Prices } from '../metering/prices.ts'
import type { KeyOwner } from '../policy/control.ts'
import { checkBooks, type Checked, checkPrices, checkUsage, compareExport } from './books.ts'
import { type Compared, defaultTolerance } from './compare.ts'
import {
  type BookTotal,
  type CheckResult,
  type Finding,
  type Found,
  type Run,
  type ServiceExport,
  type Trigger,
} from './run.ts'
import { readServiceExport, type Reading } from './service-export.ts'
import * as store from './store.ts'
import { totalsText } from './store-books.ts'
import * as usageStore from './store-usage.ts'

export interface NewExport {
  readonly serviceId: string
  readonly format: ServiceExportFormat
  readonly fileName: string
  readonly content: string
  readonly mapping?: ColumnMapping | undefined
  readonly keyOwner: KeyOwner
  readonly organizationId?: string | undefined
  readonly serviceKeyId?: string | undefined
}

export interface Preview extends Reading {
  readonly from: string | null
  readonly until: string | null
  readonly comparison: readonly Compared[]
}

export interface ComparedExport extends ServiceExport {
  readonly comparison: readonly Compared[]
}

interface PageRequest {
  readonly before: string | null
  readonly limit: number
}

export interface Reconciliation {
  /** The run that was asked for, or the one under way. Somebody has to call `workOff`. */
  request(trigger: Trigger, by: string): Promise<Run>
  /** Does what is waiting. Gives the run it did, or null. */
  workOff(options?: { readonly allPrices?: boolean }): Promise<Run | null>
  /** Begins `workOff` and does not wait; `settled` does. */
  soon(): void
  settled(): Promise<void>
  standing(): Promise<{
    last: Run | null
    running: Run | null
    lastOkAt: Date | null
    tolerance: ReconciliationTolerance
  }>
  runs(page: PageRequest): Promise<Run[]>
  run(id: string): Promise<Outcome<Run>>
  findings(
    runId: string,
    filter: {
      check?: string | undefined
      explained?: boolean | undefined
      after: string | null
      limit: number
    },
  ): Promise<Outcome<Finding[]>>
  explain(actor: Actor, findingId: string, reason: string): Promise<Outcome<Finding>>
  setTolerance(
    actor: Actor,
    tolerance: ReconciliationTolerance,
    reason: string,
  ): Promise<ReconciliationTolerance>
  preview(wanted: NewExport): Promise<Outcome<Preview>>
  importExport(actor: Actor, wanted: NewExport): Promise<Outcome<ComparedExport>>
  exports(page: PageRequest): Promise<ComparedExport[]>
  export(id: string): Promise<Outcome<ComparedExport>>
  removeExport(actor: Actor, id: string): Promise<Outcome<void>>
}

export interface ReconciliationParts {
  readonly database: Database
  readonly prices: Pick<Prices, 'at' | 'current'>
  /** Null: whoever runs it looks at the result, as on a command line. */
  readonly alerts: Pick<Alerts, 'notify'> | null
  readonly clock: Clock
  readonly log: Log
  /** Prices are recomputed of operations of so many days. */
  readonly priceDays?: number
}

const claimMs = 10 * 60_000
/** Services correct their counts for some weeks; older exports are history. */
const exportDays = 100
const dayMs = 86_400_000

export const makeReconciliation = (parts: ReconciliationParts): Reconciliation => {
  const { database, prices, alerts, clock, log, priceDays = 40 } = parts
  let working: Promise<unknown> = Promise.resolve()

  const reading = <T>(work: (client: PoolClient) => Promise<T>) => inSnapshot(database, work)

  /** Everything of one moment: operations go on meanwhile. */
  const prove = (keepClaim: () => Promise<void>, days: number | null) =>
    reading(async (client) => {
      const checked: Checked[] = []
      for await (const check of checkBooks(client)) {
        checked.push(check)
        await keepClaim()
      }
      const since = days === null ? null : new Date(clock().getTime() - days * dayMs)
      checked.push(await checkPrices(client, prices.at, since))
      await keepClaim()
      const explain = await store.explanations(client)
      const exports = await usageStore.listExports(client, {
        since: new Date(clock().getTime() - exportDays * dayMs),
        before: null,
        limit: 1_000,
      })
      checked.push(await checkUsage(client, exports, { book: prices.current(), explain }))
      const totals = (await client.query<BookTotal>(totalsText)).rows
      return { checked, totals, explain }
    })

  const results = (checked: readonly Checked[], explain: (found: Found) => unknown): CheckResult[] =>
    checked.map(({ result, count, found }) => {
      const explained = found.filter((one) => one.isTolerated === true || explain(one) !== null).length
      return { ...result, explained, unexplained: count - explained }
    })

  const raise = async (run: Run): Promise<void> => {
    const wrong = run.checks.filter(({ unexplained }) => unexplained > 0)
    const count = wrong.reduce((sum, { unexplained }) => sum + unexplained, 0)
    if (run.failure === null && count === 0) return
    const checks = Object.fromEntries(wrong.map(({ check, unexplained }) => [check, unexplained]))
    log.error(
      { runId: run.id, checks, failure: run.failure },
      'reconciliation: the books do not agree, or it could not be told',
    )
    await alerts?.notify({
      audience: { kind: 'platform_administrators' },
      kind: 'reconciliation',
      severity: 'critical',
      key: `reconciliation:${run.id}`,
      title:
        run.failure === null
          ? `Reconciliation found ${count} unexplained difference${count === 1 ? '' : 's'}`
          : 'Reconciliation could not be done',
      text:
        run.failure ?? wrong.map(({ claim, unexplained }) => `${unexplained} against: ${claim}.`).join('\n'),
      path: '/admin/reconciliation',
    })
  }

  const workOff = async (options: { readonly allPrices?: boolean } = {}): Promise<Run | null> => {
    const days = options.allPrices ? null : priceDays
    const until = () => new Date(clock().getTime() + claimMs)
    const claimed = await store.claimRun(database, clock(), until())
    if (claimed === null) return null
    const ended = await prove(() => store.keepClaim(database, claimed.id, until()), days).then(
      ({ checked, totals, explain }) => ({
        run: { ...claimed, failure: null, totals, checks: results(checked, explain) },
        found: checked.flatMap(({ found }) => found),
      }),
      (error: unknown) => {
        log.error({ err: error, runId: claimed.id }, 'reconciliation failed')
        const failure = 'It ended with an error that is in the log. Nothing is proved by it.'
        return { run: { ...claimed, failure, totals: [], checks: [] }, found: [] }
      },
    )
    await inTransaction(database, async (client) => {
      await store.insertFindings(client, claimed.id, ended.found, clock())
      await store.endRun(client, ended.run, clock())
    })
    const [run] = await store.listRuns(database, { id: claimed.id, before: null, limit: 1 })
    if (run) await raise(run)
    return run ?? null
  }

  const changed = <T>(
    work: (client: PoolClient, transaction: Transaction<Schema>) => Promise<T>,
  ): Promise<T> =>
    database.kysely.transaction().execute((transaction) => work(clientOf(transaction), transaction))

  const comparedWith = async (
    client: PoolClient | Database['pool'],
    one: ServiceExport,
  ): Promise<ComparedExport> => {
    const explain = await store.explanations(client)
    const lines = await usageStore.exportLines(client, one.id)
    return {
      ...one,
      comparison: await compareExport(client, one, lines, { book: prices.current(), explain }),
    }
  }

  const readExport = async (id: string): Promise<Outcome<ComparedExport>> => {
    const [found] = await usageStore.listExports(database.pool, { id, before: null, limit: 1 })
    return found ? success(await comparedWith(database.pool, found)) : failure('not_found')
  }

  return {
    request: (trigger, by) => store.requestRun(database, { trigger, requestedBy: by, requestedAt: clock() }),
    workOff,
    soon: () => {
      working = working
        .then(() => workOff())
        .catch((error: unknown) => {
          log.error({ err: error }, 'reconciliation could not begin; the next upkeep tries again')
        })
    },
    settled: async () => void (await working),

    async standing() {
      const first = async (filter: { state?: Run['state']; isOk?: true }) =>
        (await store.listRuns(database, { ...filter, before: null, limit: 1 }))[0] ?? null
      const [last, running, waiting, ok, tolerance] = await Promise.all([
        first({ state: 'done' }),
        first({ state: 'running' }),
        first({ state: 'waiting' }),
        first({ state: 'done', isOk: true }),
        usageStore.readTolerance(database.pool),
      ])
      return {
        last,
        running: running ?? waiting,
        lastOkAt: ok?.finishedAt ?? null,
        tolerance: tolerance ?? defaultTolerance,
      }
    },
    runs: (page) => store.listRuns(database, page),
    async run(id) {
      const [run] = await store.listRuns(database, { id, before: null, limit: 1 })
      return run ? success(run) : failure('not_found')
    },
    async findings(runId, filter) {
      const [run] = await store.listRuns(database, { id: runId, before: null, limit: 1 })
      return run
        ? success(await store.listFindings(database.pool, { runId, ...filter }))
        : failure('not_found')
    },

    explain: (actor, findingId, reason) =>
      changed(async (client, transaction) => {
        const read = () => store.listFindings(client, { id: findingId, after: null, limit: 1 })
        const [finding] = await read()
        if (!finding) return failure('not_found')
        const isNew = finding.explanation === null && !finding.isTolerated
        await store.insertExplanation(client, finding, { by: actor.id ?? actor.kind, at: clock(), reason })
        if (isNew) await store.countExplained(client, finding.runId, finding.check)
        await recordAudit(transaction, {
          organizationId: finding.organizationId ?? platformOrganizationId,
          actor,
          action: 'reconciliation_finding.explained',
          subject: { kind: `reconciliation_${finding.subject.kind}`, id: finding.subject.id },
          after: {
            message: finding.message,
            difference: finding.difference === null ? null : String(finding.difference),
          },
          reason,
        })
        return success((await read())[0] as Finding)
      }),

    setTolerance: (actor, tolerance, reason) =>
      changed(async (client, transaction) => {
        const before = (await usageStore.readTolerance(client)) ?? defaultTolerance
        await usageStore.writeTolerance(client, tolerance)
        await recordAudit(transaction, {
          organizationId: platformOrganizationId,
          actor,
          action: 'reconciliation_tolerance.changed',
          subject: { kind: 'reconciliation_tolerance', id: 'tolerance' },
          before,
          after: tolerance,
          reason,
        })
        return tolerance
      }),

    async preview(wanted) {
      const read = readServiceExport(wanted)
      const scope = scopeOf(wanted, read)
      if (!scope.ok) return scope
      if (scope.value === null) return success({ ...read, from: null, until: null, comparison: [] })
      const explain = await store.explanations(database.pool)
      const comparison = await compareExport(database.pool, scope.value, read.lines, {
        book: prices.current(),
        explain,
      })
      return success({ ...read, from: scope.value.from, until: scope.value.until, comparison })
    },

    async importExport(actor, wanted) {
      const read = readServiceExport(wanted)
      const scope = scopeOf(wanted, read)
      if (!scope.ok) return scope
      if (scope.value === null || read.unreadable.length > 0)
        return failure('invalid_request', {
          message: `Nothing is imported of a file that cannot be read whole: ${read.unreadable[0] ?? 'it has no day'}`,
          field: 'content',
        })
      const given = {
        ...scope.value,
        id: newId(),
        format: wanted.format,
        fileName: wanted.fileName,
        importedBy: actor.id ?? actor.kind,
        importedAt: clock(),
        contentHash: createHash('sha256')
          .update(JSON.stringify([wanted.format, read.mapping, wanted.content]))
          .digest('hex'),
      }
      const id = await changed(async (client, transaction) => {
        const inserted = await usageStore.insertExport(client, given, read.lines)
        if (inserted.created)
          await recordAudit(transaction, {
            organizationId: given.organizationId ?? platformOrganizationId,
            actor,
            action: 'service_export.imported',
            subject: { kind: 'service_export', id: inserted.id },
            after: {
              serviceId: given.serviceId,
              format: given.format,
              from: given.from,
              until: given.until,
              lines: read.lines.length,
            },
          })
        return inserted.id
      })
      return readExport(id)
    },

    exports: async (page) => {
      const found = await usageStore.listExports(database.pool, page)
      const compared: ComparedExport[] = []
      for (const one of found) compared.push(await comparedWith(database.pool, one))
      return compared
    },
    export: readExport,
    removeExport: (actor, id) =>
      changed(async (client, transaction) => {
        const [found] = await usageStore.listExports(client, { id, before: null, limit: 1 })
        if (!found) return failure('not_found')
        await usageStore.deleteExport(client, id)
        await recordAudit(transaction, {
          organizationId: found.organizationId ?? platformOrganizationId,
          actor,
          action: 'service_export.removed',
          subject: { kind: 'service_export', id },
          before: {
            serviceId: found.serviceId,
            fileName: found.fileName,
            from: found.from,
            until: found.until,
          },
        })
        return success(undefined)
      }),
  }
}

/** The same questions inside a transaction that others write in, too. */
const clientOf = (transaction: Transaction<Schema>): PoolClient =>
  ({
    query: (text: string, values: readonly unknown[] = []) =>
      transaction.executeQuery(CompiledQuery.raw(text, [...values])),
  }) as unknown as PoolClient

const nextDay = (day: string): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + dayMs).toISOString().slice(0, 10)

/** From the first day that it tells of to the one after the last; null: it tells of none. */
const scopeOf = (wanted: NewExport, { lines }: Reading) => {
  const { serviceId, keyOwner, organizationId = null, serviceKeyId = null } = wanted
  if ((keyOwner === 'system') !== (organizationId === null))
    return failure('invalid_request', {
      message: 'Own keys are somebody’s: name the organisation, and of system keys none.',
      field: 'organizationId',
    })
  const first = lines[0]
  const last = lines.at(-1)
  if (!first || !last) return success(null)
  return success({
    serviceId,
    keyOwner,
    organizationId,
    serviceKeyId,
    from: first.day,
    until: nextDay(last.day),
  })
}
