import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { findService, services } from '../services/registry.ts'
import { contentHash, shippedModels } from './genai-prices.ts'
import { makePriceBook, type PriceBook } from './price-book.ts'
import { isExact, type PriceOverride } from './price-overrides.ts'
import * as store from './price-store.ts'

export type { StoredOverride } from './price-store.ts'

export interface Prices {
  /** Imports the shipped prices where they are new, and loads the current book. Before anything else. */
  start(): Promise<void>
  /** The book in force, from memory. */
  current(): PriceBook
  /** The book of a version that operations were charged by; null where there is none. */
  at(version: number): Promise<PriceBook | null>
  /** Takes a newer version up. To be called when the configuration epoch changed. */
  reload(): Promise<void>
  /** Administrators' own prices: they count before the shipped ones. */
  overrides(): Promise<store.StoredOverride[]>
  /** Each change is a new version of the book, and is on the audit trail. */
  setOverride(actor: Actor, override: PriceOverride, reason: string): Promise<Outcome<store.StoredOverride>>
  removeOverride(actor: Actor, which: OverrideName, reason?: string): Promise<Outcome<void>>
}

type OverrideName = Pick<PriceOverride, 'serviceId' | 'model' | 'unit'>

/** 1 credit = 1 US cent. */
const nanoUsdPerCredit = 10_000_000n
/** At cost. */
const chargeBasisPoints = 10_000n
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

export const makePrices = (options: PricesOptions): Prices => {
  const { database, clock } = options
  const announce: InTransaction =
    options.announce ?? ((work) => database.kysely.transaction().execute((transaction) => work(transaction)))
  const change = options.change ?? announce
  const books = new Map<number, PriceBook>()
  let current: PriceBook | null = null

  const load = async (version: number): Promise<PriceBook | null> => {
    const known = books.get(version)
    if (known) return known
    const row = await store.readPriceBook(database.kysely, version)
    if (!row) return null
    const book = makePriceBook(row)
    // The oldest goes: whoever looks at old receipts looks at few versions.
    if (books.size >= rememberedVersions) books.delete(books.keys().next().value as number)
    books.set(version, book)
    return book
  }

  const reload = async (): Promise<void> => {
    const version = await store.latestVersion(database.kysely, clock())
    if (version === null || version === current?.version) return
    current = await load(version)
  }

  const importShipped = async (): Promise<void> => {
    const models = shippedModels(services)
    const hash = contentHash(models, [nanoUsdPerCredit, chargeBasisPoints])
    if (await store.isKnownHash(database.kysely, hash)) return
    await announce(async (transaction) => {
      await store.lockVersions(transaction)
      // Another process may have imported them while this one waited.
      if (await store.isKnownHash(transaction, hash)) return
      await store.insertPriceBook(transaction, {
        hash,
        at: clock(),
        models,
        nanoUsdPerCredit,
        chargeBasisPoints,
      })
    })
  }

  /** What is changed is in the next version whole or not at all. */
  const changeOverride = async (
    actor: Actor,
    which: OverrideName,
    next: store.StoredOverride | null,
    reason: string | undefined,
  ): Promise<boolean> => {
    const isChanged = await change(async (transaction) => {
      await store.lockVersions(transaction)
      const before = (await store.storedOverrides(transaction)).find(({ override }) =>
        isSame(override, which),
      )
      if (next === null && before === undefined) return false
      if (next === null) await store.deleteOverride(transaction, which)
      else await store.putOverride(transaction, next)
      const at = clock()
      const inForce = await store.latestVersion(transaction, at)
      if (inForce === null) throw new Error('There is no price book to change.')
      await store.insertOverriddenBook(transaction, inForce, at)
      await recordAudit(transaction, {
        organizationId: platformOrganizationId,
        actor,
        action: next === null ? 'price.removed' : 'price.set',
        subject: { kind: 'price', id: `${which.serviceId}/${which.model}/${which.unit}` },
        before: before && onTrail(before.override),
        after: next && onTrail(next.override),
        ...(reason === undefined ? {} : { reason }),
      })
      return true
    })
    await reload()
    return isChanged
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
    overrides: () => store.storedOverrides(database.kysely),

    async setOverride(actor, given, reason) {
      const override = { ...given, model: given.model.trim().toLowerCase() }
      if (findService(override.serviceId) === undefined)
        return failure('invalid_request', { message: 'There is no such service.', field: 'serviceId' })
      if (!isExact(override))
        return failure('invalid_request', {
          message: 'The price of a token class is for 1, 10, 100, … or 1000000 tokens.',
          field: 'per',
        })
      const stored = { override, reason, changedBy: actor.id, changedAt: clock() }
      await changeOverride(actor, override, stored, reason)
      return success(stored)
    },

    async removeOverride(actor, given, reason) {
      const which = { ...given, model: given.model.trim().toLowerCase() }
      return (await changeOverride(actor, which, null, reason)) ? success(undefined) : failure('not_found')
    },
  }
}

const isSame = (a: OverrideName, b: OverrideName): boolean =>
  a.serviceId === b.serviceId && a.model === b.model && a.unit === b.unit

const onTrail = ({ nanoUsd, per }: PriceOverride) => ({ nanoUsd: `${nanoUsd}`, per: `${per}` })
