import type { Database } from '../db/database.ts'
import { isUnderMasterKey } from './envelope.ts'
import type { Keyring } from './keyring.ts'
import { openOrganizationKey, openPurposeKey } from './organization-key.ts'
import * as store from './store-sealed.ts'
import type { Vault } from './vault.ts'

export interface VaultVerification {
  readonly ok: boolean
  readonly organizationKeys: number
  readonly secrets: number
  /** Of the former format: sealed anew by the next re-wrap. */
  readonly former: number
  /** The first hundred. */
  readonly unreadable: readonly { readonly what: string; readonly organizationId: string | null }[]
  readonly unreadableCount: number
}

const batchSize = 500
const shownAtMost = 100

/** Opens everything that is stored, in memory, and says what does not. What it finds is audited like any other. */
export const verifyVault = async (parts: {
  database: Database
  keyring: Keyring
  vault: Pick<Vault, 'open'>
}): Promise<VaultVerification> => {
  const { database, keyring, vault } = parts
  const unreadable: { what: string; organizationId: string | null }[] = []
  let [organizationKeys, secrets, former, unreadableCount] = [0, 0, 0, 0]
  const note = (what: string, organizationId: string | null) => {
    unreadableCount++
    if (unreadable.length < shownAtMost) unreadable.push({ what, organizationId })
  }

  for (const kind of ['purpose', 'organization'] as const)
    for (let after: string | null = ''; after !== null; ) {
      const rows: store.WrappedRow[] = await store.readWrapped(database.kysely, kind, after, batchSize, null)
      for (const { of, masterKey, wrappedKey } of rows) {
        const by = keyring.version(masterKey)
        const open = kind === 'organization' ? openOrganizationKey : openPurposeKey
        if (by === null || open(of, by.masterKey, wrappedKey) === null)
          note(`the key of ${kind} ${of}, under version ${masterKey}`, kind === 'organization' ? of : null)
        else if (kind === 'organization') organizationKeys++
      }
      after = rows.length < batchSize ? null : (rows.at(-1)?.of ?? null)
    }

  for (const table of store.secretTables)
    for (let after: string | null = ''; after !== null; ) {
      const rows: store.SecretRow[] = await store.readSecrets(database.kysely, table, after, batchSize, 'all')
      for (const row of rows) {
        if (isUnderMasterKey(row)) former++
        const opened = await vault.open(row, row)
        if (opened.ok) secrets++
        else note(`${table} ${row.serviceKeyId}, version ${row.version}`, row.organizationId)
      }
      after = rows.length < batchSize ? null : (rows.at(-1)?.place ?? null)
    }

  return { ok: unreadableCount === 0, organizationKeys, secrets, former, unreadable, unreadableCount }
}
