import { sql } from 'kysely'
import type { SealedSecret } from '../vault/vault.ts'
import type { Finding } from './driver.ts'
import type { Executor } from './store.ts'

export interface CredentialRow {
  readonly organizationId: string
  readonly id: string
  readonly driverId: string
  readonly serviceId: string
  readonly serviceKeyId: string | null
  readonly fields: Readonly<Record<string, string>>
  readonly lastFours: Readonly<Record<string, string>>
  readonly version: number
  readonly sealed: SealedSecret
  readonly status: 'valid' | 'invalid' | 'unknown'
  readonly findings: readonly Finding[]
  readonly checkedAt: Date | null
  readonly updatedAt: Date
}

const columns = [
  'c.organization_id as organizationId',
  'c.id',
  'c.driver_id as driverId',
  'c.service_id as serviceId',
  'c.service_key_id as serviceKeyId',
  sql<Readonly<Record<string, string>>>`c.fields`.as('fields'),
  sql<Readonly<Record<string, string>>>`c.last_fours`.as('lastFours'),
  'c.version',
  'c.master_key_id as masterKeyId',
  'c.wrapped_key as wrappedKey',
  'c.sealed_secret as sealedSecret',
  'c.status',
  sql<readonly Finding[]>`c.findings`.as('findings'),
  'c.checked_at as checkedAt',
  'c.updated_at as updatedAt',
] as const

type Row = Omit<CredentialRow, 'sealed'> & SealedSecret
const rowOf = ({ masterKeyId, wrappedKey, sealedSecret, ...row }: Row): CredentialRow => ({
  ...row,
  sealed: { masterKeyId, wrappedKey, sealedSecret },
})

export const listCredentials = async (executor: Executor): Promise<CredentialRow[]> =>
  (
    await executor
      .selectFrom('rotation_credentials as c')
      .select(columns)
      .orderBy('c.organization_id')
      .orderBy('c.service_id')
      .orderBy('c.id')
      .execute()
  ).map(rowOf)

export const findCredential = async (executor: Executor, id: string): Promise<CredentialRow | undefined> => {
  const row = await executor
    .selectFrom('rotation_credentials as c')
    .select(columns)
    .where('c.id', '=', id)
    .executeTakeFirst()
  return row && rowOf(row)
}

/** That of the key itself before that of its service. */
export const credentialFor = async (
  executor: Executor,
  key: { readonly organizationId: string; readonly id: string; readonly serviceId: string },
): Promise<CredentialRow | undefined> => {
  const row = await executor
    .selectFrom('rotation_credentials as c')
    .select(columns)
    .where('c.organization_id', '=', key.organizationId)
    .where('c.service_id', '=', key.serviceId)
    .where((eb) => eb.or([eb('c.service_key_id', 'is', null), eb('c.service_key_id', '=', key.id)]))
    .orderBy(sql`c.service_key_id NULLS LAST`)
    .limit(1)
    .executeTakeFirst()
  return row && rowOf(row)
}

export const atPlace = async (
  executor: Executor,
  place: { organizationId: string; serviceId: string; serviceKeyId: string | null },
): Promise<CredentialRow | undefined> => {
  const row = await executor
    .selectFrom('rotation_credentials as c')
    .select(columns)
    .where('c.organization_id', '=', place.organizationId)
    .where('c.service_id', '=', place.serviceId)
    .where(sql<boolean>`c.service_key_id IS NOT DISTINCT FROM ${place.serviceKeyId}::uuid`)
    .executeTakeFirst()
  return row && rowOf(row)
}

export const saveCredential = async (
  executor: Executor,
  row: Omit<CredentialRow, 'updatedAt'> & { readonly updatedBy: string | null },
  now: Date,
): Promise<void> => {
  const values = {
    driver_id: row.driverId,
    fields: JSON.stringify(row.fields),
    last_fours: JSON.stringify(row.lastFours),
    version: row.version,
    master_key_id: row.sealed.masterKeyId,
    wrapped_key: row.sealed.wrappedKey,
    sealed_secret: row.sealed.sealedSecret,
    status: row.status,
    findings: JSON.stringify(row.findings),
    checked_at: row.checkedAt,
    updated_by: row.updatedBy,
    updated_at: now,
  }
  await executor
    .insertInto('rotation_credentials')
    .values({
      organization_id: row.organizationId,
      id: row.id,
      service_id: row.serviceId,
      service_key_id: row.serviceKeyId,
      ...values,
    })
    .onConflict((oc) => oc.columns(['organization_id', 'id']).doUpdateSet(values))
    .execute()
}

export const writeCheck = async (
  executor: Executor,
  id: string,
  version: number,
  status: CredentialRow['status'],
  findings: readonly Finding[],
  now: Date,
): Promise<void> => {
  await executor
    .updateTable('rotation_credentials')
    .set({ status, findings: JSON.stringify(findings), checked_at: now })
    .where('id', '=', id)
    .where('version', '=', version)
    .execute()
}

export const deleteCredential = async (executor: Executor, id: string): Promise<void> => {
  await executor.deleteFrom('rotation_credentials').where('id', '=', id).execute()
}
