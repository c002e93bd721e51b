import { Button, Drawer } from '@mantine/core'
import { useState } from 'react'
import { type EventType, eventTypes } from '../../src/contract/event-types.ts'
import type { EventOnWire } from '../../src/contract/webhooks.ts'
import { usePages } from '../data/queries.ts'
import { CodeBlock } from '../ui/copy.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import classes from './webhooks.module.css'

/** What happened, whether or not anybody was told. */
export const Events = () => {
  const pages = usePages('listEvents', { limit: 20 })
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? []
  const [opened, setOpened] = useState<EventOnWire | null>(null)
  return (
    <Panel flush title="Events" description="Of the last 30 days, as they are sent.">
      {pages.error && !pages.data ? (
        <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
      ) : pages.data && rows.length === 0 ? (
        <EmptyState title="Nothing happened yet">
          Whoever joins, changes the policy, adds a key or makes a token makes an event.
        </EmptyState>
      ) : (
        <DataTable
          label="Events"
          rows={rows}
          rowKey={(row) => row.id}
          loading={pages.data ? undefined : 4}
          onOpen={setOpened}
          openLabel={(row) => `Open ${row.type}`}
          openKey={opened?.id}
          columns={[
            { key: 'type', header: 'Event', render: (row) => <code>{row.type}</code> },
            { key: 'what', header: 'What happened', render: (row) => eventTypes[row.type as EventType] },
            { key: 'at', header: 'When', render: (row) => <Ago at={row.timestamp} /> },
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
      <Drawer
        opened={opened !== null}
        onClose={() => setOpened(null)}
        position="right"
        size={620}
        title={opened?.type}
      >
        {opened && <CodeBlock code={JSON.stringify(opened, null, 2)} label="event" />}
      </Drawer>
    </Panel>
  )
}
