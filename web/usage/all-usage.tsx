import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { allUsageBy } from '../../src/contract/usage.ts'
import { OrganizationSelect } from '../admin/organization-select.tsx'
import { useRead } from '../data/queries.ts'
import { DownloadMenu } from '../ui/download-menu.tsx'
import { useNow } from '../ui/figures.tsx'
import { browserTimeZone } from '../ui/format.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { dateIn, formerPeriod } from './period.ts'
import { timeOf, usageFiles } from './usage-files.ts'
import { UsageView } from './usage-view.tsx'
import { allOf, periodOf, refreshOf } from './usage-search.ts'

const route = getRouteApi('/shell/admin/usage')
/** Of everybody, one organisation or one user. */
export const AllUsage = () => {
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/admin/usage' })
  const timeZone = browserTimeZone()
  const { period, preset } = periodOf(search, dateIn(useNow(), timeZone))
  const { by, service, accessToken, organization, user } = search
  const asked = { by, service, accessToken, organization, user, timeZone }
  const report = useRead('readAllUsage', { query: { ...asked, ...period } }, refreshOf(period))
  const former = useRead(
    'readAllUsage',
    { query: { ...asked, ...formerPeriod(period) } },
    { enabled: search.compare === true },
  )
  return (
    <UsageView
      dimensions={allUsageBy.options}
      search={search}
      onSearch={(changes) =>
        void navigate({ search: (now) => ({ ...now, ...allOf(changes) }), replace: true })
      }
      renderNarrower={(changes, shown) => (
        <Link to="/admin/usage" search={{ ...search, ...allOf(changes) }}>
          {shown}
        </Link>
      )}
      period={period}
      preset={preset}
      report={report}
      former={search.compare ? former.data : undefined}
      renderLink={(filters, shown) => (
        <Link to="/admin/operations" search={filters}>
          {shown}
        </Link>
      )}
      open={(filters) => void navigate({ to: '/admin/operations', search: filters })}
      downloads={<DownloadMenu files={usageFiles('all', asked, period, timeOf(report.data?.days))} />}
      more={
        <OrganizationSelect
          named
          value={organization}
          onChange={(chosen) =>
            void navigate({ search: (now) => ({ ...now, organization: chosen }), replace: true })
          }
        />
      }
      empty={
        <Panel>
          <EmptyState
            title="Nothing used in this time"
            action={
              <TextLink>
                <Link to="/admin/users">See users</Link>
              </TextLink>
            }
          >
            Choose another period, or wait for the first call of anybody.
          </EmptyState>
        </Panel>
      }
    />
  )
}
