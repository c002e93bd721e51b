import { Button } from '@mantine/core'
import { IconFileImport, IconPlus } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { MemberKey, OrganizationKey } from '../../src/contract/organization-keys.ts'
import { may } from '../../src/contract/permissions.ts'
import { useServiceNames } from '../budgets/budget-item.tsx'
import { useOrganizationKeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
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
import { Serves } from './serves.tsx'
import { ImportSharedKeys, ShareKey } from './share-keys.tsx'
import { TeamsDialog } from './teams-dialog.tsx'

const route = getRouteApi('/shell/organization-keys')

/** Keys that the organisation shares with its members, and how members' own ones are doing. */
export const OrganizationKeys = () => {
  const { role } = useMe()
  const mayManage = may(role, 'organization_keys.manage')
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/organization-keys' })
  const open = (key: string | undefined) => void navigate({ search: { key }, replace: true })
  const keys = useRead('listOwnOrganizationKeys', {}, { refreshSeconds: 30 })
  const serviceName = useServiceNames()
  const actions = useOrganizationKeyActions()
  const [adding, setAdding] = useState<'one' | 'file' | null>(null)
  const [task, setTask] = useState<KeyTask | null>(null)
  const [changing, setChanging] = useState<{ what: 'limits' | 'teams'; key: OrganizationKey } | null>(null)
  const stopChanging = () => setChanging(null)
  const opened = keys.data?.items.find(({ id }) => id === search.key)
  const add = mayManage && (
    <span className={classes.add}>
      <Button variant="default" leftSection={<IconFileImport size={16} />} onClick={() => setAdding('file')}>
        Import keys
      </Button>
      <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding('one')}>
        Share a key
      </Button>
    </span>
  )
  return (
    <Page
      title="Organisation keys"
      description="Keys that members call with, before any system key and without credits. Use is of the last 30 days."
      actions={keys.data && keys.data.items.length > 0 && add}
    >
      <Panel flush title="Shared with members">
        {keys.error && !keys.data ? (
          <FaultNotice error={keys.error} onRetry={() => void keys.refetch()} />
        ) : keys.data?.items.length === 0 ? (
          <EmptyState title="No key is shared yet" action={add}>
            A key that is shared serves members who have none of their own: all of them, or those of some
            teams. Limits say how much each may use of it.
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
        onChange={(what, key) => setChanging({ what, key })}
        onClose={() => open(undefined)}
      />
      {adding === 'one' && <ShareKey onClose={() => setAdding(null)} />}
      {adding === 'file' && <ImportSharedKeys onClose={() => setAdding(null)} />}
      <KeyDialogs
        task={task}
        actions={actions}
        onClose={() => setTask(null)}
        onRevoked={() => open(undefined)}
      />
      {changing?.what === 'limits' && <LimitsDialog serviceKey={changing.key} onClose={stopChanging} />}
      {changing?.what === 'teams' && <TeamsDialog serviceKey={changing.key} onClose={stopChanging} />}
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
  { key: 'teams', header: 'Serves', render: (row) => <Serves teams={row.teams} /> },
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
