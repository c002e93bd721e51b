import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { administrator, type BillingStage, notePresence, startBilling } from '../../tests/billing.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { checkLedger, makeAccount, type TestAccount } from '../../tests/ledger.ts'
import { checkPayments } from '../../tests/payments/payments-checker.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { verifyLedger } from '../ledger/verify.ts'

let clone: TestDatabase
beforeAll(async () => {
  clone = await cloneDatabase({ maximumConnections: 12 })
})
const stages: BillingStage[] = []
const stageAt = (start: string): BillingStage => {
  const stage = startBilling(clone.database, { start })
  stages.push(stage)
  return stage
}
afterAll(async () => {
  await Promise.all(stages.map((stage) => stage.ledger.close()))
  await clone.drop()
})

const credits = (n: number): bigint => BigInt(n) * 1_000_000n
const user = (account: TestAccount) => ({ kind: 'user', id: account.userId }) as const
const available = async (stage: BillingStage, account: TestAccount) =>
  (await stage.ledger.balance(account.organizationId, account.accountId))?.availableMicros
const invoicesOf = async (stage: BillingStage, owner: TestAccount) =>
  (await stage.billing.invoices({ owner })).items
const waiting = async (stage: BillingStage, owner: TestAccount) =>
  (await stage.billing.payments({ owner, status: 'requested' })).items
const toTier = (tierId: string) => ({ kind: 'change_tier', tierId }) as const

/** On Pro by an upgrade of their own, paid and approved at the very start of the period. */
const proSubscriber = async (stage: BillingStage) => {
  const account = await stage.subscriber()
  must(await stage.billing.change(user(account), account, toTier('pro'), stage.once()))
  const [payment] = await waiting(stage, account)
  must(await stage.billing.approve(administrator, payment?.id ?? '', 'Transferred'))
  return account
}

