import { Button, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { PaymentOnWire } from '../../src/contract/billing.ts'
import type { Reply } from '../../src/contract/endpoints.ts'
import { type CallFault, call } from '../data/call.ts'
import { useAct } from '../data/queries.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Credits } from '../ui/figures.tsx'
import { exactCredits } from '../ui/format.ts'
import { money, moneyText, parseMoney } from '../ui/money.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { paymentReads } from './reads.ts'

type Preview = Reply<'previewRefund'>

/** Asked by POST, but it changes nothing. */
const useRefundPreview = (payment: PaymentOnWire, amountMinor: string | null) =>
  useQuery<Preview, CallFault>({
    queryKey: ['previewRefund', payment.id, payment.refundedMinor, amountMinor],
    queryFn: ({ signal }) =>
      call('previewRefund', { params: { id: payment.id }, body: { amountMinor: amountMinor ?? '' } }, signal),
    enabled: amountMinor !== null && amountMinor !== '0',
    placeholderData: keepPreviousData,
    staleTime: 0,
  })

/** Money back, all or a part: what becomes of the credits is shown before. */
export const RefundForm = ({ payment }: { payment: PaymentOnWire }) => {
  const left = String(BigInt(payment.amountMinor) - BigInt(payment.refundedMinor))
  const refund = useAct('refundPayment', paymentReads)
  const [idempotencyKey, setIdempotencyKey] = useState(() => crypto.randomUUID())
  const [text, setText] = useState(() => moneyText(left, payment.currency))
  const [reason, setReason] = useState('')
  const [asking, setAsking] = useState(false)
  const amountMinor = parseMoney(text, payment.currency)
  const isTooMuch = amountMinor !== null && BigInt(amountMinor) > BigInt(left)
  const isWrong = amountMinor === null || amountMinor === '0' || isTooMuch
  const [rested] = useDebouncedValue(isWrong ? null : amountMinor, 300)
  const preview = useRefundPreview(payment, rested)
  const amount = money(amountMinor ?? '0', payment.currency)
  const make = () =>
    after(
      refund.mutateAsync({
        params: { id: payment.id },
        body: { amountMinor: amountMinor ?? '0', reason: reason.trim(), idempotencyKey },
      }),
      (now) => {
        setAsking(false)
        setIdempotencyKey(crypto.randomUUID())
        setReason('')
        setText(moneyText(String(BigInt(now.amountMinor) - BigInt(now.refundedMinor)), payment.currency))
        tellDone(
          now.refundedMinor === payment.refundedMinor
            ? `${amount} are on their way back; the provider has yet to confirm.`
            : `${amount} are given back.`,
        )
      },
    )
  return (
    <form
      className={classes.section}
      aria-label="Refund"
      onSubmit={(event) => {
        event.preventDefault()
        if (!isWrong && reason.trim() !== '') setAsking(true)
      }}
    >
      <h3 className={classes.sectionTitle}>Give money back</h3>
      <div className={classes.line}>
        <TextInput
          label={`Amount in ${payment.currency}`}
          description={`At most ${money(left, payment.currency)}.`}
          inputMode="decimal"
          value={text}
          error={
            isTooMuch ? 'More than is left.' : isWrong && text.trim() !== '' ? 'An amount of money.' : null
          }
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <TextInput
          label="Reason"
          description="On the credit note’s audit trail."
          maxLength={300}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </div>
      {preview.error ? (
        <FaultNotice error={preview.error} />
      ) : (
        preview.data && !isWrong && <Taken preview={preview.data} busy={preview.isPlaceholderData} />
      )}
      <div className={classes.buttons}>
        <Button type="submit" variant="default" disabled={isWrong || reason.trim() === ''}>
          Refund {isWrong ? '' : amount}
        </Button>
      </div>
      <ConfirmDialog
        opened={asking}
        title={`Refund ${amount}?`}
        submit="Refund"
        busy={refund.isPending}
        error={refund.error}
        onConfirm={make}
        onClose={() => setAsking(false)}
      >
        <p>
          {payment.provider === 'stripe'
            ? 'Stripe sends the money back to how it was paid.'
            : 'Send the money yourself: this writes the credit note and takes the credits back.'}
        </p>
        {preview.data && preview.data.owedMicros !== '0' && (
          <p>
            <strong>{exactCredits(preview.data.owedMicros)} credits</strong> were spent already: other credits
            pay them at once, or they are owed until the next ones come.
          </p>
        )}
      </ConfirmDialog>
    </form>
  )
}

const Taken = ({ preview, busy }: { preview: Preview; busy: boolean }) => (
  <section
    className={classes.box}
    aria-label="Credits taken back"
    aria-live="polite"
    data-busy={busy || undefined}
  >
    {preview.creditMicros === '0' ? (
      <p className={classes.note}>No credits are taken back: this payment gave none by itself.</p>
    ) : (
      <div className={classes.sums}>
        <p className={classes.sum} data-total>
          <span>Credits taken back</span>
          <Credits micros={preview.creditMicros} />
        </p>
        <p className={classes.sum}>
          <span>There and unspent</span>
          <Credits micros={preview.unspentMicros} />
        </p>
        {preview.expiredMicros !== '0' && (
          <p className={classes.sum}>
            <span>Expired since</span>
            <Credits micros={preview.expiredMicros} />
          </p>
        )}
        <p className={classes.sum}>
          <span>Spent or held: other credits pay it, or it is owed</span>
          <Credits micros={preview.owedMicros} />
        </p>
      </div>
    )}
  </section>
)
