import { defineHandlers } from '../http/handler.ts'
import type { Clock } from '../kit/clock.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { must } from '../kit/fault.ts'
import type { Reconciliation } from './reconciliation.ts'
import { comparisonOnWire, exportOnWire, findingOnWire, runOnWire } from './wire.ts'

/** When the daily run is, in UTC: after the day's last exports of services. */
export const dailyAt = { hour: 4, minute: 10, cron: '10 4 * * *' } as const

export const reconciliationApi = ({
  reconciliation,
  clock,
}: {
  reconciliation: Reconciliation
  clock: Clock
}) =>
  defineHandlers<
    | 'readReconciliation'
    | 'listReconciliationRuns'
    | 'startReconciliation'
    | 'readReconciliationRun'
    | 'listReconciliationFindings'
    | 'explainReconciliationFinding'
    | 'setReconciliationTolerance'
    | 'listServiceExports'
    | 'previewServiceExport'
    | 'importServiceExport'
    | 'readServiceExport'
    | 'removeServiceExport'
  >({
    async readReconciliation() {
      const { last, running, lastOkAt, tolerance } = await reconciliation.standing()
      return {
        last: last && runOnWire(last),
        running: running && runOnWire(running),
        lastOkAt: lastOkAt?.toISOString() ?? null,
        nextAt: nextDaily(clock()).toISOString(),
        tolerance,
      }
    },
    async listReconciliationRuns({ query: { cursor, limit } }) {
      const found = await reconciliation.runs({ before: decodeCursor(cursor), limit: limit + 1 })
      return paged(found, limit, runOnWire)
    },
    async startReconciliation(_, { actor }) {
      const run = await reconciliation.request('request', actor.id ?? actor.kind)
      reconciliation.soon()
      return runOnWire(run)
    },
    readReconciliationRun: async ({ params }) => runOnWire(must(await reconciliation.run(params.id))),
    async listReconciliationFindings({ params, query: { cursor, limit, check, explained } }) {
      const found = must(
        await reconciliation.findings(params.id, {
          check,
          explained: explained === undefined ? undefined : explained === 'true',
          after: decodeCursor(cursor),
          limit: limit + 1,
        }),
      )
      return paged(found, limit, findingOnWire)
    },
    explainReconciliationFinding: async ({ params, body }, { actor }) =>
      findingOnWire(must(await reconciliation.explain(actor, params.id, body.reason))),
    setReconciliationTolerance: ({ body }, { actor }) =>
      reconciliation.setTolerance(actor, body.tolerance, body.reason),

    async listServiceExports({ query: { cursor, limit } }) {
      const found = await reconciliation.exports({ before: decodeCursor(cursor), limit: limit + 1 })
      return paged(found, limit, exportOnWire)
    },
    async previewServiceExport({ body }) {
      const preview = must(await reconciliation.preview(body))
      return {
        columns: [...preview.columns],
        mapping: preview.mapping,
        lines: preview.lines.length,
        from: preview.from,
        until: preview.until,
        unreadable: [...preview.unreadable],
        comparison: preview.comparison.slice(0, 500).map(comparisonOnWire),
      }
    },
    importServiceExport: async ({ body }, { actor }) =>
      exportOnWire(must(await reconciliation.importExport(actor, body))),
    async readServiceExport({ params }) {
      const one = must(await reconciliation.export(params.id))
      return { ...exportOnWire(one), comparison: one.comparison.map(comparisonOnWire) }
    },
    async removeServiceExport({ params }, { actor }) {
      must(await reconciliation.removeExport(actor, params.id))
      return { done: true }
    },
  })

const paged = <Item extends { readonly id: string }, Shown>(
  found: readonly Item[],
  limit: number,
  onWire: (item: Item) => Shown,
) => {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return { items: items.map(onWire), nextCursor: found.length > limit && last ? encodeCursor(last.id) : null }
}

const nextDaily = (now: Date): Date => {
  const today = new Date(now)
  today.setUTCHours(dailyAt.hour, dailyAt.minute, 0, 0)
  return today > now ? today : new Date(today.getTime() + 86_400_000)
}