describe('an upgrade', () => {
  test('costs and gives exactly what its preview said, when its payment is approved, and is on an invoice', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    // A quarter of April is over: 22.5 of 30 days are left.
    stage.time.set(new Date('2027-04-08T12:00:00Z'))
    const preview = must(await stage.billing.previewChange(account, toTier('pro')))
    expect(preview).toMatchObject({
      chargeNowMinor: 1500n,
      creditsNowMicros: credits(1425),
      nextChargeMinor: 2000n,
      nextAllocationMicros: credits(2000),
    })
    const changed = must(await stage.billing.change(user(account), account, toTier('pro'), stage.once()))
    expect(changed).toMatchObject({ state: 'awaiting_payment', checkoutUrl: null, preview })
    expect(await available(stage, account)).toBe(credits(100))
    must(await stage.billing.approve(administrator, changed.paymentId ?? '', 'Transferred'))
    must(await stage.billing.approve(administrator, changed.paymentId ?? '', 'Transferred'))
    expect(await available(stage, account)).toBe(credits(1525))
    expect(must(await stage.billing.subscription(account))).toMatchObject({
      status: 'active',
      tier: { tierId: 'pro' },
      collection: 'manual',
    })
    const [invoice] = await invoicesOf(stage, account)
    expect(invoice).toMatchObject({ status: 'paid', totalMinor: 1500n, taxMinor: 0n })
    expect(invoice?.lines.map((line) => [line.kind, line.amountMinor])).toEqual([
      ['proration', 1500n],
      ['tax', 0n],
    ])
  })

  test('is charged as it was shown, for as long as somebody may think about it, and not as of any instant', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    await stage.at('2027-04-16T00:00:00Z')
    const shown = must(await stage.billing.previewChange(account, toTier('pro')))
    const change = (calculatedAt: Date, once = stage.once()) =>
      stage.billing.change(user(account), account, toTier('pro'), { ...once, calculatedAt })
    stage.time.set(new Date('2027-04-16T00:09:59Z'))
    const later = must(await stage.billing.previewChange(account, toTier('pro')))
    expect(later.creditsNowMicros).toBeLessThan(shown.creditsNowMicros)
    const { preview, paymentId } = must(await change(shown.calculatedAt))
    expect(preview).toEqual(shown)
    expect(must(await stage.billing.payment(paymentId ?? ''))).toMatchObject({
      amountMinor: shown.chargeNowMinor,
      creditMicros: shown.creditsNowMicros,
    })
    const refused = { ok: false, fault: { code: 'conflict' } }
    stage.time.set(new Date('2027-04-16T00:10:01Z'))
    expect(await change(shown.calculatedAt)).toMatchObject(refused)
    // Later is cheaper.
    expect(await change(new Date('2027-04-30T23:59:59Z'))).toMatchObject(refused)
    await stage.at('2027-04-30T23:59:00Z')
    const before = must(await stage.billing.previewChange(account, toTier('pro')))
    // The period is over, whether its renewal has been seen to or not.
    stage.time.set(new Date('2027-05-01T00:00:01Z'))
    expect(await change(before.calculatedAt)).toMatchObject(refused)
    await stage.at('2027-05-01T00:00:02Z')
    expect(await change(before.calculatedAt)).toMatchObject(refused)
  })

  test('is refused, and nothing is charged, when the subscription changed after it was calculated', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const asked = must(await stage.billing.change(user(account), account, toTier('pro'), stage.once()))
    must(await stage.billing.change(user(account), account, { kind: 'pause' }, stage.once()))
    expect(await stage.billing.approve(administrator, asked.paymentId ?? '', 'Transferred')).toMatchObject({
      ok: false,
      fault: { code: 'conflict' },
    })
    expect(await invoicesOf(stage, account)).toEqual([])
    expect(must(await stage.billing.payment(asked.paymentId ?? '')).status).toBe('requested')
  })

  test('asked for twice with one key is one change; the same key for another change is refused', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const once = stage.once()
    const results = await Promise.all(
      [1, 2, 3, 4].map(() => stage.billing.change(user(account), account, toTier('pro'), once)),
    )
    expect(new Set(results.map((result) => must(result).paymentId)).size).toBe(1)
    expect(await waiting(stage, account)).toHaveLength(1)
    expect(await stage.billing.change(user(account), account, toTier('business'), once)).toMatchObject({
      ok: false,
      fault: { code: 'conflict' },
    })
  })
})

test('in a company that somebody made by themselves, what costs nothing gives nothing, and what is paid for gives all of it', async () => {
  const stage = stageAt('2027-01-31T10:00:00Z')
  const organizationId = newId()
  await clone.database.pool.query(
    `INSERT INTO organizations (id, name, kind, self_service) VALUES ($1, 'Mine', 'company', true)`,
    [organizationId],
  )
  const { ledger, time } = stage
  const account = await makeAccount(clone.database, ledger, {
    tierId: 'free',
    at: time.clock(),
    organizationId,
  })
  expect(await available(stage, account)).toBe(0n)
  await stage.at('2027-02-28T10:00:00Z')
  expect(await available(stage, account)).toBe(0n)
  const changed = must(await stage.billing.change(user(account), account, toTier('pro'), stage.once()))
  expect(changed.preview).toMatchObject({
    creditsNowMicros: credits(2000),
    nextAllocationMicros: credits(2000),
  })
  must(await stage.billing.approve(administrator, changed.paymentId ?? '', 'Transferred'))
  const cancel = { kind: 'cancel', when: 'period_end' } as const
  const canceled = must(await stage.billing.change(user(account), account, cancel, stage.once()))
  expect(canceled.preview).toMatchObject({ nextAllocationMicros: 0n })
  await stage.at('2027-03-31T10:00:00Z')
  expect(must(await stage.billing.subscription(account))).toMatchObject({ tier: { tierId: 'free' } })
  expect(await available(stage, account)).toBe(0n)
})

