import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { endpoints, urlOf } from '../../src/contract/endpoints.ts'
import { OrganizationSelect } from '../admin/organization-select.tsx'
import { AuditList } from './audit-list.tsx'
import { AuditPage } from './verify.tsx'

const route = getRouteApi('/shell/admin/audit')

/** What was changed anywhere. */
export const AllAudit = () => {
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/admin/audit' })
  const { organization } = search
  return (
    <AuditPage
      description="What was changed anywhere, by whom and why."
      verify="verifyAllAudit"
      exportHref={urlOf(endpoints.exportAllAudit, { query: { organization } })}
    >
      <AuditList
        name="listAllAudit"
        search={search}
        onClear={() => void navigate({ search: {}, replace: true })}
        onSearch={(change) => void navigate({ search: (now) => ({ ...now, ...change }), replace: true })}
        filters={
          <OrganizationSelect
            value={organization}
            onChange={(chosen) =>
              void navigate({ search: (now) => ({ ...now, organization: chosen }), replace: true })
            }
          />
        }
      />
    </AuditPage>
  )
}
