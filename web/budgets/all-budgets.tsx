import { Button, NativeSelect, Switch } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Reply } from '../../src/contract/endpoints.ts'
import { OrganizationSelect } from '../admin/organization-select.tsx'
import { useAct, usePages, useRead } from '../data/queries.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { BudgetDrawer } from './budget-drawer.tsx'
import { BudgetItem } from './budget-item.tsx'
import classes from './budgets.module.css'
import { countedOperations, currentTime } from './counted-operations.ts'
import { EditBudget } from './edit-budget.tsx'
import { NewAnyBudget } from './new-any-budget.tsx'

type AnyBudget = Reply<'listAllBudgets'>['items'][number]
/** What is needed to address one. */
type Addressed = Pick<AnyBudget, 'organizationId' | 'id'>

const route = getRouteApi('/shell/admin/budgets')
const anyBudgetReads = ['listAllBudgets', 'readAnyBudget'] as const
const addressOf = ({ organizationId, id }: Addressed) => ({ organization: organizationId, id })

/** The operations that a budget of anybody counts. */
const countedOf = (budget: Reply<'readAnyBudget'>, time: { since: string; until: string }) => ({
  ...countedOperations(budget, time),
  organization: budget.organizationId,
  user: budget.scope.userId ?? undefined,
})

export const AllBudgets = () => {
  const zone = useTimeZone()
  const search = route.useSearch()
  const { budget: openId, of, archived, create: creating, ...filters } = search
  const navigate = useNavigate({ from: '/admin/budgets' })
  const change = (changes: Partial<typeof search>) =>
    void navigate({ search: (now) => ({ ...now, ...changes }), replace: true })
  const pages = usePages('listAllBudgets', { ...filters, archived: archived ? 'true' : 'false' })
  const items = pages.data?.pages.flatMap((page) => page.items)
  const opened = useRead(
    'readAnyBudget',
    { params: { organization: of ?? '', id: openId ?? '' } },
    { enabled: openId !== undefined && of !== undefined },
  )
  const [editing, setEditing] = useState<Reply<'readAnyBudget'> | AnyBudget | null>(null)
  const archive = useArchiveAny()
  return (
    <Page
      title="Budgets"
      description={`Of organisations, services, users and access tokens. Times in ${zone}.`}
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => change({ create: true })}>
          New budget
        </Button>
      }
    >
      <Panel flush>
        <Filters search={search} onChange={change} />
        <Loaded
          of={{ data: items, error: pages.error, refetch: pages.refetch }}
          skeleton={<Block height={260} narrow={340} />}
        >
          {(rows) =>
            rows.length === 0 ? (
              <EmptyState
                title={Object.values(filters).some(Boolean) ? 'No budget matches' : 'No budgets yet'}
              >
                Hard budgets refuse calls beyond them, soft ones tell in time.
              </EmptyState>
            ) : (
              <ul className={classes.list} aria-label="Budgets">
                {rows.map((row) => (
                  <BudgetItem
                    key={`${row.organizationId}${row.id}`}
                    budget={row}
                    acts={{
                      reader: 'administrator',
                      onOpen: ({ id, organizationId }) => change({ budget: id, of: organizationId }),
                      onEdit: setEditing,
                      onArchive: archive.archive,
                      onRestore: archive.restore,
                      renderUsed: (budget, shown) => (
                        <Link
                          to="/admin/operations"
                          search={{
                            ...countedOperations(budget, currentTime(budget)),
                            organization: budget.organizationId,
                            user: budget.scope.userId ?? undefined,
                          }}
                        >
                          {shown}
                        </Link>
                      ),
                      renderWho: (budget) => `${budget.organizationName}: `,
                    }}
                  />
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
      {creating && <NewAnyBudget onClose={() => change({ create: undefined })} />}
      {editing && <EditAnyBudget budget={editing} onClose={() => setEditing(null)} />}
      <BudgetDrawer
        opened={openId !== undefined && of !== undefined}
        reader="administrator"
        of={opened}
        onEdit={setEditing}
        renderUsed={(budget, time, shown) => (
          <TextLink quiet>
            <Link to="/admin/operations" search={countedOf(budget, time)}>
              {shown}
            </Link>
          </TextLink>
        )}
        onClose={() => change({ budget: undefined, of: undefined })}
      />
    </Page>
  )
}

const useArchiveAny = () => {
  const archive = useAct('archiveAnyBudget', anyBudgetReads)
  const restore = useAct('restoreAnyBudget', anyBudgetReads)
  const bringBack = (budget: AnyBudget) => restore.mutateAsync({ params: addressOf(budget) })
  return {
    archive: (budget: AnyBudget) =>
      archive.mutate(
        { params: addressOf(budget) },
        {
          onSuccess: () => tellDone(`“${budget.name}” is archived.`, () => bringBack(budget)),
          onError: tellFault,
        },
      ),
    restore: (budget: AnyBudget) =>
      void bringBack(budget).then(() => tellDone(`“${budget.name}” is in force again.`), tellFault),
  }
}

const kinds = [
  { value: '', label: 'On anything' },
  { value: 'organization', label: 'On organisations' },
  { value: 'service', label: 'On services' },
  { value: 'user', label: 'On users' },
  { value: 'user_service', label: 'On users at a service' },
  { value: 'access_token', label: 'On access tokens' },
] as const

type Search = ReturnType<typeof route.useSearch>

const Filters = (props: { search: Search; onChange: (changes: Partial<Search>) => void }) => {
  const { search, onChange } = props
  return (
    <search className={classes.filters} aria-label="Filter budgets">
      <NativeSelect
        aria-label="On what"
        value={search.kind ?? ''}
        data={kinds}
        onChange={(event) => {
          const found = kinds.find(({ value }) => value === event.currentTarget.value)?.value
          onChange({ kind: found || undefined })
        }}
      />
      <OrganizationSelect
        value={search.organization}
        onChange={(organization) => onChange({ organization })}
      />
      {(search.user ?? search.service) && (
        <Button
          variant="subtle"
          color="gray"
          onClick={() => onChange({ user: undefined, service: undefined })}
        >
          Clear filters
        </Button>
      )}
      <Switch
        label="Archived"
        checked={search.archived === true}
        onChange={(event) => onChange({ archived: event.currentTarget.checked || undefined })}
      />
    </search>
  )
}

const EditAnyBudget = (props: { budget: Reply<'readAnyBudget'> | AnyBudget; onClose: () => void }) => {
  const save = useAct('changeAnyBudget', anyBudgetReads)
  return (
    <EditBudget
      budget={props.budget}
      busy={save.isPending}
      error={save.error}
      onSave={(body) =>
        save.mutate(
          { params: addressOf(props.budget), body },
          {
            onSuccess: () => {
              tellDone(`“${body.name}” is saved.`)
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    />
  )
}
