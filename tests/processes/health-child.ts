/** One process that asks for the probe of a half-open breaker, several operations at a time, when the test says so. */
import { openDatabase } from '../../src/db/database.ts'
import { makeEpoch } from '../../src/db/epoch.ts'
import { makeHealth } from '../../src/health/health.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'

export interface ProbeAnswer {
  readonly won: number
}

const [url, serviceId, serviceKeyId] = process.argv.slice(2) as [string, string, string]
const database = openDatabase({ url, maximumConnections: 4 })
const epoch = makeEpoch({ database, clock: systemClock, log: silentLog, leaseSeconds: 1 })
await epoch.start()
const health = makeHealth({ database, epoch, clock: systemClock, log: silentLog })
await health.start()

const claim = async () => {
  const claims = await Promise.all([1, 2, 3].map(async () => health.claimProbe(serviceId, serviceKeyId)))
  const answer: ProbeAnswer = { won: claims.filter(Boolean).length }
  process.send?.(answer)
}
const succeed = async () => {
  health.report(serviceId, serviceKeyId, 'ok')
  await health.settled()
  const answer: ProbeAnswer = { won: health.breaker(serviceId, serviceKeyId) === null ? 1 : 0 }
  process.send?.(answer)
}
process.on('message', (order: 'claim' | 'succeed') => void (order === 'claim' ? claim() : succeed()))
process.once('disconnect', () => process.exit(0))
process.send?.({ won: 0 } satisfies ProbeAnswer)
