import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Database } from '../db/database.ts'
import { failure, type Fault, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import {
  isTrivial,
  makeMasterKey,
  type MasterKey,
  newMasterKeyBytes,
  parseMasterKey,
  parseMasterKeyFile,
  sealedFaults,
} from './master-key.ts'
import { type Canary, holdsSecrets, offerCanary, readCanary } from './store.ts'
import { makeVault, type SecretBinding, type Vault } from './vault.ts'

export interface MasterKeySources {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where a generated master key lies, in the file `master.key`. */
  readonly dataDirectory: string
  /** Only where we run the database ourselves: elsewhere the key would stay behind on one machine. */
  readonly generateAllowed: boolean
}

export const masterKeyFileName = 'master.key'

interface FoundKey {
  readonly masterKey: MasterKey
  readonly source: string
  readonly generatedFile: string | null
}

/**
 * Finds the master key and proves that this database was sealed with it, by a canary that the first start seals.
 * A key is generated only for a database that holds neither canary nor secrets.
 */
export const openVault = async (database: Database, sources: MasterKeySources): Promise<Outcome<Vault>> => {
  const canary = await readCanary(database)
  if (!canary && (await holdsSecrets(database))) return refused(sealedFaults.missingCanary())
  const found = await findMasterKey(sources, canary)
  if (!found.ok) return found
  const vault = makeVault(found.value.masterKey)
  if (!canary) await offerCanary(database, sealCanary(vault))
  const agreed = await readCanary(database)
  if (agreed && opens(vault, agreed)) return success(vault)
  // Another process on another machine was first: our new key seals nothing and must not be found again.
  if (found.value.generatedFile) await rm(found.value.generatedFile)
  return refused(
    sealedFaults.wrongKey(found.value.source, vault.masterKeyId, agreed?.masterKeyId ?? '(none)'),
  )
}

const refused = ({ message, next }: Fault) => failure('vault_sealed', { message, next })

const canaryBinding: SecretBinding = {
  organizationId: platformOrganizationId,
  owner: 'system',
  userId: null,
  serviceId: 'vault canary',
  serviceKeyId: platformOrganizationId,
  version: 1,
}

const sealCanary = (vault: Vault): Canary => {
  const sealed = vault.seal(canaryBinding, randomBytes(32).toString('base64'))
  return {
    masterKeyId: sealed.masterKeyId,
    wrappedKey: sealed.wrappedKey.toString('base64'),
    sealedSecret: sealed.sealedSecret.toString('base64'),
  }
}

const opens = (vault: Vault, canary: Canary): boolean =>
  vault.open(canaryBinding, {
    masterKeyId: canary.masterKeyId,
    wrappedKey: Buffer.from(canary.wrappedKey, 'base64'),
    sealedSecret: Buffer.from(canary.sealedSecret, 'base64'),
  }).ok

const findMasterKey = async (
  sources: MasterKeySources,
  canary: Canary | null,
): Promise<Outcome<FoundKey>> => {
  const value = sources.environment['AIDEON_MASTER_KEY']
  const file = sources.environment['AIDEON_MASTER_KEY_FILE']
  if (value && file) return refused(sealedFaults.twoSources())
  if (value) return accept(parseMasterKey(value), 'AIDEON_MASTER_KEY')
  if (file) return readKeyFile(file)
  const ownFile = join(sources.dataDirectory, masterKeyFileName)
  if (await exists(ownFile)) {
    // A restored backup may have lost the mode; nobody else has business here.
    await chmod(ownFile, 0o600).catch(() => {})
    return readKeyFile(ownFile)
  }
  if (canary) return refused(sealedFaults.lostKey(ownFile, canary.masterKeyId))
  return sources.generateAllowed ? generateKeyFile(ownFile) : refused(sealedFaults.noKey())
}

const accept = (
  bytes: Buffer | null,
  source: string,
  generatedFile: string | null = null,
): Outcome<FoundKey> => {
  if (!bytes) return refused(sealedFaults.unreadableValue(source))
  if (isTrivial(bytes)) return refused(sealedFaults.trivialValue(source))
  return success({ masterKey: makeMasterKey(bytes), source, generatedFile })
}

const readKeyFile = async (path: string, generatedFile: string | null = null): Promise<Outcome<FoundKey>> => {
  try {
    const content = await readFile(path)
    return accept(parseMasterKeyFile(content), path, generatedFile)
  } catch (error) {
    return refused(sealedFaults.unreadableFile(path, codeOf(error)))
  }
}

/** Written whole under another name first: a process that starts beside us finds all of the key, or none. */
const generateKeyFile = async (path: string): Promise<Outcome<FoundKey>> => {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${newMasterKeyBytes().toString('base64')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    const ours = await linkUnlessTaken(draft, path)
    await syncDirectory(dirname(path))
    return await readKeyFile(path, ours ? path : null)
  } catch (error) {
    return refused(sealedFaults.unreadableFile(path, codeOf(error)))
  } finally {
    await rm(draft, { force: true })
  }
}

/** `link` fails where the name is taken, unlike `rename`, which would replace another process's key. */
const linkUnlessTaken = async (draft: string, path: string): Promise<boolean> => {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** The name must survive a power cut before anything is sealed; not every system can sync a directory. */
const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r').catch(() => null)
  await directory?.sync().catch(() => {})
  await directory?.close()
}

const exists = async (path: string): Promise<boolean> => {
  const file = await open(path, 'r').catch((error: unknown) => codeOf(error))
  if (typeof file === 'string') return file !== 'ENOENT'
  await file.close()
  return true
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
