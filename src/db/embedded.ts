import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import type { Log } from '../kit/log.ts'
import { type Account, databaseAccount, PostgresError } from './embedded-account.ts'
import {
  installServer,
  type Layout,
  layoutOf,
  logTail,
  makeSocketDirectory,
  prepareDirectories,
  removeSocketDirectory,
  rotateLog,
  runAs,
  runTool,
} from './embedded-files.ts'
import { lockHolder, takeLock } from './embedded-lock.ts'
import {
  becomesTrue,
  isAlive,
  isTaken,
  type PostmasterFile,
  parsePostmasterFile,
  processesIn,
  signalProcess,
} from './embedded-process.ts'
import {
  accessRules,
  administratorRole,
  databaseName,
  serverParameters,
  socketUrl,
  tenantRole,
} from './embedded-settings.ts'

export type EmbeddedState = 'starting' | 'ready' | 'down' | 'stopped'

export interface Embedded {
  /** For openDatabase; stays the same when the server is restarted. */
  readonly url: string
  /** As the superuser, on the maintenance database: for tests, which make databases. */
  readonly administratorUrl: string
  /** The server's process, null while it is down. */
  readonly pid: number | null
  readonly state: EmbeddedState
  readonly onStateChange: (listener: (state: EmbeddedState) => void) => void
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  readonly dataDirectory: string
  readonly log: Log
  /** Further `-c name=value` settings. */
  readonly settings?: Record<string, string>
}

// Crash recovery of a large write-ahead log takes longer than a start, and says so in postmaster.pid.
const startTimeoutMs = 60_000
const recoveryTimeoutMs = 600_000
const stopTimeoutMs = 30_000
const longestRestartPauseMs = 5_000

/**
 * Starts the PostgreSQL that comes with the product and keeps it running: a server that dies is started again, and
 * callers get connection errors meanwhile. What a killed predecessor left (its lock, a running server, stale files) is
 * cleared first. Resolves when the server takes connections.
 */
export const startEmbedded = async (options: EmbeddedOptions): Promise<Embedded> => {
  if (process.platform === 'win32')
    throw new PostgresError(
      'The built-in PostgreSQL does not run on Windows. Set DATABASE_URL to a PostgreSQL 15 to 18.',
    )
  const layout = layoutOf(resolve(options.dataDirectory))
  const account = databaseAccount(layout.databaseDirectory)
  explainingAccess(layout, () => prepareDirectories(layout, account))
  const lock = explainingAccess(layout, () => takeLock(layout.dataDirectory, new Date()))
  if (!lock.ok) throw new PostgresError(alreadyRunning(layout, lock.holder))
  try {
    return await startLocked(options, layout, account, lock.release)
  } catch (error) {
    lock.release()
    throw error
  }
}

/** The address of a server that another process of ours runs on this data directory; null when none does. */
export const runningEmbedded = (dataDirectory: string): string | null => {
  const layout = layoutOf(resolve(dataDirectory))
  if (lockHolder(layout.dataDirectory) === null) return null
  const file = readPostmaster(layout)
  return file?.status === 'ready' && isAlive(file.pid) ? socketUrl(file.socketDirectory) : null
}

const startLocked = async (
  options: EmbeddedOptions,
  layout: Layout,
  account: Account,
  releaseLock: () => void,
): Promise<Embedded> => {
  await clearPredecessor(layout, options.log)
  const programs = installServer(layout)
  runTool(join(programs, 'postgres'), ['--version'], account)
  createCluster(layout, programs, account)
  const socketDirectory = makeSocketDirectory(layout, account)
  writeAccessRules(layout)
  const server = superviseServer({ ...options, layout, account, programs, socketDirectory })
  try {
    await server.start()
    await createDatabase(socketUrl(socketDirectory, administratorRole, 'postgres'))
  } catch (error) {
    await server.stop()
    removeSocketDirectory(layout, socketDirectory)
    throw error
  }
  return {
    url: socketUrl(socketDirectory),
    administratorUrl: socketUrl(socketDirectory, administratorRole, 'postgres'),
    get pid() {
      return server.pid()
    },
    get state() {
      return server.state()
    },
    onStateChange: server.onStateChange,
    stop: async () => {
      await server.stop()
      removeSocketDirectory(layout, socketDirectory)
      releaseLock()
    },
  }
}

const alreadyRunning = (layout: Layout, holder: { pid: number; since: string }): string =>
  `Aideon Keys is already running on ${layout.dataDirectory} (process ${holder.pid}, since ${holder.since}). Stop it first, or start this one with another data directory (--data). Several processes can share one external database: set DATABASE_URL.`

