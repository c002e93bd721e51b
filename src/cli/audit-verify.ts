import { readFile } from 'node:fs/promises'
import { chainProblems } from '../audit/chain.ts'
import { keptProblems, type KeptPoint, parseKept } from '../audit/kept.ts'
import { checkpointLine } from '../audit/record.ts'
import type { Config } from '../config/config.ts'
import { FaultError, fault } from '../kit/fault.ts'
import { withRooms } from './database.ts'
import { explainFailure } from './failure.ts'

const shownAtMost = 100

/** For machines: 0, every chain is whole; 1, one is not; 2, it could not be found out. */
export const auditVerifyCommand = (config: Config, against: string | null): Promise<number> =>
  withRooms(config, async ({ auditTrail }) => {
    const kept = against === null ? [] : await readKept(against)
    const { ok, chains, problems, problemCount, signingKeys } = await auditTrail.verify()
    for (const { organizationId, links, checkpoint } of chains) {
      const signed = checkpoint === null ? 'not signed yet' : `signed up to ${checkpoint.sequence}`
      console.log(`organisation ${organizationId}: ${links} entries, ${signed}`)
    }
    for (const { organizationId, sequence, kind } of problems)
      console.log(
        `FAIL  organisation ${organizationId}, entry ${sequence ?? '(end)'}: ${chainProblems[kind]}`,
      )
    if (problemCount > problems.length) console.log(`      and ${problemCount - problems.length} more`)
    for (const { id, publicKey } of signingKeys) console.log(`signing key ${id}: ${publicKey}`)
    if (against === null) return ok ? 0 : 1
    const differences = await auditTrail.compare(kept)
    for (const { organizationId, sequence, kind } of differences.slice(0, shownAtMost))
      console.log(`FAIL  organisation ${organizationId}, entry ${sequence}: ${keptProblems[kind]}`)
    if (differences.length > shownAtMost) console.log(`      and ${differences.length - shownAtMost} more`)
    console.log(`compared with ${kept.length} records of ${against}: ${differences.length} differ`)
    return ok && differences.length === 0 ? 0 : 1
  }).catch((error: unknown) => {
    console.error(explainFailure(error))
    return 2
  })

/** Nothing to compare with is no proof. */
const readKept = async (file: string): Promise<KeptPoint[]> => {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw refusal(`${file} cannot be read (${code}).`)
  })
  const points = parseKept(text)
  if (points === null || points.length === 0)
    throw refusal(`${file} holds something else than an audit trail, or nothing.`)
  return points
}

const refusal = (message: string): FaultError =>
  new FaultError(
    fault('invalid_request', {
      message,
      next: 'Name a file with checkpoints, an export or a streamed file (docs/audit.md).',
    }),
  )

/** The newest checkpoint of each chain as JSON lines, after signing what was not signed yet. */
export const auditCheckpointCommand = (config: Config): Promise<number> =>
  withRooms(config, async ({ auditTrail }) => {
    await auditTrail.signCheckpoints()
    for (const checkpoint of await auditTrail.checkpoints()) console.log(checkpointLine(checkpoint))
    return 0
  }).catch((error: unknown) => {
    console.error(explainFailure(error))
    return 2
  })
