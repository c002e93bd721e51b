import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type { PriceBooks, Schema } from '../db/schema.ts'
import { hasAnyPrice, type ModelPrice, type Rate } from './model-price.ts'
import type { PriceBookRow } from './price-book.ts'
import { readMarkups, readOwnPrices, readPeriods, readUnitRates, toJson } from './price-json.ts'
import type { MatchRule } from './price-match.ts'
import type { PriceTerms } from './price-terms.ts'
import { type TokenClass, tokenClasses } from './usage.ts'

/** A version without its models. */
export interface Version extends PriceTerms {
  readonly version: number
  readonly source: string
  readonly effectiveAt: Date
  readonly createdAt: Date
  readonly withdrawnAt: Date | null
  readonly basedOn: number | null
  readonly changeId: string | null
}

const columns = [
  'version',
  'source',
  'nano_usd_per_credit',
  'charge_basis_points',
  'overrides',
  'markups',
  'effective_at',
  'created_at',
  'withdrawn_at',
  'based_on',
  'change_id',
] as const

const versionFrom = (row: Pick<Selectable<PriceBooks>, (typeof columns)[number]>): Version => ({
  version: row.version,
  source: row.source,
  nanoUsdPerCredit: row.nano_usd_per_credit,
  chargeBasisPoints: row.charge_basis_points,
  overrides: readOwnPrices(row.overrides),
  markups: readMarkups(row.markups),
  effectiveAt: row.effective_at,
  createdAt: row.created_at,
  withdrawnAt: row.withdrawn_at,
  basedOn: row.based_on,
  changeId: row.change_id,
})

/** In force at a time; of those that take effect together, the last made. */
export const versionAt = async (run: Kysely<Schema>, at: Date): Promise<Version | null> => {
  const row = await run
    .selectFrom('price_books')
    .select(columns)
    .where('withdrawn_at', 'is', null)
    .where('effective_at', '<=', at)
    .orderBy('effective_at', 'desc')
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row ? versionFrom(row) : null
}

/** To come, the next first. */
export const versionsAfter = async (run: Kysely<Schema>, at: Date): Promise<Version[]> =>
  (
    await run
      .selectFrom('price_books')
      .select(columns)
      .where('withdrawn_at', 'is', null)
      .where('effective_at', '>', at)
      .orderBy('effective_at')
      .orderBy('version')
      .execute()
  ).map(versionFrom)

export const readVersion = async (run: Kysely<Schema>, version: number): Promise<Version | null> => {
  const row = await run
    .selectFrom('price_books')
    .select(columns)
    .where('version', '=', version)
    .executeTakeFirst()
  return row ? versionFrom(row) : null
}

export const listVersions = async (
  run: Kysely<Schema>,
  before: bigint | null,
  limit: number,
): Promise<Version[]> =>
  (
    await run
      .selectFrom('price_books')
      .select(columns)
      .$if(before !== null, (query) => query.where('version', '<', Number(before)))
      .orderBy('version', 'desc')
      .limit(limit)
      .execute()
  ).map(versionFrom)

/** One writer of versions at a time: any number that nothing else here uses, the same in every process. */
const versionLock = 4203417002n

export const lockVersions = async (transaction: Transaction<Schema>): Promise<void> => {
  await sql`SELECT pg_advisory_xact_lock(${versionLock})`.execute(transaction)
}

const nextVersion = sql<number>`(SELECT coalesce(max(version), 0) + 1 FROM price_books)`

export const isKnownHash = async (run: Kysely<Schema>, hash: string): Promise<boolean> =>
  (await run
    .selectFrom('price_books')
    .select('version')
    .where('content_hash', '=', hash)
    .executeTakeFirst()) !== undefined

const termColumns = (terms: PriceTerms) => ({
  nano_usd_per_credit: terms.nanoUsdPerCredit,
  charge_basis_points: terms.chargeBasisPoints,
  overrides: JSON.stringify(toJson(terms.overrides)),
  markups: JSON.stringify(toJson(terms.markups)),
})

/** Newly shipped prices. */
export const insertShipped = async (
  transaction: Transaction<Schema>,
  book: {
    readonly hash: string
    readonly models: readonly ModelPrice[]
    readonly terms: PriceTerms
    readonly basedOn: number | null
    readonly at: Date
  },
): Promise<Version> => {
  const row = await transaction
    .insertInto('price_books')
    .values({
      version: nextVersion,
      content_hash: book.hash,
      source: shippedSource,
      ...termColumns(book.terms),
      based_on: book.basedOn,
      effective_at: book.at,
      created_at: book.at,
    })
    .returning(columns)
    .executeTakeFirstOrThrow()
  await insertModels(transaction, row.version, book.models)
  await insertRates(transaction, row.version, book.models)
  return versionFrom(row)
}
export const shippedSource = 'genai-prices'

