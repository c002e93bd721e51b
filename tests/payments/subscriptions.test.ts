import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type StripeStandIn, startStripe } from '../../simulator/stripe.ts'
import { must } from '../../src/kit/fault.ts'
import { silentLog } from '../../src/kit/log.ts'
import { makeOutbound, type Outbound } from '../../src/net/outbound.ts'
import { makePayments, makeStripe, type Payments } from '../../src/payments/payments.ts'
import { administrator, type BillingStage, startBilling } from '../billing.ts'
import { cloneDatabase, type TestDatabase } from '../database.ts'
import { checkLedger, type TestAccount } from '../ledger.ts'
import { checkPayments } from './payments-checker.ts'
import { goodCard, returnUrl, savesButDeclines, stripeSecrets } from './stripe-scene.ts'

const credits = (n: number): bigint => BigInt(n) * 1_000_000n

let clone: TestDatabase
let standIn: StripeStandIn
let outbound: Outbound
let stage: BillingStage
let payments: Payments
// One clock for Stripe and for us, which the test sets.
const clock = (): Date => stage.time.clock()

beforeAll(async () => {
  clone = await cloneDatabase({ maximumConnections: 12 })
  standIn = await startStripe({ secretKey: stripeSecrets.secretKey, clock })
  outbound = makeOutbound()
  outbound.allow([`127.0.0.1:${standIn.port}`])
  const common = { database: clone.database, clock, log: silentLog }
  const account = { ...stripeSecrets, apiUrl: standIn.url }
  const stripe = makeStripe({ ...common, account, outbound })
  stage = startBilling(clone.database, { start: '2027-01-31T00:00:00Z', providers: [stripe] })
  const { billing } = stage
  payments = makePayments({ ...common, billing, stripe })
  const settings = await billing.settings()
  must(await billing.saveSettings(administrator, { ...settings, provider: 'stripe' }, 'Stripe is set up'))
})
afterAll(async () => {
  await stage.ledger.close()
  await outbound.close()
  await standIn.close()
  await clone.drop()
})

const subscriptionOf = async (account: TestAccount) => must(await stage.billing.subscription(account))
const available = async (account: TestAccount) =>
  (await stage.ledger.balance(account.organizationId, account.accountId))?.availableMicros
const customerOf = (account: TestAccount): string => {
  const found = [...standIn.state.customers.values()].find(
    ({ metadata }) => metadata['aideon_account_id'] === account.accountId,
  )
  return found?.id ?? ''
}
const chargesOf = (account: TestAccount) =>
  [...standIn.state.charges.values()].filter(({ customer }) => customer === customerOf(account))

/** On Pro from the first instant of the period, by a checkout. */
const proSubscriber = async (start: string): Promise<TestAccount> => {
  stage.time.set(new Date(start))
  const account = await stage.subscriber()
  const changed = must(
    await stage.billing.change(
      { kind: 'user', id: account.userId },
      account,
      { kind: 'change_tier', tierId: 'pro' },
      { ...stage.once(), returnUrl },
    ),
  )
  await standIn.pay(changed.checkoutUrl ?? '', goodCard)
  await payments.catchUp(clock())
  return account
}

describe('a subscription collected by Stripe', () => {
  test('begins with its checkout; each period is charged to the saved card once, and allocated once', async () => {
    const account = await proSubscriber('2027-01-31T00:00:00Z')
    expect(await subscriptionOf(account)).toMatchObject({
      status: 'active',
      collection: 'stripe',
      tier: { tierId: 'pro' },
    })
    expect(await available(account)).toBe(credits(2_000))
    await stage.at('2027-02-28T00:00:00Z')
    await stage.at('2027-02-28T00:00:01Z')
    await payments.catchUp(clock())
    await stage.at('2027-03-31T00:00:00Z')
    await payments.catchUp(clock())
    expect(chargesOf(account).map(({ amount, paid }) => [amount, paid])).toEqual([
      [2_000, true],
      [2_000, true],
      [2_000, true],
    ])
    expect(await available(account)).toBe(credits(2_000))
    expect(await subscriptionOf(account)).toMatchObject({ status: 'active', periodNumber: 2 })
  })

  test('whose renewal is declined is past due, and goes on when the card has been replaced in the portal', async () => {
    const account = await proSubscriber('2027-05-10T00:00:00Z')
    standIn.saveCard(customerOf(account), savesButDeclines)
    await stage.at('2027-06-10T00:00:00Z')
    await payments.catchUp(clock())
    expect(await subscriptionOf(account)).toMatchObject({ status: 'past_due', tier: { tierId: 'pro' } })
    const portal = must(await stage.billing.portalLink(account, returnUrl))
    const reply = await fetch(portal ?? '', { method: 'POST', body: new URLSearchParams({ card: goodCard }) })
    expect(await reply.text()).toContain('4242 (default)')
    await stage.at('2027-06-11T00:01:00Z')
    await payments.catchUp(clock())
    expect(await subscriptionOf(account)).toMatchObject({ status: 'active', tier: { tierId: 'pro' } })
    expect(chargesOf(account).map(({ paid }) => paid)).toEqual([true, false, true])
    const intents = [...standIn.state.paymentIntents.values()]
    expect(intents.filter(({ customer }) => customer === customerOf(account))).toHaveLength(2)
  })

  test('that is not paid within the days of grace falls to the free tier', async () => {
    const account = await proSubscriber('2027-08-01T00:00:00Z')
    standIn.saveCard(customerOf(account), savesButDeclines)
    for (const day of ['01', '02', '03', '05', '08', '09']) await stage.at(`2027-09-${day}T00:01:00Z`)
    await payments.catchUp(clock())
    expect(await subscriptionOf(account)).toMatchObject({ tier: { tierId: 'free' } })
    expect(chargesOf(account).filter(({ paid }) => paid)).toHaveLength(1)
  })

  test('leaves the ledger sound', async () => {
    expect(await checkLedger(clone.database)).toEqual([])
    expect(await checkPayments(clone.database)).toEqual([])
  })
})
