import { Button, NativeSelect, NumberInput, Textarea, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { HostApplication } from '../../src/contract/machines.ts'
import { may } from '../../src/contract/permissions.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { CopyField } from '../ui/copy.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { EmptyState, FaultNotice, Notice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import classes from './machines.module.css'

const matchings = [
  { value: 'email', label: 'An e-mail address' },
  { value: 'external_id', label: 'The externalId of provisioning' },
  { value: 'user_id', label: 'The id here' },
] as const
type Matching = (typeof matchings)[number]['value']

/** Applications whose signed tokens act for members. */
export const HostApplications = () => {
  const { role } = useMe()
  const applications = useRead('listHostApplications', {})
  const remove = useAct('removeHostApplication', ['listHostApplications'])
  const mayManage = may(role, 'identity.manage')
  /** `null`: a new one. */
  const [editing, setEditing] = useState<HostApplication | null | undefined>(undefined)
  const [checkedId, setCheckedId] = useState<string | null>(null)
  const [removing, setRemoving] = useState<HostApplication | null>(null)
  const checked = applications.data?.items.find(({ id }) => id === checkedId)
  const add = mayManage && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing(null)}>
      New host application
    </Button>
  )
  return (
    <Page
      title="Host applications"
      description="Your own applications may call models for their users here, by short-lived tokens that they sign themselves, and show their dashboards."
      actions={applications.data && applications.data.items.length > 0 && add}
    >
      <Panel flush>
        {applications.error && !applications.data ? (
          <FaultNotice error={applications.error} onRetry={() => void applications.refetch()} />
        ) : applications.data?.items.length === 0 ? (
          <EmptyState title="No host applications" action={add}>
            Give the address of an application’s public keys: from then on its signed tokens stand for members
            of your organisation.
          </EmptyState>
        ) : (
          <DataTable
            label="Host applications"
            loading={applications.data ? undefined : 3}
            rows={applications.data?.items ?? []}
            rowKey={(row) => row.id}
            columns={[
              {
                key: 'name',
                header: 'Name',
                render: (row) => (
                  <span className={classes.who}>
                    {row.name}
                    <span className={classes.note}>{row.issuer}</span>
                  </span>
                ),
              },
              { key: 'keys', header: 'Public keys', render: (row) => row.jwksUri ?? 'given here' },
              {
                key: 'frames',
                header: 'Shows dashboards at',
                render: (row) =>
                  row.frameAncestors.length === 0 ? 'nowhere' : row.frameAncestors.join(', '),
              },
              { key: 'used', header: 'Last used', render: (row) => <Ago at={row.lastUsedAt} /> },
              {
                key: 'actions',
                header: '',
                align: 'end',
                render: (row) =>
                  mayManage && (
                    <span className={classes.actions}>
                      <Button
                        size="compact-sm"
                        variant="subtle"
                        aria-label={`Try ${row.name}`}
                        onClick={() => setCheckedId(row.id)}
                      >
                        Try
                      </Button>
                      <Button
                        size="compact-sm"
                        variant="subtle"
                        aria-label={`Change ${row.name}`}
                        onClick={() => setEditing(row)}
                      >
                        Change
                      </Button>
                      <Button
                        size="compact-sm"
                        variant="subtle"
                        color="red"
                        aria-label={`Remove ${row.name}`}
                        onClick={() => setRemoving(row)}
                      >
                        Remove
                      </Button>
                    </span>
                  ),
              },
            ]}
          />
        )}
      </Panel>
      {checked && (
        <TryApplication key={checked.id} application={checked} onClose={() => setCheckedId(null)} />
      )}
      {editing !== undefined && (
        <EditApplication
          application={editing}
          onClose={() => setEditing(undefined)}
          onSaved={(id) => {
            setEditing(undefined)
            setCheckedId(id)
          }}
        />
      )}
      <ConfirmDialog
        opened={removing !== null}
        title={`Remove “${removing?.name ?? ''}”?`}
        submit="Remove host application"
        word="remove"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() =>
          removing &&
          remove.mutate(
            { params: { id: removing.id } },
            {
              onSuccess: () => {
                tellDone('It is removed.')
                setRemoving(null)
              },
            },
          )
        }
        onClose={() => setRemoving(null)}
      >
        <p>Its tokens are refused from now on, and dashboards that it shows close.</p>
      </ConfirmDialog>
    </Page>
  )
}

