import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Simulator, type SimulatorOptions, startSimulator } from '../simulator/simulator.ts'
import { silentLog } from '../src/kit/log.ts'
import { type Gateway, startGateway } from '../src/main.ts'
import { cloneDatabase, type TestDatabase } from './database.ts'
import { type Scene, setScene, testMasterKey } from './scene.ts'
import { stageConfig } from './stage-config.ts'

export type { StagePerson } from './scene.ts'
export { stageConfig } from './stage-config.ts'

/** A whole gateway on its own database with the simulator behind it, in this process. */
export interface Stage extends Scene, AsyncDisposable {
  readonly gateway: Gateway
  readonly clone: TestDatabase
  readonly simulator: Simulator
  readonly url: string
}

export const openStage = async (
  environment: Record<string, string> = {},
  simulated: SimulatorOptions = {},
): Promise<Stage> => {
  const clone = await cloneDatabase()
  const simulator = await startSimulator(simulated)
  const dataDirectory = mkdtempSync(join(tmpdir(), 'aideon-stage-'))
  const config = stageConfig({
    AIDEON_PORT: '0',
    AIDEON_DATA_DIR: dataDirectory,
    DATABASE_URL: clone.url,
    AIDEON_MASTER_KEY: testMasterKey,
    AIDEON_LOG_LEVEL: 'silent',
    AIDEON_DASHBOARDS: 'false',
    ...environment,
  })
  const gateway = await startGateway(config, silentLog)
  return {
    ...(await setScene(gateway.rooms, simulator)),
    gateway,
    clone,
    simulator,
    url: gateway.url,
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await simulator.close()
      await clone.drop()
      rmSync(dataDirectory, { recursive: true })
    },
  }
}
