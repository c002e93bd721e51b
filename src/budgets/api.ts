import { defineHandlers } from '../http/handler.ts'
import { FaultError, fault } from '../kit/fault.ts'

const notYet = async (): Promise<never> => {
  throw new FaultError(fault('unknown_route'))
}

/** Published ahead of its room, so that screens can be built against the contract. */
export const budgetApi = defineHandlers({
  listBudgets: notYet,
  readBudget: notYet,
  createBudget: notYet,
  changeBudget: notYet,
  archiveBudget: notYet,
  readCreditForecast: notYet,
  listAllBudgets: notYet,
  readAnyBudget: notYet,
  createAnyBudget: notYet,
  changeAnyBudget: notYet,
  archiveAnyBudget: notYet,
})
