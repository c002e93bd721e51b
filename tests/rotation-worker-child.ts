import { tmpdir } from 'node:os'
import { silentLog } from '../src/kit/log.ts'
import { openRooms } from '../src/rooms.ts'
import { addressesAt } from '../src/rotation/drivers/addresses.ts'
import { rotationDrivers } from '../src/rotation/drivers/registry.ts'
import { makeTools } from '../src/rotation/tools.ts'
import { makeWorker } from '../src/rotation/worker.ts'
import { stageConfig } from './stage-config.ts'

/**
 * A rotation worker in a process of its own. It is told what time it is and where to die, works while anything is due,
 * and says when nothing is. At its edge it is killed: nothing of it runs after that.
 */
export interface Order {
  readonly offsetMs: number
  readonly dieAt: string | null
}

const [url = '', masterKey = '', simulatorUrl = ''] = process.argv.slice(2)
const config = stageConfig({
  AIDEON_DATA_DIR: tmpdir(),
  DATABASE_URL: url,
  AIDEON_MASTER_KEY: masterKey,
  AIDEON_LOG_LEVEL: 'silent',
  AIDEON_DASHBOARDS: 'false',
})
const rooms = await openRooms({ config, url, embedded: false, version: 'test', log: silentLog })
let order: Order = { offsetMs: 0, dieAt: null }
const parts = {
  ...rooms,
  drivers: rotationDrivers,
  clock: () => new Date(Date.now() + order.offsetMs),
  addressOf: addressesAt(simulatorUrl),
  onEdge: (edge: string) => {
    if (edge === order.dieAt) process.kill(process.pid, 'SIGKILL')
  },
}
const worker = makeWorker(parts, makeTools(parts))
const work = async (next: Order): Promise<void> => {
  order = next
  let more = true
  while (more) more = await worker.workOne()
  process.send?.('idle')
}
process.on('message', (next: Order) => void work(next))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
