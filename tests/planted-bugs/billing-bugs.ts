import type { PlantedBug } from './planted-bug.ts'

const payments = 'src/billing/payments.ts'
const effects = 'src/billing/effects.ts'
const settlement = 'src/billing/settlement.ts'
const renewals = 'src/billing/renewals.ts'
const stripe = 'src/payments/stripe.ts'

const model = {
  file: 'tests/billing-model.test.ts',
  test: 'any sequence of commands leaves subscription, payments, invoices and credits as the notebook has them',
}
const purchases = (test: string) => ({ file: 'src/billing/purchases.db.test.ts', test })
const subscriptions = (test: string) => ({ file: 'src/billing/billing.db.test.ts', test })
const attacks = (test: string) => ({ file: 'src/billing/attacks.db.test.ts', test })
const told = purchases('told of by a provider ×100, reordered and concurrently, it has its effect once')

export const billingBugs: readonly PlantedBug[] = [
  {
    id: 'webhook-not-idempotent',
    says: 'A provider’s news has its effect each time it is told',
    edits: [
      {
        file: payments,
        find: '      if (!(await payments.noteEvent(t, provider, event, clock()))) return false\n',
        replace: '      await payments.noteEvent(t, provider, event, clock())\n',
      },
      { file: effects, find: '    if (!created) return false\n', replace: '' },
    ],
    caughtBy: model,
  },
  {
    id: 'paid-twice-grants-twice',
    says: 'Two processes that hear of one payment at once both give its credits',
    edits: [
      { file: settlement, find: "  if (payment.status === 'paid') return false\n", replace: '' },
      {
        file: settlement,
        find: 'idempotencyKey: `payment:${payment.id}`,',
        replace: 'idempotencyKey: `payment:${payment.id}:${decision.externalId}:${Math.random()}`,',
      },
    ],
    caughtBy: told,
  },
  {
    id: 'granted-when-requested',
    says: 'Credits are given when somebody asks to buy them, and not when they have paid',
    edits: [
      {
        file: payments,
        find: "        await audit(t, actor, 'payment.requested', payment)\n",
        replace: `        await audit(t, actor, 'payment.requested', payment)
        await settlePayment(t, parts, (await lockedPayment(t, parts, payment.id)) as Locked, {
          by: 'nobody',
          externalId: null,
          whenStale: 'refund',
        })
`,
      },
    ],
    caughtBy: model,
  },
  {
    id: 'amount-not-compared',
    says: 'Whatever was paid, what was asked for is given',
    edits: [
      {
        file: effects,
        find: 'event.amountMinor !== payment.amountMinor || event.currency !== payment.currency',
        replace: 'event.amountMinor < 0n',
      },
    ],
    caughtBy: purchases('of another amount than was asked for gives nothing'),
  },
  {
    id: 'refund-before-purchase-lost',
    says: 'A refund that is told before its purchase is forgotten',
    edits: [
      {
        file: settlement,
        find: '  await applyWaitingRefunds(t, parts, payment.id)\n  return true',
        replace: '  return true',
      },
    ],
    caughtBy: told,
  },
  {
    id: 'money-refunded-twice',
    says: 'A refund that is asked for again, because the answer was lost, is made again',
    edits: [
      {
        file: payments,
        find: '        if (await payments.findRefund(t, { ...payment, paymentId }, reference)) return\n',
        replace: '',
      },
      {
        file: 'src/billing/store-payments.ts',
        find: '  if (known) return { refund: known, created: false }\n',
        replace: '',
      },
    ],
    sql: 'ALTER TABLE payment_refunds DROP CONSTRAINT payment_refunds_organization_id_payment_id_reference_key',
    caughtBy: purchases(
      'a refund takes unspent credits back first and leaves the spent part as debt, with a credit note',
    ),
  },
  {
    id: 'refund-leaves-credits',
    says: 'A refund after a dispute that was won gives the money and leaves the credits',
    edits: [
      {
        file: 'src/billing/store-payments.ts',
        find: '  return [payment.grantId, ...rows.map((row) => row.id)]\n',
        replace: '  return rows.length > 0 ? [payment.grantId] : [payment.grantId]\n',
      },
    ],
    caughtBy: attacks('also those that came back when a dispute was won'),
  },
  {
    id: 'refund-rounds-down',
    says: 'Refunds in many small steps leave a few credits each',
    edits: [
      {
        file: 'src/billing/proration.ts',
        find: `      payment.amountMinor -
      1n) /
    payment.amountMinor`,
        replace: `      0n) /
    payment.amountMinor`,
      },
    ],
    caughtBy: model,
  },
  {
    id: 'discount-for-new-key',
    says: 'A key that was added a minute before the renewal earns the discount',
    edits: [
      {
        file: 'src/billing/discount.ts',
        find: '      shareBasisPoints >= rule.minimumShareBasisPoints &&\n',
        replace: '',
      },
    ],
    caughtBy: subscriptions(
      'is not for a key added a minute before the renewal, nor kept by one deleted a minute after it',
    ),
  },
  {
    id: 'discount-counts-keys-twice',
    says: 'Two keys at a time count as twice the time',
    edits: [
      {
        file: 'src/billing/discount.ts',
        find: '    if (last && span.from <= last.until) {',
        replace: '    if (last && span.from === last.until) {',
      },
    ],
    caughtBy: { file: 'src/billing/discount.test.ts', test: 'two keys at the same time, which count once' },
  },
  {
    id: 'one-key-many-discounts',
    says: 'Everybody who stores one and the same key has the discount for it',
    edits: [
      {
        file: 'src/billing/discount.ts',
        find: 'taken: key.taken.filter(({ baseUrl }) => isKnown(baseUrl))',
        replace: 'taken: []',
      },
    ],
    caughtBy: subscriptions(
      'one key earns it for one subscriber: who had it first, in whatever organisation, and the next from their next period on',
    ),
  },
  {
    id: 'discount-handed-over',
    says: 'A key counts from the instant on at which somebody else gives it up, so two share it by turns',
    edits: [
      {
        file: 'src/billing/discount.ts',
        find: '(until === null || until > period.startsAt)',
        replace: '(until === null || until > at)',
      },
    ],
    caughtBy: {
      file: 'src/billing/discount.test.ts',
      test: 'however subscribers hand one key to each other, no two of them have a discount for it at the same time',
    },
  },
  {
    id: 'payer-switched-quietly',
    says: 'Who pays is switched without telling the other processes',
    edits: [
      {
        file: 'src/oversight/central-billing.ts',
        find: 'epoch.change(organizationId, async (t) => {',
        replace: 'database.kysely.transaction().execute(async (t) => {',
      },
    ],
    caughtBy: {
      file: 'tests/processes/revocation.test.ts',
      test: 'are broken by no operation on record that started after they were in force, on any of three processes',
    },
  },
  {
    id: 'discount-for-any-address',
    says: 'A key at an address that only its owner knows earns the discount',
    edits: [
      {
        file: 'src/billing/discount.ts',
        find: '    .filter(({ baseUrl }) => isKnown(baseUrl))\n',
        replace: '',
      },
    ],
    caughtBy: { file: 'src/billing/discount.test.ts', test: 'a key at an address of its own' },
  },
  {
    id: 'price-of-a-later-instant',
    says: 'Whoever asks for an upgrade names the instant at which it is reckoned, also a cheaper one to come',
    edits: [{ file: 'src/billing/subscriptions.ts', find: ' || ageMs < -clocksDifferMs', replace: '' }],
    caughtBy: subscriptions(
      'is charged as it was shown, for as long as somebody may think about it, and not as of any instant',
    ),
  },
  {
    id: 'period-begun-twice',
    says: 'Whoever finds a subscription due begins a period, also when another process just did',
    edits: [
      {
        file: renewals,
        find: "subscription.status === 'paused' || subscription.periodEnd > now",
        replace: "subscription.status === 'paused'",
      },
    ],
    caughtBy: subscriptions(
      'an allocation is given exactly once for each period, whatever number of processes race for it',
    ),
  },
  {
    id: 'allocation-twice-over-a-month-end',
    says: 'A subscription of the 31st is given the credits of a short month on its last day and on the 1st',
    edits: [
      {
        file: 'src/billing/calendar.ts',
        find: '  const day = Math.min(anchor.day, lastDayOf(year, month))\n',
        replace: '  const day = anchor.day\n',
      },
    ],
    caughtBy: model,
  },
  {
    id: 'periods-drift',
    says: 'A period ends a month after it began: 31 January, 28 February, 28 March',
    edits: [
      {
        file: 'src/billing/calendar.ts',
        find: '    endsAt: boundary(last.anchoredAt, number + 1, timeZone),\n    number,',
        replace:
          '    endsAt: boundary(number === last.number + 1 ? last.endsAt : now, 1, timeZone),\n    number,',
      },
    ],
    caughtBy: model,
  },
  {
    id: 'proration-rounds-up',
    says: 'An upgrade gives a micro-credit more than its part of the period',
    edits: [
      {
        file: 'src/billing/proration.ts',
        find: 'micros <= 0n ? 0n : (micros * part) / whole',
        replace: 'micros <= 0n ? 0n : (micros * part + whole - 1n) / whole',
      },
    ],
    caughtBy: model,
  },
  {
    id: 'dearer-for-nothing',
    says: 'The price of an upgrade in the last minutes of a period is rounded down to nothing',
    edits: [
      {
        file: 'src/billing/change.ts',
        find: '  return differenceMinor > 0n && part === 0n ? step : part\n',
        replace: '  return part\n',
      },
    ],
    caughtBy: attacks('in the last minutes of a period, of whose price nothing would be left'),
  },
  {
    id: 'stale-change-applied',
    says: 'A change is applied as it was reckoned, whatever has happened to the subscription since',
    edits: [
      {
        file: settlement,
        find: 'terms.revision !== subscription.revision || at >= subscription.periodEnd',
        replace: 'terms.revision < 0n',
      },
    ],
    caughtBy: subscriptions(
      'is refused, and nothing is charged, when the subscription changed after it was calculated',
    ),
  },
  {
    id: 'pause-escapes-invoice',
    says: 'Who pauses over an open invoice is never past due, and resumes with new credits',
    edits: [
      {
        file: 'src/billing/change.ts',
        find: '      if (facts.owesRenewal) return refused(payFirst)\n',
        replace: '',
      },
    ],
    caughtBy: attacks('by pausing while an invoice is open, and resuming with the next month’s credits'),
  },
  {
    id: 'charged-renewal-gives-first',
    says: 'A renewal gives its credits before the card is charged',
    edits: [{ file: renewals, find: '  if (!isCharged) await allocate(', replace: '  await allocate(' }],
    caughtBy: {
      file: 'src/billing/charged.db.test.ts',
      test: 'a renewal that is declined gives nothing, is tried again each day with the same payment, and gives all once it is paid',
    },
  },
  {
    id: 'late-money-kept',
    says: 'A renewal that is paid after its tier was lost is kept without an invoice',
    edits: [
      {
        file: settlement,
        find: "  if (payment.purpose === 'renewal' && wasGivenUp) await renewalTooLate(t, parts, payment)\n  else if",
        replace: '  if',
      },
      { file: settlement, find: "  const wasGivenUp = payment.status !== 'requested'\n", replace: '' },
    ],
    caughtBy: attacks(
      'for a subscription that was canceled meanwhile is invoiced and given back, and gives nothing',
    ),
  },
  {
    id: 'rollover-without-cap',
    says: 'All that was left rolls over, whatever the cap',
    edits: [{ file: renewals, find: 'left < cap ? left : cap', replace: 'left' }],
    caughtBy: model,
  },
  {
    id: 'invoice-number-gap',
    says: 'Numbers of invoices come from a sequence, which a transaction that fails does not give back',
    edits: [
      {
        file: 'src/billing/store-invoices.ts',
        find: `    INSERT INTO invoice_numbers (issuer, kind, next) VALUES (\${issuer}, \${kind}, 2)
    ON CONFLICT (issuer, kind) DO UPDATE SET next = invoice_numbers.next + 1
    RETURNING next - 1 AS number\``,
        replace:
          "    SELECT CASE WHEN ${issuer} = ${kind} THEN 0 ELSE nextval(('planted_' || ${kind})::regclass) END AS number`",
      },
    ],
    sql: 'CREATE SEQUENCE planted_invoice; CREATE SEQUENCE planted_credit_note',
    caughtBy: purchases(
      'invoices are numbered without gaps, also where transactions fail, and cannot be changed',
    ),
  },
  {
    id: 'top-up-above-cap',
    says: 'An automatic top-up looks whether the cap is reached, and not whether it would be passed',
    edits: [
      {
        file: payments,
        find: 'state.spent + pack.priceMinor > wanted.monthlyCapMinor',
        replace: 'state.spent > wanted.monthlyCapMinor',
      },
    ],
    caughtBy: purchases('made by itself stays below the cap of the month, one at a time'),
  },
  {
    id: 'approves-own-adjustment',
    says: 'Whoever asked for an adjustment above the limit may approve it',
    edits: [
      {
        file: 'src/billing/adjustments.ts',
        find: "decide === 'done' && by === adjustment.requestedBy",
        replace: "decide === 'done' && by === ''",
      },
    ],
    caughtBy: purchases('above the limit waits for a second administrator, who is not the first'),
  },
  {
    id: 'webhook-not-verified',
    says: 'Whatever comes to the address of the webhook is taken for Stripe’s word',
    edits: [
      {
        file: stripe,
        find: `stripe.webhooks.constructEvent(
        body,
        signature ?? '',
        account.webhookSecret,
        toleranceSeconds,
        undefined,
        at.getTime(),
      )`,
        replace: "JSON.parse(body.toString('utf8'))",
      },
    ],
    caughtBy: { file: 'tests/payments/webhooks.test.ts', test: 'without a signature is refused' },
  },
  {
    id: 'charged-without-looking',
    says: 'A charge whose answer was lost is made again once Stripe has forgotten its key',
    edits: [
      {
        file: stripe,
        find: '    const before = await intentOf(request.paymentId, customer)\n',
        replace: "    const before = await intentOf(request.paymentId === '' ? '' : 'unknown', customer)\n",
      },
    ],
    caughtBy: {
      file: 'tests/payments/stripe-provider.test.ts',
      test: 'whose answer is lost is charged once, also when it is asked for again after Stripe forgot the key',
    },
  },
]
