/**
 * Writes src/db/schema.ts, the Kysely types, from a database that has just been migrated (npm run db:types).
 * With --check it writes nothing and exits 1 where the file is out of step.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../src/db/database.ts'
import { startEmbedded } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'
import { silentLog } from '../src/kit/log.ts'
import { readSchema, schemaSource } from './schema-source.ts'

const target = join(import.meta.dirname, '../src/db/schema.ts')

const generate = async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'aideon-types-'))
  const embedded = await startEmbedded({ dataDirectory, log: silentLog })
  const database = openDatabase({ url: embedded.url })
  try {
    await migrate(database, { log: silentLog })
    return schemaSource(await readSchema(database.pool))
  } finally {
    await database.close()
    await embedded.stop()
    await rm(dataDirectory, { recursive: true })
  }
}

const source = await generate()
if (process.argv.includes('--check')) {
  if ((await readFile(target, 'utf8')) !== source) {
    console.error('src/db/schema.ts is not what the migrations make. Run npm run db:types.')
    process.exitCode = 1
  }
} else {
  await writeFile(target, source)
}
