import { chainProblems } from '../audit/chain.ts'
import type { Config } from '../config/config.ts'
import { withRooms } from './database.ts'
import { explainFailure } from './failure.ts'

/** For machines: 0, every chain is whole; 1, one is not; 2, it could not be found out. */
export const auditVerifyCommand = (config: Config): Promise<number> =>
  withRooms(config, async ({ auditTrail }) => {
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
    return ok ? 0 : 1
  }).catch((error: unknown) => {
    console.error(explainFailure(error))
    return 2
  })