/** A directory that belongs to somebody else is the commonest mistake here and deserves better than EACCES. */
const explainingAccess = <T>(layout: Layout, work: () => T): T => {
  try {
    return work()
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' || code === 'ENOTDIR' || code === 'ENOENT')
      throw new PostgresError(
        `The data directory ${layout.dataDirectory} cannot be made: ${path ?? layout.dataDirectory} is no directory and cannot become one (${code}). Choose another one with --data.`,
        { cause: error },
      )
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error
    throw new PostgresError(
      `The data directory ${layout.dataDirectory} cannot be used: ${path ?? layout.dataDirectory} may not be written by this user (${code}). Give it to this user (chown -R), or choose another one with --data.`,
      { cause: error },
    )
  }
}

// ---- what a predecessor left

const readPostmaster = (layout: Layout): PostmasterFile | null => {
  try {
    return parsePostmasterFile(readFileSync(join(layout.cluster, 'postmaster.pid'), 'utf8'))
  } catch {
    return null
  }
}

/**
 * A server that outlived a `kill -9` of its gateway is stopped cleanly rather than adopted: as our own child we see it
 * end, and a restart costs a tenth of a second. PostgreSQL clears files of a process that is gone, and checks its shared
 * memory first, so that is left to it. But it takes a number that now belongs to a stranger, or to a zombie that nobody
 * collects (containers without an init), for a running server: those files we remove, when nothing of it runs.
 */
const clearPredecessor = async (layout: Layout, log: Log): Promise<void> => {
  const file = readPostmaster(layout)
  if (!file) return
  await stopLeftBehind(layout, file, log)
  if (isTaken(file.pid)) {
    log.warn({ pid: file.pid }, 'removing a stale postmaster.pid')
    rmSync(join(layout.cluster, 'postmaster.pid'), { force: true })
  }
  removeSocketDirectory(layout, file.socketDirectory)
}

const stopLeftBehind = async (layout: Layout, file: PostmasterFile, log: Log): Promise<void> => {
  const remaining = (): number[] => leftBehind(layout)
  if (remaining().length === 0) return
  log.warn({ pid: file.pid }, 'stopping a PostgreSQL that a killed process left behind')
  // Where the postmaster itself is gone, its children are about to notice and end.
  if (remaining().includes(file.pid)) signalProcess(file.pid, 'SIGINT')
  if (await becomesTrue(() => remaining().length === 0, stopTimeoutMs)) return
  for (const pid of remaining()) signalProcess(pid, 'SIGQUIT')
  if (await becomesTrue(() => remaining().length === 0, stopTimeoutMs)) return
  throw new PostgresError(
    `A PostgreSQL that a killed process left behind on ${layout.dataDirectory} does not stop (processes ${remaining().join(', ')}). End these processes and start again.`,
  )
}

/** While no server of ours runs: what is left of one that was killed. */
const leftBehind = (layout: Layout): number[] =>
  processesIn(realpathSync(layout.cluster), clusterName(layout))

const clusterName = (layout: Layout): string =>
  `aideon-${createHash('sha256').update(layout.cluster).digest('hex').slice(0, 12)}`

// ---- first start

/** Made aside and renamed: an interrupted first start leaves no half cluster that looks like a whole one. */
const createCluster = (layout: Layout, programs: string, account: Account): void => {
  if (existsSync(layout.cluster)) return
  const partial = `${layout.cluster}.partial`
  rmSync(partial, { recursive: true, force: true })
  const parameters = [
    '-D',
    partial,
    '-U',
    administratorRole,
    '--encoding=UTF8',
    '--no-instructions',
    // The same order and case rules on every machine and after every upgrade of its C library.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--data-checksums',
    '--auth-local=peer',
    '--auth-host=reject',
  ]
  runTool(join(programs, 'initdb'), parameters, account)
  renameSync(partial, layout.cluster)
}

const writeAccessRules = (layout: Layout): void => {
  for (const [name, text] of Object.entries(accessRules(userInfo().username))) {
    const path = join(layout.dataDirectory, name)
    // Beside the account's directory, not in it: root writes nowhere that another account could plant a link.
    rmSync(path, { force: true })
    writeFileSync(path, text, { mode: 0o644, flag: 'wx' })
    chmodSync(path, 0o644)
  }
}

/** The gateway's role owns its database and is no superuser: a statement smuggled in could not read files or run programs. */
const createDatabase = async (administratorUrl: string): Promise<void> => {
  const client = new Client({ connectionString: administratorUrl })
  await client.connect()
  try {
    const role = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [databaseName])
    if (role.rowCount === 0) await client.query(`CREATE ROLE ${databaseName} LOGIN`)
    const tenant = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [tenantRole])
    if (tenant.rowCount === 0)
      await client.query(`CREATE ROLE ${tenantRole} NOLOGIN; GRANT ${tenantRole} TO ${databaseName}`)
    const database = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [databaseName])
    if (database.rowCount === 0) await client.query(`CREATE DATABASE ${databaseName} OWNER ${databaseName}`)
  } finally {
    await client.end()
  }
}

