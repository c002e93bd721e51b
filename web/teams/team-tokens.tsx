import { Button, NativeSelect, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { may } from '../../src/contract/permissions.ts'
import type { TeamToken, TeamView } from '../../src/contract/teams.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { CreatedToken } from '../tokens/created-token.tsx'
import { userExamples } from '../tokens/examples.ts'
import { ExpirySelect } from '../tokens/expiry-select.tsx'
import { useFirstModel } from '../tokens/first-model.ts'
import { TokenTable } from '../tokens/token-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'

/** Tokens whose use counts for the team. */
export const TeamTokens = ({ team }: { team: TeamView }) => {
  const me = useMe()
  const tokens = useRead('listTeamTokens', { params: { id: team.id } })
  const revoke = useAct('revokeTeamToken', ['listTeamTokens', 'readTeam'])
  const [creating, setCreating] = useState(false)
  const [created, setCreated] = useState<string | null>(null)
  const model = useFirstModel({ enabled: created !== null })
  const machines = may(me.role, 'teams.manage')
    ? team.members.filter(({ kind }) => kind === 'service_account')
    : []
  const mayCreate = team.archivedAt === null && (team.ownRole !== null || machines.length > 0)
  const add = mayCreate && (
    <Button
      size="compact-md"
      variant="default"
      leftSection={<IconPlus size={15} />}
      onClick={() => setCreating(true)}
    >
      Create token
    </Button>
  )
  return (
    <Panel
      flush
      title="Access tokens"
      description="They act for whoever made them, on their keys and credits; the use counts for the team, too."
      actions={tokens.data && tokens.data.items.length > 0 && add}
    >
      {tokens.error && !tokens.data ? (
        <FaultNotice error={tokens.error} onRetry={() => void tokens.refetch()} />
      ) : tokens.data?.items.length === 0 ? (
        <EmptyState title="No access tokens" action={add}>
          {team.ownRole === null
            ? 'Members of the team make them.'
            : 'Give one to whatever works for the team, and its use stands here.'}
        </EmptyState>
      ) : (
        <TokenTable
          label="Access tokens of the team"
          showScopes={false}
          tokens={tokens.data?.items}
          whose={(token) => (token as TeamToken).userName}
          revoking={{
            busy: revoke.isPending,
            error: revoke.error,
            reset: revoke.reset,
            run: (token, onDone) =>
              revoke.mutate(
                { params: { id: team.id, token } },
                {
                  onSuccess: () => {
                    tellDone('The token is revoked.')
                    onDone()
                  },
                },
              ),
          }}
        />
      )}
      {creating && (
        <CreateToken
          team={team}
          machines={machines.map(({ userId, name }) => ({ value: userId, label: name }))}
          onClose={() => setCreating(false)}
          onCreated={(token) => {
            setCreating(false)
            setCreated(token)
          }}
        />
      )}
      <CreatedToken
        token={created}
        examples={(base, token) => userExamples(base, token, model)}
        onClose={() => setCreated(null)}
      />
    </Panel>
  )
}

const CreateToken = (props: {
  team: TeamView
  machines: readonly { value: string; label: string }[]
  onClose: () => void
  onCreated: (token: string) => void
}) => {
  const { team, machines } = props
  const create = useAct('createTeamToken', ['listTeamTokens', 'readTeam'])
  const [name, setName] = useState('')
  const [expiresInDays, setExpiresInDays] = useState<number | null>(90)
  const whose = [...(team.ownRole === null ? [] : [{ value: '', label: 'You' }]), ...machines]
  const [userId, setUserId] = useState(whose[0]?.value ?? '')
  return (
    <FormDialog
      opened
      title={`Create access token of “${team.name}”`}
      submit="Create token"
      busy={create.isPending}
      error={create.error}
      blocked={name.trim() === ''}
      onSubmit={() =>
        create.mutate(
          {
            params: { id: team.id },
            body: { name: name.trim(), expiresInDays, userId: userId || undefined },
          },
          { onSuccess: ({ token }) => props.onCreated(token) },
        )
      }
      onClose={props.onClose}
    >
      <TextInput
        label="Name"
        description="What will use it, so that you know what breaks when you revoke it."
        placeholder="Nightly index"
        maxLength={80}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {whose.length > 1 && (
        <NativeSelect
          label="Acts for"
          value={userId}
          data={whose}
          onChange={(event) => setUserId(event.currentTarget.value)}
        />
      )}
      <ExpirySelect days={expiresInDays} onChange={setExpiresInDays} />
    </FormDialog>
  )
}