describe('at the end of the period', () => {
  test('a downgrade takes effect, and can be taken back until then', async () => {
    const stage = stageAt('2027-01-31T10:00:00Z')
    const account = await proSubscriber(stage)
    const down = must(await stage.billing.change(user(account), account, toTier('free'), stage.once()))
    expect(down).toMatchObject({
      state: 'done',
      preview: { chargeNowMinor: 0n, nextAllocationMicros: credits(100) },
    })
    must(await stage.billing.change(user(account), account, { kind: 'undo_pending' }, stage.once()))
    must(await stage.billing.change(user(account), account, toTier('free'), stage.once()))
    expect(must(await stage.billing.subscription(account)).tier.tierId).toBe('pro')
    await stage.at('2027-02-28T10:00:00Z')
    expect(must(await stage.billing.subscription(account))).toMatchObject({
      tier: { tierId: 'free' },
      pending: null,
      periodStart: new Date('2027-02-28T10:00:00Z'),
      periodEnd: new Date('2027-03-31T10:00:00Z'),
    })
    expect(await available(stage, account)).toBe(credits(100))
  })

  test('a renewal is invoiced, allocated once and due; unpaid it is past due, then on the free tier with the invoice void', async () => {
    const stage = stageAt('2027-03-01T00:00:00Z')
    const account = await proSubscriber(stage)
    await stage.at('2027-04-01T00:00:00Z')
    expect(await available(stage, account)).toBe(credits(2000))
    const [invoice] = await invoicesOf(stage, account)
    expect(invoice).toMatchObject({
      status: 'open',
      totalMinor: 2000n,
      dueAt: new Date('2027-04-15T00:00:00Z'),
    })
    await stage.at('2027-04-14T23:59:59Z')
    expect(must(await stage.billing.subscription(account)).status).toBe('active')
    await stage.at('2027-04-15T00:00:00Z')
    expect(must(await stage.billing.subscription(account))).toMatchObject({
      status: 'past_due',
      tier: { tierId: 'pro' },
      graceUntil: new Date('2027-04-22T00:00:00Z'),
    })
    await stage.at('2027-04-22T00:00:00Z')
    expect(must(await stage.billing.subscription(account))).toMatchObject({
      status: 'canceled',
      tier: { tierId: 'free' },
    })
    expect((await invoicesOf(stage, account))[0]?.status).toBe('void')
    await stage.at('2027-05-01T00:00:00Z')
    expect(await available(stage, account)).toBe(credits(100))
  })

  test('a renewal that is paid in the days of grace makes the subscription active again', async () => {
    const stage = stageAt('2027-03-01T00:00:00Z')
    const account = await proSubscriber(stage)
    await stage.at('2027-04-01T00:00:00Z')
    await stage.at('2027-04-16T00:00:00Z')
    const [payment] = await waiting(stage, account)
    must(await stage.billing.approve(administrator, payment?.id ?? '', 'Late transfer'))
    expect(must(await stage.billing.subscription(account)).status).toBe('active')
    expect((await invoicesOf(stage, account))[0]?.status).toBe('paid')
    expect(await available(stage, account)).toBe(credits(2000))
  })

  test('unspent credits roll over up to the cap of the tier, and nothing by default', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    must(
      await stage.billing.saveTier(administrator, {
        tierId: 'rolling',
        name: 'Rolling',
        priceMinor: 0n,
        currency: 'USD',
        allocationMicros: credits(10),
        rolloverCapMicros: credits(4),
        entitlements: { services: null, groups: null, rateLimits: null },
        reason: 'Test',
      }),
    )
    const account = await stage.subscriber('rolling')
    await stage.at('2027-04-01T00:00:01Z')
    // Expired by another process before the renewal sees it.
    stage.time.set(new Date('2027-05-01T00:00:00Z'))
    await stage.ledger.expireGrants(stage.time.clock())
    await stage.at('2027-05-01T00:00:00Z')
    expect(await available(stage, account)).toBe(credits(14))
    await stage.at('2027-06-01T00:00:00Z')
    expect(await available(stage, account)).toBe(credits(14))
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('a new version of the tier is what the next period is of, and changes nothing of this one', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const draft = {
      tierId: 'team',
      name: 'Team',
      priceMinor: 0n,
      currency: 'USD',
      allocationMicros: credits(10),
      rolloverCapMicros: 0n,
      entitlements: { services: ['openai'], groups: null, rateLimits: null },
      reason: 'New',
    }
    must(await stage.billing.saveTier(administrator, draft))
    const account = await stage.subscriber('team')
    await stage.at('2027-04-02T00:00:00Z')
    const change = {
      ...draft,
      allocationMicros: credits(7),
      reason: 'Less',
      effectiveAt: new Date('2027-04-20T00:00:00Z'),
    }
    expect(must(await stage.billing.previewTier(change))).toMatchObject({
      subscribers: 1,
      firstRenewalAt: new Date('2027-05-01T00:00:00Z'),
      monthlyDifferenceMicros: credits(-3),
    })
    must(await stage.billing.saveTier(administrator, change))
    await stage.at('2027-04-25T00:00:00Z')
    expect(must(await stage.billing.subscription(account))).toMatchObject({
      tier: { version: 1, allocationMicros: credits(10) },
      next: { allocationMicros: credits(7) },
    })
    expect(await available(stage, account)).toBe(credits(10))
    await stage.at('2027-05-01T00:00:00Z')
    expect(must(await stage.billing.subscription(account)).tier.version).toBe(2)
    expect(await available(stage, account)).toBe(credits(7))
    expect((await stage.billing.tierVersions('team')).map((v) => v.allocationMicros)).toEqual([
      credits(7),
      credits(10),
    ])
    await expect(
      clone.database.pool.query("UPDATE tier_versions SET price_minor = 1 WHERE tier_id = 'team'"),
    ).rejects.toThrow(/append-only/)
  })
})

