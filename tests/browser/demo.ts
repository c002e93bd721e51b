import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { inject } from 'vitest'
import { demoSecret, type ServiceName } from '../../simulator/keys.ts'
import type { Database } from '../../src/db/database.ts'
import type { DemoFile } from '../../src/demo/demo-file.ts'
import { cloneDatabase, oneDatabase } from '../database.ts'
import { type GatewayProcess, startGatewayProcess } from '../processes/gateway-process.ts'

export interface Demo extends AsyncDisposable {
  readonly url: string
  readonly facts: DemoFile
  /** For what no screen can do: turning back a clock. */
  readonly database: Database
  /** A secret that the simulated service accepts from now on, and that nobody has stored yet. */
  newKey(service: ServiceName): Promise<string>
}

/** The demo as `--demo` starts it, some time after its first start, on a database of its own. */
export const startDemo = async (): Promise<Demo> => {
  await oneDatabase(original, makeOriginal)
  await using opened = new AsyncDisposableStack()
  const clone = opened.use(await cloneDatabase({ template: original }))
  const dataDirectory = mkdtempSync(join(tmpdir(), 'aideon-browser-'))
  opened.defer(() => rmSync(dataDirectory, { recursive: true, force: true }))
  cpSync(originalDirectory(), dataDirectory, { recursive: true })
  const gateway = opened.use(await startOn(clone.url, dataDirectory))
  await dashboardsReady(gateway)
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

const original = 'aideon_demo'
const originalDirectory = () => join(inject('runDirectory'), 'demo')
/** Of test data only. */
const masterKey = Buffer.alloc(32, 'browser').toString('base64')

/** Its first start, until its dashboards are built and its history is made: half a minute of work that every file needs. */
const makeOriginal = async (): Promise<void> => {
  const directory = originalDirectory()
  mkdirSync(directory)
  const { database, url, drop } = await cloneDatabase({ template: 'template0', name: original })
  try {
    await using gateway = await startOn(url, directory)
    await dashboardsReady(gateway)
    await historyMade(database, gateway)
  } catch (error) {
    await drop()
    throw error
  }
  await database.close()
}

const startOn = async (databaseUrl: string, dataDirectory: string) => {
  const gateway = await startGatewayProcess({
    AIDEON_DEMO: 'true',
    AIDEON_IDENTITY_ADDRESSES: '127.0.0.1',
    AIDEON_DATA_DIR: dataDirectory,
    AIDEON_MASTER_KEY: masterKey,
    DATABASE_URL: databaseUrl,
  })
  return {
    ...gateway,
    async [Symbol.asyncDispose]() {
      gateway.signal('SIGTERM')
      await gateway.exit
    },
  }
}

/** Until the demo's own operations and tasks have ended, balances and lists move by themselves. */
const historyMade = async ({ pool }: Database, { output }: GatewayProcess): Promise<void> => {
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
const dashboardsReady = async ({ url, output }: GatewayProcess): Promise<void> => {
  const deadline = Date.now() + 90_000
  while (Date.now() < deadline) {
    const meta = (await (await fetch(`${url}/api/meta`)).json()) as { dashboardsReady: boolean }
    if (meta.dashboardsReady) return
    await pause(200)
  }
  throw new Error(`The dashboards were not built in time:\n${output()}`)
}
