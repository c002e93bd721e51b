/**
 * One process that takes from rate limits as a gateway does, driven by messages of the test: `rush` enters as fast as it
 * can, `take` enters once and keeps the pass. It reports each admission with its time.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { openDatabase } from '../../src/db/database.ts'
import { makeEpoch } from '../../src/db/epoch.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { Unit } from '../../src/db/writer.ts'
import { type Caller, makeLimits, type Pass } from '../../src/limits/limits.ts'

export type Order =
  | { readonly kind: 'rush'; readonly caller: Caller; readonly ms: number; readonly tokens: number }
  | { readonly kind: 'take'; readonly caller: Caller; readonly count: number }
  | { readonly kind: 'give' }
export type Told =
  | { readonly kind: 'ready' }
  /** When each was let in, and when it ended. */
  | { readonly kind: 'rushed'; readonly admitted: readonly (readonly [from: number, to: number])[] }
  | { readonly kind: 'took'; readonly count: number }
  | { readonly kind: 'gave' }

/** Reads first and writes later, as a limiter does that knows nothing of other processes. */
const unlocked = (unit: Unit): Unit => ({
  ...unit,
  ask: (statement, values) =>
    unit.ask(
      { name: `${statement.name}_not`, text: statement.text.replace('FOR NO KEY UPDATE', '') },
      values,
    ),
})

const [url, planted] = process.argv.slice(2)
const database = openDatabase({ url: url as string, maximumConnections: 4 })
const epoch = makeEpoch({ database, clock: systemClock, log: silentLog, leaseSeconds: 1 })
await epoch.start()
const limits = makeLimits({
  database,
  epoch,
  clock: systemClock,
  log: silentLog,
  ...(planted === 'unlocked' && {
    store: (own) => ({ ...own, read: (unit, subjects) => own.read(unlocked(unit), subjects) }),
  }),
})
const kept: Pass[] = []
const tell = (told: Told) => process.send?.(told)

const rush = async ({ caller, ms, tokens }: Order & { kind: 'rush' }) => {
  const until = Date.now() + ms
  const admitted: [number, number][] = []
  const client = async () => {
    while (Date.now() < until) {
      const entered = await limits.enter(caller, tokens)
      const from = Date.now()
      await turn()
      if (!entered.ok) continue
      admitted.push([from, Date.now()])
      entered.value.end(tokens)
    }
  }
  await Promise.all(Array.from({ length: 16 }, client))
  tell({ kind: 'rushed', admitted })
}

const takeSome = async ({ caller, count }: Order & { kind: 'take' }) => {
  const entered = await Promise.all(Array.from({ length: count }, async () => limits.enter(caller, 0)))
  const passes = entered.flatMap((one) => (one.ok ? [one.value] : []))
  kept.push(...passes)
  tell({ kind: 'took', count: passes.length })
}

const giveAll = async () => {
  for (const pass of kept.splice(0)) pass.end(null)
  await limits.settled()
  tell({ kind: 'gave' })
}

process.on('message', (order: Order) => {
  if (order.kind === 'rush') void rush(order)
  else if (order.kind === 'take') void takeSome(order)
  else void giveAll()
})
process.once('disconnect', () => process.exit(0))
tell({ kind: 'ready' })
