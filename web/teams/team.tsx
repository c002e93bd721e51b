import { Button } from '@mantine/core'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { may } from '../../src/contract/permissions.ts'
import type { TeamView } from '../../src/contract/teams.ts'
import { ScopeBudgets } from '../budgets/scope-budgets.tsx'
import { useServiceNames } from '../budgets/budget-item.tsx'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Ago, Credits, Usd } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { Block, EmptyState, Loaded, Notice } from '../ui/notice.tsx'
import { Page, Panel, Stat, Stats } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { TeamFields, type TeamText } from './team-fields.tsx'
import { TeamMembers } from './team-members.tsx'
import { TeamTokens } from './team-tokens.tsx'

const route = getRouteApi('/shell/teams/$id')

/** One team: members, access tokens, budgets, and what was used with the tokens. */
export const TeamPage = () => {
  const { id } = route.useParams()
  const team = useRead('readTeam', { params: { id } }, { refreshSeconds: 30 })
  const { role } = useMe()
  const [task, setTask] = useState<'edit' | 'archive' | null>(null)
  const mayChange = may(role, 'teams.manage')
  return (
    <Page
      title={team.data?.name ?? 'Team'}
      description={team.data?.description}
      above={
        <TextLink quiet>
          <Link to="/teams">Teams</Link>
        </TextLink>
      }
      actions={
        mayChange &&
        team.data && (
          <>
            <Button variant="default" onClick={() => setTask('edit')}>
              Edit
            </Button>
            {team.data.archivedAt === null ? (
              <Button variant="default" onClick={() => setTask('archive')}>
                Archive
              </Button>
            ) : (
              <Restore team={team.data} />
            )}
          </>
        )
      }
    >
      <Loaded of={team} skeleton={<Block height={420} />}>
        {(data) => (
          <>
            {data.archivedAt !== null && (
              <Notice tone="warning" title="Archived">
                Since <Ago at={data.archivedAt} />. Its access tokens are revoked; its numbers stay.
              </Notice>
            )}
            <Stats>
              <Stat label="Members" value={count(data.memberCount)} lead />
              <Stat label="Operations" value={count(data.use.operations)} note="last 30 days" />
              <Stat
                label="Credits"
                value={<Credits micros={data.use.creditMicros} />}
                note="on system keys"
              />
              <Stat label="Own-key cost" value={<Usd nanoUsd={data.use.costNanoUsd} />} note="on own keys" />
            </Stats>
            <TeamMembers team={data} />
            <TeamTokens team={data} />
            {may(role, 'usage.read') && <ScopeBudgets place={{ what: 'team', team: data.id }} />}
            <Services team={data} />
            {task === 'edit' && <EditTeam team={data} onClose={() => setTask(null)} />}
            {task === 'archive' && <ArchiveTeam team={data} onClose={() => setTask(null)} />}
          </>
        )}
      </Loaded>
    </Page>
  )
}

const Services = ({ team }: { team: TeamView }) => {
  const serviceName = useServiceNames()
  return (
    <Panel
      flush
      title="Use by service"
      description="What was called with the team’s tokens in the last 30 days."
    >
      {team.services.length === 0 ? (
        <EmptyState title="Nothing was called yet">
          Use an access token of the team, and it stands here.
        </EmptyState>
      ) : (
        <DataTable
          label="Use by service"
          rows={team.services}
          rowKey={(row) => row.serviceId ?? 'none'}
          columns={[
            {
              key: 'service',
              header: 'Service',
              render: (row) => (row.serviceId === null ? 'None was chosen' : serviceName(row.serviceId)),
            },
            { key: 'operations', header: 'Operations', align: 'end', render: (row) => count(row.operations) },
            {
              key: 'credits',
              header: 'Credits',
              align: 'end',
              render: (row) => <Credits micros={row.creditMicros} />,
            },
            {
              key: 'cost',
              header: 'Own-key cost',
              align: 'end',
              render: (row) => <Usd nanoUsd={row.costNanoUsd} />,
            },
          ]}
        />
      )}
    </Panel>
  )
}

const reads = ['listTeams', 'readTeam', 'listTeamTokens'] as const

const Restore = ({ team }: { team: TeamView }) => {
  const restore = useAct('restoreTeam', reads)
  return (
    <Button
      loading={restore.isPending}
      onClick={() =>
        restore.mutate(
          { params: { id: team.id } },
          { onSuccess: () => tellDone(`“${team.name}” goes on.`), onError: tellFault },
        )
      }
    >
      Restore
    </Button>
  )
}

const EditTeam = ({ team, onClose }: { team: TeamView; onClose: () => void }) => {
  const [text, setText] = useState<TeamText>({ name: team.name, description: team.description })
  const change = useAct('changeTeam', reads)
  const isSame = text.name.trim() === team.name && text.description.trim() === team.description
  return (
    <FormDialog
      opened
      title={`Edit “${team.name}”`}
      submit="Save team"
      busy={change.isPending}
      error={change.error}
      blocked={isSame || text.name.trim() === ''}
      onSubmit={() =>
        change.mutate(
          {
            params: { id: team.id },
            body: { name: text.name.trim(), description: text.description.trim() },
          },
          {
            onSuccess: ({ name }) => {
              tellDone(`“${name}” is saved.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <TeamFields text={text} onChange={setText} />
    </FormDialog>
  )
}

const ArchiveTeam = ({ team, onClose }: { team: TeamView; onClose: () => void }) => {
  const { role } = useMe()
  const keys = useRead('listOwnOrganizationKeys', {}, { enabled: may(role, 'organization_keys.read') })
  const kept = (keys.data?.items ?? []).filter(({ teams }) => teams?.some(({ id }) => id === team.id))
  const archive = useAct('archiveTeam', reads)
  return (
    <ConfirmDialog
      opened
      title={`Archive “${team.name}”?`}
      submit="Archive team"
      busy={archive.isPending}
      error={archive.error}
      onConfirm={() =>
        archive.mutate(
          { params: { id: team.id } },
          {
            onSuccess: () => {
              tellDone(`“${team.name}” is archived.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <p>
        {team.accessTokenCount === 0
          ? 'It has no access tokens.'
          : `${counted(team.accessTokenCount, 'access token')} of the team will be refused from now on, everywhere, and cannot be brought back.`}{' '}
        Its numbers stay, and it can be restored.
      </p>
      {kept.length > 0 && (
        <p>
          Kept for it, and used by nobody for it any more: {kept.map(({ label }) => `“${label}”`).join(', ')}.
          They do not open to other members; change whom they serve under Organisation keys.
        </p>
      )}
    </ConfirmDialog>
  )
}
