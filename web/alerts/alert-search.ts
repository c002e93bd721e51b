import { z } from 'zod'
import { alertChannel, alertDelivery } from '../../src/contract/alerts.ts'

export const alertSearch = z.object({ show: z.literal('unread').optional().catch(undefined) })
export const deliverySearch = z.object({
  state: alertDelivery.shape.state.optional().catch(undefined),
  channel: alertChannel.optional().catch(undefined),
})
