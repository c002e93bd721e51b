import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import { hashOfToken, isWellFormed } from '../access/token.ts'
import { readSmallFile } from './small-file.ts'

/** Secrets that we make for a document are shown nowhere; they are written to files that only the owner reads. */

export const absolutePath = (path: string, directory: string): string =>
  isAbsolute(path) ? path : resolve(directory, path)

/** Of an OAuth client, whose id is needed beside its secret: a file that a shell or a container reads as variables. */
export const clientText = (id: string, secret: string): string => `CLIENT_ID=${id}\nCLIENT_SECRET=${secret}`
const secretIn = (text: string): string => /^CLIENT_ID=\S+\nCLIENT_SECRET=(\S+)$/.exec(text)?.[1] ?? text
const isOurs = (secret: string): boolean => isWellFormed(secret) || /^whsec_[A-Za-z0-9+/]+=*$/.test(secret)

/** The hash of the secret in each file; null: no file yet. A file that holds something else is not ours to overwrite. */
export const readTokenFiles = async (paths: readonly string[], directory: string) => {
  const hashes = new Map<string, Buffer | null>()
  const problems: string[] = []
  for (const path of paths) {
    if (hashes.has(path)) problems.push(`${path}: two tokens cannot be written to one file.`)
    const read = await readSmallFile(absolutePath(path, directory))
    if ('why' in read && read.why !== 'ENOENT')
      problems.push(`${path}: the file cannot be read (${read.why}).`)
    const secret = 'text' in read ? secretIn(read.text.trim()) : ''
    if (secret !== '' && !isOurs(secret))
      problems.push(`${path}: the file holds something that is no access token, so it is not overwritten.`)
    hashes.set(path, secret === '' ? null : hashOfToken(secret))
  }
  return { hashes, problems }
}

/** Whole or not at all, and readable by its owner only from the first byte on. */
export const writePrivateFile = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}.new`
  await rm(draft, { force: true })
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}
