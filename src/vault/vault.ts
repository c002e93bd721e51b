import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import { makeEpochCache } from '../db/epoch-cache.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenants, beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { type Fault, FaultError, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import {
  type Cause,
  fingerprintUnder,
  isUnderMasterKey,
  openUnder,
  openUnderMasterKey,
  type SealedSecret,
  sealUnder,
  type SecretBinding,
} from './envelope.ts'
import type { Findings } from './findings.ts'
import type { Keyring } from './keyring.ts'
import { newOrganizationKey, openOrganizationKey, type OrganizationKey } from './organization-key.ts'
import type { Executor } from './store.ts'
import * as store from './store-organization-keys.ts'

export type { SealedSecret, SecretBinding } from './envelope.ts'

/**
 * Envelope encryption (docs/vault.md). Each version of a secret has its own random data key, wrapped by the key of its
 * organization, which the master key wraps. Every layer authenticates where it belongs, so a sealed secret opens only in
 * the row it was sealed for. Whatever does not match is `secret_unreadable` and goes to the audit trail; what is stored is
 * never returned as it is. While the vault is sealed everything is `vault_sealed`.
 */
export interface Vault {
  /** Null: open. What callers may know of it; operators are told more (MasterKeys.status). */
  problem(): Fault | null
  /** In the transaction that stores it, where there is one. The first secret of an organization makes its key. */
  seal(
    binding: SecretBinding,
    secret: string,
    transaction?: Transaction<Schema>,
  ): Promise<Outcome<SealedSecret>>
  open(binding: SecretBinding, sealed: SealedSecret): Promise<Outcome<string>>
  /**
   * Tells duplicates within one organization and service, and nothing across them. Outlives every version of the master
   * key. Throws `vault_sealed`.
   */
  fingerprint(organizationId: string, serviceId: string, secret: string): Buffer
  /**
   * Makes every secret of an organization unreadable for good, everywhere, when the epoch change around it returns:
   * `epoch.change(organizationId, (t) => vault.shred(t, …))`. Nothing can be sealed for it afterwards.
   */
  shred(transaction: Transaction<Schema>, organizationId: string, actor: Actor): Promise<void>
}

type KeyOf = { readonly key: OrganizationKey } | { readonly cause: Cause }

/** Nothing that may change without an epoch is cached. */
class NotCached extends Error {
  readonly found: { readonly cause: Cause } | 'sealed'
  constructor(found: NotCached['found']) {
    super('not cached')
    this.found = found
  }
}

const vaultSealed = failure('vault_sealed')
const promotionsAtOnce = 3

export const makeVault = (parts: {
  database: Database
  epoch: Pick<Epoch, 'isFresh' | 'current' | 'onChange'>
  keyring: Keyring
  findings: Findings
  clock: Clock
}): Vault => {
  const { database, epoch, keyring, findings, clock } = parts

  const openRow = (row: store.StoredOrganizationKey): KeyOf => {
    if (row.shreddedAt !== null) return { cause: 'shredded' }
    const by = keyring.version(row.masterKey)
    if (by === null) throw new NotCached('sealed')
    const key = openOrganizationKey(row.organizationId, by.masterKey, row.wrappedKey)
    if (key === null) throw new NotCached({ cause: 'organization_key' })
    return { key }
  }

  const cache = makeEpochCache<KeyOf>({
    epoch,
    load: async (organizationId) => {
      const row = await store.readOrganizationKey(database.kysely, organizationId)
      if (row === null) throw new NotCached({ cause: 'organization_key_missing' })
      return { value: openRow(row), organizationIds: [organizationId] }
    },
  })

  const found = async (get: () => KeyOf | Promise<KeyOf>): Promise<KeyOf | 'sealed'> => {
    try {
      return await get()
    } catch (error) {
      if (error instanceof NotCached) return error.found
      throw error
    }
  }

  const keyToOpen = (organizationId: string): Promise<KeyOf | 'sealed'> =>
    found(() => cache.peek(organizationId) ?? cache.get(organizationId))

  const keyToSeal = async (organizationId: string, executor: Executor): Promise<KeyOf | 'sealed'> => {
    for (let tries = 0; tries <= promotionsAtOnce; tries++) {
      const row = await store.readOrganizationKey(executor, organizationId)
      if (row !== null) return found(() => openRow(row))
      const promoted = keyring.promoted()
      if (promoted === null) return 'sealed'
      const { key, wrappedKey } = newOrganizationKey(organizationId, promoted.masterKey)
      const masterKey = promoted.row.version
      const offered = { organizationId, id: key.id, masterKey, wrappedKey }
      // Another version was promoted while this one was being made.
      if (!(await store.offerOrganizationKey(executor, offered, clock()))) await keyring.unseal()
    }
    return 'sealed'
  }

  const unreadable = (binding: SecretBinding, cause: Cause) => {
    beyondTenants(() => findings.unreadable(binding, cause))
    return failure('secret_unreadable')
  }

  return {
    problem: () => (keyring.sealed() === null ? null : fault('vault_sealed')),

    async seal(binding, secret, transaction) {
      if (keyring.sealed() !== null) return vaultSealed
      const { organizationId } = binding
      const cached = transaction ? undefined : cache.peek(organizationId)
      // Versions of the master key are the platform's, whoever's request it is.
      const key =
        cached ??
        (await (transaction
          ? beyondTenantsIn(transaction, () => keyToSeal(organizationId, transaction))
          : beyondTenants(() => keyToSeal(organizationId, database.kysely))))
      if (key === 'sealed') return vaultSealed
      if ('key' in key) return success(sealUnder(key.key, binding, secret))
      return key.cause === 'shredded' ? failure('conflict', shredded) : unreadable(binding, key.cause)
    },

    async open(binding, sealed) {
      if (keyring.sealed() !== null) return vaultSealed
      if (isUnderMasterKey(sealed)) {
        const by = keyring.byId(sealed.masterKeyId)
        if (by === null)
          return keyring.knows(sealed.masterKeyId) ? vaultSealed : unreadable(binding, 'unknown_master_key')
        const opened = openUnderMasterKey(by.masterKey, binding, sealed)
        return 'secret' in opened ? success(opened.secret) : unreadable(binding, opened.cause)
      }
      const key = await keyToOpen(binding.organizationId)
      if (key === 'sealed') return vaultSealed
      if ('cause' in key) return unreadable(binding, key.cause)
      const opened = openUnder(key.key, binding, sealed)
      return 'secret' in opened ? success(opened.secret) : unreadable(binding, opened.cause)
    },

    fingerprint(organizationId, serviceId, secret) {
      const key = keyring.fingerprintKey()
      if (keyring.sealed() !== null || key === null) throw new FaultError(fault('vault_sealed'))
      return fingerprintUnder(key, organizationId, serviceId, secret)
    },

    async shred(transaction, organizationId, actor) {
      if (organizationId === platformOrganizationId) throw new FaultError(platformIsKept)
      const now = clock()
      await store.shredOrganizationKey(transaction, organizationId, now)
      await store.shredSecretsUnderMasterKey(transaction, organizationId, now)
      await recordAudit(transaction, {
        organizationId,
        actor,
        action: 'vault.shredded',
        subject: { kind: 'organization', id: organizationId },
      })
    },
  }
}

const shredded = {
  message: 'The key of this organisation was destroyed for good, so nothing can be sealed for it.',
  next: 'Use another organisation.',
}
const platformIsKept = fault('conflict', {
  message: 'The secrets of the platform are not destroyed while the installation is in use.',
})
