import type { Kysely, Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Issuer } from './document.ts'

export interface IssuerVersion extends Issuer {
  readonly version: number
  readonly effectiveAt: Date
}

/** As it was at an instant; null: nobody had said yet. */
export const issuerAt = async (
  executor: Kysely<Schema>,
  issuer: string,
  at: Date | null,
): Promise<IssuerVersion | null> => {
  const row = await executor
    .selectFrom('invoice_issuers')
    .selectAll()
    .where('issuer', '=', issuer)
    .$if(at !== null, (query) => query.where('effective_at', '<=', at as Date))
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!row) return null
  return {
    name: row.name,
    address: row.address,
    taxId: row.tax_id,
    email: row.email,
    note: row.note,
    version: row.version,
    effectiveAt: row.effective_at,
  }
}

export const insertIssuer = async (
  transaction: Transaction<Schema>,
  issuer: string,
  version: Omit<IssuerVersion, 'address'> & { address: string[]; createdBy: string; reason: string },
): Promise<void> => {
  await transaction
    .insertInto('invoice_issuers')
    .values({
      issuer,
      version: version.version,
      name: version.name,
      address: version.address,
      tax_id: version.taxId,
      email: version.email,
      note: version.note,
      effective_at: version.effectiveAt,
      created_by: version.createdBy,
      reason: version.reason,
    })
    .execute()
}
