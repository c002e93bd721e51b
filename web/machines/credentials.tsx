import { Button, Modal, Radio, Stack, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { MachineCredential, ServiceAccount } from '../../src/contract/machines.ts'
import { useAct, useRead } from '../data/queries.ts'
import { ExpirySelect } from '../tokens/expiry-select.tsx'
import { CodeBlock, CopyField } from '../ui/copy.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { SecretTail } from '../ui/mark.tsx'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import classes from './machines.module.css'

interface Made {
  readonly credential: MachineCredential
  readonly secret: string
}
const changed = ['listMachineCredentials', 'listServiceAccounts'] as const

/** Tokens and clients of a service account. */
export const Credentials = ({ account, mayManage }: { account: ServiceAccount; mayManage: boolean }) => {
  const credentials = useRead('listMachineCredentials', { params: { id: account.id } })
  const revoke = useAct('revokeMachineCredential', [...changed])
  const [creating, setCreating] = useState(false)
  const [made, setMade] = useState<Made | null>(null)
  const [chosen, setChosen] = useState<MachineCredential | null>(null)
  if (credentials.error && !credentials.data)
    return <FaultNotice error={credentials.error} onRetry={() => void credentials.refetch()} />
  return (
    <div className={classes.stack}>
      <DataTable
        label={`Credentials of ${account.name}`}
        loading={credentials.data ? undefined : 2}
        rows={credentials.data?.items ?? []}
        rowKey={(row) => row.id}
        columns={[
          {
            key: 'name',
            header: 'Name',
            render: (row) => (
              <span className={classes.who}>
                {row.name}
                {row.kind === 'client' && <span className={classes.note}>client {row.id}</span>}
              </span>
            ),
          },
          {
            key: 'kind',
            header: 'Kind',
            render: (row) => (row.kind === 'client' ? 'OAuth client' : 'Access token'),
          },
          { key: 'tail', header: 'Secret', render: (row) => <SecretTail lastFour={row.lastFour} /> },
          { key: 'scopes', header: 'May', render: (row) => row.scopes.join(', ') },
          { key: 'used', header: 'Last used', render: (row) => <Ago at={row.lastUsedAt} /> },
          { key: 'expires', header: 'Expires', render: (row) => <Ago at={row.expiresAt} /> },
          {
            key: 'actions',
            header: '',
            align: 'end',
            render: (row) =>
              mayManage && (
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
      {mayManage && (
        <div>
          <Button variant="default" leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
            Add credential
          </Button>
        </div>
      )}
      {creating && (
        <CreateCredential
          account={account}
          onClose={() => setCreating(false)}
          onCreated={(one) => {
            setCreating(false)
            setMade(one)
          }}
        />
      )}
      <ShownOnce made={made} onClose={() => setMade(null)} />
      <ConfirmDialog
        opened={chosen !== null}
        title={`Revoke “${chosen?.name ?? ''}”?`}
        submit="Revoke credential"
        busy={revoke.isPending}
        error={revoke.error}
        onConfirm={() =>
          chosen &&
          revoke.mutate(
            { params: { id: account.id, credential: chosen.id } },
            {
              onSuccess: () => {
                tellDone('It is revoked.')
                setChosen(null)
              },
            },
          )
        }
        onClose={() => setChosen(null)}
      >
        <p>Whatever uses it is refused from now on, everywhere. This cannot be undone.</p>
      </ConfirmDialog>
    </div>
  )
}

const reaches = {
  call: { label: 'Call models, read its own receipts', scopes: ['operations', 'read'] },
  manage: { label: 'Manage, as far as its role reaches', scopes: ['manage', 'read'] },
} as const

const CreateCredential = (props: {
  account: ServiceAccount
  onClose: () => void
  onCreated: (made: Made) => void
}) => {
  const create = useAct('createMachineCredential', [...changed])
  const [kind, setKind] = useState<'token' | 'client'>('token')
  const [reach, setReach] = useState<keyof typeof reaches>('call')
  const [name, setName] = useState('')
  const [expiresInDays, setExpiresInDays] = useState<number | null>(90)
  return (
    <FormDialog
      opened
      title={`Add credential of “${props.account.name}”`}
      submit="Add credential"
      busy={create.isPending}
      error={create.error}
      blocked={name.trim() === ''}
      onSubmit={() =>
        create.mutate(
          {
            params: { id: props.account.id },
            body: { kind, name: name.trim(), scopes: [...reaches[reach].scopes], expiresInDays },
          },
          { onSuccess: props.onCreated },
        )
      }
      onClose={props.onClose}
    >
      <TextInput
        label="Name"
        description="What will use it, so that you know what breaks when you revoke it."
        maxLength={80}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Radio.Group label="Kind" value={kind} onChange={(value) => setKind(value)}>
        <Stack gap={10} mt={6}>
          <Radio value="token" label="Access token" description="Presented with every call until it ends." />
          <Radio
            value="client"
            label="OAuth 2.0 client"
            description="Its secret buys tokens that end within the hour, at /oauth/token."
          />
        </Stack>
      </Radio.Group>
      <Radio.Group label="It may" value={reach} onChange={(value) => setReach(value)}>
        <Stack gap={10} mt={6}>
          {Object.entries(reaches).map(([value, { label }]) => (
            <Radio key={value} value={value} label={label} />
          ))}
        </Stack>
      </Radio.Group>
      <ExpirySelect days={expiresInDays} onChange={setExpiresInDays} />
    </FormDialog>
  )
}

const exampleOf = ({ credential, secret }: Made): string =>
  credential.kind === 'client'
    ? `curl ${location.origin}/oauth/token \\\n  -u ${credential.id}:${secret} \\\n  -d grant_type=client_credentials`
    : `curl ${location.origin}/v1/models \\\n  -H "Authorization: Bearer ${secret}"`

const ShownOnce = (props: { made: Made | null; onClose: () => void }) => (
  <Modal
    opened={props.made !== null}
    onClose={props.onClose}
    title={props.made?.credential.kind === 'client' ? 'Your new client' : 'Your new token'}
    size={620}
    closeOnClickOutside={false}
  >
    {props.made && (
      <div className={classes.stack}>
        <Notice tone="warning" title="Copy it now">
          Only its fingerprint is stored; it cannot be shown again.
        </Notice>
        {props.made.credential.kind === 'client' && (
          <CopyField text={props.made.credential.id} label="Client id" />
        )}
        <CopyField
          text={props.made.secret}
          label={props.made.credential.kind === 'client' ? 'Client secret' : 'New token'}
        />
        <CodeBlock code={exampleOf(props.made)} label="Example" />
        <div className={classes.actions}>
          <Button onClick={props.onClose}>I have copied it</Button>
        </div>
      </div>
    )}
  </Modal>
)
