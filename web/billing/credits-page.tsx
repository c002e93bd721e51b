import { Button } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useRead } from '../data/queries.ts'
import { RunOut } from '../budgets/run-out.tsx'
import { PaidCentrally } from '../oversight/paid-centrally.tsx'
import { ReceiptDrawer } from '../operations/receipt.tsx'
import { Credits, useTimeZone } from '../ui/figures.tsx'
import { dayWithYear } from '../ui/format.ts'
import { Block, Loaded, Notice } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { AutoTopUp } from './auto-top-up.tsx'
import { Balance } from './balance.tsx'
import classes from './billing.module.css'
import { BuyDialog } from './buy-dialog.tsx'
import { Grants } from './grants.tsx'
import { OpenPayments } from './open-payments.tsx'
import { PaymentResult } from './payment-result.tsx'
import { PastDueNotice } from './standing-notice.tsx'
import { Statement } from './statement.tsx'
import { useBalance } from './use-balance.ts'

const route = getRouteApi('/shell/credits')

export const CreditsPage = () => {
  const zone = useTimeZone()
  const credits = useRead('readCredits', {})
  const subscription = useRead('readSubscription', {})
  const balance = useBalance()
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/credits' })
  const change = (changed: Partial<typeof search>, options: { replace?: boolean } = { replace: true }) =>
    void navigate({ search: (now) => ({ ...now, ...changed }), ...options })
  return (
    <Page
      title="Credits"
      description={`Spent only by operations on system keys; your own keys cost none. Times in ${zone}.`}
      actions={<Button onClick={() => change({ buy: true })}>Buy credits</Button>}
    >
      <PaidCentrally />
      <PaymentResult
        payment={search.payment}
        checkout={search.checkout}
        returnPath="/credits"
        onDismiss={() => change({ payment: undefined, checkout: undefined })}
      />
      <OpenPayments purpose="purchase" returnPath="/credits" except={search.payment} />
      {subscription.data && <PastDueNotice subscription={subscription.data} returnPath="/credits" />}
      {subscription.data?.status === 'paused' && (
        <Notice tone="warning" title="Your subscription is paused">
          Nothing is charged and no credits are allocated. What is left stays until{' '}
          {dayWithYear(subscription.data.periodEnd)}.
        </Notice>
      )}
      <Loaded of={credits} skeleton={<CreditsSkeleton />}>
        {(data) => (
          <>
            <Balance credits={data} now={balance.data} />
            <RunOut />
            {(balance.data ?? data).debtMicros !== '0' && (
              <Notice tone="warning" title="Some operations cost more than what had been held">
                <Credits micros={(balance.data ?? data).debtMicros} unit /> are owed and are paid first from
                the next credits.
              </Notice>
            )}
            <Grants grants={data.grants} />
          </>
        )}
      </Loaded>
      <AutoTopUp />
      <Statement
        filters={{ show: search.show, since: search.since, until: search.until }}
        lastNumber={balance.data?.lastNumber}
        openLine={search.line}
        openOperation={search.operation}
        onFilter={(filters) => change(filters)}
        onOpen={(opened) => change(opened, {})}
      />
      <BuyDialog
        opened={search.buy === true}
        onClose={() => change({ buy: undefined })}
        onRequested={(payment) => change({ buy: undefined, payment, checkout: undefined })}
      />
      <ReceiptDrawer id={search.operation} onClose={() => change({ operation: undefined })} />
    </Page>
  )
}

const CreditsSkeleton = () => (
  <div className={classes.skeleton}>
    <Block height={103} narrow={291} />
    <Block height={187} narrow={370} />
  </div>
)
