import { Button, NativeSelect } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { TeamMember, TeamRole, TeamView } from '../../src/contract/teams.ts'
import { useAct } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Ago, Credits, Usd } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { TakeIn } from './take-in.tsx'
import classes from './teams.module.css'

const reads = ['readTeam', 'listTeams', 'listTeamTokens', 'listTeamCandidates'] as const

/** Who is in it, and what each used with the team's tokens. */
export const TeamMembers = ({ team }: { team: TeamView }) => {
  const me = useMe()
  const [adding, setAdding] = useState(false)
  const [leaving, setLeaving] = useState<TeamMember | null>(null)
  const mayManage = team.mayManage && team.archivedAt === null
  const add = mayManage && (
    <Button
      size="compact-md"
      variant="default"
      leftSection={<IconPlus size={15} />}
      onClick={() => setAdding(true)}
    >
      Take somebody in
    </Button>
  )
  return (
    <Panel
      flush
      title="Members"
      description="Leads take members in and out and revoke the team’s tokens."
      actions={team.members.length > 0 && add}
    >
      {team.members.length === 0 ? (
        <EmptyState title="Nobody is in it yet" action={add}>
          Only members of the team have access tokens of it.
        </EmptyState>
      ) : (
        <DataTable
          label="Members"
          rows={team.members}
          rowKey={(row) => row.userId}
          columns={[
            {
              key: 'name',
              header: 'Member',
              render: (row) => (
                <span className={classes.who}>
                  <span className={classes.name}>{row.name}</span>
                  <span className={classes.email}>
                    {row.kind === 'service_account' ? 'Service account' : row.email}
                  </span>
                </span>
              ),
            },
            {
              key: 'role',
              header: 'Part',
              render: (row) => (mayManage ? <RoleSelect team={team} member={row} /> : roleWords[row.role]),
            },
            { key: 'since', header: 'Since', tableOnly: true, render: (row) => <Ago at={row.joinedAt} /> },
            {
              key: 'operations',
              header: 'Operations',
              align: 'end',
              render: (row) => (row.use ? count(row.use.operations) : '–'),
            },
            {
              key: 'credits',
              header: 'Credits',
              align: 'end',
              render: (row) => (row.use ? <Credits micros={row.use.creditMicros} /> : '–'),
            },
            {
              key: 'cost',
              header: 'Own-key cost',
              align: 'end',
              render: (row) => (row.use ? <Usd nanoUsd={row.use.costNanoUsd} /> : '–'),
            },
            {
              key: 'acts',
              header: '',
              align: 'end',
              render: (row) =>
                (mayManage || row.userId === me.user.id) && (
                  <Button
                    size="compact-sm"
                    variant="subtle"
                    color="red"
                    aria-label={row.userId === me.user.id ? 'Leave the team' : `Take out ${row.name}`}
                    onClick={() => setLeaving(row)}
                  >
                    {row.userId === me.user.id ? 'Leave' : 'Take out'}
                  </Button>
                ),
            },
          ]}
        />
      )}
      {adding && <TakeIn team={team} onClose={() => setAdding(false)} />}
      {leaving && <Remove team={team} member={leaving} onClose={() => setLeaving(null)} />}
    </Panel>
  )
}

const roleWords = { lead: 'Lead', member: 'Member' } as const

const RoleSelect = ({ team, member }: { team: TeamView; member: TeamMember }) => {
  const set = useAct('setTeamMember', reads)
  const save = (role: TeamRole) =>
    set.mutateAsync({ params: { id: team.id, user: member.userId }, body: { role } })
  return (
    <NativeSelect
      size="xs"
      aria-label={`Part of ${member.name}`}
      disabled={set.isPending}
      value={member.role}
      data={[
        { value: 'member', label: 'Member' },
        { value: 'lead', label: 'Lead' },
      ]}
      onChange={(event) =>
        void save(event.currentTarget.value === 'lead' ? 'lead' : 'member').then(
          () => tellDone(`${member.name} is saved.`, () => save(member.role)),
          tellFault,
        )
      }
    />
  )
}

const Remove = (props: { team: TeamView; member: TeamMember; onClose: () => void }) => {
  const { team, member, onClose } = props
  const me = useMe()
  const remove = useAct('removeTeamMember', reads)
  const isOneself = member.userId === me.user.id
  return (
    <ConfirmDialog
      opened
      title={isOneself ? `Leave “${team.name}”?` : `Take ${member.name} out of “${team.name}”?`}
      submit={isOneself ? 'Leave team' : 'Take out'}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() =>
        remove.mutate(
          { params: { id: team.id, user: member.userId } },
          {
            onSuccess: () => {
              tellDone(isOneself ? `You have left “${team.name}”.` : `${member.name} is out of the team.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <p>
        {isOneself ? 'Your' : 'Their'} access tokens of the team are revoked at once. What was used with them
        stays in the team’s numbers.
      </p>
    </ConfirmDialog>
  )
}
