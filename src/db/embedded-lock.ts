import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { processIdentity } from './embedded-process.ts'

export interface LockHolder {
  readonly pid: number
  /** See processIdentity: a reused process number has another one. */
  readonly identity: string
  readonly since: string
}

export type LockResult =
  | { readonly ok: true; readonly release: () => void }
  | { readonly ok: false; readonly holder: LockHolder }

const lockFile = (directory: string): string => join(directory, 'aideon.lock')

/** The live process that holds this directory, or null. A lock left by `kill -9` or a power cut has no live process. */
export const lockHolder = (directory: string): LockHolder | null => {
  const holder = readHolder(lockFile(directory))
  return holder && processIdentity(holder.pid) === holder.identity ? holder : null
}

/**
 * One gateway per data directory. The file appears whole (written aside, then linked), so nobody reads half of one.
 * It cannot see processes of another container or machine on the same volume: give each its own directory.
 */
export const takeLock = (directory: string, now: Date): LockResult => {
  const path = lockFile(directory)
  const mine: LockHolder = {
    pid: process.pid,
    identity: processIdentity(process.pid) ?? '',
    since: now.toISOString(),
  }
  const aside = `${path}.${process.pid}`
  writeFileSync(aside, JSON.stringify(mine), { mode: 0o600 })
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      if (linked(aside, path)) return { ok: true, release: () => release(path, mine) }
      const holder = lockHolder(directory)
      if (holder) return { ok: false, holder }
      dropStale(path)
    }
    throw new Error(`${path} keeps changing; another start is under way on this data directory.`)
  } finally {
    rmSync(aside, { force: true })
  }
}

const linked = (from: string, to: string): boolean => {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Two starts may find the same stale lock: the slower one must not throw away the faster one's new lock. */
const dropStale = (path: string): void => {
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  const moved = readHolder(aside)
  if (moved && processIdentity(moved.pid) === moved.identity) linked(aside, path)
  rmSync(aside, { force: true })
}

const release = (path: string, mine: LockHolder): void => {
  const holder = readHolder(path)
  if (holder?.pid === mine.pid && holder.identity === mine.identity) rmSync(path, { force: true })
}

const readHolder = (path: string): LockHolder | null => {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isHolder(value) ? value : null
  } catch {
    return null
  }
}

const isHolder = (value: unknown): value is LockHolder =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  Number.isInteger(value.pid) &&
  'identity' in value &&
  typeof value.identity === 'string' &&
  'since' in value &&
  typeof value.since === 'string'
