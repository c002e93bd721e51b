import { defineHandlers } from '../http/handler.ts'
import { FaultError, fault } from '../kit/fault.ts'

const notYet = async (): Promise<never> => {
  throw new FaultError(fault('unknown_route'))
}

/** Published ahead of its room, so that screens can be built against the contract. */
export const alertApi = defineHandlers({
  listAlerts: notYet,
  markAlertRead: notYet,
  markAllAlertsRead: notYet,
  readAlertChannels: notYet,
  setAlertChannels: notYet,
  testAlertChannel: notYet,
  listAlertDeliveries: notYet,
  resendAlert: notYet,
  listAllAlertDeliveries: notYet,
  readMailSettings: notYet,
})
