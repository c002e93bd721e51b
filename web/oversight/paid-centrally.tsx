import { may } from '../../src/contract/permissions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { Notice } from '../ui/notice.tsx'

/** Whose credits a page is about, where the organisation pays for everybody. */
export const PaidCentrally = () => {
  const { organization, role } = useMe()
  const central = useRead('readCentralBilling', {}, { enabled: organization.kind === 'company' })
  if (!central.data?.central) return null
  return may(role, 'billing.read') ? (
    <Notice tone="info" title={`These are the credits of ${organization.name}`}>
      They pay for operations of all members on system keys.
    </Notice>
  ) : (
    <Notice tone="info" title={`${organization.name} pays for your operations`}>
      Your own credits are not touched meanwhile; they wait, or expire as they would have.
    </Notice>
  )
}
