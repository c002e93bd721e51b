import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { administrator, type BillingStage, secondAdministrator, startBilling } from '../../tests/billing.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { checkLedger, holdRequest, operationRecord, type TestAccount } from '../../tests/ledger.ts'
import { checkPayments } from '../../tests/payments/payments-checker.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { makeRecorder } from '../metering/recorder.ts'
import {
  type ChargeResult,
  manualProvider,
  type PaymentEvent,
  type PaymentProvider,
  type RefundResult,
} from './provider.ts'

/** What somebody who wants something for nothing, or who is unlucky, tries. */

let clone: TestDatabase
const stages: BillingStage[] = []
beforeAll(async () => {
  clone = await cloneDatabase({ maximumConnections: 12 })
})
afterAll(async () => {
  expect([...(await checkLedger(clone.database)), ...(await checkPayments(clone.database))]).toEqual([])
  await Promise.all(stages.map((stage) => stage.ledger.close()))
  await clone.drop()
})

/** Its card is charged as it is told: `unavailable` where nothing is said. */
const stageAt = (start: string, answers: ChargeResult[] = [], refunds: RefundResult[] = []): BillingStage => {
  const provider: PaymentProvider = {
    ...manualProvider,
    id: 'stripe',
    charge: async () => answers.shift() ?? { kind: 'unavailable' },
    refund: async (asked) => refunds.shift() ?? manualProvider.refund(asked),
  }
  const stage = startBilling(clone.database, { start, providers: [provider] })
  stages.push(stage)
  return stage
}

const credits = (n: number): bigint => BigInt(n) * 1_000_000n
const user = (account: TestAccount) => ({ kind: 'user', id: account.userId }) as const
const balance = async (stage: BillingStage, account: TestAccount) =>
  stage.ledger.balance(account.organizationId, account.accountId)
const available = async (stage: BillingStage, account: TestAccount) =>
  (await balance(stage, account))?.availableMicros
const change = (
  stage: BillingStage,
  account: TestAccount,
  wanted: Parameters<BillingStage['billing']['change']>[2],
) => stage.billing.change(user(account), account, wanted, stage.once())
const toTier = (tierId: string) => ({ kind: 'change_tier', tierId }) as const
const refused = (code = 'conflict') => ({ ok: false, fault: { code } })
const waiting = async (stage: BillingStage, owner: TestAccount) =>
  (await stage.billing.payments({ owner, status: 'requested' })).items
const subscriptionOf = async (stage: BillingStage, account: TestAccount) =>
  must(await stage.billing.subscription(account))

const onPro = async (stage: BillingStage) => {
  const account = await stage.subscriber()
  const { paymentId } = must(await change(stage, account, toTier('pro')))
  must(await stage.billing.approve(administrator, paymentId ?? '', 'Transferred'))
  return account
}
const bought = async (stage: BillingStage, account: TestAccount) => {
  const pack = { kind: 'pack', packId: 'small' } as const
  const { payment } = must(await stage.billing.buy(user(account), account, pack, stage.once()))
  must(await stage.billing.approve(administrator, payment.id, 'Paid'))
  return payment.id
}
const spend = async (stage: BillingStage, account: TestAccount, micros: bigint) => {
  const recorder = makeRecorder({ database: clone.database, ledger: stage.ledger, log: silentLog })
  const hold = holdRequest(account, micros)
  must(await stage.ledger.hold(hold))
  const record = {
    id: hold.operationId,
    keyOwner: 'system',
    heldMicros: micros,
    creditMicros: micros,
  } as const
  await recorder.record(operationRecord(account, record), { ...hold, chargeMicros: micros })
  await recorder.close()
}
const tell = (
  stage: BillingStage,
  paymentId: string,
  event: Record<string, unknown>,
  provider: 'manual' | 'stripe' = 'manual',
) =>
  stage.billing.applyEvents(provider, [
    { eventId: newId(), at: stage.time.clock(), paymentId, ...event } as unknown as PaymentEvent,
  ])
