import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { usageBy } from '../../src/contract/usage.ts'
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
import { ownOf, periodOf, refreshOf } from './usage-search.ts'

const route = getRouteApi('/shell/usage')
export const MyUsage = () => {
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/usage' })
  const timeZone = browserTimeZone()
  const { period, preset } = periodOf(search, dateIn(useNow(), timeZone))
  const { by, service, accessToken } = search
  const asked = { by, service, accessToken, timeZone }
  const report = useRead('readUsageReport', { query: { ...asked, ...period } }, refreshOf(period))
  const former = useRead(
    'readUsageReport',
    { query: { ...asked, ...formerPeriod(period) } },
    { enabled: search.compare === true },
  )
  return (
    <UsageView
      dimensions={usageBy.options}
      search={search}
      onSearch={(changes) =>
        void navigate({ search: (now) => ({ ...now, ...ownOf(changes) }), replace: true })
      }
      renderNarrower={(changes, shown) => (
        <Link to="/usage" search={{ ...search, ...ownOf(changes) }}>
          {shown}
        </Link>
      )}
      period={period}
      preset={preset}
      report={report}
      former={search.compare ? former.data : undefined}
      renderLink={(filters, shown) => (
        <Link to="/operations" search={filters}>
          {shown}
        </Link>
      )}
      open={(filters) => void navigate({ to: '/operations', search: filters })}
      downloads={<DownloadMenu files={usageFiles('own', asked, period, timeOf(report.data?.days))} />}
      empty={
        <Panel>
          <EmptyState
            title="Nothing used in this time"
            action={
              <TextLink>
                <Link to="/access-tokens">Create an access token</Link>
              </TextLink>
            }
          >
            Choose another period, or point a client at this gateway: what it uses is counted here.
          </EmptyState>
        </Panel>
      }
    />
  )
}
