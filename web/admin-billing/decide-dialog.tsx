import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { PaymentOnWire } from '../../src/contract/billing.ts'
import { useAct } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { Credits } from '../ui/figures.tsx'
import { money } from '../ui/money.ts'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { PersonName } from './people.tsx'
import { paymentReads } from './reads.ts'

export interface Decision {
  readonly kind: 'approve' | 'deny'
  readonly payment: PaymentOnWire
}

const consequences = {
  approve: {
    purchase: 'Its invoice is issued and the credits are given now.',
    auto_top_up: 'Its invoice is issued and the credits are given now.',
    tier_change: 'The subscription changes now, with its credits, and the invoice is issued.',
    renewal: 'The renewal’s invoice is paid, and the subscription is in order.',
  },
  deny: {
    purchase: 'Nothing is given. They can ask again.',
    auto_top_up: 'Nothing is given; automatic top-up rests for a day.',
    tier_change: 'The subscription stays as it is.',
    renewal: 'The subscription is past due; after the days of grace the free tier takes over.',
  },
} as const

/** The word of an administrator on a payment; the reason is on the audit trail. */
export const DecideDialog = (props: { decision: Decision; onDone: () => void; onClose: () => void }) => {
  const { kind, payment } = props.decision
  const approve = useAct('approvePayment', paymentReads)
  const deny = useAct('denyPayment', paymentReads)
  const act = kind === 'approve' ? approve : deny
  const [reason, setReason] = useState('')
  const amount = money(payment.amountMinor, payment.currency)
  return (
    <FormDialog
      opened
      title={kind === 'approve' ? `Approve ${amount}?` : `Deny ${amount}?`}
      submit={kind === 'approve' ? 'Approve payment' : 'Deny payment'}
      danger={kind === 'deny'}
      busy={act.isPending}
      error={act.error}
      blocked={reason.trim() === ''}
      onClose={props.onClose}
      onSubmit={() =>
        after(act.mutateAsync({ params: { id: payment.id }, body: { reason: reason.trim() } }), () => {
          tellDone(`${payment.description}, ${amount}: ${kind === 'approve' ? 'approved' : 'denied'}.`)
          props.onDone()
        })
      }
    >
      <p className={classes.note}>
        <strong>
          <PersonName id={payment.userId} />
        </strong>
        , {payment.description}
        {payment.creditMicros !== '0' && (
          <>
            {' '}
            (<Credits micros={payment.creditMicros} unit />)
          </>
        )}
        . {consequences[kind][payment.purpose]}
      </p>
      <TextInput
        label="Reason"
        placeholder={kind === 'approve' ? 'Transfer received, reference 4711' : 'No transfer came'}
        maxLength={300}
        autoComplete="off"
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        data-autofocus
      />
    </FormDialog>
  )
}
