import { afterAll, beforeAll, expect, test } from 'vitest'
import { administrator, startBilling } from '../../tests/billing.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { checkLedger } from '../../tests/ledger.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { type ChargeResult, manualProvider, type PaymentProvider } from './provider.ts'

/* Money of a month that goes back takes the month's credits with it: a chargeback is no way to have them for nothing. */

let clone: TestDatabase
beforeAll(async () => {
  clone = await cloneDatabase({ maximumConnections: 8 })
})
afterAll(() => clone.drop())

const credits = (n: number): bigint => BigInt(n) * 1_000_000n

/** A subscriber of Pro (2,000 credits for 20 dollars) whose May is charged and paid. */
const inMay = async (collection: 'stripe' | 'manual') => {
  const paid: ChargeResult = { kind: 'paid', externalId: newId() }
  const charging: PaymentProvider = { ...manualProvider, id: 'stripe', charge: async () => paid }
  const stage = startBilling(clone.database, { start: '2027-04-01T00:00:00Z', providers: [charging] })
  const account = await stage.subscriber('pro')
  await stage.billing.renewDue(stage.time.clock())
  must(await stage.billing.setCollection(administrator, account, collection, 'They pay'))
  await stage.at('2027-05-01T00:00:00Z')
  const [payment] = (await stage.billing.payments({ owner: account })).items
  if (payment === undefined) throw new Error('there is a payment')
  if (collection === 'manual') must(await stage.billing.approve(administrator, payment.id, 'It is there'))
  const balance = async () => {
    const found = await stage.ledger.balance(account.organizationId, account.accountId)
    return [found?.availableMicros, found?.debtMicros]
  }
  return { ...stage, account, paymentId: payment.id, balance }
}

test.each(['stripe', 'manual'] as const)(
  'a refunded renewal (%s) takes back as much of its credits as of its money, and the preview says so',
  async (collection) => {
    const { billing, paymentId, balance, ledger } = await inMay(collection)
    expect(await balance()).toEqual([credits(2000), 0n])
    expect(must(await billing.previewRefund(paymentId, 500n))).toMatchObject({
      creditMicros: credits(500),
      unspentMicros: credits(500),
      owedMicros: 0n,
    })
    const part = { amountMinor: 500n, reason: 'A bad week', idempotencyKey: newId() }
    must(await billing.refund(administrator, paymentId, part))
    expect(await balance()).toEqual([credits(1500), 0n])
    must(
      await billing.refund(administrator, paymentId, {
        ...part,
        amountMinor: 1500n,
        idempotencyKey: newId(),
      }),
    )
    expect(await balance()).toEqual([0n, 0n])
    expect(await checkLedger(clone.database)).toEqual([])
    await ledger.close()
  },
)

test('a disputed renewal loses its credits at once; won, they come back until the period ends', async () => {
  const { billing, time, paymentId, balance, account, ledger } = await inMay('stripe')
  const event = { at: time.clock(), paymentId, disputeId: newId() }
  await billing.applyEvents('stripe', [
    { ...event, eventId: newId(), kind: 'dispute_opened', amountMinor: 2000n },
  ])
  expect(await balance()).toEqual([0n, 0n])
  await billing.applyEvents('stripe', [{ ...event, eventId: newId(), kind: 'dispute_closed', won: true }])
  expect(await balance()).toEqual([credits(2000), 0n])
  const { periodEnd } = must(await billing.subscription(account))
  const { grants } = must(await billing.account(account))
  expect(grants.filter(({ remainingMicros }) => remainingMicros > 0n)).toMatchObject([
    { remainingMicros: credits(2000), expiresAt: periodEnd },
  ])
  expect(await checkLedger(clone.database)).toEqual([])
  await ledger.close()
})
