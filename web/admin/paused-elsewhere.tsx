import { Button } from '@mantine/core'
import type { HealthMatrix } from '../../src/contract/health.ts'
import { useRead } from '../data/queries.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { Panel } from '../ui/page.tsx'
import { BreakerMark } from './breaker-mark.tsx'
import { failureText } from './health-rows.ts'
import type { ResetSubject } from './reset-breaker.tsx'

/** Keys of users and organisations that are left alone at the moment; nothing while there are none. */
export const PausedElsewhere = (props: {
  keys: HealthMatrix['openElsewhere']
  onReset: (subject: ResetSubject) => void
}) => {
  const any = props.keys.length > 0
  const organizations = useRead('listOrganizations', { query: { limit: 200 } }, { enabled: any })
  if (!any) return null
  const nameOf = (id: string) => organizations.data?.items.find((each) => each.id === id)?.name ?? id
  return (
    <Panel flush title="Paused keys of users and organisations">
      <DataTable
        label="Paused keys of users and organisations"
        rows={props.keys}
        rowKey={(row) => row.serviceKeyId}
        columns={[
          { key: 'organization', header: 'Organisation', render: (row) => nameOf(row.organizationId) },
          { key: 'key', header: 'Service key', render: (row) => <code>{row.serviceKeyId}</code> },
          { key: 'state', header: 'State', render: (row) => <BreakerMark state={row.state} plain /> },
          { key: 'since', header: 'Since', render: (row) => <Ago at={row.since} /> },
          { key: 'next', header: 'Next try', render: (row) => <Ago at={row.nextProbeAt} never="now" /> },
          { key: 'share', header: 'Calls', render: failureText },
          {
            key: 'actions',
            header: '',
            align: 'end',
            render: (row) => (
              <Button
                size="compact-sm"
                variant="default"
                onClick={() =>
                  props.onReset({
                    name: `this key of ${nameOf(row.organizationId)}`,
                    body: { serviceKeyId: row.serviceKeyId, organizationId: row.organizationId },
                  })
                }
              >
                Reset<span className="visually-hidden"> {row.serviceKeyId}</span>
              </Button>
            ),
          },
        ]}
      />
    </Panel>
  )
}
