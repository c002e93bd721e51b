import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Outcome, success } from '../kit/fault.ts'
import {
  isTrivial,
  masterKeyIdOf,
  newMasterKeyBytes,
  parseMasterKey,
  parseMasterKeyFile,
  refused,
  sealedFaults,
} from './master-key.ts'

export interface LocalKeySources {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where a generated master key lies, in the file `master.key`. */
  readonly dataDirectory: string
}

/** The operator's own 32 bytes: the oldest way, and what there is where nothing else was asked for. */
export interface LocalKey {
  readonly id: string
  /** A provider's: `env:AIDEON_MASTER_KEY`, `file:/…`. */
  readonly reference: string
  /** A variable's name or a path, as the operator knows it. */
  readonly source: string
  /** Whoever asks wipes them. */
  readonly bytes: () => Buffer
}

export const masterKeyFileName = 'master.key'

/** Null: none is set, and none lies in the data directory. */
export const findLocalKey = async (sources: LocalKeySources): Promise<Outcome<LocalKey | null>> => {
  const value = sources.environment['AIDEON_MASTER_KEY']
  const file = sources.environment['AIDEON_MASTER_KEY_FILE']
  if (value && file) return refused(sealedFaults.twoSources())
  if (value) return accept(parseMasterKey(value), 'env:AIDEON_MASTER_KEY', 'AIDEON_MASTER_KEY')
  if (file) return readKeyFile(file)
  const ownFile = ownFileOf(sources)
  if (!(await exists(ownFile))) return success(null)
  // A restored backup may have lost the mode; nobody else has business here.
  await chmod(ownFile, 0o600).catch(() => {})
  return readKeyFile(ownFile)
}

export const ownFileOf = ({ dataDirectory }: LocalKeySources): string =>
  join(dataDirectory, masterKeyFileName)

/**
 * `isOurs`: of processes that start together one makes the file. Written whole under another name first: whoever starts
 * beside us finds all of the key, or none.
 */
export const generateLocalKey = async (
  sources: LocalKeySources,
): Promise<Outcome<{ key: LocalKey; isOurs: boolean }>> => {
  const path = ownFileOf(sources)
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
    const isOurs = await linkUnlessTaken(draft, path)
    await syncDirectory(dirname(path))
    const key = await readKeyFile(path)
    return key.ok ? success({ key: key.value, isOurs }) : key
  } catch (error) {
    return refused(sealedFaults.unreadableFile(path, codeOf(error)))
  } finally {
    await rm(draft, { force: true })
  }
}

/** One that was made in vain: another process on another machine was first. */
export const removeLocalKey = (sources: LocalKeySources): Promise<void> => rm(ownFileOf(sources))

const accept = (bytes: Buffer | null, reference: string, source: string): Outcome<LocalKey> => {
  if (!bytes) return refused(sealedFaults.unreadableValue(source))
  if (isTrivial(bytes)) return refused(sealedFaults.trivialValue(source))
  return success({ id: masterKeyIdOf(bytes), reference, source, bytes: () => Buffer.from(bytes) })
}

const readKeyFile = async (path: string): Promise<Outcome<LocalKey>> => {
  try {
    const content = await readFile(path)
    return accept(parseMasterKeyFile(content), `file:${resolve(path)}`, path)
  } catch (error) {
    return refused(sealedFaults.unreadableFile(path, codeOf(error)))
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
