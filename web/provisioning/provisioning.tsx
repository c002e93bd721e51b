import { Button, NativeSelect, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { may } from '../../src/contract/permissions.ts'
import type { ProvisionedGroup } from '../../src/contract/provisioning.ts'
import { usePages, useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import classes from '../machines/machines.module.css'
import { CreatedToken } from '../tokens/created-token.tsx'
import { ExpirySelect } from '../tokens/expiry-select.tsx'
import { CopyField } from '../ui/copy.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { SecretTail } from '../ui/mark.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel, Stat, Stats } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'

const roles = [
  { value: '', label: 'Nothing' },
  { value: 'member', label: 'Member' },
  { value: 'auditor', label: 'Auditor' },
  { value: 'billing', label: 'Billing' },
  { value: 'administrator', label: 'Administrator' },
] as const

/** Users and groups that come from the identity provider. */
export const Provisioning = () => {
  const { role } = useMe()
  const view = useRead('readProvisioning', {})
  const mayManage = may(role, 'identity.manage')
  const [creating, setCreating] = useState(false)
  const [created, setCreated] = useState<string | null>(null)
  return (
    <Page
      title="Provisioning"
      description="Your identity provider adds, changes and removes members here by SCIM 2.0. Whoever it switches off is out at once."
    >
      {view.error && !view.data && <FaultNotice error={view.error} onRetry={() => void view.refetch()} />}
      {view.data && (
        <Stats>
          <Stat label="Users" value={count(view.data.userCount)} />
          <Stat label="Switched off" value={count(view.data.inactiveCount)} />
          <Stat label="Groups" value={count(view.data.groups.length)} />
          <Stat label="Last change" value={<Ago at={view.data.lastChangeAt} />} />
        </Stats>
      )}
      <Panel
        title="For the identity provider"
        description="It needs this address and a token. Only people of domains that your organisation has verified can be added."
        actions={
          mayManage && (
            <Button
              variant="default"
              size="compact-md"
              leftSection={<IconPlus size={15} />}
              onClick={() => setCreating(true)}
            >
              Create token
            </Button>
          )
        }
      >
        <div className={classes.stack}>
          {view.data && <CopyField text={view.data.baseUrl} label="SCIM base URL" />}
          {view.data && view.data.tokens.length > 0 && (
            <Tokens tokens={view.data.tokens} mayManage={mayManage} />
          )}
        </div>
      </Panel>
      <Panel
        flush
        title="Groups"
        description="What members of a group are here. With the first rule, everybody provisioned is what their groups say; owners stay owners."
      >
        {view.data?.groups.length === 0 ? (
          <EmptyState title="No groups yet">They appear when the identity provider sends them.</EmptyState>
        ) : (
          <DataTable
            label="Groups"
            loading={view.data ? undefined : 3}
            rows={view.data?.groups ?? []}
            rowKey={(row) => row.id}
            columns={[
              {
                key: 'name',
                header: 'Group',
                render: (row) => <span className={classes.who}>{row.name}</span>,
              },
              { key: 'members', header: 'Members', align: 'end', render: (row) => count(row.memberCount) },
              {
                key: 'role',
                header: 'They are',
                render: (row) => <GroupRole group={row} mayManage={mayManage} />,
              },
              { key: 'changed', header: 'Changed', render: (row) => <Ago at={row.updatedAt} /> },
            ]}
          />
        )}
      </Panel>
      <Users />
      {creating && (
        <CreateToken
          onClose={() => setCreating(false)}
          onCreated={(token) => {
            setCreating(false)
            setCreated(token)
          }}
        />
      )}
      <CreatedToken token={created} examples={examplesOf} onClose={() => setCreated(null)} />
    </Page>
  )
}

const examplesOf = (base: string, token: string) => [
  {
    value: 'curl',
    label: 'curl',
    code: `curl ${base}/scim/v2/Users?count=1 \\\n  -H "Authorization: Bearer ${token}"`,
  },
]

const Tokens = (props: {
  tokens: readonly {
    id: string
    name: string
    lastFour: string
    lastUsedAt: string | null
    expiresAt: string | null
  }[]
  mayManage: boolean
}) => {
  const revoke = useAct('revokeProvisioningToken', ['readProvisioning'])
  const [chosen, setChosen] = useState<{ id: string; name: string } | null>(null)
  return (
    <>
      <DataTable
        label="Tokens"
        rows={props.tokens}
        rowKey={(row) => row.id}
        columns={[
          { key: 'name', header: 'Name', render: (row) => <span className={classes.who}>{row.name}</span> },
          { key: 'tail', header: 'Token', render: (row) => <SecretTail lastFour={row.lastFour} /> },
          { key: 'used', header: 'Last used', render: (row) => <Ago at={row.lastUsedAt} /> },
          { key: 'expires', header: 'Expires', render: (row) => <Ago at={row.expiresAt} /> },
          {
            key: 'actions',
            header: '',
            align: 'end',
            render: (row) =>
              props.mayManage && (
                <Button
                  size="compact-sm"
                  variant="subtle"
                  color="red"
                  aria-label={`Revoke ${row.name}`}
                  onClick={() => setChosen(row)}
                >
                  Revoke
                </Button>
              ),
          },
        ]}
      />
      <ConfirmDialog
        opened={chosen !== null}
        title={`Revoke “${chosen?.name ?? ''}”?`}
        submit="Revoke token"
        busy={revoke.isPending}
        error={revoke.error}
        onConfirm={() =>
          chosen &&
          revoke.mutate(
            { params: { id: chosen.id } },
            {
              onSuccess: () => {
                tellDone('The token is revoked.')
                setChosen(null)
              },
            },
          )
        }
        onClose={() => setChosen(null)}
      >
        <p>The identity provider changes nothing here any more. Members stay as they are.</p>
      </ConfirmDialog>
    </>
  )
}

const GroupRole = ({ group, mayManage }: { group: ProvisionedGroup; mayManage: boolean }) => {
  const set = useAct('setGroupRole', ['readProvisioning', 'listProvisionedUsers'])
  if (!mayManage) return roles.find(({ value }) => value === (group.role ?? ''))?.label
  return (
    <NativeSelect
      aria-label={`What members of ${group.name} are`}
      size="xs"
      value={group.role ?? ''}
      data={roles}
      disabled={set.isPending}
      onChange={(event) =>
        set.mutate(
          {
            params: { id: group.id },
            body: { role: (event.currentTarget.value || null) as ProvisionedGroup['role'] },
          },
          {
            onSuccess: ({ changed }) =>
              tellDone(
                changed === 1
                  ? 'One member has another role now.'
                  : `${count(changed)} members have another role now.`,
              ),
          },
        )
      }
    />
  )
}

const Users = () => {
  const [search, setSearch] = useState('')
  const users = usePages('listProvisionedUsers', search.trim() === '' ? {} : { search: search.trim() })
  const rows = users.data?.pages.flatMap(({ items }) => items)
  return (
    <Panel
      flush
      title="Users"
      actions={
        <TextInput
          aria-label="Search users"
          placeholder="Name or address"
          size="xs"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
      }
    >
      {users.error && !users.data ? (
        <FaultNotice error={users.error} onRetry={() => void users.refetch()} />
      ) : rows?.length === 0 ? (
        <EmptyState title={search === '' ? 'Nobody was provisioned yet' : 'Nobody fits'}>
          Whom the identity provider sends stands here, as it describes them.
        </EmptyState>
      ) : (
        <DataTable
          label="Users"
          loading={rows ? undefined : 4}
          rows={rows ?? []}
          rowKey={(row) => row.id}
          columns={[
            {
              key: 'name',
              header: 'Name',
              render: (row) => (
                <span className={classes.who}>
                  {row.name}
                  <span className={classes.note}>{row.userName}</span>
                </span>
              ),
            },
            { key: 'active', header: 'State', render: (row) => (row.active ? 'Active' : 'Switched off') },
            { key: 'role', header: 'Role', render: (row) => row.role ?? 'none' },
            { key: 'groups', header: 'Groups', render: (row) => row.groups.join(', ') || 'none' },
            { key: 'changed', header: 'Changed', render: (row) => <Ago at={row.updatedAt} /> },
          ]}
        />
      )}
      {users.hasNextPage && (
        <Button
          variant="subtle"
          loading={users.isFetchingNextPage}
          onClick={() => void users.fetchNextPage()}
        >
          Show more
        </Button>
      )}
    </Panel>
  )
}

const CreateToken = (props: { onClose: () => void; onCreated: (token: string) => void }) => {
  const create = useAct('createProvisioningToken', ['readProvisioning'])
  const [name, setName] = useState('')
  const [expiresInDays, setExpiresInDays] = useState<number | null>(365)
  return (
    <FormDialog
      opened
      title="Create provisioning token"
      submit="Create token"
      busy={create.isPending}
      error={create.error}
      blocked={name.trim() === ''}
      onSubmit={() =>
        create.mutate(
          { body: { name: name.trim(), expiresInDays } },
          { onSuccess: ({ token }) => props.onCreated(token) },
        )
      }
      onClose={props.onClose}
    >
      <TextInput
        label="Name"
        description="The identity provider that will use it."
        placeholder="Okta"
        maxLength={80}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <ExpirySelect days={expiresInDays} onChange={setExpiresInDays} />
    </FormDialog>
  )
}
