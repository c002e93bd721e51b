import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../kit/log.ts'

export interface Dashboards {
  /** The directory of the built files; null while they are being built. */
  directory(): string | null
  /** Resolves when the build is over, well or not. */
  readonly built: Promise<void>
}

export const noDashboards: Dashboards = { directory: () => null, built: Promise.resolve() }

const sources = ['web', 'src/contract', 'package-lock.json']

/**
 * The dashboards, built from source at the first start (about four seconds, beside serving operations) and kept in
 * the data directory by the hash of what they were built from: a checkout may be read-only, and an update rebuilds.
 */
export const buildDashboards = (options: {
  checkout: string
  dataDirectory: string
  log: Log
}): Dashboards => {
  const { checkout, dataDirectory, log } = options
  const target = join(dataDirectory, `dashboards-${hashOf(checkout)}`)
  let ready = existsSync(join(target, 'index.html'))
  const built = ready
    ? Promise.resolve()
    : build(checkout, `${target}.partial`)
        .then(() => {
          for (const name of readdirSync(dataDirectory))
            if (name.startsWith('dashboards-') && !name.endsWith('.partial'))
              rmSync(join(dataDirectory, name), { recursive: true })
          renameSync(`${target}.partial`, target)
          ready = true
        })
        .catch((error: unknown) =>
          log.error({ error }, 'the dashboards could not be built; operations are served'),
        )
  return { directory: () => (ready ? target : null), built }
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
    hash.update(file).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}

/** In a process of its own: building takes all of a core, which operations need. */
const build = (checkout: string, outDir: string): Promise<void> =>
  new Promise((done, failed) => {
    const vite = join(checkout, 'node_modules/vite/bin/vite.js')
    const child = spawn(
      process.execPath,
      [
        vite,
        'build',
        '--config',
        join(checkout, 'web/vite.config.ts'),
        '--configLoader',
        'native',
        '--outDir',
        outDir,
        '--emptyOutDir',
        '--logLevel',
        'error',
      ],
      { cwd: checkout, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, NODE_ENV: 'production' } },
    )
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000)
    })
    child.on('error', failed)
    child.on('exit', (code) => (code === 0 ? done() : failed(new Error(`vite ended with ${code}: ${said}`))))
  })
