import v8 from 'node:v8'
import type { Config } from '../config/config.ts'
import { makeLog } from '../kit/log.ts'
import { redactSecrets } from '../kit/redact.ts'
import { startGateway } from '../main.ts'
import { onStopSignals } from './signals.ts'

/** Runs until a signal: the first one drains, a second one ends at once. */
export const start = async (config: Config): Promise<void> => {
  // In a burst after a silence much survives the small heap's first collections. From then on V8 makes the objects of those
  // places in the old generation, where each keeps its operation until the next full collection (docs/decisions/0126).
  v8.setFlagsFromString('--no-allocation-site-pretenuring')
  const log = makeLog({ level: config.logLevel, redact: redactSecrets })
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'a defect; ending, so that nothing goes on in an unknown state')
    process.exit(1)
  })

  let stop: (() => Promise<void>) | null = null
  onStopSignals(
    () => {
      // While starting there is nothing to drain; what was begun is undone by the next start.
      if (stop === null) return process.exit(0)
      console.log(
        `Stopping: no new operations, running ones have up to ${config.limits.drainSeconds} s. Once more ends at once.`,
      )
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'stopping failed')
          process.exit(1)
        },
      )
    },
    () => process.exit(130),
  )

  const gateway = await startGateway(config, log)
  stop = () => gateway.stop()
  for (const notice of gateway.notices) console.log(notice)
  console.log(`Aideon Keys is ready: ${gateway.url}`)
}
