import { sql, type Transaction } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { services } from '../services/registry.ts'
import { contentHash, shippedModels } from './genai-prices.ts'
import { makePriceBook, type PriceBook } from './price-book.ts'
import { insertPriceBook, latestVersion, readPriceBook } from './price-store.ts'

export interface Prices {
  /** Imports the shipped prices where they are new, and loads the current book. Before anything else. */
  start(): Promise<void>
  /** The book in force, from memory. */
  current(): PriceBook
  /** The book of a version that operations were charged by; null where there is none. */
  at(version: number): Promise<PriceBook | null>
  /** Takes a newer version up. To be called when the configuration epoch changed. */
  reload(): Promise<void>
}

/** 1 credit = 1 US cent. */
const nanoUsdPerCredit = 10_000_000n
/** At cost. */
const chargeBasisPoints = 10_000n
// Any number that nothing else here uses; the same in every process.
const importLock = 4203417002n
const rememberedVersions = 20

export interface PricesOptions {
  readonly database: Database
  readonly clock: Clock
  /** How other processes hear of a new version: `epoch.announce` for the platform's organisation. */
  readonly announce?: <T>(work: (transaction: Transaction<Schema>) => Promise<T>) => Promise<T>
}

export const makePrices = (options: PricesOptions): Prices => {
  const { database, clock } = options
  const announce =
    options.announce ?? ((work) => database.kysely.transaction().execute((transaction) => work(transaction)))
  const books = new Map<number, PriceBook>()
  let current: PriceBook | null = null

  const load = async (version: number): Promise<PriceBook | null> => {
    const known = books.get(version)
    if (known) return known
    const row = await readPriceBook(database.kysely, version)
    if (!row) return null
    const book = makePriceBook(row)
    // The oldest goes: whoever looks at old receipts looks at few versions.
    if (books.size >= rememberedVersions) books.delete(books.keys().next().value as number)
    books.set(version, book)
    return book
  }

  const reload = async (): Promise<void> => {
    const version = await latestVersion(database.kysely, clock())
    if (version === null || version === current?.version) return
    current = await load(version)
  }

  const importShipped = async (): Promise<void> => {
    const at = clock()
    const models = shippedModels(services, at)
    const hash = contentHash(models, [nanoUsdPerCredit, chargeBasisPoints])
    const isNew = async (run: Database['kysely']) =>
      !(await run
        .selectFrom('price_books')
        .select('version')
        .where('content_hash', '=', hash)
        .executeTakeFirst())
    if (!(await isNew(database.kysely))) return
    await announce(async (transaction) => {
      await sql`SELECT pg_advisory_xact_lock(${importLock})`.execute(transaction)
      // Another process may have imported them while this one waited.
      if (!(await isNew(transaction))) return
      await insertPriceBook(transaction, { hash, at, models, nanoUsdPerCredit, chargeBasisPoints })
    })
  }

  return {
    start: async () => {
      await importShipped()
      await reload()
    },
    current: () => {
      if (!current) throw new Error('The price book is not loaded yet.')
      return current
    },
    at: load,
    reload,
  }
}
