import { Button, CloseButton, Loader } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { PaymentOnWire } from '../../src/contract/billing.ts'
import { Credits } from '../ui/figures.tsx'
import { money } from '../ui/money.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './billing.module.css'
import { useContinue, usePayment } from './use-payment.ts'

interface Result {
  /** The payment that was just asked for, or that a payer comes back from. */
  readonly payment: string | undefined
  /** Which way the payer left the provider's page. */
  readonly checkout: 'done' | 'left' | undefined
}

/** How a payment ended, or what it waits for. */
export const PaymentResult = (props: Result & { returnPath: string; onDismiss: () => void }) => {
  const payment = usePayment(props.payment)
  const goOn = useContinue(props.returnPath)
  if (props.payment === undefined) return null
  if (payment.error && !payment.data)
    return <FaultNotice error={payment.error} onRetry={() => void payment.refetch()} />
  if (!payment.data) return null
  const told = resultOf(payment.data, props.checkout)
  return (
    <output className={classes.result}>
      <Notice
        tone={told.tone}
        title={told.title}
        action={
          <span className={classes.resultActions}>
            {told.mayGoOn && (
              <Button size="compact-sm" loading={goOn.isPending} onClick={() => goOn.mutate(payment.data.id)}>
                Go on to pay
              </Button>
            )}
            <CloseButton size="sm" aria-label="Dismiss" onClick={props.onDismiss} />
          </span>
        }
      >
        {told.isWaiting && <Loader size={12} color="var(--ink-3)" className={classes.waiting} />}
        {told.text}
      </Notice>
      {goOn.error && <FaultNotice error={goOn.error} />}
    </output>
  )
}

interface Told {
  readonly tone: 'info' | 'warning' | 'bad'
  readonly title: string
  readonly text: ReactNode
  readonly mayGoOn?: boolean
  readonly isWaiting?: boolean
}

const resultOf = (payment: PaymentOnWire, checkout: Result['checkout']): Told => {
  const amount = money(payment.amountMinor, payment.currency)
  switch (payment.status) {
    case 'paid':
      return {
        tone: 'info',
        title: `Paid: ${payment.description}, ${amount}`,
        text: <Paid payment={payment} />,
      }
    case 'requested':
      return waitingFor(payment, amount, checkout)
    case 'denied':
      return {
        tone: 'bad',
        title: `Denied: ${payment.description}, ${amount}`,
        text: `${reasonOf(payment)}Nothing was charged.`,
      }
    case 'failed':
      return {
        tone: 'bad',
        title: `The payment failed: ${payment.description}, ${amount}`,
        text: `${reasonOf(payment)}Nothing was charged. Try again, perhaps with another payment method.`,
      }
    case 'abandoned':
      if (payment.provider === 'manual')
        return {
          tone: 'info',
          title: `Taken back: ${payment.description}, ${amount}`,
          text: 'Nothing was charged.',
        }
      return {
        tone: 'warning',
        title: `Not paid: ${payment.description}, ${amount}`,
        text: 'The payment page was left and has expired. Nothing was charged.',
      }
  }
}

const reasonOf = ({ failureReason }: PaymentOnWire): string =>
  failureReason === null ? '' : `${failureReason.replace(/[.!]?$/, '.')} `

const waitingFor = (payment: PaymentOnWire, amount: string, checkout: Result['checkout']): Told => {
  if (payment.provider === 'manual')
    return {
      tone: 'info',
      title: `Requested: ${payment.description}, ${amount}`,
      text: 'An administrator approves it; nothing happens before. You can leave this page: the answer is in your payments.',
    }
  if (checkout === 'done')
    return {
      tone: 'info',
      isWaiting: true,
      title: 'Waiting for the payment to be confirmed',
      text: `${payment.description}, ${amount}. It takes seconds, seldom minutes. You can leave this page.`,
    }
  return {
    tone: 'warning',
    mayGoOn: true,
    title: `Not paid yet: ${payment.description}, ${amount}`,
    text: 'The payment page was left before the payment was made. Nothing was charged.',
  }
}

const Paid = ({ payment }: { payment: PaymentOnWire }) => (
  <>
    {payment.creditMicros === '0' ? (
      'It is in effect now. '
    ) : (
      <>
        <Credits micros={payment.creditMicros} unit /> are yours.{' '}
      </>
    )}
    {payment.invoiceId && (
      <TextLink>
        <Link to="/invoices" search={{ invoice: payment.invoiceId }}>
          Invoice
        </Link>
      </TextLink>
    )}
  </>
)
