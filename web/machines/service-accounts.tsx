import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { ServiceAccount } from '../../src/contract/machines.ts'
import { may } from '../../src/contract/permissions.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { Credentials } from './credentials.tsx'
import classes from './machines.module.css'

const roles = [
  { value: 'member', label: 'Member: calls models' },
  { value: 'auditor', label: 'Auditor: reads' },
  { value: 'billing', label: 'Billing: money and budgets' },
  { value: 'administrator', label: 'Administrator: runs the organisation' },
] as const
type MachineRole = (typeof roles)[number]['value']

/** Members that are machines. */
export const ServiceAccounts = () => {
  const { role } = useMe()
  const accounts = useRead('listServiceAccounts', {})
  const [creating, setCreating] = useState(false)
  const [openedId, setOpenedId] = useState<string | null>(null)
  const opened = accounts.data?.items.find(({ id }) => id === openedId)
  const mayManage = may(role, 'identity.manage')
  const add = mayManage && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
      New service account
    </Button>
  )
  return (
    <Page
      title="Service accounts"
      description="Members of your organisation that are machines: no password, no sign-in, only what you give them here."
      actions={accounts.data && accounts.data.items.length > 0 && add}
    >
      <Panel flush>
        {accounts.error && !accounts.data ? (
          <FaultNotice error={accounts.error} onRetry={() => void accounts.refetch()} />
        ) : accounts.data?.items.length === 0 ? (
          <EmptyState title="No service accounts" action={add}>
            Give one to whatever works without a person: it goes on when whoever set it up leaves, and its
            credentials are revoked by themselves.
          </EmptyState>
        ) : (
          <DataTable
            label="Service accounts"
            loading={accounts.data ? undefined : 3}
            rows={accounts.data?.items ?? []}
            rowKey={(row) => row.id}
            columns={[
              {
                key: 'name',
                header: 'Name',
                render: (row) => (
                  <span className={classes.who}>
                    {row.name}
                    {row.description !== '' && <span className={classes.note}>{row.description}</span>}
                  </span>
                ),
              },
              {
                key: 'role',
                header: 'Role',
                render: (row) => (row.suspended ? `${row.role}, suspended` : row.role),
              },
              { key: 'pays', header: 'On the credits of', render: (row) => row.paysEmail ?? 'nobody' },
              {
                key: 'credentials',
                header: 'Credentials',
                align: 'end',
                render: (row) => count(row.credentialCount),
              },
              { key: 'used', header: 'Last used', render: (row) => <Ago at={row.lastUsedAt} /> },
              {
                key: 'actions',
                header: '',
                align: 'end',
                render: (row) => (
                  <Button
                    size="compact-sm"
                    variant="subtle"
                    aria-label={`Open ${row.name}`}
                    onClick={() => setOpenedId(row.id)}
                  >
                    Open
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Panel>
      {opened && <OpenedAccount account={opened} mayManage={mayManage} onClose={() => setOpenedId(null)} />}
      {creating && (
        <CreateAccount
          onClose={() => setCreating(false)}
          onCreated={(id) => {
            setCreating(false)
            setOpenedId(id)
          }}
        />
      )}
    </Page>
  )
}

const OpenedAccount = (props: { account: ServiceAccount; mayManage: boolean; onClose: () => void }) => {
  const { account } = props
  const change = useAct('changeServiceAccount', ['listServiceAccounts'])
  const remove = useAct('removeServiceAccount', ['listServiceAccounts'])
  const [removing, setRemoving] = useState(false)
  const params = { id: account.id }
  return (
    <Panel
      title={account.name}
      description="Whatever presents one of these is this account."
      actions={
        <span className={classes.actions}>
          {props.mayManage && (
            <>
              <Button
                size="compact-md"
                variant="default"
                loading={change.isPending}
                onClick={() =>
                  change.mutate(
                    { params, body: { suspended: !account.suspended } },
                    {
                      onSuccess: ({ suspended }) =>
                        tellDone(suspended ? 'Refused from now on.' : 'It works again.'),
                    },
                  )
                }
              >
                {account.suspended ? 'Let it work again' : 'Suspend'}
              </Button>
              <Button
                size="compact-md"
                variant="default"
                onClick={() =>
                  change.mutate(
                    { params, body: { takeOver: true } },
                    { onSuccess: () => tellDone('You answer for it from now on.') },
                  )
                }
              >
                Answer for it
              </Button>
              <Button size="compact-md" variant="default" color="red" onClick={() => setRemoving(true)}>
                Remove
              </Button>
            </>
          )}
          <Button size="compact-md" variant="subtle" onClick={props.onClose}>
            Close
          </Button>
        </span>
      }
    >
      {change.error && <FaultNotice error={change.error} />}
      <Credentials account={account} mayManage={props.mayManage} />
      <ConfirmDialog
        opened={removing}
        title={`Remove “${account.name}”?`}
        submit="Remove service account"
        word="remove"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() =>
          remove.mutate(
            { params },
            {
              onSuccess: () => {
                tellDone(`“${account.name}” is removed.`)
                props.onClose()
              },
            },
          )
        }
        onClose={() => setRemoving(false)}
      >
        <p>All its credentials are refused from now on. What it did stays on record.</p>
      </ConfirmDialog>
    </Panel>
  )
}

const CreateAccount = (props: { onClose: () => void; onCreated: (id: string) => void }) => {
  const create = useAct('createServiceAccount', ['listServiceAccounts'])
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const [role, setRole] = useState<MachineRole>('member')
  return (
    <FormDialog
      opened
      title="New service account"
      submit="Create service account"
      busy={create.isPending}
      error={create.error}
      blocked={name.trim() === ''}
      onSubmit={() =>
        create.mutate(
          { body: { name: name.trim(), description: description.trim(), role } },
          {
            onSuccess: ({ id }) => {
              tellDone('It is made. Give it a credential.')
              props.onCreated(id)
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <TextInput
        label="Name"
        placeholder="Nightly build"
        maxLength={80}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Textarea
        label="What it is for"
        maxLength={300}
        autosize
        minRows={2}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <NativeSelect
        label="Role"
        description="On system keys it works on your credits: you answer for it."
        value={role}
        data={roles}
        onChange={(event) => setRole(event.currentTarget.value as MachineRole)}
      />
    </FormDialog>
  )
}
