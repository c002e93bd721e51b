import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { administrator, type BillingStage, secondAdministrator, startBilling } from '../../tests/billing.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { checkLedger, type TestAccount } from '../../tests/ledger.ts'
import { checkPayments } from '../../tests/payments/payments-checker.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'

/** What administrators, and whoever has the database, cannot do. */

let clone: TestDatabase
const stages: BillingStage[] = []
beforeAll(async () => {
  clone = await cloneDatabase({ maximumConnections: 6 })
})
afterAll(async () => {
  expect([...(await checkLedger(clone.database)), ...(await checkPayments(clone.database))]).toEqual([])
  await Promise.all(stages.map((stage) => stage.ledger.close()))
  await clone.drop()
})

const stageAt = (start: string): BillingStage => {
  const stage = startBilling(clone.database, { start })
  stages.push(stage)
  return stage
}

const credits = (n: number): bigint => BigInt(n) * 1_000_000n
const available = async (stage: BillingStage, account: TestAccount) =>
  (await stage.ledger.balance(account.organizationId, account.accountId))?.availableMicros
const refused = (code = 'conflict') => ({ ok: false, fault: { code } })

const boughtAndRefunded = async (stage: BillingStage) => {
  const account = await stage.subscriber()
  const user = { kind: 'user', id: account.userId } as const
  const pack = { kind: 'pack', packId: 'small' } as const
  const { payment } = must(await stage.billing.buy(user, account, pack, stage.once()))
  const common = { at: stage.time.clock(), paymentId: payment.id }
  const paid = { kind: 'paid', externalId: newId(), amountMinor: 500n, currency: 'USD' } as const
  const back = { kind: 'refunded', refundId: 're', amountMinor: 200n } as const
  await stage.billing.applyEvents('manual', [
    { ...common, ...paid, eventId: newId() },
    { ...common, ...back, eventId: newId() },
  ])
  return payment.id
}

describe('an adjustment', () => {
  const gift = (stage: BillingStage, account: TestAccount, amount: number, idempotencyKey = newId()) =>
    stage.billing.adjust(administrator, {
      organizationId: account.organizationId,
      kind: 'grant',
      subjectId: account.accountId,
      amountMicros: credits(amount),
      reason: 'A gift',
      idempotencyKey,
    })

  test('in parts below the limit waits for a second administrator as the whole would', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    expect(must(await gift(stage, account, 6_000)).status).toBe('done')
    const second = must(await gift(stage, account, 6_000))
    expect(second.status).toBe('waiting')
    must(await stage.billing.approveAdjustment(secondAdministrator, second.id))
    expect(must(await gift(stage, account, 4_000)).status).toBe('done')
    expect(await available(stage, account)).toBe(credits(16_100))
  })

  test('is not another one by the same key', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const key = newId()
    must(await gift(stage, account, 1, key))
    must(await gift(stage, account, 1, key))
    expect(await gift(stage, account, 2, key)).toMatchObject(refused())
    expect(await available(stage, account)).toBe(credits(101))
  })
})

describe('what could not be billed by cannot be set', () => {
  test.each([
    ['microsPerMinor', { microsPerMinor: 0n }],
    ['customMinimumMinor', { customMinimumMinor: 0n }],
    ['customMaximumMinor', { customMaximumMinor: 499n }],
    ['customMaximumMinor', { customMaximumMinor: 10n ** 13n, microsPerMinor: 10n ** 6n + 1n }],
    ['freeTierId', { freeTierId: 'pro' }],
  ])('%s: %o', async (field, patch) => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const settings = { ...(await stage.billing.settings()), ...patch }
    expect(await stage.billing.saveSettings(administrator, settings, 'Wrong')).toMatchObject({
      ok: false,
      fault: { code: 'invalid_request', field },
    })
  })

  test('a price for the tier that whoever cancels gets', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const tier = (await stage.billing.tiers()).find(({ id }) => id === 'free')
    const draft = {
      ...tier?.current,
      tierId: 'free',
      priceMinor: 1n,
      reason: 'Not free',
      effectiveAt: undefined,
    }
    expect(await stage.billing.saveTier(administrator, draft as never)).toMatchObject(
      refused('invalid_request'),
    )
  })

  test('a provider that is not there as the one that collects', async () => {
    const stage = startBilling(clone.database, { start: '2027-04-01T00:00:00Z' })
    stages.push(stage)
    const account = await stage.subscriber()
    expect(await stage.billing.setCollection(administrator, account, 'stripe', 'Card')).toMatchObject(
      refused(),
    )
  })
})

describe('whoever writes to the tables by hand', () => {
  test.each([
    ['an order that costs less', 'UPDATE payments SET amount_minor = 1 WHERE id = $1'],
    ['an order for more', 'UPDATE payments SET credit_micros = credit_micros * 2 WHERE id = $1'],
    ['somebody else’s payment', 'UPDATE payments SET account_id = gen_random_uuid() WHERE id = $1'],
    ['a payment that is unmade', "UPDATE payments SET status = 'requested', decided_at = NULL WHERE id = $1"],
    ['a refund that is forgotten', 'UPDATE payments SET refunded_minor = 0 WHERE id = $1'],
    ['a refund of another amount', 'UPDATE payment_refunds SET amount_minor = 1 WHERE payment_id = $1'],
    ['a refund that took nothing', 'UPDATE payment_refunds SET credit_micros = 0 WHERE payment_id = $1'],
    ['no payment', 'DELETE FROM payments WHERE id = $1'],
    ['no refund', 'DELETE FROM payment_refunds WHERE payment_id = $1'],
    [
      'a line that is added',
      "INSERT INTO invoice_lines SELECT organization_id, id, 9, 'refund', 'x', 1, -1 FROM invoices WHERE payment_id = $1",
    ],
    ['a notice that never was', 'DELETE FROM applied_payment_events WHERE payment_id = $1'],
    [
      'other entries',
      'UPDATE ledger_entries SET amount_micros = amount_micros + 1 WHERE $1::uuid IS NOT NULL',
    ],
  ])('%s is refused', async (_, text) => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const paymentId = await boughtAndRefunded(stage)
    await expect(clone.database.pool.query(text, [paymentId])).rejects.toMatchObject({ code: '23001' })
  })

  test.each([
    'ledger_entries',
    'ledger_corrections',
    'tier_versions',
    'subscription_periods',
    'invoices',
    'invoice_lines',
    'payments',
    'payment_refunds',
    'applied_payment_events',
  ])('%s cannot be emptied', async (table) => {
    await expect(clone.database.pool.query(`TRUNCATE ${table} CASCADE`)).rejects.toMatchObject({
      code: '23001',
    })
  })
})
