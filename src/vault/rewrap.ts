import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import { isUnderMasterKey, openUnderMasterKey } from './envelope.ts'
import type { Findings } from './findings.ts'
import type { Keyring, OpenVersion } from './keyring.ts'
import { rewrapOrganizationKey, rewrapPurposeKey } from './organization-key.ts'
import * as store from './store-sealed.ts'
import type { Vault } from './vault.ts'

export interface RewrapParts {
  readonly database: Database
  readonly keyring: Keyring
  readonly vault: Pick<Vault, 'seal'>
  readonly findings: Findings
  readonly clock: Clock
  readonly batchSize?: number
}

/**
 * Wraps with the promoted version whatever is wrapped with another, in batches of one transaction each. What is to do
 * follows from the rows alone, so that whoever goes on after a kill begins at the beginning and finds only what is left.
 * A row is replaced only if it is still as it was read: of several processes at the same row one is right, and a key that
 * was revoked or replaced meanwhile stays so. `step` is called after each batch; false ends it early.
 */
export const rewrapAll = async (
  parts: RewrapParts,
  changeId: string,
  step: () => Promise<boolean>,
): Promise<'through' | 'interrupted'> => {
  const { keyring } = parts
  for (;;) {
    const to = keyring.promoted()
    if (to === null) return 'interrupted'
    let lost = 0
    for (const kind of ['purpose', 'organization'] as const) {
      const result = await rewrapKeys(parts, changeId, to, kind, step)
      if (result === null) return 'interrupted'
      lost += result
    }
    for (const table of store.secretTables) {
      const result = await resealSecrets(parts, changeId, table, step)
      if (result === null) return 'interrupted'
      lost += result
    }
    // Somebody else had those rows; whether they are done now, the rows tell.
    if (lost === 0) return 'through'
  }
}

const defaultBatchSize = 200

/** How many rows had changed meanwhile. Null: interrupted. */
const rewrapKeys = async (
  { database, keyring, clock, batchSize = defaultBatchSize }: RewrapParts,
  changeId: string,
  to: OpenVersion,
  kind: store.WrappedRow['kind'],
  step: () => Promise<boolean>,
): Promise<number | null> => {
  let lost = 0
  for (let after = ''; ; ) {
    const rows = await store.readWrapped(database.kysely, kind, after, batchSize, to.row.version)
    const rewrapped = rows.flatMap((was) => {
      const from = keyring.version(was.masterKey)
      if (from === null) return []
      const rewrap = kind === 'organization' ? rewrapOrganizationKey : rewrapPurposeKey
      const wrappedKey = rewrap(was.of, from.masterKey, to.masterKey, was.wrappedKey)
      return wrappedKey === null ? [] : [{ was, masterKey: to.row.version, wrappedKey }]
    })
    if (rewrapped.length > 0)
      lost += rewrapped.length - (await store.replaceWrapped(database, changeId, rewrapped, clock()))
    if (rows.length > 0 && !(await step())) return null
    const last = rows.at(-1)
    if (last === undefined || rows.length < batchSize) return lost
    after = last.of
  }
}

/** Secrets of the former format: opened in memory, and sealed anew under their organization's key. */
const resealSecrets = async (
  { database, keyring, vault, findings, batchSize = defaultBatchSize }: RewrapParts,
  changeId: string,
  table: store.SecretTable,
  step: () => Promise<boolean>,
): Promise<number | null> => {
  let lost = 0
  for (let after = ''; ; ) {
    const rows = await store.readSecrets(database.kysely, table, after, batchSize, 'former')
    const resealed = []
    for (const was of rows) {
      const from = isUnderMasterKey(was) ? keyring.byId(was.masterKeyId) : null
      if (from === null) continue
      const opened = openUnderMasterKey(from.masterKey, was, was)
      if ('cause' in opened) {
        findings.unreadable(was, opened.cause)
        continue
      }
      const is = await vault.seal(was, opened.secret)
      if (is.ok) resealed.push({ was, is: is.value })
    }
    if (resealed.length > 0)
      lost += resealed.length - (await store.replaceSecrets(database, changeId, table, resealed))
    if (rows.length > 0 && !(await step())) return null
    const last = rows.at(-1)
    if (last === undefined || rows.length < batchSize) return lost
    after = last.place
  }
}
