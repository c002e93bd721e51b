import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { organizationUsageBy } from '../../src/contract/usage.ts'
import { useRead } from '../data/queries.ts'
import { DownloadMenu } from '../ui/download-menu.tsx'
import { useNow } from '../ui/figures.tsx'
import { browserTimeZone } from '../ui/format.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { dateIn, formerPeriod } from '../usage/period.ts'
import { usageFiles } from '../usage/usage-files.ts'
import { organizationOf, periodOf, refreshOf } from '../usage/usage-search.ts'
import { UsageView } from '../usage/usage-view.tsx'

const route = getRouteApi('/shell/oversight')
const dimensions = ['user', 'team', 'cost_centre', 'key_owner', 'service', 'model', 'access_token'] as const

/** Of everybody in the organisation, for those who run or pay for it. */
export const OrganizationUsage = () => {
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/oversight' })
  const timeZone = browserTimeZone()
  const { period, preset } = periodOf(search, dateIn(useNow(), timeZone))
  const { service, accessToken, user } = search
  const by = organizationUsageBy.parse(search.by ?? 'user')
  const asked = { by, service, accessToken, user, timeZone }
  const report = useRead('readOrganizationUsage', { query: { ...asked, ...period } }, refreshOf(period))
  const former = useRead(
    'readOrganizationUsage',
    { query: { ...asked, ...formerPeriod(period) } },
    { enabled: search.compare === true },
  )
  return (
    <UsageView
      title="Usage of everybody"
      dimensions={dimensions}
      search={search}
      onSearch={(changes) =>
        void navigate({ search: (now) => ({ ...now, ...organizationOf(changes) }), replace: true })
      }
      renderNarrower={(changes, shown) => (
        <Link to="/oversight" search={{ ...search, ...organizationOf(changes) }}>
          {shown}
        </Link>
      )}
      period={period}
      preset={preset}
      report={report}
      former={search.compare ? former.data : undefined}
      downloads={<DownloadMenu files={usageFiles('organization', asked, period, null)} />}
      empty={
        <Panel>
          <EmptyState title="Nothing used in this time">
            Choose another period, or wait for the first call of a member.
          </EmptyState>
        </Panel>
      }
    />
  )
}
