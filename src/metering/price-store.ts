import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { hasAnyPrice, type ModelPrice, type Rate } from './model-price.ts'
import type { PriceBookRow } from './price-book.ts'
import { readOverrides, readPeriods, readUnitRates, toJson } from './price-json.ts'
import type { PriceOverride } from './price-overrides.ts'
import type { MatchRule } from './price-match.ts'
import { type TokenClass, tokenClasses } from './usage.ts'

export interface NewPriceBook {
  readonly hash: string
  readonly at: Date
  readonly models: readonly ModelPrice[]
  readonly nanoUsdPerCredit: bigint
  readonly chargeBasisPoints: bigint
}

/** The highest version that is in force. */
export const latestVersion = async (run: Kysely<Schema>, at: Date): Promise<number | null> => {
  const row = await run
    .selectFrom('price_books')
    .select((e) => e.fn.max('version').as('version'))
    .where('effective_at', '<=', at)
    .executeTakeFirst()
  return row?.version ?? null
}

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

/** Newly shipped prices; the administrators' own go on as they are. */
export const insertPriceBook = async (
  transaction: Transaction<Schema>,
  book: NewPriceBook,
): Promise<void> => {
  const overrides = await storedOverrides(transaction)
  const { version } = await transaction
    .insertInto('price_books')
    .values({
      version: nextVersion,
      content_hash: book.hash,
      source: 'genai-prices',
      nano_usd_per_credit: book.nanoUsdPerCredit,
      charge_basis_points: book.chargeBasisPoints,
      overrides: JSON.stringify(toJson(overrides.map(({ override }) => override))),
      effective_at: book.at,
    })
    .returning('version')
    .executeTakeFirstOrThrow()
  await insertModels(transaction, version, book.models)
  await insertRates(transaction, version, book.models)
}

/** The models and terms of the version in force, with the own prices as they are now. */
export const insertOverriddenBook = async (
  transaction: Transaction<Schema>,
  version: number,
  at: Date,
): Promise<number> => {
  const overrides = await storedOverrides(transaction)
  const { rows } = await sql<{ version: number }>`
    INSERT INTO price_books (version, content_hash, source, nano_usd_per_credit, charge_basis_points, models_of, overrides,
      effective_at)
    SELECT ${nextVersion}, content_hash, 'own prices', nano_usd_per_credit, charge_basis_points,
      coalesce(models_of, version), ${JSON.stringify(toJson(overrides.map(({ override }) => override)))}::jsonb, ${at}
    FROM price_books WHERE version = ${version}
    RETURNING version
  `.execute(transaction)
  return (rows[0] as { version: number }).version
}

/** An own price with who set it and why. */
export interface StoredOverride {
  readonly override: PriceOverride
  readonly reason: string
  readonly changedBy: string | null
  readonly changedAt: Date
}

export const storedOverrides = async (run: Kysely<Schema>): Promise<StoredOverride[]> => {
  const rows = await run
    .selectFrom('price_overrides')
    .selectAll()
    .orderBy('service_id')
    .orderBy('model')
    .orderBy('unit')
    .execute()
  return rows.map((row) => ({
    override: {
      serviceId: row.service_id,
      model: row.model,
      unit: row.unit,
      nanoUsd: row.nano_usd,
      per: row.per,
    },
    reason: row.reason,
    changedBy: row.changed_by,
    changedAt: row.changed_at,
  }))
}

export const putOverride = async (
  transaction: Transaction<Schema>,
  { override, reason, changedBy, changedAt }: StoredOverride,
): Promise<void> => {
  const { serviceId, model, unit, nanoUsd, per } = override
  const changed = { nano_usd: nanoUsd, per, reason, changed_by: changedBy, changed_at: changedAt }
  await transaction
    .insertInto('price_overrides')
    .values({ service_id: serviceId, model, unit, ...changed })
    .onConflict((conflict) => conflict.columns(['service_id', 'model', 'unit']).doUpdateSet(changed))
    .execute()
}

export const deleteOverride = async (
  transaction: Transaction<Schema>,
  { serviceId, model, unit }: Pick<PriceOverride, 'serviceId' | 'model' | 'unit'>,
): Promise<void> => {
  await transaction
    .deleteFrom('price_overrides')
    .where('service_id', '=', serviceId)
    .where('model', '=', model)
    .where('unit', '=', unit)
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

export const readPriceBook = async (run: Kysely<Schema>, version: number): Promise<PriceBookRow | null> => {
  const book = await run
    .selectFrom('price_books')
    .select(['version', 'nano_usd_per_credit', 'charge_basis_points', 'models_of', 'overrides'])
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
    version: book.version,
    nanoUsdPerCredit: book.nano_usd_per_credit,
    chargeBasisPoints: book.charge_basis_points,
    overrides: readOverrides(book.overrides),
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
