import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { MemberKey, OrganizationKey } from '../../src/contract/organization-keys.ts'
import { may } from '../../src/contract/permissions.ts'
import { useServiceNames } from '../budgets/budget-item.tsx'
import { useOrganizationKeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { AddKeyDialog } from '../keys/add-key-dialog.tsx'
import { KeyDialogs, type KeyTask } from '../keys/key-dialogs.tsx'
import { limitsText } from '../limits/limit-words.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago, Usd } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { KeyMark, SecretTail } from '../ui/mark.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { KeyDrawer } from './key-drawer.tsx'
import { LimitsDialog } from './limits-dialog.tsx'
import classes from './organization-keys.module.css'

const route = getRouteApi('/shell/organization-keys')

/** Keys that the organisation shares with its members, and how members' own ones are doing. */
export const OrganizationKeys = () => {
  const { role } = useMe()
  const mayManage = may(role, 'organization_keys.manage')
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/organization-keys' })
  const open = (key: string | undefined) => void navigate({ search: { key }, replace: true })
  const keys = useRead('listOwnOrganizationKeys', {}, { refreshSeconds: 30 })
  const services = useRead('listServices', {})
  const serviceName = useServiceNames()
  const actions = useOrganizationKeyActions()
  const [adding, setAdding] = useState(false)
  const [task, setTask] = useState<KeyTask | null>(null)
  const [limiting, setLimiting] = useState<OrganizationKey | null>(null)
  const opened = keys.data?.items.find(({ id }) => id === search.key)
  const add = mayManage && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
      Share a key
    </Button>
  )
  return (
    <Page
      title="Organisation keys"
      description="Keys that all members call with, before any system key and without credits. Use is of the last 30 days."
      actions={keys.data && keys.data.items.length > 0 && add}
    >
      <Panel flush title="Shared with all members">
        {keys.error && !keys.data ? (
          <FaultNotice error={keys.error} onRetry={() => void keys.refetch()} />
        ) : keys.data?.items.length === 0 ? (
          <EmptyState title="No key is shared yet" action={add}>
            A key that is shared serves the calls of every member who has none of their own; limits say how
            much each may use of it.
          </EmptyState>
        ) : (
          <DataTable
            label="Organisation keys"
            loading={keys.data ? undefined : 3}
            rows={keys.data?.items ?? []}
            rowKey={(row) => row.id}
            onOpen={(row) => open(row.id)}
            openKey={search.key}
            columns={columnsOf(serviceName)}
          />
        )}
      </Panel>
      <MemberKeys serviceName={serviceName} />
      <KeyDrawer
        opened={search.key !== undefined}
        isLoading={keys.data === undefined}
        serviceKey={opened}
        mayManage={mayManage}
        actions={actions}
        onTask={setTask}
        onLimit={setLimiting}
        onClose={() => open(undefined)}
      />
      <AddKeyDialog
        opened={adding}
        title="Share a key with all members"
        services={services.data?.items ?? []}
        actions={actions}
        serviceId={null}
        onClose={() => setAdding(false)}
      />
      <KeyDialogs
        task={task}
        actions={actions}
        onClose={() => setTask(null)}
        onRevoked={() => open(undefined)}
      />
      {limiting && <LimitsDialog serviceKey={limiting} onClose={() => setLimiting(null)} />}
    </Page>
  )
}

const columnsOf = (serviceName: (id: string) => string): readonly Column<OrganizationKey>[] => [
  {
    key: 'label',
    header: 'Key',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.name}>{row.label}</span>
        <span className={classes.quiet}>{serviceName(row.serviceId)}</span>
      </span>
    ),
  },
  { key: 'tail', header: 'Secret', render: (row) => <SecretTail lastFour={row.lastFour} /> },
  {
    key: 'status',
    header: 'Status',
    render: (row) => <KeyMark status={row.status} verdict={row.verdict} />,
  },
  {
    key: 'limits',
    header: 'Each member',
    render: (row) => limitsText(row.limits.eachMember) ?? 'no limit',
  },
  { key: 'members', header: 'Used by', align: 'end', render: (row) => count(row.memberCount) },
  { key: 'operations', header: 'Operations', align: 'end', render: (row) => count(row.use.operations) },
  { key: 'cost', header: 'Cost', align: 'end', render: (row) => <Usd nanoUsd={row.use.costNanoUsd} /> },
]

/** What those who run a company see of keys that are not theirs: status, never secrets. */
const MemberKeys = ({ serviceName }: { serviceName: (id: string) => string }) => {
  const keys = useRead('listMemberKeys', {})
  const columns: readonly Column<MemberKey>[] = [
    {
      key: 'who',
      header: 'Member',
      render: (row) => (
        <span className={classes.who}>
          <span className={classes.name}>{row.userName}</span>
          <span className={classes.quiet}>{row.userEmail}</span>
        </span>
      ),
    },
    { key: 'service', header: 'Service', render: (row) => serviceName(row.serviceId) },
    { key: 'tail', header: 'Secret', render: (row) => <SecretTail lastFour={row.lastFour} /> },
    {
      key: 'status',
      header: 'Status',
      render: (row) => <KeyMark status={row.status} verdict={row.verdict} />,
    },
    { key: 'checked', header: 'Checked', tableOnly: true, render: (row) => <Ago at={row.validatedAt} /> },
    { key: 'used', header: 'Last used', render: (row) => <Ago at={row.lastUsedAt} /> },
  ]
  return (
    <Panel flush title="Members’ own keys" description="As status only; nobody but their owner uses them.">
      {keys.error && !keys.data ? (
        <FaultNotice error={keys.error} onRetry={() => void keys.refetch()} />
      ) : keys.data?.items.length === 0 ? (
        <EmptyState title="No member has a key of their own">
          What members add under Services stands here.
        </EmptyState>
      ) : (
        <DataTable
          label="Members’ own keys"
          loading={keys.data ? undefined : 3}
          rows={keys.data?.items ?? []}
          rowKey={(row) => row.id}
          columns={columns}
        />
      )}
    </Panel>
  )
}
