import { Button, Drawer } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { PaymentOnWire } from '../../src/contract/billing.ts'
import { endpointOf, urlOf } from '../../src/contract/endpoints.ts'
import { useRead } from '../data/queries.ts'
import { CopyableId } from '../ui/copy.tsx'
import { Credits, Moment } from '../ui/figures.tsx'
import { money } from '../ui/money.ts'
import { Lines, Loaded, Notice } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './billing.module.css'
import { providers, purposes } from './billing-words.ts'
import { DecideDialog, type Decision } from './decide-dialog.tsx'
import { NoticeTable } from './payment-notices.tsx'
import { PaymentMark } from './marks.tsx'
import { By, Person } from './people.tsx'
import { RefundForm } from './refund-form.tsx'

/** One payment: what it was for, how it stands, what can be done about it. */
export const PaymentDrawer = (props: { id: string | undefined; onClose: () => void }) => {
  const payment = useRead(
    'readAnyPayment',
    { params: { id: props.id ?? '' } },
    { enabled: props.id !== undefined },
  )
  return (
    <Drawer
      opened={props.id !== undefined}
      onClose={props.onClose}
      title={payment.data && props.id ? payment.data.description : 'Payment'}
      size={540}
    >
      {props.id !== undefined && (
        <Loaded of={payment} skeleton={<Lines count={10} />}>
          {(data) => <Detail key={data.id} payment={data} />}
        </Loaded>
      )}
    </Drawer>
  )
}

const Detail = ({ payment }: { payment: PaymentOnWire }) => (
  <div className={classes.detail}>
    {payment.isDisputed && (
      <Notice tone="warning" title="The payer’s bank disputes it">
        Its credits are taken until the dispute is decided, at Stripe.
      </Notice>
    )}
    {payment.failureReason && (
      <Notice tone="info" title="What was said about it">
        {payment.failureReason}
      </Notice>
    )}
    <Facts>
      <Fact name="Payer">
        <Person id={payment.userId} link />
      </Fact>
      <Fact name="For">{purposes[payment.purpose]}</Fact>
      <Fact name="State">
        <PaymentMark payment={payment} />
      </Fact>
      <Fact name="Amount">{money(payment.amountMinor, payment.currency)}</Fact>
      {payment.refundedMinor !== '0' && (
        <Fact name="Given back">{money(payment.refundedMinor, payment.currency)}</Fact>
      )}
      {payment.creditMicros !== '0' && (
        <Fact name="Credits">
          <Credits micros={payment.creditMicros} unit />
        </Fact>
      )}
      <Fact name="Collected">{providers[payment.provider]}</Fact>
      <Fact name="Asked for">
        <Moment at={payment.createdAt} />
      </Fact>
      {payment.decidedAt && (
        <Fact name="Decided">
          <Moment at={payment.decidedAt} />
          {payment.decidedBy && (
            <>
              , by <By by={payment.decidedBy} />
            </>
          )}
        </Fact>
      )}
      <Fact name="Invoice">
        {payment.invoiceId === null ? (
          'None yet'
        ) : (
          <TextLink>
            <Link to="/admin/payments" search={{ show: 'invoices', invoice: payment.invoiceId }}>
              Show invoice
            </Link>
          </TextLink>
        )}
        {payment.status === 'paid' && (
          <>
            {' · '}
            <TextLink>
              <a
                href={urlOf(endpointOf('readAnyReceiptPdf'), { params: { id: payment.id } })}
                target="_blank"
                rel="noopener"
              >
                Receipt (PDF)
              </a>
            </TextLink>
          </>
        )}
      </Fact>
      <Fact name="Id">
        <CopyableId id={payment.id} label="Copy the payment’s id" />
      </Fact>
    </Facts>
    <Decide payment={payment} />
    {payment.status === 'paid' && payment.refundedMinor !== payment.amountMinor && (
      <RefundForm payment={payment} />
    )}
    {payment.provider === 'stripe' && <Told payment={payment} />}
    <p className={classes.note}>
      <TextLink>
        <Link to="/admin/balances" search={{ user: payment.userId, of: payment.organizationId }}>
          Balance and grants of the payer
        </Link>
      </TextLink>
    </p>
  </div>
)

const Decide = ({ payment }: { payment: PaymentOnWire }) => {
  const [kind, setKind] = useState<Decision['kind'] | null>(null)
  if (payment.provider !== 'manual' || payment.status !== 'requested') return null
  return (
    <div className={classes.buttons}>
      <Button onClick={() => setKind('approve')}>Approve</Button>
      <Button variant="default" onClick={() => setKind('deny')}>
        Deny
      </Button>
      {kind && (
        <DecideDialog
          decision={{ kind, payment }}
          onDone={() => setKind(null)}
          onClose={() => setKind(null)}
        />
      )}
    </div>
  )
}

/** What Stripe said about it, so that a question has its answer in one place. */
const Told = ({ payment }: { payment: PaymentOnWire }) => {
  const notices = useRead('listPaymentNotices', { query: { paymentId: payment.id, limit: 50 } })
  return (
    <section className={classes.section} aria-label="What the provider told">
      <h3 className={classes.sectionTitle}>What the provider told</h3>
      <Loaded of={notices} skeleton={<Lines count={3} />}>
        {(data) =>
          data.notices.length === 0 ? (
            <p className={classes.note}>Nothing yet.</p>
          ) : (
            <NoticeTable notices={data.notices} brief />
          )
        }
      </Loaded>
    </section>
  )
}
