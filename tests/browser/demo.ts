import { randomBytes } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { demoSecret, type ServiceName } from '../../simulator/keys.ts'
import type { Database } from '../../src/db/database.ts'
import type { DemoFile } from '../../src/demo/demo-file.ts'
import { cloneDatabase } from '../database.ts'
import { startGatewayProcess } from '../processes/gateway-process.ts'

export interface Demo extends AsyncDisposable {
  readonly url: string
  readonly facts: DemoFile
  /** For what no screen can do: turning back a clock. */
  readonly database: Database
  /** A secret that the simulated service accepts from now on, and that nobody has stored yet. */
  newKey(service: ServiceName): Promise<string>
}

/** The demo as `--demo` starts it, on a database of its own, with the dashboards built from source. */
export const startDemo = async (): Promise<Demo> => {
  await using opened = new AsyncDisposableStack()
  const clone = opened.use(await cloneDatabase({ migrated: false }))
  const dataDirectory = mkdtempSync(join(tmpdir(), 'aideon-browser-'))
  opened.defer(() => rmSync(dataDirectory, { recursive: true, force: true }))
  if (existsSync(builtDashboards)) cpSync(builtDashboards, dataDirectory, { recursive: true })
  const gateway = await startGatewayProcess({
    AIDEON_DEMO: 'true',
    AIDEON_DATA_DIR: dataDirectory,
    AIDEON_MASTER_KEY: randomBytes(32).toString('base64'),
    DATABASE_URL: clone.url,
  })
  opened.defer(async () => {
    gateway.signal('SIGTERM')
    await gateway.exit
  })
  await dashboardsReady(gateway.url, gateway.output)
  await historyMade(clone.database, gateway.output)
  keepDashboards(dataDirectory)
  const facts = JSON.parse(readFileSync(join(dataDirectory, 'demo.json'), 'utf8')) as DemoFile
  const resources = opened.move()
  let made = 0
  return {
    url: gateway.url,
    facts,
    database: clone.database,
    newKey: async (service) => {
      made += 1
      const secret = demoSecret(service, `Visitor${made}`)
      await fetch(`${facts.simulatorUrl}/_simulator/keys`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ secret, service, behaviour: { kind: 'ok' } }),
      })
      return secret
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** One build serves all demos: a data directory brings it along, and the product takes it if it is of the same sources. */
const builtDashboards = join(import.meta.dirname, '../../node_modules/.cache/dashboards')

const keepDashboards = (dataDirectory: string): void => {
  const [name] = readdirSync(dataDirectory).filter((entry) => /^dashboards-\w+$/.test(entry))
  if (name === undefined || existsSync(join(builtDashboards, name))) return
  const partial = `${builtDashboards}.${process.pid}`
  mkdirSync(partial, { recursive: true })
  cpSync(join(dataDirectory, name), join(partial, name), { recursive: true })
  rmSync(builtDashboards, { recursive: true, force: true })
  try {
    renameSync(partial, builtDashboards)
  } catch {
    // Another file's demo was faster.
    rmSync(partial, { recursive: true, force: true })
  }
}

/** Until the demo's own operations and tasks have ended, balances and lists move by themselves. */
const historyMade = async ({ pool }: Database, output: () => string): Promise<void> => {
  const deadline = Date.now() + 90_000
  while (Date.now() < deadline) {
    if (output().includes('history to show')) {
      const { rowCount } = await pool.query('SELECT FROM long_operations WHERE ended_at IS NULL')
      if (rowCount === 0) return
    }
    await pause(200)
  }
  throw new Error(`The demo's history was not made in time:\n${output()}`)
}

/** They are built by a process of their own, which says nothing: its result is asked for. */
const dashboardsReady = async (url: string, output: () => string): Promise<void> => {
  const deadline = Date.now() + 90_000
  while (Date.now() < deadline) {
    const meta = (await (await fetch(`${url}/api/meta`)).json()) as { dashboardsReady: boolean }
    if (meta.dashboardsReady) return
    await pause(200)
  }
  throw new Error(`The dashboards were not built in time:\n${output()}`)
}