test('an allocation is given exactly once for each period, whatever number of processes race for it', async () => {
  const stage = stageAt('2027-01-31T08:00:00Z')
  const others = [1, 2, 3].map(() => stageAt('2027-01-31T08:00:00Z'))
  const accounts = await Promise.all(Array.from({ length: 12 }, () => stage.subscriber('pro')))
  for (const iso of ['2027-02-28T08:00:00Z', '2027-03-31T08:00:00Z', '2027-06-30T08:00:00Z']) {
    const processes = [stage, ...others]
    for (const one of processes) one.time.set(new Date(iso))
    await Promise.all(
      processes.flatMap((one) => [
        one.billing.renewDue(one.time.clock()),
        one.ledger.ensureAllocations(one.time.clock()),
        one.ledger.expireGrants(one.time.clock()),
      ]),
    )
  }
  for (const account of accounts) {
    const { rows } = await clone.database.pool.query<{ key: string }>(
      `SELECT idempotency_key AS key FROM grants WHERE account_id = $1 AND kind = 'allocation' ORDER BY 1`,
      [account.accountId],
    )
    expect(rows.map((row) => row.key)).toEqual([
      'allocation:2027-01-31',
      'allocation:2027-02-28',
      'allocation:2027-03-31',
      'allocation:2027-06-30',
    ])
  }
  expect(await checkLedger(clone.database)).toEqual([])
})