const refund = (stage: BillingStage, paymentId: string, amountMinor: bigint) =>
  stage.billing.refund(administrator, paymentId, {
    amountMinor,
    reason: 'Asked for',
    idempotencyKey: newId(),
  })

describe('a dearer tier is not had for nothing', () => {
  test('in the last minutes of a period, of whose price nothing would be left', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    stage.time.set(new Date('2027-04-30T23:59:59.999Z'))
    const asked = must(await change(stage, account, toTier('pro')))
    expect(asked).toMatchObject({ state: 'awaiting_payment', preview: { chargeNowMinor: 1n } })
    await stage.at('2027-05-01T00:00:00Z')
    expect(await subscriptionOf(stage, account)).toMatchObject({ tier: { tierId: 'free' } })
    expect(await available(stage, account)).toBe(credits(100))
  })

  test('between the end of a period and the upkeep that begins the next', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    await stage.at('2027-04-01T00:00:00Z')
    stage.time.set(new Date('2027-05-01T00:00:00Z'))
    expect(await change(stage, account, toTier('pro'))).toMatchObject(refused())
    await stage.at('2027-05-01T00:00:01Z')
    expect(must(await change(stage, account, toTier('pro'))).preview.chargeNowMinor).toBe(2000n)
  })

  test('by pausing while an invoice is open, and resuming with the next month’s credits', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await onPro(stage)
    await stage.at('2027-05-01T00:00:00Z')
    expect(await change(stage, account, { kind: 'pause' })).toMatchObject(refused())
    const [renewal] = await waiting(stage, account)
    must(await stage.billing.approve(administrator, renewal?.id ?? '', 'Transferred'))
    must(await change(stage, account, { kind: 'pause' }))
  })

  test('by canceling after the month’s credits were given, and coming back', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await onPro(stage)
    await stage.at('2027-05-01T00:00:00Z')
    must(await change(stage, account, { kind: 'cancel', when: 'now' }))
    const [renewal] = await waiting(stage, account)
    expect(renewal).toMatchObject({ purpose: 'renewal', amountMinor: 2000n })
    expect(await change(stage, account, toTier('pro'))).toMatchObject(refused())
    // It is for an administrator to forgive.
    must(await stage.billing.deny(administrator, renewal?.id ?? '', 'Forgiven'))
    expect(must(await stage.billing.payment(renewal?.id ?? '')).status).toBe('denied')
    expect((await stage.billing.invoices({ owner: account })).items[0]?.status).toBe('void')
    must(await change(stage, account, toTier('pro')))
  })

  test('by going back and forth between tiers without a price', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    must(
      await stage.billing.saveTier(administrator, {
        tierId: 'partner',
        name: 'Partner',
        priceMinor: 0n,
        currency: 'USD',
        allocationMicros: credits(1_000),
        rolloverCapMicros: 0n,
        entitlements: { services: null, groups: null, rateLimits: null },
        reason: 'Partners',
      }),
    )
    const account = await stage.subscriber()
    must(await change(stage, account, toTier('partner')))
    expect(await available(stage, account)).toBe(credits(1_000))
    expect(await change(stage, account, { kind: 'cancel', when: 'now' })).toMatchObject(refused())
    expect(must(await change(stage, account, toTier('free'))).preview.creditsNowMicros).toBe(0n)
    expect(await change(stage, account, toTier('partner'))).toMatchObject(refused())
    expect(await available(stage, account)).toBe(credits(1_000))
  })
})

