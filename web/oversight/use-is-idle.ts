import { may } from '../../src/contract/permissions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'

/** Whether one's pages on credits are about an account that only waits: the organisation pays, and somebody else manages that. */
export const useIsIdle = (): boolean => {
  const { organization, role } = useMe()
  const central = useRead('readCentralBilling', {}, { enabled: organization.kind === 'company' })
  return central.data?.central === true && !may(role, 'billing.read')
}