// ---- the running server

interface SuperviseOptions extends EmbeddedOptions {
  readonly layout: Layout
  readonly account: Account
  readonly programs: string
  readonly socketDirectory: string
}

interface Supervised {
  start(): Promise<void>
  stop(): Promise<void>
  pid(): number | null
  state(): EmbeddedState
  readonly onStateChange: (listener: (state: EmbeddedState) => void) => void
}

const superviseServer = (options: SuperviseOptions): Supervised => {
  const { layout, log } = options
  const listeners: ((state: EmbeddedState) => void)[] = []
  let state: EmbeddedState = 'starting'
  let child: ChildProcess | null = null
  let restarting: Promise<void> | null = null

  const enter = (next: EmbeddedState): void => {
    if (state === next || state === 'stopped') return
    state = next
    for (const listener of listeners) listener(next)
  }

  const launch = async (): Promise<void> => {
    const server = spawnServer(options)
    child = server
    await untilReady(layout, server)
    if (state === 'stopped') return
    enter('ready')
    server.once('exit', (code, signal) => {
      if (state === 'stopped') return
      enter('down')
      log.error({ code, signal }, 'PostgreSQL ended by itself; starting it again')
      restarting = restart()
    })
  }

  const restart = async (): Promise<void> => {
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, longestRestartPauseMs)) {
      if (state === 'stopped') return
      try {
        await launch()
        if (state === 'ready') log.info('PostgreSQL runs again')
        return
      } catch (error) {
        // Children of a killed server need a moment to notice; until then the new one refuses to start. One that waits for
        // a lock that died with another never does.
        if (pauseMs > 500) {
          log.error({ err: error }, 'PostgreSQL did not start again; trying on')
          for (const pid of leftBehind(layout)) signalProcess(pid, 'SIGKILL')
        }
        await wait(pauseMs)
      }
    }
  }

  // Whatever ends this process short of kill -9 ends the server too.
  const onExit = (): void => {
    child?.kill('SIGINT')
  }
  process.once('exit', onExit)

  return {
    start: launch,
    stop: async () => {
      process.off('exit', onExit)
      enter('stopped')
      if (child) await stopServer(child)
      await restarting
      if (child) await stopServer(child)
    },
    pid: () => (child && !hasEnded(child) ? (child.pid ?? null) : null),
    state: () => state,
    onStateChange: (listener) => {
      listeners.push(listener)
    },
  }
}

const spawnServer = (options: SuperviseOptions): ChildProcess => {
  const { layout, account, programs, socketDirectory } = options
  rotateLog(layout.logFile)
  const output = openSync(layout.logFile, 'a', 0o600)
  const settings = {
    ...serverParameters({
      socketDirectory,
      rulesDirectory: layout.dataDirectory,
      clusterName: clusterName(layout),
    }),
    ...options.settings,
  }
  try {
    return spawn(
      join(programs, 'postgres'),
      [
        '-D',
        layout.cluster,
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      // A session of its own: Ctrl-C in a terminal reaches us, who drain first, and not the database.
      { ...runAs(account), detached: true, stdio: ['ignore', output, output] },
    )
  } finally {
    closeSync(output)
  }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const untilReady = async (layout: Layout, child: ChildProcess): Promise<void> => {
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      const tail = logTail(layout.logFile)
      reject(
        new PostgresError(
          `PostgreSQL did not start (${signal ?? `exit code ${code}`}). End of ${layout.logFile}:\n${tail}`,
        ),
      )
    })
  })
  // After readiness the exit is the supervisor's business.
  failed.catch(() => {})
  await Promise.race([failed, pollReady(layout, child)])
}

const pollReady = async (layout: Layout, child: ChildProcess): Promise<void> => {
  const began = performance.now()
  while (!hasEnded(child)) {
    const file = readPostmaster(layout)
    const own = file !== null && file.pid === child.pid
    if (own && file.status === 'ready') return
    const limitMs = own && file.status === 'starting' ? recoveryTimeoutMs : startTimeoutMs
    if (performance.now() - began > limitMs) {
      await stopServer(child)
      throw new PostgresError(
        `PostgreSQL was not ready after ${limitMs / 1000} s. End of ${layout.logFile}:\n${logTail(layout.logFile)}`,
      )
    }
    await wait(10)
  }
}

/** Fast, then immediate, then by force; committed transactions survive each of them. */
const stopServer = async (child: ChildProcess): Promise<void> => {
  for (const [signal, timeoutMs] of [
    ['SIGINT', stopTimeoutMs],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (hasEnded(child) || child.pid === undefined) return
    const ended = new Promise<void>((done) => child.once('exit', () => done()))
    child.kill(signal)
    const limit = new AbortController()
    await Promise.race([ended, wait(timeoutMs, undefined, { signal: limit.signal }).catch(() => {})])
    limit.abort()
  }
}
