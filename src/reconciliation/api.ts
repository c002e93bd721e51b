import { defineHandlers } from '../http/handler.ts'
import { FaultError, fault } from '../kit/fault.ts'

const notYet = async (): Promise<never> => {
  throw new FaultError(fault('unknown_route'))
}

/** Published ahead of its room, so that screens can be built against the contract. */
export const reconciliationApi = defineHandlers({
  readReconciliation: notYet,
  listReconciliationRuns: notYet,
  startReconciliation: notYet,
  readReconciliationRun: notYet,
  listReconciliationFindings: notYet,
  explainReconciliationFinding: notYet,
  setReconciliationTolerance: notYet,
  listServiceExports: notYet,
  previewServiceExport: notYet,
  importServiceExport: notYet,
  readServiceExport: notYet,
  removeServiceExport: notYet,
})
