import type { Config } from '../config/config.ts'
import type { Outcome } from '../kit/fault.ts'
import { statusOnWire } from '../vault/api.ts'
import type { MasterKeys } from '../vault/master-keys.ts'
import { progressLine, statusLines, verificationLines } from '../vault/report.ts'
import { withRooms } from './database.ts'
import { explainFailure } from './failure.ts'

const operator = { kind: 'operator', id: null } as const

type Run = (masterKeys: MasterKeys) => Promise<number>

/** For machines: 0, done; 1, refused, sealed or not whole; 2, it could not be found out. */
const withMasterKeys = (config: Config, run: Run): Promise<number> =>
  withRooms(config, ({ masterKeys }) => run(masterKeys)).catch((error: unknown) => {
    console.error(explainFailure(error))
    return 2
  })

export const vaultStatus = (config: Config, options: { json?: boolean }): Promise<number> =>
  withMasterKeys(config, async (masterKeys) => {
    const status = statusOnWire(await masterKeys.status())
    if (options.json) console.log(JSON.stringify(status))
    else for (const line of statusLines(status)) console.log(line)
    return status.sealed ? 1 : 0
  })

export const vaultVerify = (config: Config): Promise<number> =>
  withMasterKeys(config, async (masterKeys) => {
    const verification = await masterKeys.verify()
    if (!verification.ok) return refused(verification)
    for (const line of verificationLines(verification.value)) console.log(line)
    return verification.value.ok ? 0 : 1
  })

export const vaultRotate = (config: Config, reason: string | undefined): Promise<number> =>
  carriedOut(config, (masterKeys) => masterKeys.rotate(operator, reason))

export const vaultMove = (config: Config, to: string, reason: string | undefined): Promise<number> =>
  carriedOut(config, (masterKeys) => masterKeys.move(operator, to, reason))

export const vaultRewrap = (config: Config, reason: string | undefined): Promise<number> =>
  carriedOut(config, (masterKeys) => masterKeys.rewrap(operator, reason))

export const vaultDestroy = (config: Config, version: string, reason: string | undefined): Promise<number> =>
  withMasterKeys(config, async (masterKeys) => {
    if (!/^[1-9]\d{0,8}$/.test(version)) {
      console.error('The version is the number that aideon-keys vault status shows.')
      return 2
    }
    const destroyed = await masterKeys.destroy(operator, Number(version), reason)
    if (!destroyed.ok) return refused(destroyed)
    console.log(`Version ${version} of the master key is destroyed.`)
    return 0
  })

/** Told to stop, it stops after a batch; a gateway goes on with it, or the same command again. */
const carriedOut = (
  config: Config,
  begin: (masterKeys: MasterKeys) => Promise<Outcome<void>>,
): Promise<number> =>
  withMasterKeys(config, async (masterKeys) => {
    const begun = await begin(masterKeys)
    if (!begun.ok) return refused(begun)
    const stop = new AbortController()
    const interrupt = () => stop.abort()
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
    let said = ''
    const say = (line: string) => {
      if (line !== said) console.log(line)
      said = line
    }
    for (;;) {
      const change = await masterKeys.work((now) => {
        say(progressLine(now, []))
        return !stop.signal.aborted
      })
      if (change === null) return 0
      say(progressLine(change, change.waitingFor))
      if (change.finishedAt !== null) return change.state === 'done' && change.unreadable === 0n ? 0 : 1
      if (stop.signal.aborted) {
        console.error('Stopped. Running gateways go on with it, and so does the same command.')
        return 1
      }
      await new Promise((resume) => setTimeout(resume, pauseMs))
    }
  })

const pauseMs = 500

const refused = ({
  fault,
}: {
  readonly fault: { readonly message: string; readonly next: string }
}): number => {
  console.error(`${fault.message} ${fault.next}`)
  return 1
}
