import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { endpoints, urlOf } from '../../src/contract/endpoints.ts'
import { useMe } from '../data/session.ts'
import { Notice } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { AuditList } from './audit-list.tsx'
import { AuditPage } from './verify.tsx'

const route = getRouteApi('/shell/audit')

/** What was changed in the reader's own organisation. */
export const Audit = () => {
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/audit' })
  const { role, organization } = useMe()
  if (role === 'member')
    return (
      <Page title="Audit trail">
        <Notice tone="info" title="For owners and administrators">
          The audit trail tells what everybody in {organization.name} changed. Ask an owner to look something
          up.
        </Notice>
      </Page>
    )
  return (
    <AuditPage
      description={`What was changed in ${organization.name}, by whom and why.`}
      verify="verifyAudit"
      exportHref={urlOf(endpoints.exportAudit)}
    >
      <AuditList
        name="listAudit"
        search={search}
        onClear={() => void navigate({ search: {}, replace: true })}
        onSearch={(change) => void navigate({ search: (now) => ({ ...now, ...change }), replace: true })}
      />
    </AuditPage>
  )
}