describe('a refund takes the credits, whatever happened before', () => {
  test('also those that came back when a dispute was won', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const paymentId = await bought(stage, account)
    for (const disputeId of ['dp_1', 'dp_2']) {
      await tell(stage, paymentId, { kind: 'dispute_opened', disputeId, amountMinor: 500n })
      expect(await available(stage, account)).toBe(credits(100))
      await tell(stage, paymentId, { kind: 'dispute_closed', disputeId, won: true })
      expect(await available(stage, account)).toBe(credits(600))
    }
    must(await refund(stage, paymentId, 200n))
    expect(await available(stage, account)).toBe(credits(400))
    must(await refund(stage, paymentId, 300n))
    expect(await available(stage, account)).toBe(credits(100))
  })

  test('whoever was refunded while the dispute ran gets no credits when it is won', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const paymentId = await bought(stage, account)
    await tell(stage, paymentId, { kind: 'dispute_opened', disputeId: 'dp', amountMinor: 500n })
    await tell(stage, paymentId, { kind: 'refunded', refundId: 're', amountMinor: 200n })
    await tell(stage, paymentId, { kind: 'dispute_closed', disputeId: 'dp', won: true })
    expect(await available(stage, account)).toBe(credits(400))
  })

  test('a dispute that is won after the credits expired leaves no debt for what was spent in time', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const paymentId = await bought(stage, account)
    await spend(stage, account, credits(400))
    await tell(stage, paymentId, { kind: 'dispute_opened', disputeId: 'dp', amountMinor: 500n })
    expect(await balance(stage, account)).toMatchObject({ availableMicros: 0n, debtMicros: credits(300) })
    stage.time.set(new Date('2028-05-01T00:00:00Z'))
    await tell(stage, paymentId, { kind: 'dispute_closed', disputeId: 'dp', won: true })
    expect(await balance(stage, account)).toMatchObject({ availableMicros: 0n, debtMicros: 0n })
  })

  test('the end of a dispute that is told before its beginning counts when it is told again', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const paymentId = await bought(stage, account)
    const closed = { kind: 'dispute_closed', disputeId: 'dp', won: false, eventId: newId() }
    expect(await tell(stage, paymentId, closed)).toBe(0)
    await tell(stage, paymentId, { kind: 'dispute_opened', disputeId: 'dp', amountMinor: 500n })
    expect(await tell(stage, paymentId, closed)).toBe(1)
    expect(must(await stage.billing.payment(paymentId))).toMatchObject({
      isDisputed: false,
      refundedMinor: 500n,
    })
  })

  test.each([
    [true, credits(600), 0n],
    [false, credits(100), 500n],
  ])(
    'a dispute that is over (won: %s) before its payment is known leaves no open one',
    async (won, left, back) => {
      const stage = stageAt('2027-04-01T00:00:00Z')
      const account = await stage.subscriber()
      const pack = { kind: 'pack', packId: 'small' } as const
      const { payment } = must(await stage.billing.buy(user(account), account, pack, stage.once()))
      await tell(stage, payment.id, { kind: 'dispute_opened', disputeId: 'dp', amountMinor: 500n })
      await tell(stage, payment.id, { kind: 'dispute_closed', disputeId: 'dp', won })
      await tell(stage, payment.id, { kind: 'paid', externalId: newId(), amountMinor: 500n, currency: 'USD' })
      expect(await available(stage, account)).toBe(left)
      expect(must(await stage.billing.payment(payment.id))).toMatchObject({
        isDisputed: false,
        refundedMinor: back,
      })
    },
  )

  test('of two refunds of the same amount none is taken for the other, in whatever order they are told', async () => {
    const none = { kind: 'unavailable' } as const
    const stage = stageAt('2027-04-01T00:00:00Z', [{ kind: 'paid', externalId: newId() }], [none, none, none])
    const account = await stage.subscriber()
    const wanted = { enabled: true, thresholdMicros: credits(200), packId: 'small', monthlyCapMinor: 500n }
    const settings = await stage.billing.settings()
    must(await stage.billing.saveSettings(administrator, { ...settings, provider: 'stripe' }, 'Cards'))
    must(await stage.billing.setAutoTopUp(user(account), account, wanted))
    await stage.billing.topUpDue(stage.time.clock())
    must(await stage.billing.saveSettings(administrator, settings, 'As it was'))
    const [payment] = (await stage.billing.payments({ owner: account, status: 'paid' })).items
    const paymentId = payment?.id ?? ''
    must(await refund(stage, paymentId, 100n))
    must(await refund(stage, paymentId, 100n))
    const { rows } = await clone.database.pool.query<{ id: string; status: string }>(
      'SELECT id, status FROM payment_refunds WHERE payment_id = $1 ORDER BY id',
      [paymentId],
    )
    expect(rows.map(({ status }) => status)).toEqual(['requested', 'requested'])
    const told = { kind: 'refunded', refundId: 're_2', amountMinor: 100n, ourRefundId: rows[1]?.id }
    expect(await tell(stage, paymentId, told, 'stripe')).toBe(1)
    expect(await tell(stage, paymentId, told, 'stripe')).toBe(0)
    await stage.billing.renewDue(stage.time.clock())
    expect(must(await stage.billing.payment(paymentId)).refundedMinor).toBe(200n)
    expect(await available(stage, account)).toBe(credits(400))
  })

  test('of two disputes of one payment the second is still open when the first has ended', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const paymentId = await bought(stage, account)
    for (const disputeId of ['a', 'b'])
      await tell(stage, paymentId, { kind: 'dispute_opened', disputeId, amountMinor: 250n })
    await tell(stage, paymentId, { kind: 'dispute_closed', disputeId: 'a', won: true })
    expect(must(await stage.billing.payment(paymentId)).isDisputed).toBe(true)
    await tell(stage, paymentId, { kind: 'dispute_closed', disputeId: 'b', won: false })
    expect(must(await stage.billing.payment(paymentId)).isDisputed).toBe(false)
    expect(await available(stage, account)).toBe(credits(350))
  })
})