const TryApplication = (props: { application: HostApplication; onClose: () => void }) => {
  const { application } = props
  const check = useAct('checkHostApplication', [])
  const [token, setToken] = useState('')
  const found = check.data
  return (
    <Panel
      title={application.name}
      description="What its tokens have to say, and whether they do."
      actions={
        <Button size="compact-md" variant="subtle" onClick={props.onClose}>
          Close
        </Button>
      }
    >
      <div className={classes.stack}>
        <div className={classes.pairs}>
          <span>iss</span>
          <CopyField text={application.issuer} label="issuer" />
          <span>aud</span>
          <CopyField text={application.audience} label="audience" />
        </div>
        <Textarea
          label="A token of it"
          description="It is judged, not kept. Leave it empty to look at the public keys only."
          autosize
          minRows={2}
          maxRows={6}
          maxLength={8192}
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
        />
        <div>
          <Button
            variant="default"
            loading={check.isPending}
            onClick={() =>
              check.mutate({ params: { id: application.id }, body: { token: token.trim() || undefined } })
            }
          >
            Try it
          </Button>
        </div>
        {check.error && <FaultNotice error={check.error} />}
        {found?.keysProblem && (
          <Notice tone="bad" title="The public keys cannot be had" live>
            {found.keysProblem}
          </Notice>
        )}
        {found && !found.keysProblem && (
          <Notice tone={found.tokenProblem ? 'bad' : 'info'} title={titleOf(found)} live>
            {found.tokenProblem ?? (found.user ? 'It would act for this member.' : 'Its keys can be used.')}
          </Notice>
        )}
      </div>
    </Panel>
  )
}

const titleOf = (found: { keyCount: number; tokenProblem: string | null; user: { email: string } | null }) =>
  found.user?.email ?? (found.tokenProblem ? 'The token is refused' : `${found.keyCount} public keys`)

const EditApplication = (props: {
  application: HostApplication | null
  onClose: () => void
  onSaved: (id: string) => void
}) => {
  const { application } = props
  const create = useAct('createHostApplication', ['listHostApplications'])
  const change = useAct('changeHostApplication', ['listHostApplications'])
  const [name, setName] = useState(application?.name ?? '')
  const [issuer, setIssuer] = useState(application?.issuer ?? '')
  const [keys, setKeys] = useState(
    application?.jwksUri ?? (application?.jwks ? JSON.stringify(application.jwks) : ''),
  )
  const [userClaim, setUserClaim] = useState(application?.userClaim ?? 'sub')
  const [matching, setMatching] = useState<Matching>(application?.matching ?? 'email')
  const [minutes, setMinutes] = useState((application?.maximumTokenSeconds ?? 3600) / 60)
  const [frames, setFrames] = useState(application?.frameAncestors.join('\n') ?? '')
  const source = sourceOf(keys)
  const saved = {
    onSuccess: ({ id }: { id: string }) => {
      tellDone('Saved.')
      props.onSaved(id)
    },
  }
  const save = () => {
    const body = {
      name: name.trim(),
      issuer: issuer.trim(),
      ...source,
      userClaim: userClaim.trim(),
      matching,
      maximumTokenSeconds: Math.round(minutes * 60),
      frameAncestors: frames.split(/\s+/).filter((line) => line !== ''),
    }
    if (application === null) create.mutate({ body }, saved)
    else change.mutate({ params: { id: application.id }, body }, saved)
  }
  return (
    <FormDialog
      opened
      size="lg"
      title={application === null ? 'New host application' : `Change “${application.name}”`}
      submit={application === null ? 'Create host application' : 'Save'}
      busy={create.isPending || change.isPending}
      error={create.error ?? change.error}
      blocked={name.trim() === '' || issuer.trim() === '' || source === null}
      onSubmit={save}
      onClose={props.onClose}
    >
      <TextInput
        label="Name"
        maxLength={80}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label="Issuer"
        description="The claim iss of its tokens, letter by letter."
        placeholder="https://app.example.com"
        value={issuer}
        onChange={(event) => setIssuer(event.currentTarget.value)}
      />
      <Textarea
        label="Public keys"
        description="The https address of its JSON Web Key Set, or the set itself."
        placeholder="https://app.example.com/.well-known/jwks.json"
        autosize
        minRows={1}
        maxRows={6}
        value={keys}
        error={
          keys.trim() !== '' && source === null ? 'This is neither an address nor a key set.' : undefined
        }
        onChange={(event) => setKeys(event.currentTarget.value)}
      />
      <TextInput
        label="Claim that names the user"
        value={userClaim}
        onChange={(event) => setUserClaim(event.currentTarget.value)}
      />
      <NativeSelect
        label="That claim holds"
        value={matching}
        data={matchings}
        onChange={(event) => setMatching(event.currentTarget.value as Matching)}
      />
      <NumberInput
        label="Longest life of a token, in minutes"
        min={1}
        max={1440}
        value={minutes}
        onChange={(value) => setMinutes(Number(value) || 60)}
      />
      <Textarea
        label="Pages that may show dashboards"
        description="Origins, one a line. Empty: nowhere."
        placeholder="https://app.example.com"
        autosize
        minRows={2}
        maxRows={6}
        value={frames}
        onChange={(event) => setFrames(event.currentTarget.value)}
      />
    </FormDialog>
  )
}

const sourceOf = (
  text: string,
): { jwksUri: string | null; jwks: { keys: Record<string, unknown>[] } | null } | null => {
  const given = text.trim()
  if (/^https?:\/\/\S+$/.test(given)) return { jwksUri: given, jwks: null }
  try {
    const document: unknown = JSON.parse(given)
    if (
      typeof document === 'object' &&
      document !== null &&
      'keys' in document &&
      Array.isArray(document.keys)
    )
      return { jwksUri: null, jwks: { keys: document.keys } }
  } catch {
    // Still being written.
  }
  return null
}
