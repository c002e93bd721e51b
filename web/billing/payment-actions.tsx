import { Button } from '@mantine/core'
import { endpointOf, urlOf } from '../../src/contract/endpoints.ts'
import type { PaymentOnWire } from '../../src/contract/billing.ts'
import { tellFault } from '../ui/toast.tsx'
import classes from './billing.module.css'
import { useContinue, useTakeBack } from './use-payment.ts'

/** What can be done with a payment: pay it, open its invoice, take its receipt. */
export const PaymentActions = (props: {
  payment: PaymentOnWire
  returnPath: string
  onOpenInvoice: (id: string) => void
}) => {
  const { id, status, provider, purpose, invoiceId } = props.payment
  const goOn = useContinue(props.returnPath)
  const takeBack = useTakeBack()
  const isForAdministrator = provider === 'manual' && purpose !== 'renewal'
  const isForPayer = provider === 'stripe' && (purpose === 'purchase' || purpose === 'tier_change')
  return (
    <span className={classes.rowActions}>
      {status === 'requested' && isForPayer && (
        <Button
          size="compact-xs"
          loading={goOn.isPending}
          onClick={() => goOn.mutate(id, { onError: tellFault })}
        >
          Go on to pay
        </Button>
      )}
      {status === 'requested' && isForAdministrator && (
        <Button
          size="compact-xs"
          variant="default"
          loading={takeBack.isPending}
          onClick={() => takeBack.mutate(id, { onError: tellFault })}
        >
          Take back
        </Button>
      )}
      {invoiceId && (
        <Button size="compact-xs" variant="default" onClick={() => props.onOpenInvoice(invoiceId)}>
          Invoice
        </Button>
      )}
      {status === 'paid' && (
        <Button
          component="a"
          size="compact-xs"
          variant="default"
          href={urlOf(endpointOf('readReceiptPdf'), { params: { id } })}
          download
        >
          Receipt
        </Button>
      )}
    </span>
  )
}
