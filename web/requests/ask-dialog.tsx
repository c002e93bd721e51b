import { Radio, Textarea } from '@mantine/core'
import { useState } from 'react'
import type { RequestKind } from '../../src/contract/requests.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'
import { wishesFor } from './request-words.ts'
import classes from './requests.module.css'

/** Why a service is locked, who decides about it, and a request to them. */
export const AskDialog = (props: {
  service: { readonly id: string; readonly name: string; readonly mayNotBecause: string | null } | null
  onClose: () => void
}) => props.service && <Asking key={props.service.id} service={props.service} onClose={props.onClose} />

const Asking = (props: {
  service: { readonly id: string; readonly name: string; readonly mayNotBecause: string | null }
  onClose: () => void
}) => {
  const { service } = props
  const { organization } = useMe()
  const deciders = useRead('listDeciders', {})
  const ask = useAct('createRequest', ['listOwnRequests'])
  const wishes = wishesFor(organization, service.id)
  const [kind, setKind] = useState<RequestKind>(wishes[0]?.kind ?? 'service')
  const [reason, setReason] = useState('')
  const names = (deciders.data?.items ?? []).slice(0, 3).map(({ name, email }) => `${name} (${email})`)
  return (
    <FormDialog
      opened
      title={`Ask for ${service.name}`}
      submit="Send request"
      busy={ask.isPending}
      error={ask.error}
      blocked={reason.trim() === ''}
      onClose={props.onClose}
      onSubmit={() =>
        ask.mutate(
          { body: { kind, serviceId: service.id, reason: reason.trim() } },
          {
            onSuccess: () => {
              tellDone(`Your request is with those who run ${organization.name}.`)
              props.onClose()
            },
          },
        )
      }
    >
      <p className={classes.line}>
        {service.mayNotBecause}{' '}
        {names.length > 0 &&
          `Decided by ${names.join(', ')}${(deciders.data?.items.length ?? 0) > 3 ? ' and others' : ''}.`}
      </p>
      <Radio.Group label="What do you need?" value={kind} onChange={(value) => setKind(value as RequestKind)}>
        <div className={classes.choices}>
          {wishes.map((wish) => (
            <Radio key={wish.kind} value={wish.kind} label={wish.label} description={wish.consequence} />
          ))}
        </div>
      </Radio.Group>
      <Textarea
        label="What for"
        description="They read it, and the policy’s versions keep it."
        autosize
        minRows={2}
        maxLength={500}
        data-autofocus
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </FormDialog>
  )
}
