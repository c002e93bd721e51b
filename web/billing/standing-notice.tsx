import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { SubscriptionOnWire } from '../../src/contract/billing.ts'
import { type CallFault, call } from '../data/call.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './billing.module.css'
import { openProvider } from './open-provider.ts'
import { dayAndTime } from './period-words.ts'

/** To the provider's page where the saved payment method is changed. */
export const usePortal = (returnPath: string) =>
  useMutation<unknown, CallFault>({
    mutationFn: async () => {
      const { url } = await call('openPaymentPortal', { body: { returnPath } })
      return url === null ? undefined : openProvider(url)
    },
  })

/** A payment that is due, and what to do about it. Nothing where all is well. */
export const PastDueNotice = (props: { subscription: SubscriptionOnWire; returnPath: string }) => {
  const { subscription } = props
  const portal = usePortal(props.returnPath)
  if (subscription.status !== 'past_due') return null
  const isCharged = subscription.collection === 'stripe'
  return (
    <div className={classes.result}>
      <Notice
        tone="bad"
        title={`Past due: the payment for ${subscription.tier.name} has not been made`}
        action={
          isCharged ? (
            <Button size="compact-sm" loading={portal.isPending} onClick={() => portal.mutate()}>
              Change payment method
            </Button>
          ) : undefined
        }
      >
        {isCharged
          ? 'The charge was declined and is tried again each day. Change the payment method, then the next try succeeds. '
          : 'Pay the open invoice; an administrator confirms it when the money is there. '}
        {subscription.graceUntil && (
          <>
            {subscription.tier.name} stays until {dayAndTime(subscription.graceUntil)}; after that the free
            tier takes over, and credits you have stay until they expire.{' '}
          </>
        )}
        {props.returnPath !== '/invoices' && (
          <TextLink>
            <Link to="/invoices">Open invoices</Link>
          </TextLink>
        )}
      </Notice>
      {portal.error && <FaultNotice error={portal.error} />}
    </div>
  )
}
