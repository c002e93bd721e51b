import { Radio, Textarea } from '@mantine/core'
import { useState } from 'react'
import type { RequestKind } from '../../src/contract/requests.ts'
import { useAct } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'
import { useDeciders } from './deciders.ts'
import type { Wish } from './request-words.ts'
import classes from './requests.module.css'

export interface Locked {
  readonly serviceId: string
  /** As its service writes it; null: the service. */
  readonly model: string | null
  readonly name: string
  readonly why: string | null
  readonly wishes: readonly Wish[]
}

/** Why something is locked, who decides about it, and a request to them. */
export const AskDialog = (props: { locked: Locked | null; onClose: () => void }) =>
  props.locked && <Asking key={props.locked.name} locked={props.locked} onClose={props.onClose} />

const Asking = (props: { locked: Locked; onClose: () => void }) => {
  const { serviceId, model, name: lockedName, why, wishes } = props.locked
  const { organization } = useMe()
  const deciders = useDeciders()
  const ask = useAct('createRequest', ['listOwnRequests'])
  const [kind, setKind] = useState<RequestKind>(wishes[0]?.kind ?? 'service')
  const [reason, setReason] = useState('')
  return (
    <FormDialog
      opened
      title={`Ask for ${lockedName}`}
      submit="Send request"
      busy={ask.isPending}
      error={ask.error}
      blocked={reason.trim() === ''}
      onClose={props.onClose}
      onSubmit={() =>
        ask.mutate(
          { body: { kind, serviceId, model: kind === 'model' ? model : null, reason: reason.trim() } },
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
        {why} {deciders && `Decided by ${deciders}.`}
      </p>
      <Radio.Group label="What do you need?" value={kind} onChange={setKind}>
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
