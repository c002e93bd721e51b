import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { version } from '../config/version.ts'
import { joinPostgres } from '../db/postgres.ts'
import { makeLog } from '../kit/log.ts'
import { redactSecrets } from '../kit/redact.ts'
import { openRooms } from '../rooms.ts'
import { applyDocument } from '../apply/apply-document.ts'
import { type Document, parseSetUp } from '../apply/document.ts'
import { appliedLines } from '../apply/report.ts'
import { explainFailure } from './failure.ts'

/** `aideon-keys apply`: 0 done or nothing to do, 1 something failed, 2 the file is wrong. */
export const apply = async (options: { file: string; dryRun: boolean; config: Config }): Promise<number> => {
  const { file, dryRun, config } = options
  const document = await readDocument(file)
  if (document === null) return 2
  const log = makeLog({ level: config.logLevel === 'info' ? 'warn' : config.logLevel, redact: redactSecrets })
  const postgres = await joinPostgres({ ...config, log })
  try {
    const rooms = await openRooms({
      config,
      url: postgres.url,
      embedded: config.databaseUrl === null,
      version,
      log,
    })
    try {
      const applied = await applyDocument(rooms, document, {
        environment: process.env,
        directory: dirname(resolve(file)),
        dryRun,
      })
      for (const line of appliedLines(applied, dryRun)) console.log(line)
      return applied.ok ? 0 : 1
    } finally {
      await rooms.close()
    }
  } catch (error) {
    console.error(explainFailure(error))
    return 1
  } finally {
    await postgres.stop()
  }
}

const readDocument = async (file: string): Promise<Document | null> => {
  let source: string
  try {
    source = await readFile(file, 'utf8')
  } catch (error) {
    console.error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}).`)
    return null
  }
  const parsed = parseSetUp(source)
  if (parsed.ok) return parsed.document
  for (const { line, message } of parsed.problems)
    console.error(line === null ? `${file}: ${message}` : `${file}:${line}: ${message}`)
  console.error('Nothing was changed.')
  return null
}