/** The models of another version, with other terms. */
export const insertChanged = async (
  transaction: Transaction<Schema>,
  made: {
    readonly terms: PriceTerms
    readonly basedOn: number
    readonly changeId: string
    readonly effectiveAt: Date
    readonly at: Date
  },
): Promise<Version> => {
  const base = await transaction
    .selectFrom('price_books')
    .select(['content_hash', 'models_of'])
    .where('version', '=', made.basedOn)
    .executeTakeFirstOrThrow()
  const row = await transaction
    .insertInto('price_books')
    .values({
      version: nextVersion,
      content_hash: base.content_hash,
      source: 'change',
      ...termColumns(made.terms),
      models_of: base.models_of ?? made.basedOn,
      based_on: made.basedOn,
      change_id: made.changeId,
      effective_at: made.effectiveAt,
      created_at: made.at,
    })
    .returning(columns)
    .executeTakeFirstOrThrow()
  return versionFrom(row)
}

export const withdraw = async (
  transaction: Transaction<Schema>,
  version: number,
  at: Date,
): Promise<void> => {
  await transaction
    .updateTable('price_books')
    .set({ withdrawn_at: at })
    .where('version', '=', version)
    .execute()
}

/** As JSON in one parameter: a statement takes at most 65,535 parameters. */
const insertModels = async (
  transaction: Transaction<Schema>,
  version: number,
  models: readonly ModelPrice[],
) => {
  const rows = models.map((model, position) => ({
    service_id: model.serviceId,
    model_id: model.modelId,
    match: model.match,
    context_tokens: model.contextTokens,
    unmetered: model.unmetered,
    position,
    unit_rates: toJson(model.unitRates ?? []),
    periods: toJson(model.periods ?? []),
  }))
  await sql`
    INSERT INTO price_models
      (price_book_version, service_id, model_id, match, context_tokens, unmetered, position, unit_rates, periods)
    SELECT ${version}, * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS new (service_id text, model_id text, match jsonb, context_tokens bigint, unmetered text[], position integer,
        unit_rates jsonb, periods jsonb)
  `.execute(transaction)
}

const insertRates = async (
  transaction: Transaction<Schema>,
  version: number,
  models: readonly ModelPrice[],
) => {
  const rows = models.flatMap((model) =>
    tokenClasses.flatMap((tokenClass) =>
      (model.rates[tokenClass] ?? []).map((rate) => ({
        service_id: model.serviceId,
        model_id: model.modelId,
        token_class: tokenClass,
        from_input_tokens: rate.fromInputTokens,
        nano_usd_per_million: String(rate.nanoUsdPerMillion),
      })),
    ),
  )
  await sql`
    INSERT INTO price_rates
      (price_book_version, service_id, model_id, token_class, from_input_tokens, nano_usd_per_million)
    SELECT ${version}, * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS new (service_id text, model_id text, token_class text, from_input_tokens bigint, nano_usd_per_million bigint)
  `.execute(transaction)
}

/** A version with its models. */
export type StoredBook = Version & PriceBookRow

export const readPriceBook = async (run: Kysely<Schema>, version: number): Promise<StoredBook | null> => {
  const book = await run
    .selectFrom('price_books')
    .select([...columns, 'models_of'])
    .where('version', '=', version)
    .executeTakeFirst()
  if (!book) return null
  const modelsOf = book.models_of ?? book.version
  const models = await run
    .selectFrom('price_models')
    .select(['service_id', 'model_id', 'match', 'context_tokens', 'unmetered', 'unit_rates', 'periods'])
    .where('price_book_version', '=', modelsOf)
    .orderBy('position')
    .execute()
  const rates = await readRates(run, modelsOf)
  return {
    ...versionFrom(book),
    models: models.map((model): ModelPrice => {
      const ofModel = rates.get(`${model.service_id}/${model.model_id}`) ?? {}
      const unitRates = readUnitRates(model.unit_rates)
      const periods = readPeriods(model.periods)
      return {
        serviceId: model.service_id,
        modelId: model.model_id,
        match: model.match as unknown as MatchRule,
        contextTokens: model.context_tokens === null ? null : Number(model.context_tokens),
        rates: ofModel,
        unitRates,
        periods,
        unmetered: model.unmetered,
        isPriced: [{ rates: ofModel, unitRates }, ...periods].some(hasAnyPrice),
      }
    }),
  }
}

type RatesByClass = Partial<Record<TokenClass, Rate[]>>

const readRates = async (run: Kysely<Schema>, version: number): Promise<Map<string, RatesByClass>> => {
  const rows = await run
    .selectFrom('price_rates')
    .selectAll()
    .where('price_book_version', '=', version)
    .orderBy('from_input_tokens')
    .execute()
  const rates = new Map<string, RatesByClass>()
  for (const row of rows) {
    const model = `${row.service_id}/${row.model_id}`
    const ofModel = rates.get(model) ?? {}
    const tokenClass = row.token_class
    ofModel[tokenClass] = [
      ...(ofModel[tokenClass] ?? []),
      { fromInputTokens: Number(row.from_input_tokens), nanoUsdPerMillion: row.nano_usd_per_million },
    ]
    rates.set(model, ofModel)
  }
  return rates
}
