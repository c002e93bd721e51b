import { Button } from '@mantine/core'
import { IconAlertTriangle, IconPlus } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import type { AdminGroup, ListedGroup } from '../../src/contract/groups.ts'
import { useRead } from '../data/queries.ts'
import { taskName } from '../data/words.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { count } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { GroupDrawer } from './group-drawer.tsx'
import classes from './groups.module.css'
import { newGroup, origins } from './group-words.ts'

const route = getRouteApi('/shell/admin/groups')

export const Groups = () => {
  const { group: openId } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/groups' })
  const groups = useRead('listAdminGroups', {})
  const asThingsStand = useRead('listGroups', {}, { refreshSeconds: 15 })
  const open = (group: string | undefined) =>
    void navigate({ search: { group }, replace: group === undefined })
  const nowOf = (id: string) => asThingsStand.data?.items.find((each) => each.id === id)
  const create = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => open(newGroup)}>
      Create group
    </Button>
  )
  return (
    <Page
      title="Model groups"
      description="Callers ask for a group in the place of a model. Own keys come first, then what costs the fewest credits; among equals the order of the group decides."
      actions={create}
    >
      <Panel flush>
        <Loaded of={groups} skeleton={<Block height={400} narrow={1300} />}>
          {({ items }) =>
            items.length === 0 ? (
              <EmptyState title="No group yet" action={create}>
                A group lists models that can stand in for each other.
              </EmptyState>
            ) : (
              <DataTable
                label="Model groups"
                rows={items}
                rowKey={(row) => row.id}
                openKey={openId}
                onOpen={(row) => open(row.id)}
                columns={columnsWith(nowOf)}
              />
            )
          }
        </Loaded>
      </Panel>
      <GroupDrawer
        id={openId}
        groups={groups}
        now={openId === undefined ? undefined : nowOf(openId)}
        onOpen={open}
      />
    </Page>
  )
}

const columnsWith = (nowOf: (id: string) => ListedGroup | undefined): readonly Column<AdminGroup>[] => [
  {
    key: 'label',
    header: 'Group',
    render: (row) => (
      <span className={classes.name}>
        <strong>{row.label}</strong>
        <code>group/{row.id}</code>
      </span>
    ),
  },
  { key: 'task', header: 'For', render: (row) => taskName(row.task) },
  {
    key: 'models',
    header: 'Models',
    align: 'end',
    render: (row) => count(row.models.length),
  },
  {
    key: 'now',
    header: 'A call of yours would use',
    render: (row) => <Now group={row} now={nowOf(row.id)} />,
  },
  {
    key: 'origin',
    header: 'From',
    render: (row) => (row.origin === 'removed' ? <Mark tone="quiet">Removed</Mark> : origins[row.origin]),
  },
]

const Now = ({ group, now }: { group: AdminGroup; now: ListedGroup | undefined }) => {
  if (group.origin === 'removed') return <span className={classes.quiet}>—</span>
  if (now === undefined) return <span className={classes.quiet}>…</span>
  if (now.next === null)
    return (
      <Mark tone="credits" icon={IconAlertTriangle} plain>
        Nothing now
      </Mark>
    )
  return (
    <span className={classes.name}>
      {now.next.model}
      <span className={classes.quiet}>
        at {now.next.serviceName}, {now.next.keyOwner === 'system' ? 'system key' : 'own key'}
      </span>
    </span>
  )
}
