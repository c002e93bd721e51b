import { type FileHandle, open } from 'node:fs/promises'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { StreamRecord } from './record.ts'
import type { Sink } from './sink.ts'

/** JSON lines, opened for each delivery: a file that was rotated away is begun anew by itself. */
export const makeFileSink = (path: string): Sink => ({
  name: `file:${path}`,
  kind: 'file',
  batchSize: 500,
  async deliver(records) {
    let file: FileHandle | null = null
    try {
      file = await open(path, 'a+', 0o600)
      const torn = await endsWithinLine(file)
      await file.appendFile((torn ? '\n' : '') + linesOf(records))
      // Only what survives a power cut is delivered.
      await file.datasync()
      return success(undefined)
    } catch (error) {
      return sinkFailure(`The file ${path} cannot be written (${codeOf(error)}).`)
    } finally {
      await file?.close().catch(() => {})
    }
  },
})

/** A process that was killed, or a disk that was full, left a part of a line. */
const endsWithinLine = async (file: FileHandle): Promise<boolean> => {
  const { size } = await file.stat()
  if (size === 0) return false
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] !== 0x0a
}

export const makeStdoutSink = (stream: Pick<NodeJS.WritableStream, 'write'> = process.stdout): Sink => ({
  name: 'stdout',
  kind: 'stdout',
  batchSize: 500,
  deliver: (records) =>
    new Promise<Outcome<void>>((resolve) => {
      stream.write(linesOf(records), (error) =>
        resolve(error ? sinkFailure('Standard output cannot be written.') : success(undefined)),
      )
    }),
})

const linesOf = (records: readonly StreamRecord[]): string => records.map(({ line }) => `${line}\n`).join('')

export const sinkFailure = (message: string) => failure('audit_stream_unreachable', { message })

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
