import type { Kysely, Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'

export interface ServiceSetting {
  readonly serviceId: string
  readonly baseUrl: string | null
  readonly enabled: boolean
}

export const makeCatalogueStore = (kysely: Kysely<Schema>) => ({
  settings: (): Promise<ServiceSetting[]> =>
    kysely
      .selectFrom('service_settings')
      .select(['service_id as serviceId', 'base_url as baseUrl', 'enabled'])
      .execute(),

  allowances: async (): Promise<string[]> => {
    const rows = await kysely.selectFrom('outbound_allowances').select('address').orderBy('address').execute()
    return rows.map((row) => row.address)
  },

  saveSetting: async (transaction: Transaction<Schema>, setting: ServiceSetting): Promise<void> => {
    const values = { base_url: setting.baseUrl, enabled: setting.enabled, updated_at: new Date() }
    await transaction
      .insertInto('service_settings')
      .values({ service_id: setting.serviceId, ...values })
      .onConflict((conflict) => conflict.column('service_id').doUpdateSet(values))
      .execute()
  },

  addAllowance: async (transaction: Transaction<Schema>, address: string): Promise<void> => {
    await transaction
      .insertInto('outbound_allowances')
      .values({ address })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  },

  removeAllowance: async (transaction: Transaction<Schema>, address: string): Promise<void> => {
    await transaction.deleteFrom('outbound_allowances').where('address', '=', address).execute()
  },
})
