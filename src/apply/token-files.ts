import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import { hashOfToken, isWellFormed } from '../access/token.ts'
import { type Document, usersOf } from './document.ts'

/** Access tokens that a document asks for are shown nowhere; they are written to files that only the owner reads. */

export const tokenPathsOf = (document: Document): string[] => [
  ...usersOf(document).flatMap(({ user }) => user.accessTokenFile ?? []),
  ...(document.platformTokens ?? []).map((token) => token.file),
]

export const absolutePath = (path: string, directory: string): string =>
  isAbsolute(path) ? path : resolve(directory, path)

/** The hash of the token in each file; null: no file yet. A file that holds something else is not ours to overwrite. */
export const readTokenFiles = async (paths: readonly string[], directory: string) => {
  const hashes = new Map<string, Buffer | null>()
  const problems: string[] = []
  for (const path of paths) {
    if (hashes.has(path)) problems.push(`${path}: two tokens cannot be written to one file.`)
    const text = await readFile(absolutePath(path, directory), 'utf8').catch(
      (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? null : error),
    )
    if (text instanceof Error)
      problems.push(`${path}: the file cannot be read (${text.code ?? 'unknown reason'}).`)
    else if (text !== null && text.trim() !== '' && !isWellFormed(text.trim()))
      problems.push(`${path}: the file holds something that is no access token, so it is not overwritten.`)
    hashes.set(path, typeof text === 'string' && text.trim() !== '' ? hashOfToken(text.trim()) : null)
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
