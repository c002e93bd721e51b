import type { Transaction } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { services } from '../services/registry.ts'
import { contentHash, shippedModels } from './genai-prices.ts'
import { makePriceBook, type PriceBook } from './price-book.ts'
import { makePriceChanges, type PriceChangesRoom } from './price-changes.ts'
import * as store from './price-store.ts'
import { atCost, type PriceTerms } from './price-terms.ts'

export type { Version } from './price-store.ts'

export interface Prices {
  /** Imports the shipped prices where they are new, and loads the current book. Before anything else. */
  start(): Promise<void>
  /** The book in force, from memory. One that is to come takes its place at its instant, in every process. */
  current(): PriceBook
  /** What the book in force has beside models: own prices, markups, what a credit is worth. */
  terms(): store.Version
  /** The book of a version that operations were charged by; null where there is none. */
  at(version: number): Promise<PriceBook | null>
  /** Takes new versions up. To be called when the configuration epoch changed. */
  reload(): Promise<void>
  /** Versions that are to come, the next first. */
  scheduled(): Promise<readonly store.Version[]>
  version(version: number): Promise<store.Version | null>
  /** All of them, newest first. */
  versions(before: bigint | null, limit: number): Promise<readonly store.Version[]>
  /** How prices are changed. */
  readonly changes: PriceChangesRoom
}

/** 1 credit = 1 US cent. */
const nanoUsdPerCredit = 10_000_000n
const shippedTerms: PriceTerms = { nanoUsdPerCredit, chargeBasisPoints: atCost, overrides: [], markups: [] }
const rememberedVersions = 20

export interface PricesOptions {
  readonly database: Database
  readonly clock: Clock
  /** How other processes hear of a new version: `epoch.announce` for the platform's organisation. */
  readonly announce?: InTransaction
  /** For a price that is to hold everywhere when the change returns: `epoch.change`. Absent: `announce`. */
  readonly change?: InTransaction
}
type InTransaction = <T>(work: (transaction: Transaction<Schema>) => Promise<T>) => Promise<T>

/** A version as a process keeps it. */
interface Kept {
  readonly version: store.Version
  readonly book: PriceBook
}

export const makePrices = (options: PricesOptions): Prices => {
  const { database, clock } = options
  const announce: InTransaction =
    options.announce ?? ((work) => database.kysely.transaction().execute((transaction) => work(transaction)))
  const books = new Map<number, Kept>()
  let current: Kept | null = null
  /** To come, the next first: almost always none. */
  let coming: readonly Kept[] = []

  const load = async (version: number): Promise<Kept | null> => {
    const known = books.get(version)
    if (known) return known
    const row = await store.readPriceBook(database.kysely, version)
    if (!row) return null
    const kept = { version: row, book: makePriceBook(row) }
    // The oldest goes: whoever looks at old receipts looks at few versions.
    if (books.size >= rememberedVersions) books.delete(books.keys().next().value as number)
    books.set(version, kept)
    return kept
  }

  const reload = async (): Promise<void> => {
    const at = clock()
    const [inForce, scheduled] = await Promise.all([
      store.versionAt(database.kysely, at),
      store.versionsAfter(database.kysely, at),
    ])
    if (inForce === null) return
    const loaded = await load(inForce.version)
    const next: Kept[] = []
    for (const { version } of scheduled) {
      const kept = await load(version)
      if (kept !== null) next.push(kept)
    }
    current = loaded
    coming = next
  }

  /** The last that has begun takes over. */
  const turn = (at: Date): void => {
    const begun = coming.filter(({ version }) => version.effectiveAt <= at)
    if (begun.length === 0) return
    current = begun.at(-1) ?? current
    coming = coming.slice(begun.length)
  }

  const inForce = (): Kept => {
    if (coming.length > 0) turn(clock())
    if (!current) throw new Error('The price book is not loaded yet.')
    return current
  }

  const changes = makePriceChanges({ database, clock, change: options.change ?? announce, reload })

  const importShipped = async (): Promise<void> => {
    const models = shippedModels(services)
    const hash = contentHash(models, [nanoUsdPerCredit, atCost])
    if (await store.isKnownHash(database.kysely, hash)) return
    await announce(async (transaction) => {
      await store.lockVersions(transaction)
      // Another process may have imported them while this one waited.
      if (await store.isKnownHash(transaction, hash)) return
      const at = clock()
      const before = await store.versionAt(transaction, at)
      // The administrators' own terms go on as they are.
      const terms = before ?? shippedTerms
      await store.insertShipped(transaction, { hash, models, terms, basedOn: before?.version ?? null, at })
      await changes.makeAgain(transaction, at, at)
    })
  }

  return {
    start: async () => {
      await importShipped()
      await reload()
    },
    current: () => inForce().book,
    terms: () => inForce().version,
    at: async (version) => (await load(version))?.book ?? null,
    reload,
    scheduled: () => store.versionsAfter(database.kysely, clock()),
    version: (version) => store.readVersion(database.kysely, version),
    versions: (before, limit) => store.listVersions(database.kysely, before, limit),
    changes,
  }
}
