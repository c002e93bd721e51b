import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { applyDocument } from '../apply/apply-document.ts'
import { type Document, parseSetUp } from '../apply/document.ts'
import { appliedLines } from '../apply/report.ts'
import { withRooms } from './database.ts'

/** `aideon-keys apply`: 0 done or nothing to do, 1 something failed, 2 the file is wrong. */
export const apply = async (options: { file: string; dryRun: boolean; config: Config }): Promise<number> => {
  const { file, dryRun, config } = options
  const document = await readDocument(file)
  if (document === null) return 2
  return withRooms(config, async (rooms) => {
    const applied = await applyDocument(rooms, document, {
      environment: process.env,
      directory: dirname(resolve(file)),
      dryRun,
    })
    for (const line of appliedLines(applied, dryRun)) console.log(line)
    if (applied.ok && !dryRun && applied.steps.some(makesUser)) console.log(howTheySignIn)
    return applied.ok ? 0 : 1
  })
}

const makesUser = (step: { sign: string; subject: string }): boolean =>
  step.sign === '+' && /^user \S+$/.test(step.subject)
const howTheySignIn =
  'New users have no password yet. A link by which one signs in: aideon-keys sign-in-link EMAIL'

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
  for (const { code, line, message } of parsed.problems)
    console.error(`${file}${line === null ? '' : `:${line}`}: ${message} [${code}]`)
  console.error('Nothing was changed. Correct the file and apply it again; docs/apply.md has every field.')
  return null
}
