import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Clock } from '../kit/clock.ts'
import { type Outcome, success } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Outbound } from '../net/outbound.ts'
import { openUnderMasterKey, type SecretBinding } from './envelope.ts'
import { makeFindings } from './findings.ts'
import { fingerprintPurpose, makeKeyring } from './keyring.ts'
import {
  findLocalKey,
  generateLocalKey,
  type LocalKey,
  type LocalKeySources,
  ownFileOf,
  removeLocalKey,
} from './local-key.ts'
import { makeMasterKey, type MasterKey, refused, sealedFaults } from './master-key.ts'
import { makeMasterKeys, type MasterKeys } from './master-keys.ts'
import { wrapPurposeKey } from './organization-key.ts'
import type { MasterKeyProvider } from './provider.ts'
import { parseProvider } from './providers/parse-provider.ts'
import * as store from './store.ts'
import { insertChange } from './store-changes.ts'
import { countOutstanding } from './store-sealed.ts'
import { makeVault, type Vault } from './vault.ts'
import { makeVersion, type NewVersion } from './version.ts'

export interface MasterKeySources extends LocalKeySources {
  /** Only where we run the database ourselves: elsewhere the key would stay behind on one machine. */
  readonly generateAllowed: boolean
  /** Where the operator says that the master key is; the first is for a database that has none yet. */
  readonly named?: readonly string[]
}

export interface VaultParts {
  readonly database: Database
  readonly epoch: Epoch
  readonly transport: Pick<Outbound, 'request'>
  readonly clock: Clock
  readonly log: Log
  readonly sources: MasterKeySources
  /** For tests. */
  readonly firstRetryMs?: number
  readonly batchSize?: number
}

export interface OpenedVault {
  readonly vault: Vault
  readonly masterKeys: MasterKeys
  close(): Promise<void>
}

/**
 * Opens every version of the master key that is needed, each proven on its canary. Where that does not succeed the vault
 * is sealed: the process runs, whatever needs a secret says `vault_sealed`, and it tries again by itself. Only a database
 * that holds nothing yet is refused without a usable key; and a key is generated for nothing else.
 */
export const openVault = async (parts: VaultParts): Promise<Outcome<OpenedVault>> => {
  const { database, epoch, clock, log, sources, transport } = parts
  const findings = makeFindings(parts)
  const named = sources.named ?? []
  const first = makeFirstVersion(parts)
  const keyring = makeKeyring({
    ...parts,
    findings,
    named,
    parse: (reference) => parseProvider(reference, { environment: sources.environment, transport, clock }),
    establish: first.establish,
  })
  const problem = await keyring.unseal()
  if (problem !== null && first.hasFailed()) {
    await keyring.close()
    return refused(problem)
  }
  const vault = makeVault({ database, epoch, keyring, findings, clock })
  const masterKeys = makeMasterKeys({ ...parts, keyring, vault, findings, log })
  return success({
    vault,
    masterKeys,
    async close() {
      await masterKeys.close()
      await keyring.close()
    },
  })
}

type ProviderOf = (reference: string) => Outcome<MasterKeyProvider>

