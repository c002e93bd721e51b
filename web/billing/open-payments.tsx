import { Button } from '@mantine/core'
import type { PaymentOnWire } from '../../src/contract/billing.ts'
import { usePages } from '../data/queries.ts'
import { Ago } from '../ui/figures.tsx'
import { money } from '../ui/money.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import classes from './billing.module.css'
import { useContinue, useTakeBack } from './use-payment.ts'

const isWaiting = ({ status, purpose }: PaymentOnWire): boolean =>
  status === 'requested' && (purpose === 'purchase' || purpose === 'tier_change')

/** What was asked for and waits for its payment, so that nobody asks for it again. */
export const OpenPayments = (props: {
  purpose: 'purchase' | 'tier_change'
  returnPath: string
  except: string | undefined
}) => {
  const payments = usePages('listPayments', { limit: 20 })
  const waiting = (payments.data?.pages[0]?.items ?? []).filter(
    (payment) => isWaiting(payment) && payment.purpose === props.purpose && payment.id !== props.except,
  )
  const goOn = useContinue(props.returnPath)
  const takeBack = useTakeBack()
  const error = goOn.error ?? takeBack.error
  return (
    <>
      {waiting.map((payment) => (
        <Notice
          key={payment.id}
          tone="info"
          title={`Waiting: ${payment.description}, ${money(payment.amountMinor, payment.currency)}`}
          action={
            payment.provider === 'stripe' ? (
              <Button
                size="compact-sm"
                variant="default"
                loading={goOn.isPending && goOn.variables === payment.id}
                onClick={() => goOn.mutate(payment.id)}
              >
                Go on to pay
              </Button>
            ) : (
              <Button
                size="compact-sm"
                variant="default"
                loading={takeBack.isPending && takeBack.variables === payment.id}
                onClick={() => takeBack.mutate(payment.id)}
              >
                Take back
              </Button>
            )
          }
        >
          Asked for <Ago at={payment.createdAt} />;{' '}
          {payment.provider === 'stripe' ? 'not paid yet.' : 'an administrator has to approve it.'}
        </Notice>
      ))}
      {error && (
        <div className={classes.result}>
          <FaultNotice error={error} />
        </div>
      )}
    </>
  )
}
