import { Button, Select, Textarea } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { OwnKeyException, PolicyDocument } from '../../src/contract/policy.ts'
import type { CallFault } from '../data/call.ts'
import { useRead } from '../data/queries.ts'
import { MemberSelect } from '../organization/member-select.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Ago, Moment } from '../ui/figures.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { useExceptionEnd } from './use-exception-end.tsx'
import { useServiceNames } from './policy-form.tsx'
import type { PolicyPlace } from './policy-place.ts'
import classes from './policy.module.css'

type Doing =
  | { readonly what: 'grant'; readonly of: OwnKeyException | null }
  | { readonly what: 'revoke'; readonly of: OwnKeyException }
  | null

/** Members who may have own keys of a service that the policy gives to the organisation alone. */
export const Exceptions = (props: {
  place: PolicyPlace
  document: PolicyDocument
  exceptions: readonly OwnKeyException[]
  readOnly: boolean
}) => {
  const { place, document, exceptions } = props
  const nameOf = useServiceNames()
  const [doing, setDoing] = useState<Doing>(null)
  const mayChange = !props.readOnly && place.exceptions !== null
  const hasRoom = document.controlPolicy !== 'user_control'
  if (exceptions.length === 0 && !hasRoom) return null
  const add = mayChange && hasRoom && (
    <Button variant="default" size="compact-md" onClick={() => setDoing({ what: 'grant', of: null })}>
      Allow own keys
    </Button>
  )
  const columns: readonly Column<OwnKeyException>[] = [
    {
      key: 'who',
      header: 'Member',
      render: (row) => (
        <span className={classes.who}>
          <span className={classes.name}>{row.name}</span>
          <span className={classes.quiet}>{row.email}</span>
        </span>
      ),
    },
    { key: 'service', header: 'Own keys of', render: (row) => nameOf(row.serviceId) },
    { key: 'why', header: 'Why', render: (row) => <span className={classes.reason}>{row.reason}</span> },
    {
      key: 'by',
      header: 'Allowed',
      render: (row) => (
        <span className={classes.who}>
          <Ago at={row.grantedAt} />
          {row.grantedBy !== null && <span className={classes.quiet}>by {row.grantedBy}</span>}
        </span>
      ),
    },
    {
      key: 'until',
      header: 'Until',
      render: (row) => (row.expiresAt === null ? 'it is taken back' : <Moment at={row.expiresAt} />),
    },
    {
      key: 'acts',
      header: '',
      align: 'end',
      render: (row) =>
        mayChange && (
          <span className={classes.acts}>
            {hasRoom && (
              <Button
                size="compact-sm"
                variant="default"
                aria-label={`Change the exception of ${row.name}`}
                onClick={() => setDoing({ what: 'grant', of: row })}
              >
                Change
              </Button>
            )}
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`Take back the exception of ${row.name}`}
              onClick={() => setDoing({ what: 'revoke', of: row })}
            >
              Take back
            </Button>
          </span>
        ),
    },
  ]
  return (
    <Panel
      flush
      title="Own keys by exception"
      description={
        hasRoom
          ? 'Members who may have own keys of a service whose keys the organisation manages.'
          : 'They say nothing while every member may have own keys, and hold again under another policy.'
      }
      actions={exceptions.length > 0 && add}
    >
      {exceptions.length === 0 ? (
        <EmptyState title="No exceptions" action={add}>
          Members ask for one on their page of services; you can also make one here.
        </EmptyState>
      ) : (
        <DataTable
          label="Own keys by exception"
          rows={exceptions}
          rowKey={(row) => `${row.userId} ${row.serviceId}`}
          columns={columns}
        />
      )}
      {doing?.what === 'grant' && (
        <Grant place={place} document={document} before={doing.of} onClose={() => setDoing(null)} />
      )}
      {doing?.what === 'revoke' && (
        <Revoke place={place} exception={doing.of} onClose={() => setDoing(null)} />
      )}
    </Panel>
  )
}

const useExceptionAct = <Input,>(
  place: PolicyPlace,
  work: (acts: NonNullable<PolicyPlace['exceptions']>, input: Input) => Promise<unknown>,
) => {
  const client = useQueryClient()
  return useMutation<unknown, CallFault, Input>({
    mutationFn: async (input) => place.exceptions && work(place.exceptions, input),
    onSuccess: () =>
      Promise.all(
        [[place.reads.state], ['policy preview', place.key], ['listMemberKeys']].map((queryKey) =>
          client.invalidateQueries({ queryKey }),
        ),
      ),
  })
}

const Grant = (props: {
  place: PolicyPlace
  document: PolicyDocument
  /** To change; null: a new one. */
  before: OwnKeyException | null
  onClose: () => void
}) => {
  const { before, document } = props
  const services = useRead('listServices', {})
  const nameOf = useServiceNames()
  const [userId, setUserId] = useState(before?.userId ?? null)
  const [serviceId, setServiceId] = useState(before?.serviceId ?? null)
  const [reason, setReason] = useState(before?.reason ?? '')
  const end = useExceptionEnd(before?.expiresAt)
  const grant = useExceptionAct(props.place, (acts, wanted: { user: string; service: string }) =>
    acts.grant(wanted.user, wanted.service, { reason: reason.trim(), expiresAt: end.at }),
  )
  const mayBe = ({ id }: { id: string }) =>
    (!document.allowed?.services || document.allowed.services.includes(id)) &&
    (document.controlPolicy === 'it_control' || document.criticalServices.includes(id))
  return (
    <FormDialog
      opened
      title={before ? `Exception of ${before.name} for ${nameOf(before.serviceId)}` : 'Allow own keys'}
      submit={before ? 'Save' : 'Allow own keys'}
      busy={grant.isPending}
      error={grant.error}
      blocked={userId === null || serviceId === null || reason.trim() === '' || end.isOver}
      onSubmit={() =>
        userId !== null &&
        serviceId !== null &&
        grant.mutate(
          { user: userId, service: serviceId },
          {
            onSuccess: () => {
              tellDone(before ? 'The exception is saved.' : `Own keys of ${nameOf(serviceId)} are allowed.`)
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <p className={classes.line}>
        The policy stays as it is, for everybody else. Keys of theirs that it suspended come back at once.
      </p>
      {before === null && (
        <>
          <MemberSelect label="Member" value={userId} onChange={setUserId} />
          <Select
            label="Service"
            searchable
            data={(services.data?.items ?? [])
              .filter(mayBe)
              .map(({ id, name }) => ({ value: id, label: name }))}
            value={serviceId}
            onChange={setServiceId}
          />
        </>
      )}
      <Textarea
        label="Reason"
        description="The audit trail keeps it."
        autosize
        minRows={2}
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {end.input}
    </FormDialog>
  )
}

const Revoke = (props: { place: PolicyPlace; exception: OwnKeyException; onClose: () => void }) => {
  const { userId, serviceId, name } = props.exception
  const nameOf = useServiceNames()
  const revoke = useExceptionAct(props.place, (acts) => acts.revoke(userId, serviceId))
  return (
    <ConfirmDialog
      opened
      title={`Take back the exception of ${name}?`}
      submit="Take it back"
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() =>
        revoke.mutate(undefined, {
          onSuccess: () => {
            tellDone(`The policy holds for ${name} again.`)
            props.onClose()
          },
        })
      }
      onClose={props.onClose}
    >
      <p>
        Their own keys of {nameOf(serviceId)} are suspended, not deleted: no operation that starts after this
        uses them. They come back with another exception, or another policy.
      </p>
    </ConfirmDialog>
  )
}
