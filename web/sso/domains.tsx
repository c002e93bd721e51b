import { Button, Switch, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { SsoDomain } from '../../src/contract/sso.ts'
import { useAct } from '../data/queries.ts'
import { CopyIcon } from '../ui/copy.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { Mark } from '../ui/mark.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './sso.module.css'

export const Domains = (props: { domains: readonly SsoDomain[]; hasWorked: boolean; mayChange: boolean }) => {
  const [isAdding, setAdding] = useState(false)
  const add = props.mayChange && (
    <Button variant="default" size="sm" onClick={() => setAdding(true)}>
      Add a domain
    </Button>
  )
  return (
    <Panel
      flush
      title="E-mail domains"
      description="Only people with an address of a domain that you have proved to be yours are let in by an identity provider."
      actions={props.domains.length > 0 && add}
    >
      {props.domains.length === 0 ? (
        <EmptyState title="No domain yet" action={add}>
          Without one nobody can sign in at an identity provider for the first time.
        </EmptyState>
      ) : (
        <DataTable
          label="E-mail domains"
          rows={props.domains}
          rowKey={({ domain }) => domain}
          columns={columnsOf(props)}
        />
      )}
      {isAdding && <AddDomain onClose={() => setAdding(false)} />}
    </Panel>
  )
}

const columnsOf = (props: { hasWorked: boolean; mayChange: boolean }): Column<SsoDomain>[] => [
  { key: 'domain', header: 'Domain', render: (row) => <strong>{row.domain}</strong> },
  { key: 'state', header: 'State', render: (row) => <State of={row} /> },
  {
    key: 'enforced',
    header: 'No other way in',
    render: (row) => <Enforced of={row} {...props} />,
  },
  ...(props.mayChange
    ? [
        {
          key: 'actions',
          header: '',
          align: 'end' as const,
          render: (row: SsoDomain) => <Actions of={row} />,
        },
      ]
    : []),
]

const State = ({ of }: { of: SsoDomain }) =>
  of.verifiedAt !== null ? (
    <span>
      <Mark tone="own">Yours</Mark>{' '}
      <span className={classes.says}>
        proved <Ago at={of.verifiedAt} />
      </span>
    </span>
  ) : (
    <div className={classes.record}>
      <span>Add this TXT record where the domain’s DNS is kept, then check it:</span>
      <span className={classes.value}>
        <code>{of.recordName}</code>
        <CopyIcon text={of.recordName} label={`Copy the name of the record of ${of.domain}`} />
      </span>
      <span className={classes.value}>
        <code>{of.recordValue}</code>
        <CopyIcon text={of.recordValue} label={`Copy the value of the record of ${of.domain}`} />
      </span>
      {of.problem && (
        <span>
          <Mark tone="bad">Not proved</Mark> {of.problem}
        </span>
      )}
    </div>
  )

const Enforced = (props: { of: SsoDomain; hasWorked: boolean; mayChange: boolean }) => {
  const { domain, enforced, verifiedAt } = props.of
  const change = useAct('changeSsoDomain', ['readSso'])
  if (verifiedAt === null) return '—'
  return (
    <>
      <Switch
        checked={enforced}
        disabled={!props.mayChange || change.isPending || (!enforced && !props.hasWorked)}
        label={enforced ? 'Passwords and links refused' : 'Every way works'}
        aria-label={`People of ${domain} sign in at the identity provider only`}
        onChange={() =>
          change.mutate({ params: { domain }, body: { enforced: !enforced } }, { onError: tellFault })
        }
      />
      {!enforced && !props.hasWorked && (
        <p className={classes.says}>Possible once somebody has signed in there.</p>
      )}
    </>
  )
}

const Actions = ({ of }: { of: SsoDomain }) => {
  const verify = useAct('verifySsoDomain', ['readSso'])
  const remove = useAct('removeSsoDomain', ['readSso'])
  const [isAsked, setAsked] = useState(false)
  const params = { domain: of.domain }
  return (
    <span className={classes.actions}>
      {of.verifiedAt === null && (
        <Button
          size="compact-sm"
          variant="default"
          loading={verify.isPending}
          onClick={() =>
            verify.mutate(
              { params },
              {
                onSuccess: ({ verifiedAt }) => {
                  if (verifiedAt !== null) tellDone(`${of.domain} is yours.`)
                },
                onError: tellFault,
              },
            )
          }
        >
          Check<span className="visually-hidden"> the record of {of.domain}</span>
        </Button>
      )}
      <Button size="compact-sm" variant="default" onClick={() => setAsked(true)}>
        Remove<span className="visually-hidden"> {of.domain}</span>
      </Button>
      <ConfirmDialog
        opened={isAsked}
        title={`Remove ${of.domain}?`}
        submit="Remove the domain"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate({ params }, { onSuccess: () => setAsked(false) })}
        onClose={() => setAsked(false)}
      >
        Its people can no longer sign in at an identity provider for the first time, and every other way in
        works again. Who is a member stays one.
      </ConfirmDialog>
    </span>
  )
}

const AddDomain = ({ onClose }: { onClose: () => void }) => {
  const [domain, setDomain] = useState('')
  const add = useAct('addSsoDomain', ['readSso'])
  return (
    <FormDialog
      opened
      title="Add an e-mail domain"
      submit="Add"
      busy={add.isPending}
      error={add.error}
      blocked={domain.trim() === ''}
      onSubmit={() => add.mutate({ body: { domain } }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <TextInput
        label="Domain"
        description="What follows the @. Subdomains are domains of their own."
        placeholder="example.com"
        value={domain}
        onChange={(event) => setDomain(event.currentTarget.value)}
        autoComplete="off"
        spellCheck={false}
        data-autofocus
      />
    </FormDialog>
  )
}
