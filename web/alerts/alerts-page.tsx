import { Button } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { usePages } from '../data/queries.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { FilterChips } from '../ui/filter-chips.tsx'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { AlertRow } from './alert-row.tsx'
import classes from './alerts.module.css'
import { Channels } from './channels.tsx'
import { Deliveries } from './deliveries.tsx'
import { useAlertActs } from './use-alerts.ts'

const route = getRouteApi('/shell/alerts')

export const AlertsPage = () => {
  const zone = useTimeZone()
  const { show } = route.useSearch()
  const navigate = useNavigate({ from: '/alerts' })
  const pages = usePages('listAlerts', { unread: show === 'unread' ? 'true' : undefined })
  const acts = useAlertActs()
  const unread = pages.data?.pages[0]?.unread
  return (
    <Page
      title="Alerts"
      description={`Of budgets, credits and payments. Times in ${zone}.`}
      actions={
        unread !== undefined &&
        unread > 0 && (
          <Button variant="default" loading={acts.isReadingAll} onClick={acts.readAll}>
            Mark all read
          </Button>
        )
      }
    >
      <Panel flush>
        <div className={classes.filters}>
          <FilterChips
            label="Show alerts"
            chips={[{ value: 'unread', label: 'Unread', count: unread }]}
            chosen={show}
            onChoose={(chosen) => void navigate({ search: { show: chosen }, replace: true })}
          />
        </div>
        <Loaded
          of={{
            data: pages.data?.pages.flatMap((page) => page.items),
            error: pages.error,
            refetch: pages.refetch,
          }}
          skeleton={<Block height={220} narrow={260} />}
        >
          {(alerts) =>
            alerts.length === 0 ? (
              <EmptyState title={show ? 'Nothing is unread' : 'No alerts'}>
                Budgets tell you at 50, 75, 90 and 100 %, and your credits before they run out.
              </EmptyState>
            ) : (
              <ul className={classes.page} aria-label="Alerts">
                {alerts.map((alert) => (
                  <AlertRow key={alert.id} alert={alert} onOpen={acts.open} onRead={acts.read} />
                ))}
              </ul>
            )
          }
        </Loaded>
        {pages.hasNextPage && (
          <div className={classes.more}>
            <Button
              variant="default"
              loading={pages.isFetchingNextPage}
              onClick={() => void pages.fetchNextPage()}
            >
              Show older
            </Button>
          </div>
        )}
      </Panel>
      <Channels />
      <Deliveries />
    </Page>
  )
}
