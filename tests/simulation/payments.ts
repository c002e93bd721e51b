import { setTimeout as wait } from 'node:timers/promises'
import type { Bookkeeping } from '../processes/bookkeeping.ts'
import type { StagePerson } from '../scene.ts'
import type { Random } from './random.ts'
import type { News } from './worker-child.ts'
import type { WorkerProcess } from './worker-process.ts'

/** The payment provider of the simulation: it knows what was paid and taken back, and tells until it is heard. */
export interface Payments {
  acknowledged(newsId: string): void
  /** Makes news until it is told to stop, then tells on until all of it is acknowledged. */
  stop(): Promise<void>
  /** Tells nothing any more. */
  abandon(): void
  /** At any moment: what was acknowledged is done. */
  brokenPromises(books: Bookkeeping): Promise<string[]>
  /** At the end: everything is done, and once. */
  problems(books: Bookkeeping): Promise<string[]>
  readonly made: number
}

const pauseMs = 60

export const startPayments = (
  random: Random,
  people: readonly StagePerson[],
  workers: readonly WorkerProcess[],
): Payments => {
  const all: News[] = []
  const heard = new Set<string>()
  const stopping = new AbortController()
  const abandoned = new AbortController()

  const make = (): void => {
    const number = all.length
    const person = random.pick(people)
    const amount = 1 + random.whole(400_000)
    const paid: News = {
      id: `paid${number}`,
      kind: 'paid',
      payment: `p${number}`,
      organizationId: person.organizationId,
      accountId: person.accountId,
      amountMicros: String(amount),
      expiresInMs: random.chance(0.3) ? 1_000 + random.whole(8_000) : null,
    }
    all.push(paid)
    if (!random.chance(0.4)) return
    // In parts that may come to more than was paid: what is left is all that may be taken.
    for (let part = 0; part <= random.whole(2); part++) {
      const back = String(1 + random.whole(amount))
      all.push({ ...paid, id: `back${number}.${part}`, kind: 'taken_back', amountMicros: back })
    }
  }

  const tell = (): void => {
    const open = all.filter(({ id }) => !heard.has(id))
    for (let i = 0; i < Math.min(open.length, 6); i++) {
      const news = random.pick(open)
      for (const worker of workers) if (random.chance(0.6)) worker.tell(news)
    }
    // What was heard is told again, now and then.
    if (all.length > 0 && random.chance(0.2)) for (const worker of workers) worker.tell(random.pick(all))
  }

  const run = async (): Promise<void> => {
    while (!abandoned.signal.aborted && (!stopping.signal.aborted || heard.size < all.length)) {
      if (!stopping.signal.aborted && random.chance(0.5)) make()
      tell()
      await wait(pauseMs)
    }
  }
  const running = run()

  return {
    acknowledged: (id) => void heard.add(id),
    stop: async () => {
      stopping.abort()
      await running
    },
    abandon: () => abandoned.abort(),
    brokenPromises: async (books) => {
      const promised = all.filter(({ id, kind }) => kind === 'paid' && heard.has(id))
      const there = new Set((await books.query(grantsText)).map(({ key }) => String(key)))
      return promised
        .filter(({ payment }) => !there.has(`payment:${payment}`))
        .map(({ payment }) => `${payment} was acknowledged and is not given`)
    },
    problems: async (books) => {
      const grants = await books.query(grantsText)
      const corrections = await books.query(
        "SELECT idempotency_key AS key, amount_micros AS micros FROM ledger_corrections WHERE created_by = 'simulation'",
      )
      return [...wrongGrants(all, grants), ...wrongReversals(all, corrections)]
    },
    get made() {
      return all.length
    },
  }
}

const grantsText =
  "SELECT idempotency_key AS key, amount_micros AS micros FROM grants WHERE created_by = 'simulation'"

type Found = readonly Readonly<Record<string, unknown>>[]

const wrongGrants = (all: readonly News[], found: Found): string[] => {
  const wanted = all
    .filter(({ kind }) => kind === 'paid')
    .map((n) => `payment:${n.payment} ${n.amountMicros}`)
  const there = found.map(({ key, micros }) => `${String(key)} ${String(micros)}`)
  return [
    ...wanted.filter((text) => !there.includes(text)).map((text) => `${text} was paid and not given`),
    ...there
      .filter((text, index) => !wanted.includes(text) || there.indexOf(text) !== index)
      .map((text) => `${text} was given and not paid, or twice`),
  ]
}

/** Each is done once, and together they take what was asked for, at most all. */
const wrongReversals = (all: readonly News[], found: Found): string[] => {
  const keys = found.map(({ key }) => String(key))
  const micros = new Map(found.map((row) => [String(row['key']), BigInt(String(row['micros']))]))
  const twice = keys.filter((key, index) => keys.indexOf(key) !== index).map((key) => `${key} was done twice`)
  const wrong = all
    .filter(({ kind }) => kind === 'paid')
    .flatMap((paid) => {
      const backs = all.filter(({ kind, payment }) => kind === 'taken_back' && payment === paid.payment)
      const asked = backs.reduce((sum, back) => sum + BigInt(back.amountMicros), 0n)
      const taken = backs.reduce((sum, back) => sum + (micros.get(`news:${back.id}`) ?? 0n), 0n)
      const expected = asked < BigInt(paid.amountMicros) ? asked : BigInt(paid.amountMicros)
      return taken === expected
        ? []
        : [`of ${paid.payment} ${expected} should be taken back, and ${taken} was`]
    })
  return [...twice, ...wrong]
}
