import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../kit/log.ts'

export interface Dashboards {
  /** The directory of the built files; null while they are being built. */
  directory(): string | null
  /** Resolves when the build is over, well or not. */
  readonly built: Promise<void>
  /** Ends a build that is under way. */
  stop(): Promise<void>
}

export const noDashboards: Dashboards = {
  directory: () => null,
  built: Promise.resolve(),
  stop: async () => {},
}

const sources = ['web', 'src/contract', 'package-lock.json']

/**
 * The dashboards, built from source at the first start (some seconds, beside serving operations) and kept in the data
 * directory by the hash of what they were built from: a checkout may be read-only, and an update rebuilds.
 */
export const buildDashboards = (options: {
  checkout: string
  dataDirectory: string
  log: Log
}): Dashboards => {
  const { checkout, dataDirectory, log } = options
  const target = join(dataDirectory, `dashboards-${hashOf(checkout)}`)
  if (existsSync(join(target, 'index.html')))
    return { directory: () => target, built: Promise.resolve(), stop: async () => {} }

  const child = startBuild(checkout, `${target}.partial`)
  const onExit = () => void child.kill()
  process.once('exit', onExit)
  let ready = false
  let stopped = false
  const built = ended(child)
    .then(() => {
      removeOlder(dataDirectory)
      renameSync(`${target}.partial`, target)
      ready = true
    })
    .catch((err: unknown) => {
      if (!stopped) log.error({ err }, 'the dashboards could not be built; operations are served')
    })
    .finally(() => process.off('exit', onExit))
  return {
    directory: () => (ready ? target : null),
    built,
    async stop() {
      stopped = true
      child.kill()
      await built
    },
  }
}

const removeOlder = (dataDirectory: string): void => {
  for (const name of readdirSync(dataDirectory))
    if (name.startsWith('dashboards-') && !name.endsWith('.partial'))
      rmSync(join(dataDirectory, name), { recursive: true })
}

const filesBelow = (path: string): string[] => {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .filter((name) => name !== 'dist' && name !== 'node_modules')
    .sort()
    .flatMap((name) => filesBelow(join(path, name)))
}

const hashOf = (checkout: string): string => {
  const hash = createHash('sha256')
  for (const file of sources.flatMap((source) => filesBelow(join(checkout, source))))
    hash.update(file.slice(checkout.length)).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}

/** In a process of its own and behind operations: building takes all of a core. It gets no secret of ours. */
const startBuild = (checkout: string, outDir: string): ChildProcess => {
  const vite = join(checkout, 'node_modules/vite/bin/vite.js')
  const config = ['--config', join(checkout, 'web/vite.config.ts'), '--configLoader', 'native']
  const output = ['--outDir', outDir, '--emptyOutDir', '--logLevel', 'error']
  const child = spawn(process.execPath, [vite, 'build', ...config, ...output], {
    cwd: checkout,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'production' },
  })
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL)
  return child
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((done, failed) => {
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000)
    })
    child.once('error', failed)
    child.once('exit', (code) =>
      code === 0 ? done() : failed(new Error(`vite ended with ${code}: ${said}`)),
    )
  })
