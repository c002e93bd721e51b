import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { silentLog } from '../../src/kit/log.ts'
import { openRooms, type Rooms } from '../../src/rooms.ts'
import { cloneDatabase } from '../database.ts'
import { type Scene, setScene, testMasterKey } from '../scene.ts'
import { stageConfig } from '../stage.ts'
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts'

/** Real gateway processes on one database, with the simulator behind them in this process. */
export interface Fleet extends Scene, AsyncDisposable {
  /** The running ones; `restart` and `start` put new ones in their places. */
  readonly gateways: GatewayProcess[]
  readonly simulator: Simulator
  /** Commands from outside, as `aideon-keys apply` gives them: this process serves no operations. */
  readonly rooms: Rooms
  readonly databaseUrl: string
  start(more?: Readonly<Record<string, string>>): Promise<GatewayProcess>
  /** Rejects, with what it wrote, when a process ends before `work` is done. */
  whileRunning<T>(work: Promise<T>): Promise<T>
  /** Starts another process in the place of one that has ended. */
  restart(index: number): Promise<void>
}

export interface FleetOptions {
  readonly processes?: number
  /** A database server of the test's own instead of a clone on the common one. */
  readonly databaseUrl?: string
  readonly environment?: Readonly<Record<string, string>>
  /** What is started instead of the command line. */
  readonly script?: string
}

export const openFleet = async (options: FleetOptions = {}): Promise<Fleet> => {
  await using opened = new AsyncDisposableStack()
  const databaseUrl = options.databaseUrl ?? opened.use(await cloneDatabase()).url
  const dataDirectory = mkdtempSync(join(tmpdir(), 'aideon-fleet-'))
  opened.defer(() => rmSync(dataDirectory, { recursive: true, force: true }))
  const environment = {
    AIDEON_DATA_DIR: dataDirectory,
    DATABASE_URL: databaseUrl,
    AIDEON_MASTER_KEY: testMasterKey,
    AIDEON_LOG_LEVEL: 'warn',
    AIDEON_DASHBOARDS: 'false',
    AIDEON_WEBHOOK_ADDRESSES: '127.0.0.1',
    AIDEON_HOLD_GRACE_SECONDS: '1',
    ...options.environment,
  }
  const simulator = await startSimulator()
  opened.defer(() => simulator.close())
  const config = stageConfig(environment)
  const rooms = await openRooms({
    config,
    url: databaseUrl,
    embedded: false,
    version: 'test',
    log: silentLog,
  })
  opened.defer(() => rooms.close())
  const scene = await setScene(rooms, simulator)

  const gateways: GatewayProcess[] = []
  opened.defer(async () => {
    for (const gateway of gateways) gateway.signal('SIGKILL')
    await Promise.all(gateways.map((gateway) => gateway.exit))
  })
  const begin = (more: Readonly<Record<string, string>> = {}) =>
    startGatewayProcess({ ...environment, ...more }, options.script)
  // Together, as a deployment starts them.
  const started = await Promise.allSettled(Array.from({ length: options.processes ?? 3 }, () => begin()))
  for (const result of started) if (result.status === 'fulfilled') gateways.push(result.value)
  for (const result of started) if (result.status === 'rejected') throw result.reason

  const disposal = opened.move()
  return {
    ...scene,
    gateways,
    simulator,
    rooms,
    databaseUrl,
    async start(more) {
      const gateway = await begin(more)
      gateways.push(gateway)
      return gateway
    },
    whileRunning: (work) =>
      Promise.race([
        work,
        ...gateways.map(async (gateway) => {
          const { code, signal } = await gateway.exit
          throw new Error(`A gateway ended with ${code ?? signal}:\n${gateway.output()}`)
        }),
      ]),
    async restart(index) {
      gateways[index] = await begin()
    },
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  }
}
