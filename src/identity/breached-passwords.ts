import { hash } from 'node:crypto'
import { type FileHandle, open, opendir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../kit/log.ts'

/**
 * Leaked passwords, looked up in files on this machine: nothing about a password leaves it. Either a directory of range
 * files as haveibeenpwned.com gives them (`21BD1` or `21BD1.txt`: the first five digits of the SHA-1, one `SUFFIX:COUNT` a
 * line), or one file of `SHA1:COUNT` lines in order of their hashes, which is searched by halving.
 */
export interface BreachedPasswords {
  has(password: string): Promise<boolean>
}

const sha1Length = 40
const prefixLength = 5

/** Throws where there is nothing to look anything up in: every password would pass as not leaked. */
export const openBreachedPasswords = async (
  path: string | null,
  log: Pick<Log, 'warn'>,
): Promise<BreachedPasswords | null> => {
  if (path === null) return null
  const found = await stat(path).catch((cause: unknown) => {
    throw new Error(`AIDEON_BREACHED_PASSWORDS names ${path}, which cannot be read.`, { cause })
  })
  if (found.isDirectory()) {
    if (await hasRanges(path)) return inRanges(path, log)
    throw new Error(
      `AIDEON_BREACHED_PASSWORDS names the directory ${path}, which holds no range file such as 21BD1.txt.`,
    )
  }
  if (await isList(path)) return inOneFile(path)
  throw new Error(
    `AIDEON_BREACHED_PASSWORDS names the file ${path}, which does not begin with a line of SHA1:COUNT.`,
  )
}

/** As `readRange` looks for them. There may be a million: the first one will do. */
const rangeName = /^(?:[0-9A-F]{5}(?:\.txt)?|[0-9a-f]{5}\.txt)$/
const hasRanges = async (directory: string): Promise<boolean> => {
  for await (const { name } of await opendir(directory)) if (rangeName.test(name)) return true
  return false
}

const isList = async (path: string): Promise<boolean> => {
  const file = await open(path)
  try {
    return /^[0-9A-F]{40}:\d/i.test((await lineFrom(file, 0))?.text ?? '')
  } finally {
    await file.close()
  }
}

const hashOf = (password: string): string => hash('sha1', password, 'hex').toUpperCase()

const inRanges = (directory: string, log: Pick<Log, 'warn'>): BreachedPasswords => {
  let isWarned = false
  return {
    async has(password) {
      const sha1 = hashOf(password)
      const text = await readRange(directory, sha1.slice(0, prefixLength))
      if (text === null) {
        // Which one is not said: it is a part of the hash of somebody's password.
        if (!isWarned)
          log.warn(
            { directory },
            'AIDEON_BREACHED_PASSWORDS lacks range files: not all leaked passwords are found',
          )
        isWarned = true
        return false
      }
      const suffix = sha1.slice(prefixLength)
      return text.split('\n').some((line) => isListed(line, suffix))
    },
  }
}

/** Padding of the service is listed with a count of 0. */
const isListed = (line: string, hashPart: string): boolean => {
  const [listed = '', count = '1'] = line.trim().split(':')
  return listed.toUpperCase() === hashPart && Number(count) > 0
}

const readRange = async (directory: string, prefix: string): Promise<string | null> => {
  for (const name of [`${prefix}.txt`, prefix, `${prefix.toLowerCase()}.txt`]) {
    try {
      return await readFile(join(directory, name), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return null
}

const inOneFile = (path: string): BreachedPasswords => ({
  async has(password) {
    const sha1 = hashOf(password)
    const file = await open(path)
    try {
      return await findLine(file, (await file.stat()).size, sha1)
    } finally {
      await file.close()
    }
  },
})

/** Longer than any line: 40 digits, a colon, a count and the end of the line. */
const longestLine = 80

/** About 30 small reads in the 40 GB of all that is known. */
const findLine = async (file: FileHandle, size: number, sha1: string): Promise<boolean> => {
  let [low, high] = [0, size]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const line = await lineFrom(file, middle)
    if (line === null || line.at >= high) {
      high = middle
      continue
    }
    const listed = line.text.slice(0, sha1Length).toUpperCase()
    if (listed === sha1) return isListed(line.text, sha1)
    if (listed < sha1) low = line.at + 1
    else high = middle
  }
  return false
}

/** The first line that begins at this place or after it. */
const lineFrom = async (file: FileHandle, from: number): Promise<{ at: number; text: string } | null> => {
  // One byte before shows whether a line begins here.
  const start = Math.max(0, from - 1)
  const buffer = Buffer.alloc(longestLine * 2)
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
  const text = buffer.toString('latin1', 0, bytesRead)
  const begin = from === 0 ? 0 : text.indexOf('\n') + 1
  if (from !== 0 && begin === 0) return null
  const end = text.indexOf('\n', begin)
  const line = text.slice(begin, end === -1 ? undefined : end)
  return line === '' ? null : { at: start + begin, text: line }
}
