import type { AddressInfo } from 'node:net'
import { startStripe } from '../../simulator/stripe.ts'
import { type Billing, makeBilling } from '../../src/billing/billing.ts'
import type { Payment, Purchase } from '../../src/billing/payment.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { must } from '../../src/kit/fault.ts'
import { newId } from '../../src/kit/id.ts'
import { silentLog } from '../../src/kit/log.ts'
import { makeOutbound } from '../../src/net/outbound.ts'
import { makePayments, makeStripe, type Payments } from '../../src/payments/payments.ts'
import { type Http, operator, startHttp } from '../http-harness.ts'
import { checkLedger } from '../ledger.ts'
import { checkPayments } from './payments-checker.ts'
import { returnUrl, stripeSecrets } from './stripe-scene.ts'

export const administrator = { kind: 'user', id: '00000000-0000-7000-8000-00000000ad01' } as const

export interface Subscriber {
  readonly organizationId: string
  readonly userId: string
  readonly accountId: string
}

/**
 * The management server on a port of its own, with billing, the payments room and the official SDK behind it; the stand-in
 * sends its webhooks there by HTTP.
 */
export const openPaymentScene = async () => {
  let room: Payments | null = null
  const http: Http = await startHttp({
    webhooks: { stripe: (body, signature) => (room as Payments).receive(body, signature) },
  })
  await http.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = http.app.server.address() as AddressInfo
  const webhookUrl = `http://127.0.0.1:${port}/webhooks/stripe`
  const standIn = await startStripe({
    secretKey: stripeSecrets.secretKey,
    webhook: { url: webhookUrl, secret: stripeSecrets.webhookSecret },
  })
  const outbound = makeOutbound()
  outbound.allow([`127.0.0.1:${standIn.port}`])
  const { database, epoch, ledger } = http
  const common = { database, clock: systemClock, log: silentLog }
  const stripe = makeStripe({ ...common, account: { ...stripeSecrets, apiUrl: standIn.url }, outbound })
  const billing: Billing = makeBilling({ ...common, epoch, ledger, providers: [stripe] })
  const payments = makePayments({ ...common, billing, stripe })
  room = payments
  const settings = await billing.settings()
  must(await billing.saveSettings(administrator, { ...settings, provider: 'stripe' }, 'Stripe is set up'))

  const subscriber = async (): Promise<Subscriber> => {
    const person = await http.createPerson()
    const accountId = await ledger.accountOf(person.organizationId, person.userId)
    return { organizationId: person.organizationId, userId: person.userId, accountId: accountId ?? '' }
  }

  /** Chooses a pack and gives the page to pay on. */
  const order = async (owner: Subscriber, purchase: Purchase = { kind: 'pack', packId: 'medium' }) => {
    const actor = { kind: 'user', id: owner.userId } as const
    const options = { idempotencyKey: newId(), returnUrl }
    const { payment, checkoutUrl } = must(await billing.buy(actor, owner, purchase, options))
    if (checkoutUrl === null) throw new Error('no checkout')
    return { payment, checkoutUrl }
  }

  /** Resolves when every webhook has been delivered and worked through. */
  const settled = async (): Promise<void> => {
    await standIn.webhooks.settled()
    await payments.settled()
  }

  return {
    http,
    standIn,
    billing,
    payments,
    ledger,
    database,
    webhookUrl,
    stripe,
    subscriber,
    order,
    settled,
    payment: async (id: string): Promise<Payment> => must(await billing.payment(id)),
    available: async (owner: Subscriber): Promise<bigint> =>
      (await ledger.balance(owner.organizationId, owner.accountId))?.availableMicros ?? -1n,
    /** Bought and paid with a good card, and worked through. */
    bought: async (owner: Subscriber, purchase?: Purchase) => {
      const { payment, checkoutUrl } = await order(owner, purchase)
      await standIn.pay(checkoutUrl)
      await settled()
      return must(await billing.payment(payment.id))
    },
    /** A second process on the same database. */
    anotherProcess: (): Payments => makePayments({ ...common, billing, stripe }),
    /** The independent checkers, and whether Stripe and we say the same of every payment. */
    problems: async (): Promise<string[]> => {
      const paid = await database.pool.query<{ external_id: string }>(
        `SELECT external_id FROM payments WHERE status = 'paid' ORDER BY 1`,
      )
      const atStripe = [...standIn.state.paymentIntents.values()]
        .filter(({ status }) => status === 'succeeded')
        .map(({ id }) => id)
        .toSorted()
      const ours = paid.rows.map((row) => row.external_id).toSorted()
      const apart = [
        ...atStripe.filter((id) => !ours.includes(id)).map((id) => `paid at Stripe only: ${id}`),
        ...ours.filter((id) => !atStripe.includes(id)).map((id) => `paid here only: ${id}`),
      ]
      return [...(await checkPayments(database)), ...apart, ...(await checkLedger(database))]
    },
    actor: operator,
    async close() {
      await settled()
      await standIn.close()
      await outbound.close()
      await http.close()
    },
  }
}
export type PaymentScene = Awaited<ReturnType<typeof openPaymentScene>>
