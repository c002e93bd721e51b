import { Button, NativeSelect, Switch } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { BudgetViewOnWire } from '../../src/contract/budgets.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { browserTimeZone } from '../ui/format.ts'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import { dateIn, monthBefore } from '../usage/period.ts'
import { BudgetDrawer } from './budget-drawer.tsx'
import { BudgetItem } from './budget-item.tsx'
import classes from './budgets.module.css'
import { countedOperations, currentTime } from './counted-operations.ts'
import { NewBudget } from './new-budget.tsx'
import { budgetReads, EditOwnBudget, useBudgetArchive } from './own-acts.tsx'

const route = getRouteApi('/shell/budgets')
const refreshSeconds = 20

/** What I may use at most, and what becomes of calls beyond it. */
export const MyBudgets = () => {
  const me = useMe()
  const zone = useTimeZone()
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/budgets' })
  const change = (changes: Partial<typeof search>) =>
    void navigate({ search: (now) => ({ ...now, ...changes }), replace: true })
  const budgets = useRead(
    'listBudgets',
    { query: { archived: search.archived ? 'true' : 'false' } },
    { refreshSeconds },
  )
  const opened = useRead(
    'readBudget',
    { params: { id: search.budget ?? '' } },
    { enabled: search.budget !== undefined, refreshSeconds },
  )
  const [editing, setEditing] = useState<BudgetViewOnWire | null>(null)
  const archive = useBudgetArchive()
  const create = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => change({ create: true })}>
      New budget
    </Button>
  )
  return (
    <Page
      title="Budgets"
      description={`Limits on what you use, with alerts before they are reached. Times in ${zone}.`}
      actions={budgets.data && (search.archived || budgets.data.items.length > 0) && create}
    >
      <Panel
        flush
        title={search.archived ? 'Archived budgets' : 'Budgets'}
        actions={
          <Switch
            label="Archived"
            labelPosition="left"
            checked={search.archived === true}
            onChange={(event) => change({ archived: event.currentTarget.checked || undefined })}
          />
        }
      >
        <Loaded of={budgets} skeleton={<Block height={260} narrow={340} />}>
          {({ items }) =>
            items.length === 0 ? (
              search.archived ? (
                <EmptyState title="None is archived">What you archive can be restored from here.</EmptyState>
              ) : (
                <EmptyState title="No budgets yet" action={create}>
                  A budget tells you in time, or refuses calls, before more credits or dollars are used than
                  you want: in all, at one service or by one access token.
                </EmptyState>
              )
            ) : (
              <ul className={classes.list} aria-label="Budgets">
                {items.map((budget) => (
                  <BudgetItem
                    key={budget.id}
                    budget={budget}
                    acts={{
                      reader: 'self',
                      onOpen: ({ id }) => change({ budget: id }),
                      onEdit: setEditing,
                      onArchive: archive.archive,
                      onRestore: archive.restore,
                      renderUsed: (row, shown) =>
                        row.scope.userId === me.user.id ? (
                          <Link to="/operations" search={countedOperations(row, currentTime(row))}>
                            {shown}
                          </Link>
                        ) : (
                          shown
                        ),
                    }}
                  />
                ))}
              </ul>
            )
          }
        </Loaded>
      </Panel>
      <AlertsHint />
      {search.create && <NewOwnBudget onClose={() => change({ create: undefined })} />}
      {editing && <EditOwnBudget budget={editing} onClose={() => setEditing(null)} />}
      <BudgetDrawer
        opened={search.budget !== undefined}
        reader="self"
        of={opened}
        whenMissing={
          me.isPlatformAdministrator && (
            <p className={classes.missing}>
              It may be somebody else’s:{' '}
              <TextLink>
                {search.budget !== undefined && search.of !== undefined ? (
                  <Link to="/admin/budgets" search={{ budget: search.budget, of: search.of }}>
                    open it among everybody’s budgets
                  </Link>
                ) : (
                  <Link to="/admin/budgets">everybody’s budgets</Link>
                )}
              </TextLink>
              .
            </p>
          )
        }
        onEdit={setEditing}
        renderUsed={(budget, time, shown) =>
          // Operations of other members are not listed here.
          budget.scope.userId === me.user.id ? (
            <TextLink quiet>
              <Link to="/operations" search={countedOperations(budget, time)}>
                {shown}
              </Link>
            </TextLink>
          ) : (
            shown
          )
        }
        onClose={() => change({ budget: undefined, of: undefined })}
      />
    </Page>
  )
}

const AlertsHint = () => (
  <p className={classes.hint}>
    Alerts appear here under the bell. Where else they go, e-mail or webhook, is set under{' '}
    <TextLink>
      <Link to="/alerts">Alerts</Link>
    </TextLink>
    .
  </p>
)

const NewOwnBudget = (props: { onClose: () => void }) => {
  const create = useAct('createBudget', budgetReads)
  const services = useRead('listServices', {})
  const tokens = useRead('listAccessTokens', {})
  // `service:openai`, `token:<id>` or empty for all.
  const [of, setOf] = useState('')
  const serviceId = of.startsWith('service:') ? of.slice(8) : null
  const accessTokenId = of.startsWith('token:') ? of.slice(6) : null
  const [today] = useState(() => dateIn(new Date(), browserTimeZone()))
  const report = useRead('readUsageReport', {
    query: {
      from: monthBefore(today),
      to: today,
      timeZone: browserTimeZone(),
      service: serviceId ?? undefined,
      accessToken: accessTokenId ?? undefined,
    },
  })
  return (
    <NewBudget
      busy={create.isPending}
      error={create.error}
      scopeFault={false}
      subscription
      report={report.data}
      scope={
        <NativeSelect
          label="Of what"
          value={of}
          data={[
            { value: '', label: 'All I do' },
            {
              group: 'One access token',
              items: (tokens.data?.items ?? []).map(({ id, name, lastFour }) => ({
                value: `token:${id}`,
                label: `${name} …${lastFour}`,
              })),
            },
            {
              group: 'One service',
              items: (services.data?.items ?? []).map(({ id, name }) => ({
                value: `service:${id}`,
                label: name,
              })),
            },
          ]}
          onChange={(event) => setOf(event.currentTarget.value)}
        />
      }
      onCreate={(draft) =>
        create.mutate(
          { body: { ...draft, serviceId, accessTokenId } },
          {
            onSuccess: () => {
              tellDone(`“${draft.name}” is in force.`)
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    />
  )
}
