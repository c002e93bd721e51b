import { may } from '../../src/contract/permissions.ts'
import { useMe } from '../data/session.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { ownPolicy } from './policy-place.ts'
import { PolicyPanel } from './policy-panel.tsx'

/** For owners and administrators of an organisation. */
export const OwnPolicy = () => {
  const { organization, role } = useMe()
  return (
    <Page
      title="Control policy"
      description={`Whose service keys may be used in ${organization.name}, and what for.`}
    >
      {!may(role, 'policy.read') ? (
        <EmptyState title="This is for those who run the organisation">
          Ask an owner or administrator of {organization.name} for access to a service or model.
        </EmptyState>
      ) : (
        <PolicyPanel place={ownPolicy} readOnly={!may(role, 'policy.change')} />
      )}
    </Page>
  )
}