describe('the own-key discount', () => {
  test('is a line of the invoice for whoever had a key for half of the period and has one at its end', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await proSubscriber(stage)
    await notePresence(clone.database, account, '2027-04-10T00:00:00Z')
    stage.time.set(new Date('2027-04-30T23:59:00Z'))
    const before = must(await stage.billing.subscription(account))
    expect(before.discount).toMatchObject({ isEarned: true, shareBasisPoints: 6999 })
    expect(before.next).toMatchObject({ priceMinor: 2000n, discountMinor: 200n, totalMinor: 1800n })
    await stage.at('2027-05-01T00:00:00Z')
    const [invoice] = await invoicesOf(stage, account)
    expect(invoice?.totalMinor).toBe(1800n)
    expect(
      invoice?.lines.map(({ kind, description, amountMinor }) => [kind, description, amountMinor]),
    ).toEqual([
      ['subscription', 'Pro, one month', 2000n],
      ['discount', 'Own-key discount, 10 %', -200n],
      ['tax', 'Tax', 0n],
    ])
    expect(must(await stage.billing.subscription(account)).discountBasisPoints).toBe(1000)
  })

  test('one key earns it for one subscriber: who had it first, in whatever organisation, and the next from their next period on', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const [first, second] = [await proSubscriber(stage), await proSubscriber(stage)]
    expect(first.organizationId).not.toBe(second.organizationId)
    const secret = newId()
    await notePresence(clone.database, first, '2027-04-02T00:00:00Z', '2027-05-03T00:00:00Z', secret)
    await notePresence(clone.database, second, '2027-04-02T00:00:01Z', null, secret)
    const discount = async (who: TestAccount) => must(await stage.billing.subscription(who)).discount
    await stage.at('2027-04-30T00:00:00Z')
    expect([await discount(first), await discount(second)]).toMatchObject([
      { isEarned: true, keysOfOthers: 0 },
      { isEarned: false, hasKeyNow: false, keysOfOthers: 1 },
    ])
    await stage.at('2027-05-01T00:00:00Z')
    const totals = async () =>
      Promise.all([first, second].map(async (who) => (await invoicesOf(stage, who))[0]?.totalMinor))
    expect(await totals()).toEqual([1800n, 2000n])
    for (const who of [first, second])
      for (const { id } of await waiting(stage, who))
        must(await stage.billing.approve(administrator, id, 'Transferred'))
    // The first gave it up on the third of May, which still is the second's period, too.
    expect(await discount(second)).toMatchObject({ isEarned: false, keysOfOthers: 1 })
    await stage.at('2027-06-01T00:00:00Z')
    expect(await totals()).toEqual([2000n, 2000n])
    const [open] = await waiting(stage, second)
    must(await stage.billing.approve(administrator, open?.id ?? '', 'Transferred'))
    await stage.at('2027-07-01T00:00:00Z')
    expect((await totals())[1]).toBe(1800n)
  })

  test('is not for a key added a minute before the renewal, nor kept by one deleted a minute after it', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await proSubscriber(stage)
    await notePresence(clone.database, account, '2027-04-30T23:59:00Z', '2027-06-01T00:01:00Z')
    await stage.at('2027-05-01T00:00:00Z')
    expect((await invoicesOf(stage, account))[0]?.totalMinor).toBe(2000n)
    const [payment] = await waiting(stage, account)
    must(await stage.billing.approve(administrator, payment?.id ?? '', 'Transferred'))
    await stage.at('2027-06-01T00:00:00Z')
    expect((await invoicesOf(stage, account))[0]?.totalMinor).toBe(1800n)
    must(
      await stage.billing.approve(administrator, (await waiting(stage, account))[0]?.id ?? '', 'Transferred'),
    )
    await stage.at('2027-07-01T00:00:00Z')
    expect((await invoicesOf(stage, account))[0]?.totalMinor).toBe(2000n)
  })
})

describe('pausing', () => {
  test('gives and charges nothing; resumed after the period it begins a new one on that day', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    await stage.at('2027-04-10T00:00:00Z')
    must(await stage.billing.change(user(account), account, { kind: 'pause' }, stage.once()))
    await stage.at('2027-07-15T12:00:00Z')
    expect(await available(stage, account)).toBe(0n)
    must(await stage.billing.change(user(account), account, { kind: 'resume' }, stage.once()))
    expect(must(await stage.billing.subscription(account))).toMatchObject({
      status: 'active',
      periodStart: new Date('2027-07-15T12:00:00Z'),
      periodEnd: new Date('2027-08-15T12:00:00Z'),
    })
    expect(await available(stage, account)).toBe(credits(100))
    await stage.at('2027-07-16T00:00:00Z')
    expect(await available(stage, account)).toBe(credits(100))
  })
})

test('after all of this the ledger agrees with itself', async () => {
  expect(await checkLedger(clone.database)).toEqual([])
  expect(await checkPayments(clone.database)).toEqual([])
  expect((await verifyLedger(clone.database)).ok).toBe(true)
})
