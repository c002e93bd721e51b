import type { Database } from '../db/database.ts'

/** A random value sealed under the master key that this database belongs to. Blobs are base64. */
export interface Canary {
  readonly masterKeyId: string
  readonly wrappedKey: string
  readonly sealedSecret: string
}

const name = 'vault_canary'

export const readCanary = async ({ kysely }: Database): Promise<Canary | null> => {
  const row = await kysely
    .selectFrom('installation')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirst()
  return (row?.value as unknown as Canary | undefined) ?? null
}

/** Of several processes that offer one at the same time, the first wins; the others see its. */
export const offerCanary = async ({ kysely }: Database, canary: Canary): Promise<void> => {
  await kysely
    .insertInto('installation')
    .values({ name, value: JSON.stringify(canary) })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
}

export const holdsSecrets = async ({ kysely }: Database): Promise<boolean> =>
  (await kysely.selectFrom('service_key_versions').select('version').limit(1).executeTakeFirst()) !==
  undefined
