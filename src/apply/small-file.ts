import { open } from 'node:fs/promises'
import { constants } from 'node:fs'

/** More than any secret that a service gives. */
const mostBytes = 64 * 1024

/** Of a file that a document names. What has no end, or waits for somebody to write, is no file. */
export const readSmallFile = async (path: string): Promise<{ text: string } | { why: string }> => {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = await file.stat()
    if (!stat.isFile()) return { why: 'it is no file' }
    if (stat.size > mostBytes) return { why: `it is larger than ${mostBytes / 1024} KiB` }
    return { text: await file.readFile('utf8') }
  } catch (error) {
    return { why: (error as NodeJS.ErrnoException).code ?? 'unknown reason' }
  }
}
