import { Radio, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Reply, Request } from '../../src/contract/endpoints.ts'
import { type CallFault, call } from '../data/call.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { exactCredits } from '../ui/format.ts'
import { money, parseMoney, placesOf } from '../ui/money.ts'
import { FaultNotice, Lines } from '../ui/notice.tsx'
import classes from './billing.module.css'
import { commandKeys } from './command-key.ts'
import { openProvider } from './open-provider.ts'
import { savingPercent, validity } from './period-words.ts'

type Packs = Reply<'listPacks'>
type Purchase = Request<'buyCredits'>['body']['purchase']

/** Asks for credits; where a provider takes the payment, the browser goes there. */
const useBuy = (onRequested: (paymentId: string) => void) => {
  const client = useQueryClient()
  return useMutation<string, CallFault, Purchase>({
    mutationFn: async (purchase) => {
      const body = { purchase, idempotencyKey: commandKeys.keyOf(purchase), returnPath: '/credits' }
      const { payment, checkoutUrl } = await call('buyCredits', { body })
      commandKeys.done(purchase)
      return checkoutUrl === null ? payment.id : openProvider(checkoutUrl)
    },
    onSuccess: async (id) => {
      await client.invalidateQueries({ queryKey: ['listPayments'] })
      onRequested(id)
    },
  })
}

export const BuyDialog = (props: {
  opened: boolean
  onClose: () => void
  onRequested: (paymentId: string) => void
}) => {
  const packs = useRead('listPacks', {}, { enabled: props.opened })
  const buy = useBuy(props.onRequested)
  const [chosen, setChosen] = useState<string | null>(null)
  const [typed, setTyped] = useState('')
  const choice = packs.data && choiceOf(packs.data, chosen, typed)
  return (
    <FormDialog
      opened={props.opened}
      title="Buy credits"
      submit={packs.data?.provider === 'stripe' ? 'Continue to payment' : 'Request credits'}
      size="lg"
      busy={buy.isPending}
      error={buy.error}
      blocked={!choice?.purchase}
      onSubmit={() => choice?.purchase && buy.mutate(choice.purchase)}
      onClose={() => {
        buy.reset()
        props.onClose()
      }}
    >
      {packs.data && choice ? (
        <>
          <Choices packs={packs.data} choice={choice} typed={typed} onChoose={setChosen} onType={setTyped} />
          <Terms packs={packs.data} choice={choice} />
        </>
      ) : packs.error ? (
        <FaultNotice error={packs.error} onRetry={() => void packs.refetch()} />
      ) : (
        <Lines count={5} height={40} />
      )}
    </FormDialog>
  )
}

interface Choice {
  readonly value: string
  /** Null: nothing that could be bought. */
  readonly purchase: Purchase | null
  readonly priceMinor: string
  readonly creditMicros: string
  readonly currency: string
  readonly problem: string | null
}

const custom = 'custom'

/** Until somebody chooses, the middle pack; without packs, an amount. */
const choiceOf = (packs: Packs, chosen: string | null, typed: string): Choice => {
  const value = chosen ?? packs.items[Math.floor((packs.items.length - 1) / 2)]?.id ?? custom
  const pack = packs.items.find(({ id }) => id === value)
  if (pack) {
    const { id: packId, priceMinor, creditMicros, currency } = pack
    return { value, purchase: { kind: 'pack', packId }, priceMinor, creditMicros, currency, problem: null }
  }
  const { currency, minimumMinor, maximumMinor, microsPerMinor } = packs.custom
  const amountMinor = parseMoney(typed, currency)
  const isWithin =
    amountMinor !== null &&
    BigInt(amountMinor) >= BigInt(minimumMinor) &&
    BigInt(amountMinor) <= BigInt(maximumMinor)
  return {
    value: custom,
    purchase: isWithin ? { kind: 'custom', amountMinor } : null,
    priceMinor: amountMinor ?? '0',
    creditMicros: String(BigInt(amountMinor ?? '0') * BigInt(microsPerMinor)),
    currency,
    problem:
      isWithin || typed.trim() === ''
        ? null
        : `An amount from ${money(minimumMinor, currency)} to ${money(maximumMinor, currency)}.`,
  }
}

const Choices = (props: {
  packs: Packs
  choice: Choice
  typed: string
  onChoose: (value: string) => void
  onType: (text: string) => void
}) => {
  const { packs, choice } = props
  const { currency, minimumMinor, maximumMinor, microsPerMinor } = packs.custom
  return (
    <Radio.Group value={choice.value} onChange={props.onChoose} aria-label="What to buy">
      <div className={classes.packs}>
        {packs.items.map((pack) => {
          const saving = pack.currency === currency ? savingPercent(pack, microsPerMinor) : 0
          return (
            <label key={pack.id} className={classes.pack} data-chosen={choice.value === pack.id || undefined}>
              <Radio
                value={pack.id}
                aria-label={`${pack.name}, ${money(pack.priceMinor, pack.currency)}`}
                data-autofocus={choice.value === pack.id || undefined}
              />
              <span className={classes.packName}>{pack.name}</span>
              <span className={classes.packPrice}>
                {saving > 0 && <span className={classes.quiet}>{saving} % less</span>}
                <span className="figure">{money(pack.priceMinor, pack.currency)}</span>
              </span>
            </label>
          )
        })}
        <label className={classes.pack} data-chosen={choice.value === custom || undefined}>
          <Radio value={custom} aria-label="Another amount" />
          <span className={classes.packName}>Another amount</span>
          <span className={classes.quiet}>
            {money(minimumMinor, currency)} to {money(maximumMinor, currency)}
          </span>
        </label>
        {choice.value === custom && (
          <TextInput
            label={`Amount in ${currency}`}
            inputMode={placesOf(currency) > 0 ? 'decimal' : 'numeric'}
            placeholder="25"
            value={props.typed}
            error={choice.problem}
            onChange={(event) => props.onType(event.currentTarget.value)}
            data-autofocus
          />
        )}
      </div>
    </Radio.Group>
  )
}

/** What is paid, what for, and how, before it is asked for. */
const Terms = ({ packs, choice }: { packs: Packs; choice: Choice }) => {
  const { demo } = useMe()
  return (
    <div className={classes.terms}>
      {choice.purchase ? (
        <p>
          <strong>{money(choice.priceMinor, choice.currency)}</strong> once for{' '}
          <strong>{exactCredits(choice.creditMicros)} credits</strong>, {validity(packs.expiryMonths)} from
          the payment.
        </p>
      ) : (
        <p>Say how much you want to pay.</p>
      )}
      <p className={classes.quiet}>
        {packs.provider === 'stripe'
          ? 'You pay on Stripe’s page and come back here. The payment method is kept there for renewals and automatic top-ups.'
          : 'An administrator approves the request once it is paid for; the credits and the invoice come with it.'}
        {demo && packs.provider === 'stripe' && ' Demo: a stand-in for that page, where no money moves.'}
      </p>
    </div>
  )
}