describe('a charge that comes too late', () => {
  test('for a subscription that was canceled meanwhile is invoiced and given back, and gives nothing', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z', [{ kind: 'failed', reason: 'Declined' }])
    const account = await onPro(stage)
    must(await stage.billing.setCollection(administrator, account, 'stripe', 'By card'))
    await stage.at('2027-05-01T00:00:00Z')
    const [renewal] = await waiting(stage, account)
    expect(await subscriptionOf(stage, account)).toMatchObject({ status: 'past_due' })
    must(await change(stage, account, { kind: 'cancel', when: 'now' }))
    expect(await waiting(stage, account)).toEqual([])
    // The charge was on its way.
    const paid = { kind: 'paid', externalId: newId(), amountMinor: 2000n, currency: 'USD' }
    expect(await tell(stage, renewal?.id ?? '', paid, 'stripe')).toBe(1)
    await stage.billing.renewDue(stage.time.clock())
    expect(must(await stage.billing.payment(renewal?.id ?? ''))).toMatchObject({
      status: 'paid',
      refundedMinor: 2000n,
    })
    const { items } = await stage.billing.invoices({ owner: account })
    expect(items.map(({ kind, status, totalMinor }) => [kind, status, totalMinor]).slice(0, 3)).toEqual([
      ['credit_note', 'paid', -2000n],
      ['invoice', 'refunded', 2000n],
      ['invoice', 'void', 2000n],
    ])
    expect(await available(stage, account)).toBe(0n)
  })
})

describe('idempotency keys', () => {
  test('of one purchase are refused for another, and mean nothing in another account', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const [account, other] = [await stage.subscriber(), await stage.subscriber()]
    const once = stage.once()
    const buy = (owner: TestAccount, purchase: Parameters<BillingStage['billing']['buy']>[2]) =>
      stage.billing.buy(user(owner), owner, purchase, once)
    const first = must(await buy(account, { kind: 'pack', packId: 'small' })).payment
    expect(must(await buy(account, { kind: 'pack', packId: 'small' })).payment.id).toBe(first.id)
    expect(await buy(account, { kind: 'pack', packId: 'large' })).toMatchObject(refused())
    expect(await buy(account, { kind: 'custom', amountMinor: 500n })).toMatchObject(refused())
    const theirs = must(await buy(other, { kind: 'pack', packId: 'small' })).payment
    expect(theirs.id).not.toBe(first.id)
    expect(theirs.accountId).toBe(other.accountId)
  })
})

