import { Button } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { SubscriptionOnWire } from '../../src/contract/billing.ts'
import type { Request } from '../../src/contract/endpoints.ts'
import { useRead } from '../data/queries.ts'
import { PaidCentrally } from '../oversight/paid-centrally.tsx'
import { useIsIdle } from '../oversight/use-is-idle.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { dayWithYear, exactCredits } from '../ui/format.ts'
import { money } from '../ui/money.ts'
import { Block, Loaded, Notice } from '../ui/notice.tsx'
import { Page, Panel, Stat, Stats } from '../ui/page.tsx'
import classes from './billing.module.css'
import { ChangeDialog } from './change-dialog.tsx'
import { IdleSubscription } from './idle-subscription.tsx'
import { OpenPayments } from './open-payments.tsx'
import { OwnKeyDiscount } from './own-key-discount.tsx'
import { PaymentResult } from './payment-result.tsx'
import { dayAndTime, percent } from './period-words.ts'
import { PastDueNotice } from './standing-notice.tsx'
import { SubscriptionEnds } from './subscription-ends.tsx'
import { TierChoices } from './tier-choices.tsx'

export type Change = Request<'changeSubscription'>['body']['change']

const route = getRouteApi('/shell/subscription')
const here = '/subscription'

export const SubscriptionPage = () => {
  const zone = useTimeZone()
  const subscription = useRead('readSubscription', {}, { refreshSeconds: 60 })
  const search = route.useSearch()
  const navigate = useNavigate({ from: here })
  const [change, setChange] = useState<Change | null>(null)
  const isIdle = useIsIdle()
  return (
    <Page
      title="Subscription"
      description={`What you pay each month and what you get for it. Times in ${zone}.`}
    >
      <PaymentResult
        payment={search.payment}
        checkout={search.checkout}
        returnPath={here}
        onDismiss={() => void navigate({ search: {}, replace: true })}
      />
      <IdleSubscription />
      <OpenPayments purpose="tier_change" returnPath={here} except={search.payment} />
      <Loaded of={subscription} skeleton={<Skeleton />}>
        {(data) => (
          <>
            <PastDueNotice subscription={data} returnPath={here} />
            {isIdle && <PaidCentrally />}
            <Standing subscription={data} isIdle={isIdle} onChange={setChange} />
            <Now subscription={data} />
            {!isIdle && (
              <Panel
                title="Tiers"
                description="Each change is shown with its exact price before you make it."
              >
                <TierChoices subscription={data} onChange={setChange} />
              </Panel>
            )}
            {!isIdle && <OwnKeyDiscount subscription={data} />}
            <SubscriptionEnds subscription={data} isIdle={isIdle} onChange={setChange} />
          </>
        )}
      </Loaded>
      <ChangeDialog
        change={change}
        collection={subscription.data?.collection}
        onClose={() => setChange(null)}
        onRequested={(payment) => {
          setChange(null)
          void navigate({ search: { payment }, replace: true })
        }}
      />
    </Page>
  )
}

const Skeleton = () => (
  <div className={classes.skeleton}>
    <Block height={103} narrow={291} />
    <Block height={290} narrow={780} />
    <Block height={280} narrow={520} />
  </div>
)

/** What is not as usual, with the way back. */
const Standing = (props: {
  subscription: SubscriptionOnWire
  /** The organisation pays instead: it can end, and not go on. */
  isIdle: boolean
  onChange: (change: Change) => void
}) => {
  const { subscription, isIdle, onChange } = props
  const { pending, next, periodEnd, tier } = subscription
  if (subscription.status === 'paused')
    return (
      <Notice
        tone="warning"
        title="Paused"
        action={
          isIdle ? null : (
            <Button size="compact-sm" onClick={() => onChange({ kind: 'resume' })}>
              Resume
            </Button>
          )
        }
      >
        Nothing is charged and no credits are allocated. What is left of this period’s credits stays until{' '}
        {dayWithYear(periodEnd)}.
      </Notice>
    )
  if (pending === null) return null
  const undo = isIdle ? null : (
    <Button size="compact-sm" variant="default" onClick={() => onChange({ kind: 'undo_pending' })}>
      Undo
    </Button>
  )
  return (
    <Notice
      tone="info"
      title={
        pending.kind === 'cancel'
          ? `${tier.name} ends on ${dayAndTime(periodEnd)}`
          : `Changes to ${next?.tier.name ?? pending.tierId} on ${dayAndTime(periodEnd)}`
      }
      action={undo}
    >
      {isIdle
        ? 'It ends because your organisation pays for everybody.'
        : 'Until then everything stays as it is, and it can be undone.'}
    </Notice>
  )
}

const statusWords = { active: 'Active', paused: 'Paused', past_due: 'Past due', canceled: 'Active' } as const

const Now = ({ subscription }: { subscription: SubscriptionOnWire }) => {
  const { tier, next, periodStart, periodEnd, discountBasisPoints, collection } = subscription
  return (
    <Stats>
      <Stat lead label="Tier" value={tier.name} note={statusWords[subscription.status]} />
      <Stat
        label="Price a month"
        value={money(tier.priceMinor, tier.currency)}
        note={
          collection === 'none' && tier.priceMinor !== '0'
            ? 'Given by an administrator: nothing is charged'
            : discountBasisPoints > 0
              ? `${percent(discountBasisPoints)} own-key discount this period`
              : tier.priceMinor === '0'
                ? 'Free'
                : 'No discount this period'
        }
      />
      <Stat
        label="This period"
        value={exactCredits(tier.allocationMicros)}
        note={`credits, ${dayWithYear(periodStart)} to ${dayWithYear(periodEnd)}`}
      />
      <Stat
        label="Next renewal"
        value={next === null ? 'None' : money(next.totalMinor, next.tier.currency)}
        note={next === null ? 'While it is paused' : dayAndTime(next.at)}
      />
    </Stats>
  )
}
