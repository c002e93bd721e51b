import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { ModelPrice, PriceBookRow, Rate } from './price-book.ts'
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

export const insertPriceBook = async (
  transaction: Transaction<Schema>,
  book: NewPriceBook,
): Promise<void> => {
  const { version } = await transaction
    .insertInto('price_books')
    .values((e) => ({
      version: e.selectFrom('price_books').select(sql<number>`coalesce(max(version), 0) + 1`.as('next')),
      content_hash: book.hash,
      source: 'genai-prices',
      nano_usd_per_credit: book.nanoUsdPerCredit,
      charge_basis_points: book.chargeBasisPoints,
      effective_at: book.at,
    }))
    .returning('version')
    .executeTakeFirstOrThrow()
  await insertModels(transaction, version, book.models)
  await insertRates(transaction, version, book.models)
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
  }))
  await sql`
    INSERT INTO price_models (price_book_version, service_id, model_id, match, context_tokens, unmetered, position)
    SELECT ${version}, * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS new (service_id text, model_id text, match jsonb, context_tokens bigint, unmetered text[], position integer)
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
    .select(['version', 'nano_usd_per_credit', 'charge_basis_points'])
    .where('version', '=', version)
    .executeTakeFirst()
  if (!book) return null
  const models = await run
    .selectFrom('price_models')
    .select(['service_id', 'model_id', 'match', 'context_tokens', 'unmetered'])
    .where('price_book_version', '=', version)
    .orderBy('position')
    .execute()
  const rates = await readRates(run, version)
  return {
    version: book.version,
    nanoUsdPerCredit: book.nano_usd_per_credit,
    chargeBasisPoints: book.charge_basis_points,
    models: models.map((model): ModelPrice => {
      const ofModel = rates.get(`${model.service_id}/${model.model_id}`) ?? {}
      return {
        serviceId: model.service_id,
        modelId: model.model_id,
        match: model.match as unknown as MatchRule,
        contextTokens: model.context_tokens === null ? null : Number(model.context_tokens),
        rates: ofModel,
        unmetered: model.unmetered,
        isPriced: ofModel.input !== undefined,
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
