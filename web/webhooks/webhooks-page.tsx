import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { may } from '../../src/contract/permissions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { EndpointDialog } from './endpoint-dialog.tsx'
import { EndpointDrawer } from './endpoint-drawer.tsx'
import { EndpointMark } from './endpoint-mark.tsx'
import { Events } from './events.tsx'
import { NewSecret } from './new-secret.tsx'
import classes from './webhooks.module.css'

/** Where the organisation’s events are sent, and what happened lately. */
export const Webhooks = () => {
  const { role } = useMe()
  const mayManage = may(role, 'webhooks.manage')
  const endpoints = useRead('listWebhookEndpoints', {}, { refreshSeconds: 20 })
  const [adding, setAdding] = useState(false)
  const [openId, setOpenId] = useState<string | null>(null)
  const [secret, setSecret] = useState<string | null>(null)
  const opened = endpoints.data?.items.find(({ id }) => id === openId)
  const add = mayManage && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
      Add endpoint
    </Button>
  )
  return (
    <Page
      title="Webhooks"
      description="Your own systems are told what happens in this organisation: members, policies, keys, budgets. Each message is signed, and tried again for two days."
      actions={endpoints.data && endpoints.data.items.length > 0 && add}
    >
      <Panel flush title="Endpoints">
        {endpoints.error && !endpoints.data ? (
          <FaultNotice error={endpoints.error} onRetry={() => void endpoints.refetch()} />
        ) : endpoints.data?.items.length === 0 ? (
          <EmptyState title="Nobody is told yet" action={add}>
            Add the https address of a server of yours. What happened in the last 30 days can be replayed to
            it.
          </EmptyState>
        ) : (
          <DataTable
            label="Webhook endpoints"
            rows={endpoints.data?.items ?? []}
            rowKey={(row) => row.id}
            loading={endpoints.data ? undefined : 2}
            onOpen={(row) => setOpenId(row.id)}
            openLabel={(row) => `Open ${row.url}`}
            openKey={openId ?? undefined}
            columns={[
              {
                key: 'url',
                header: 'Address',
                render: (row) => <span className={classes.url}>{row.url}</span>,
              },
              { key: 'for', header: 'For', render: (row) => row.description || '–' },
              { key: 'types', header: 'Events', render: (row) => typesText(row.types) },
              { key: 'state', header: 'State', render: (row) => <EndpointMark endpoint={row} /> },
              { key: 'made', header: 'Added', render: (row) => <Ago at={row.createdAt} /> },
            ]}
          />
        )}
      </Panel>
      <Events />
      {adding && (
        <EndpointDialog
          onClose={() => setAdding(false)}
          onCreated={(made) => {
            setAdding(false)
            setSecret(made)
          }}
        />
      )}
      <EndpointDrawer
        endpoint={opened}
        opened={openId !== null}
        mayManage={mayManage}
        onSecret={setSecret}
        onClose={() => setOpenId(null)}
      />
      <NewSecret secret={secret} onClose={() => setSecret(null)} />
    </Page>
  )
}

const typesText = (types: readonly string[] | null): string => {
  if (types === null) return 'All'
  return types.length <= 2 ? types.join(', ') : `${types.length} types`
}
