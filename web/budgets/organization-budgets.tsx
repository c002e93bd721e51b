import { Button, NativeSelect, Switch } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { BudgetScopeKind, BudgetViewOnWire } from '../../src/contract/budgets.ts'
import { may } from '../../src/contract/permissions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { BudgetDrawer } from './budget-drawer.tsx'
import { BudgetItem } from './budget-item.tsx'
import classes from './budgets.module.css'
import { MembersDialog } from './each-member.tsx'
import { NewOrganizationBudget } from './new-organization-budget.tsx'
import { EditOwnBudget, useBudgetArchive } from './own-acts.tsx'

const route = getRouteApi('/shell/organization-budgets')
const refreshSeconds = 20

const kinds: readonly { value: BudgetScopeKind; label: string }[] = [
  { value: 'organization', label: 'On the organisation' },
  { value: 'team', label: 'On teams' },
  { value: 'user', label: 'On members' },
  { value: 'service', label: 'On services' },
  { value: 'user_service', label: 'On members at a service' },
  { value: 'service_key', label: 'On shared keys' },
]

/** Every budget that was set for the organisation, whatever it is on. */
export const OrganizationBudgets = () => {
  const { organization, role } = useMe()
  const mayManage = may(role, 'budgets.manage')
  const zone = useTimeZone()
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/organization-budgets' })
  const change = (changes: Partial<typeof search>) =>
    void navigate({ search: (now) => ({ ...now, ...changes }), replace: true })
  const budgets = useRead(
    'listOrganizationBudgets',
    { query: { archived: search.archived ? 'true' : 'false' } },
    { refreshSeconds },
  )
  const [editing, setEditing] = useState<BudgetViewOnWire | null>(null)
  const archive = useBudgetArchive()
  const close = () => change({ budget: undefined })
  const opened = budgets.data?.items.find(({ id }) => id === search.budget)
  const isOne = search.budget !== undefined && opened?.eachMember !== true
  const detail = useRead(
    'readBudget',
    { params: { id: search.budget ?? '' } },
    { enabled: budgets.data !== undefined && isOne, refreshSeconds },
  )
  const create = mayManage && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => change({ create: true })}>
      New budget
    </Button>
  )
  const isFiltered = search.kind !== undefined || search.archived === true
  return (
    <Page
      title="Budgets"
      description={`What ${organization.name}, its teams, members, services and shared keys may use. Times in ${zone}.`}
      actions={budgets.data && (isFiltered || budgets.data.items.length > 0) && create}
    >
      <Panel flush>
        <search className={classes.filters} aria-label="Filter budgets">
          <NativeSelect
            aria-label="On what"
            value={search.kind ?? ''}
            data={[{ value: '', label: 'On anything' }, ...kinds]}
            onChange={(event) =>
              change({ kind: kinds.find(({ value }) => value === event.currentTarget.value)?.value })
            }
          />
          <Switch
            label="Archived"
            checked={search.archived === true}
            onChange={(event) => change({ archived: event.currentTarget.checked || undefined })}
          />
        </search>
        <Loaded of={budgets} skeleton={<Block height={260} narrow={340} />}>
          {({ items }) => {
            const shown = items.filter(({ scope }) => search.kind === undefined || scope.kind === search.kind)
            return shown.length === 0 ? (
              <None isFiltered={isFiltered} create={create} />
            ) : (
              <ul className={classes.list} aria-label="Budgets">
                {shown.map((budget) => (
                  <BudgetItem
                    key={budget.id}
                    budget={budget}
                    acts={{
                      reader: 'administrator',
                      onOpen: ({ id }) => change({ budget: id }),
                      onEdit: setEditing,
                      onArchive: archive.archive,
                      onRestore: archive.restore,
                      renderUsed: (row, words) =>
                        row.scope.userId === null ? (
                          words
                        ) : (
                          <Link to="/oversight" search={{ by: 'service', user: row.scope.userId }}>
                            {words}
                          </Link>
                        ),
                    }}
                  />
                ))}
              </ul>
            )
          }}
        </Loaded>
      </Panel>
      {search.create && mayManage && <NewOrganizationBudget onClose={() => change({ create: undefined })} />}
      {editing && <EditOwnBudget budget={editing} onClose={() => setEditing(null)} />}
      {opened?.eachMember && <MembersDialog budget={opened} onClose={close} />}
      <BudgetDrawer
        opened={isOne}
        reader="administrator"
        of={detail}
        onEdit={setEditing}
        renderUsed={(budget, _, words) =>
          budget.scope.userId === null ? (
            words
          ) : (
            <TextLink quiet>
              <Link to="/oversight" search={{ by: 'service', user: budget.scope.userId }}>
                {words}
              </Link>
            </TextLink>
          )
        }
        onClose={close}
      />
    </Page>
  )
}

const None = ({ isFiltered, create }: { isFiltered: boolean; create: React.ReactNode }) =>
  isFiltered ? (
    <EmptyState title="No budget matches">What you archive can be restored from here.</EmptyState>
  ) : (
    <EmptyState title="No budgets yet" action={create}>
      A budget tells you in time, or refuses calls, before more credits or dollars are used than you want: by
      all together, a team, one member, every member, at one service or on a shared key.
    </EmptyState>
  )