const makeFirstVersion = ({ database, clock, log, sources }: VaultParts) => {
  /** Nothing to serve, and nothing that a later attempt could open. */
  let failed = false

  const provided = async (providerOf: ProviderOf): Promise<Outcome<First>> => {
    const reference = sources.named?.[0]
    if (reference !== undefined) return first(providerOf(reference), null)
    const found = await findLocalKey(sources)
    if (!found.ok) return found
    if (found.value !== null) return first(providerOf(found.value.reference), found.value)
    if (!sources.generateAllowed) return refused(sealedFaults.noKey())
    const generated = await generateLocalKey(sources)
    if (!generated.ok) return generated
    const { key, isOurs } = generated.value
    return first(providerOf(key.reference), key, isOurs)
  }

  const insert = (made: NewVersion, kind: 'first' | 'upgrade'): Promise<boolean> =>
    database.kysely.transaction().execute(async (transaction) => {
      await store.lockVersions(transaction)
      if ((await store.readVersions(transaction)).length > 0) return false
      const now = clock()
      await store.insertVersion(transaction, made, 'promoted', now)
      const wrappedKey = wrapPurposeKey(fingerprintPurpose, made.masterKey, made.masterKey.fingerprint)
      await store.insertPurposeKey(
        transaction,
        fingerprintPurpose,
        { masterKey: made.version, wrappedKey },
        now,
      )
      await store.deleteFormerCanary(transaction)
      if (kind === 'upgrade') {
        const total = await countOutstanding(transaction, made.version)
        await insertChange(
          transaction,
          { id: newId(), kind, state: 'rewrapping', toVersion: made.version, total },
          now,
        )
      }
      return true
    })

  const establishNew = async (providerOf: ProviderOf): Promise<Outcome<void>> => {
    const found = await provided(providerOf)
    if (!found.ok) return found
    const { provider, local, isGenerated } = found.value
    const made = await makeVersion(1, provider, { localKeyId: local?.id ?? null, vouchedBy: null })
    if (!made.ok) return made
    if (await insert(made.value, 'first')) {
      log.info({ masterKey: made.value.id, provider: provider.reference }, 'made the first master key')
      return success(undefined)
    }
    // Another process on another machine was first: our new key seals nothing and must not be found again.
    const [other] = await store.readVersions(database.kysely)
    if (isGenerated && other?.localKeyId !== local?.id) {
      await removeLocalKey(sources)
      failed = true
    }
    return success(undefined)
  }

  /** The operator's own key becomes version 1, so that what was sealed under it opens as before. */
  const upgrade = async (providerOf: ProviderOf, canary: store.FormerCanary): Promise<Outcome<void>> => {
    const found = await findLocalKey(sources)
    if (!found.ok) return found
    const local = found.value
    if (local === null) return refused(sealedFaults.lostKey(ownFileOf(sources), canary.masterKeyId))
    const provider = providerOf(local.reference)
    if (!provider.ok) return provider
    if (!opensFormerCanary(makeMasterKey(local.bytes()), canary))
      return refused(sealedFaults.wrongKey(local.source, local.id, canary.masterKeyId))
    const bytes = local.bytes()
    const made = await makeVersion(1, provider.value, { localKeyId: local.id, vouchedBy: null, bytes })
    if (!made.ok) return made
    if (await insert(made.value, 'upgrade'))
      log.info('secrets are sealed anew under keys of their organizations')
    return success(undefined)
  }

  return {
    establish: async (providerOf: ProviderOf): Promise<Outcome<void>> => {
      const canary = await store.readFormerCanary(database)
      if (canary !== null) return upgrade(providerOf, canary)
      if (await store.holdsSecrets(database)) return refused(sealedFaults.missingVersions())
      const established = await establishNew(providerOf)
      if (!established.ok) failed = true
      return established
    },
    hasFailed: () => failed,
  }
}

interface First {
  readonly provider: MasterKeyProvider
  readonly local: LocalKey | null
  readonly isGenerated: boolean
}

const first = (
  provider: Outcome<MasterKeyProvider>,
  local: LocalKey | null,
  isGenerated = false,
): Outcome<First> => (provider.ok ? success({ provider: provider.value, local, isGenerated }) : provider)

const formerCanaryBinding: SecretBinding = {
  organizationId: platformOrganizationId,
  owner: 'system',
  userId: null,
  serviceId: 'vault canary',
  serviceKeyId: platformOrganizationId,
  version: 1,
}

const opensFormerCanary = (masterKey: MasterKey, canary: store.FormerCanary): boolean =>
  'secret' in
  openUnderMasterKey(masterKey, formerCanaryBinding, {
    masterKeyId: canary.masterKeyId,
    wrappedKey: Buffer.from(canary.wrappedKey, 'base64'),
    sealedSecret: Buffer.from(canary.sealedSecret, 'base64'),
  })
