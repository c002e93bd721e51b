import { Button, Switch } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { may } from '../../src/contract/permissions.ts'
import type { Team } from '../../src/contract/teams.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Credits, Usd } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import { TeamFields, type TeamText } from './team-fields.tsx'
import classes from './teams.module.css'

const route = getRouteApi('/shell/teams')

const roleWords = { lead: 'Lead', member: 'Member' } as const

const columns: readonly Column<Team>[] = [
  {
    key: 'name',
    header: 'Team',
    render: (row) => (
      <span className={classes.who}>
        <TextLink>
          <Link to="/teams/$id" params={{ id: row.id }}>
            {row.name}
          </Link>
        </TextLink>
        {row.description !== '' && <span className={classes.note}>{row.description}</span>}
      </span>
    ),
  },
  { key: 'part', header: 'Your part', render: (row) => (row.ownRole ? roleWords[row.ownRole] : 'none') },
  { key: 'members', header: 'Members', align: 'end', render: (row) => count(row.memberCount) },
  { key: 'tokens', header: 'Tokens', align: 'end', render: (row) => count(row.accessTokenCount) },
  { key: 'operations', header: 'Operations', align: 'end', render: (row) => count(row.use.operations) },
  {
    key: 'credits',
    header: 'Credits',
    align: 'end',
    render: (row) => <Credits micros={row.use.creditMicros} />,
  },
  {
    key: 'cost',
    header: 'Own-key cost',
    align: 'end',
    render: (row) => <Usd nanoUsd={row.use.costNanoUsd} />,
  },
]

/** Teams and projects: who is in them, and what was used with their access tokens. */
export const Teams = () => {
  const { role } = useMe()
  const { archived } = route.useSearch()
  const navigate = useNavigate({ from: '/teams' })
  const teams = useRead('listTeams', { query: { archived: archived ? 'true' : 'false' } })
  const [creating, setCreating] = useState(false)
  const create = may(role, 'teams.manage') && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
      New team
    </Button>
  )
  return (
    <Page
      title="Teams"
      description="Teams or projects with members, access tokens and budgets of their own. Use is of the last 30 days."
      actions={teams.data && (archived || teams.data.items.length > 0) && create}
    >
      <Panel
        flush
        title={archived ? 'Archived teams' : 'Teams'}
        actions={
          <Switch
            label="Archived"
            labelPosition="left"
            checked={archived === true}
            onChange={(event) =>
              void navigate({ search: { archived: event.currentTarget.checked || undefined }, replace: true })
            }
          />
        }
      >
        {teams.error && !teams.data ? (
          <FaultNotice error={teams.error} onRetry={() => void teams.refetch()} />
        ) : teams.data?.items.length === 0 ? (
          <NoTeams archived={archived === true} create={create} />
        ) : (
          <DataTable
            label="Teams"
            loading={teams.data ? undefined : 4}
            rows={teams.data?.items ?? []}
            rowKey={(row) => row.id}
            columns={columns}
          />
        )}
      </Panel>
      {creating && <CreateTeam onClose={() => setCreating(false)} />}
    </Page>
  )
}

const NoTeams = (props: { archived: boolean; create: ReactNode }) =>
  props.archived ? (
    <EmptyState title="None is archived">What is archived can be restored from here.</EmptyState>
  ) : props.create ? (
    <EmptyState title="No teams yet" action={props.create}>
      A team has members and access tokens; what is called with those counts for the team, and budgets limit
      it.
    </EmptyState>
  ) : (
    <EmptyState title="You are in no team">
      Whoever runs your organisation makes teams and takes you in.
    </EmptyState>
  )

const CreateTeam = (props: { onClose: () => void }) => {
  const navigate = useNavigate()
  const create = useAct('createTeam', ['listTeams'])
  const [text, setText] = useState<TeamText>({ name: '', description: '' })
  return (
    <FormDialog
      opened
      title="New team"
      submit="Create team"
      busy={create.isPending}
      error={create.error}
      blocked={text.name.trim() === ''}
      onSubmit={() =>
        create.mutate(
          { body: { name: text.name.trim(), description: text.description.trim() } },
          {
            onSuccess: ({ id, name }) => {
              tellDone(`“${name}” is made. Take its members in.`)
              void navigate({ to: '/teams/$id', params: { id } })
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <TeamFields text={text} onChange={setText} />
    </FormDialog>
  )
}
