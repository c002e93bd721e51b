import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { openDatabase } from '../src/db/database.ts'
import { startEmbedded } from '../src/db/embedded.ts'
import { databaseName } from '../src/db/embedded-settings.ts'
import { migrate } from '../src/db/migrate.ts'
import { silentLog } from '../src/kit/log.ts'
import { withDatabase } from './database-url.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** As superuser, on a maintenance database: where databases are made. */
    administratorUrl: string
    /** The same server as the role that owns the test databases, on no database in particular. */
    roleUrl: string
    templateDatabase: string
    /** Files that several test files share; goes with the run. */
    runDirectory: string
  }
}

const templateDatabase = 'aideon_template'

/**
 * One real PostgreSQL for the whole run, with a migrated database that each test clones. AIDEON_TEST_DATABASE_URL (a
 * superuser's address) runs the tests on an external server instead.
 */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const external = process.env['AIDEON_TEST_DATABASE_URL']
  const server = external
    ? { administratorUrl: external, roleUrl: external, stop: async () => {} }
    : await startOwn()
  await makeTemplate(server.administratorUrl, server.roleUrl, external === undefined)
  project.provide('administratorUrl', server.administratorUrl)
  project.provide('roleUrl', server.roleUrl)
  project.provide('templateDatabase', templateDatabase)
  const runDirectory = await mkdtemp(join(tmpdir(), 'aideon-run-'))
  project.provide('runDirectory', runDirectory)
  return async () => {
    await server.stop()
    await rm(runDirectory, { recursive: true, force: true })
  }
}

// What is tested here is never power loss, and a clone and its removal sync a thousand files each.
const settings = { max_connections: '300', fsync: 'off', full_page_writes: 'off' }

const memory = '/dev/shm'

/** In memory where there is plenty: of a clone's thousand files a disk's file system makes ten times the work. */
const parentDirectory = async (): Promise<string> => {
  if (!isRoomy()) return tmpdir()
  // What runs that were killed have left behind.
  for (const name of readdirSync(memory)) {
    const [, pid] = /^aideon-test-(\d+)-/.exec(name) ?? []
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      await rm(join(memory, name), { recursive: true, force: true })
  }
  return memory
}

const isRoomy = (): boolean => {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
    const [, , , options = ''] = mounts.find((line) => line.split(' ')[1] === memory)?.split(' ') ?? []
    const { bavail, bsize } = statfsSync(memory)
    // The server's programs are run from there, too.
    return /^rw\b(?!.*\bnoexec\b)/.test(options) && Math.min(bavail * bsize, freemem()) > 6_000_000_000
  } catch {
    return false
  }
}

const startOwn = async () => {
  const dataDirectory = await mkdtemp(join(await parentDirectory(), `aideon-test-${process.pid}-`))
  const embedded = await startEmbedded({
    dataDirectory,
    log: silentLog,
    settings,
  })
  return {
    administratorUrl: embedded.administratorUrl,
    roleUrl: embedded.url,
    stop: async () => {
      await embedded.stop()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}

const makeTemplate = async (administratorUrl: string, roleUrl: string, ownRole: boolean): Promise<void> => {
  const administrator = openDatabase({ url: administratorUrl, maximumConnections: 1 })
  await administrator.pool.query(`DROP DATABASE IF EXISTS ${templateDatabase} WITH (FORCE)`)
  await administrator.pool.query(
    `CREATE DATABASE ${templateDatabase} TEMPLATE template0${ownRole ? ` OWNER ${databaseName}` : ''}`,
  )
  await administrator.close()
  const template = openDatabase({ url: withDatabase(roleUrl, templateDatabase), maximumConnections: 1 })
  await migrate(template, { log: silentLog })
  await template.close()
}