describe('whoever is suspended', () => {
  const suspend = (account: TestAccount, at: Date | null) =>
    clone.database.pool.query('UPDATE users SET suspended_at = $2 WHERE id = $1', [account.userId, at])

  test('is neither charged nor given anything, and goes on with the period in which they come back', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await onPro(stage)
    await suspend(account, stage.time.clock())
    await stage.at('2027-06-15T00:00:00Z')
    expect(await waiting(stage, account)).toEqual([])
    await suspend(account, null)
    await stage.at('2027-06-16T00:00:00Z')
    expect(await subscriptionOf(stage, account)).toMatchObject({
      periodStart: new Date('2027-06-01T00:00:00Z'),
    })
    expect(await waiting(stage, account)).toHaveLength(1)
  })

  test('buys nothing automatically', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const wanted = { enabled: true, thresholdMicros: credits(200), packId: 'small', monthlyCapMinor: 500n }
    must(await stage.billing.setAutoTopUp(user(account), account, wanted))
    await suspend(account, stage.time.clock())
    expect(await stage.billing.topUpDue(stage.time.clock())).toBe(0)
    await suspend(account, null)
    expect(await stage.billing.topUpDue(stage.time.clock())).toBe(1)
  })
})

test('what the subscription says of its next period is what that period costs', async () => {
  const stage = stageAt('2027-04-01T00:00:00Z')
  // Given by an administrator, and changed to a cheaper one by the subscriber: still given.
  const account = await stage.subscriber('business')
  await stage.at('2027-04-01T00:00:01Z')
  must(await change(stage, account, toTier('pro')))
  expect((await subscriptionOf(stage, account)).next).toMatchObject({ priceMinor: 0n, totalMinor: 0n })
  await stage.at('2027-05-01T00:00:00Z')
  expect(await waiting(stage, account)).toEqual([])
})

test('a preview says what the next period will cost by the version that is in effect then', async () => {
  const stage = stageAt('2027-04-01T00:00:00Z')
  const draft = {
    tierId: 'rising',
    name: 'Rising',
    priceMinor: 1_000n,
    currency: 'USD',
    allocationMicros: credits(10),
    rolloverCapMicros: 0n,
    entitlements: { services: null, groups: null, rateLimits: null },
    reason: 'Test',
  }
  must(await stage.billing.saveTier(administrator, draft))
  const dearer = { ...draft, priceMinor: 1_500n, effectiveAt: new Date('2027-04-20T00:00:00Z') }
  must(await stage.billing.saveTier(administrator, dearer))
  const account = await stage.subscriber()
  const preview = must(await stage.billing.previewChange(account, toTier('rising')))
  expect(preview).toMatchObject({ chargeNowMinor: 1_000n, nextChargeMinor: 1_500n })
  const { paymentId } = must(await change(stage, account, toTier('rising')))
  must(await stage.billing.approve(administrator, paymentId ?? '', 'Paid'))
  await stage.at('2027-05-01T00:00:00Z')
  expect(await waiting(stage, account)).toMatchObject([{ purpose: 'renewal', amountMinor: 1_500n }])
})

