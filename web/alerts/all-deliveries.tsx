import { Button, NativeSelect } from '@mantine/core'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { alertChannel, alertDelivery } from '../../src/contract/alerts.ts'
import { usePages, useRead } from '../data/queries.ts'
import { DataTable } from '../ui/data-table.tsx'
import { useTimeZone } from '../ui/figures.tsx'
import { EmptyState, FaultNotice, Notice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './alerts.module.css'
import { deliveryColumns } from './deliveries.tsx'

const route = getRouteApi('/shell/admin/alert-deliveries')

const states = { pending: 'Waiting', delivered: 'Delivered', failed: 'Failed' } as const
const channels = { email: 'E-mail', webhook: 'Webhook' } as const

/** What was sent to everybody: where mail or somebody's server does not work, it shows here. */
export const AllAlertDeliveries = () => {
  const zone = useTimeZone()
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/admin/alert-deliveries' })
  const change = (changes: Partial<typeof search>) =>
    void navigate({ search: (now) => ({ ...now, ...changes }), replace: true })
  const pages = usePages('listAllAlertDeliveries', { ...search })
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <Page title="Sent alerts" description={`Alerts that left by e-mail and webhook. Times in ${zone}.`}>
      <Mail />
      <Panel flush>
        <search className={classes.selects} aria-label="Filter sent alerts">
          <NativeSelect
            aria-label="State"
            value={search.state ?? ''}
            data={[
              { value: '', label: 'Any state' },
              ...alertDelivery.shape.state.options.map((value) => ({ value, label: states[value] })),
            ]}
            onChange={(event) =>
              change({ state: alertDelivery.shape.state.safeParse(event.currentTarget.value).data })
            }
          />
          <NativeSelect
            aria-label="Sent by"
            value={search.channel ?? ''}
            data={[
              { value: '', label: 'Any channel' },
              ...alertChannel.options.map((value) => ({ value, label: channels[value] })),
            ]}
            onChange={(event) => change({ channel: alertChannel.safeParse(event.currentTarget.value).data })}
          />
        </search>
        {pages.error && !pages.data ? (
          <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
        ) : pages.data && rows.length === 0 ? (
          <EmptyState title="None matches">
            Alerts appear here once they are sent by e-mail or webhook.
          </EmptyState>
        ) : (
          <DataTable
            label="Sent alerts"
            rows={rows}
            rowKey={(row) => row.id}
            loading={pages.data ? undefined : 5}
            columns={[
              ...deliveryColumns.slice(0, 1),
              {
                key: 'user',
                header: 'User',
                render: (row) => (
                  <TextLink quiet>
                    <Link to="/admin/users" search={{ user: row.userId }}>
                      {row.userName}
                    </Link>
                  </TextLink>
                ),
              },
              ...deliveryColumns.slice(1),
            ]}
          />
        )}
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
    </Page>
  )
}

const Mail = () => {
  const mail = useRead('readMailSettings', {})
  if (!mail.data) return null
  return mail.data.isAvailable ? (
    <Notice tone="info">
      E-mail goes out as {mail.data.from} by {mail.data.server}.
    </Notice>
  ) : (
    <Notice tone="warning" title="There is no mail server">
      Nothing is sent by e-mail until there is one: docs/configuration.md says how to set it.
    </Notice>
  )
}
