import { defineHandlers } from '../http/handler.ts'
import { FaultError, fault } from '../kit/fault.ts'

const notYet = async (): Promise<never> => {
  throw new FaultError(fault('unknown_route'))
}

/** Published ahead of its room, so that screens can be built against the contract. */
export const statementApi = defineHandlers({
  readStatementSummary: notYet,
  listUserStatement: notYet,
  readUserStatementSummary: notYet,
})