describe('races', () => {
  const race = async (works: readonly (() => Promise<unknown>)[]) => {
    const before = await deadlocks()
    const results = await Promise.allSettled(works.map((work) => work()))
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([])
    expect(await deadlocks()).toBe(before)
  }
  const deadlocks = async (): Promise<bigint> => {
    const { rows } = await clone.database.pool.query<{ deadlocks: bigint }>(
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    )
    return rows[0]?.deadlocks ?? 0n
  }

  test('approval, denial, webhook, refund and dispute of one purchase at once leave what one order of them would', async () => {
    for (let round = 0; round < 6; round++) {
      const stage = stageAt('2027-04-01T00:00:00Z')
      const account = await stage.subscriber()
      const pack = { kind: 'pack', packId: 'small' } as const
      const { payment } = must(await stage.billing.buy(user(account), account, pack, stage.once()))
      const { id } = payment
      const paid = { kind: 'paid', eventId: newId(), externalId: newId(), amountMinor: 500n, currency: 'USD' }
      const opened = { kind: 'dispute_opened', eventId: newId(), disputeId: 'dp', amountMinor: 500n }
      await race([
        () => stage.billing.approve(administrator, id, 'Paid'),
        () => stage.billing.deny(secondAdministrator, id, 'Not paid'),
        () => tell(stage, id, paid),
        () => tell(stage, id, paid),
        () => refund(stage, id, 300n),
        () => refund(stage, id, 300n),
        () => tell(stage, id, opened),
        () => spend(stage, account, credits(50)),
        () => stage.billing.buy(user(account), account, pack, stage.once()),
      ])
      const { status, refundedMinor } = must(await stage.billing.payment(id))
      expect(['paid', 'denied']).toContain(status)
      expect([0n, 300n]).toContain(refundedMinor)
    }
  })

  test('change, pause, cancel, approval and renewal at once on several connections give and charge a period once', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const other = stageAt('2027-04-01T00:00:00Z')
    const accounts = await Promise.all(Array.from({ length: 6 }, () => onPro(stage)))
    const asked = await Promise.all(
      accounts.map(async (account) => must(await change(stage, account, toTier('business'))).paymentId ?? ''),
    )
    for (const one of [stage, other]) one.time.set(new Date('2027-05-01T00:00:00Z'))
    await race(
      accounts.flatMap((account, index) => [
        () => stage.billing.approve(administrator, asked[index] ?? '', 'Paid'),
        () => stage.billing.renewDue(stage.time.clock()),
        () => other.billing.renewDue(other.time.clock()),
        () => change(other, account, { kind: 'pause' }),
        () => change(stage, account, { kind: 'cancel', when: 'period_end' }),
        () => stage.ledger.expireGrants(stage.time.clock()),
        () => other.ledger.ensureAllocations(other.time.clock()),
      ]),
    )
    await stage.at('2027-05-01T00:00:01Z')
    for (const account of accounts) {
      const { rows } = await clone.database.pool.query<{ periods: bigint; invoices: bigint }>(
        `SELECT (SELECT count(*) FROM subscription_periods WHERE account_id = $1) AS periods,
           (SELECT count(*) FROM invoices i JOIN payments p ON p.id = i.payment_id
            WHERE i.account_id = $1 AND p.purpose = 'renewal') AS invoices`,
        [account.accountId],
      )
      const { status } = await subscriptionOf(stage, account)
      expect(rows[0]).toEqual(
        status === 'paused' ? { periods: 0n, invoices: 0n } : { periods: 1n, invoices: 1n },
      )
    }
  })
})

// The last: so many accounts make every upkeep slow.
test('automatic top-ups of many who have reached their cap do not keep the others from theirs', async () => {
  const stage = stageAt('2027-04-01T00:00:00Z')
  const account = await stage.subscriber()
  await clone.database.pool.query(`
    WITH people AS (
      SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid AS id FROM generate_series(1, 204) AS n
    ), users AS (
      INSERT INTO users (id, email, name) SELECT id, id || '@example.test', 'Capped' FROM people
    ), organizations AS (
      INSERT INTO organizations (id, name, kind) SELECT id, 'Capped', 'company' FROM people
    ), accounts AS (
      INSERT INTO credit_accounts (organization_id, id, user_id, tier_id, anchored_at, allocated_until)
      SELECT id, id, id, 'empty', '2027-04-01', '2027-05-01' FROM people
    )
    INSERT INTO auto_top_ups (organization_id, account_id, is_enabled, threshold_micros, pack_id, monthly_cap_minor, changed_at)
    SELECT id, id, true, 200000000, 'small', 1, now() FROM people`)
  const wanted = { enabled: true, thresholdMicros: credits(200), packId: 'small', monthlyCapMinor: 500n }
  must(await stage.billing.setAutoTopUp(user(account), account, wanted))
  await stage.billing.topUpDue(stage.time.clock())
  expect(await waiting(stage, account)).toHaveLength(1)
})
