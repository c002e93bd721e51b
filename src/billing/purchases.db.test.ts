import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { administrator, type BillingStage, secondAdministrator, startBilling } from '../../tests/billing.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { checkLedger, holdRequest, operationRecord, type TestAccount } from '../../tests/ledger.ts'
import { checkPayments } from '../../tests/payments/payments-checker.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { verifyLedger } from '../ledger/verify.ts'
import { makeRecorder } from '../metering/recorder.ts'

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
/** As an operation on a system key does. */
const spend = async (stage: BillingStage, account: TestAccount, micros: bigint) => {
  const recorder = makeRecorder({ database: clone.database, ledger: stage.ledger, log: silentLog })
  const hold = holdRequest(account, micros)
  must(await stage.ledger.hold(hold))
  const operation = operationRecord(account, {
    id: hold.operationId,
    keyOwner: 'system',
    heldMicros: micros,
    creditMicros: micros,
  })
  await recorder.record(operation, { ...hold, chargeMicros: micros })
  await recorder.close()
}
describe('a purchase', () => {
  const pack = { kind: 'pack', packId: 'small' } as const

  test('is granted and invoiced when it is approved, once; the credits expire after twelve months', async () => {
    const stage = stageAt('2027-02-28T09:00:00Z')
    const account = await stage.subscriber()
    const before = (await available(stage, account)) ?? 0n
    const once = stage.once()
    const ordered = must(await stage.billing.buy(user(account), account, pack, once))
    expect(must(await stage.billing.buy(user(account), account, pack, once)).payment.id).toBe(
      ordered.payment.id,
    )
    await Promise.all(
      [1, 2, 3, 4].map(() => stage.billing.approve(administrator, ordered.payment.id, 'Paid')),
    )
    expect(await available(stage, account)).toBe(before + credits(500))
    expect((await invoicesOf(stage, account)).map((invoice) => invoice.totalMinor)).toEqual([500n])
    const { rows } = await clone.database.pool.query(
      "SELECT expires_at FROM grants WHERE account_id = $1 AND kind = 'purchase'",
      [account.accountId],
    )
    expect(rows).toEqual([{ expires_at: new Date('2028-02-28T09:00:00Z') }])
  })

  test('or change of tier that is paid when its member is gone or their company deleted is given back, and gives nothing', async () => {
    const stage = stageAt('2027-03-01T00:00:00Z')
    const { pool } = clone.database
    const ends = {
      member: 'DELETE FROM memberships WHERE organization_id = $1',
      company: 'UPDATE organizations SET deleted_at = now() WHERE id = $1',
    }
    for (const end of Object.values(ends)) {
      const account = await stage.subscriber()
      const before = await available(stage, account)
      const { payment } = must(await stage.billing.buy(user(account), account, pack, stage.once()))
      const toPro = { kind: 'change_tier', tierId: 'pro' } as const
      const changed = must(await stage.billing.change(user(account), account, toPro, stage.once()))
      await pool.query(end, [account.organizationId])
      for (const [paymentId, amountMinor] of [
        [payment.id, 500n],
        [changed.paymentId ?? '', 2000n],
      ] as const) {
        expect(await stage.billing.approve(administrator, paymentId, 'Paid')).toMatchObject({
          fault: { code: 'conflict' },
        })
        const paid = { kind: 'paid', externalId: newId(), amountMinor, currency: 'USD' } as const
        await stage.billing.applyEvents('manual', [
          { ...paid, eventId: newId(), at: stage.time.clock(), paymentId },
        ])
        await stage.billing.renewDue(stage.time.clock())
        expect(must(await stage.billing.payment(paymentId))).toMatchObject({
          status: 'paid',
          refundedMinor: amountMinor,
        })
      }
      expect(await available(stage, account)).toBe(before)
    }
  })

  test('is taken back by who asked for it, as long as nobody has decided it, and by nobody else', async () => {
    const stage = stageAt('2027-03-01T00:00:00Z')
    const [account, other] = [await stage.subscriber(), await stage.subscriber()]
    const buy = async () =>
      must(await stage.billing.buy(user(account), account, pack, stage.once())).payment.id
    const takeBack = (id: string, by = account) => stage.billing.takeBackPayment(user(by), by, id)
    const id = await buy()
    expect(await takeBack(id, other)).toMatchObject({ ok: false, fault: { code: 'not_found' } })
    const [first, again] = [must(await takeBack(id)), must(await takeBack(id))]
    expect(first).toMatchObject({ status: 'abandoned', decidedBy: account.userId })
    expect(again).toEqual(first)
    expect(await stage.billing.approve(administrator, id, 'Too late')).toMatchObject({ ok: false })
    expect(await waiting(stage, account)).toEqual([])

    // Whoever is first decides; either way one of them, and the credits say which.
    const before = (await available(stage, account)) ?? 0n
    const raced = await buy()
    const [taken, approved] = await Promise.all([
      takeBack(raced),
      stage.billing.approve(administrator, raced, 'Paid'),
    ])
    expect(taken.ok).not.toBe(approved.ok)
    expect(await available(stage, account)).toBe(before + (approved.ok ? credits(500) : 0n))
    const paid = await buy()
    must(await stage.billing.approve(administrator, paid, 'Paid'))
    expect(await takeBack(paid)).toMatchObject({ ok: false, fault: { code: 'conflict' } })
  })

  test('a refund takes unspent credits back first and leaves the spent part as debt, with a credit note', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const { payment } = must(await stage.billing.buy(user(account), account, pack, stage.once()))
    must(await stage.billing.approve(administrator, payment.id, 'Paid'))
    // Spends the allocation of 100 and 300 of the 500 that were bought.
    await spend(stage, account, credits(400))
    const half = { amountMinor: 250n, reason: 'Asked for', idempotencyKey: newId() }
    expect(must(await stage.billing.previewRefund(payment.id, 250n))).toEqual({
      leftMinor: 500n,
      creditMicros: credits(250),
      unspentMicros: credits(200),
      expiredMicros: 0n,
      owedMicros: credits(50),
    })
    must(await stage.billing.refund(administrator, payment.id, half))
    must(await stage.billing.refund(administrator, payment.id, half))
    expect(await stage.billing.previewRefund(payment.id, 251n)).toMatchObject({ ok: false })
    const { grants } = must(await stage.billing.account(account))
    expect(grants.find(({ kind }) => kind === 'purchase')).toMatchObject({
      amountMicros: credits(500),
      remainingMicros: 0n,
      issuedMicros: credits(250),
    })
    const balance = () => stage.ledger.balance(account.organizationId, account.accountId)
    expect(await balance()).toMatchObject({ availableMicros: 0n, debtMicros: credits(50) })
    expect(
      await stage.billing.refund(administrator, payment.id, {
        ...half,
        amountMinor: 251n,
        idempotencyKey: newId(),
      }),
    ).toMatchObject({ ok: false, fault: { code: 'invalid_request' } })
    must(await stage.billing.refund(administrator, payment.id, { ...half, idempotencyKey: newId() }))
    const invoices = await invoicesOf(stage, account)
    expect(invoices.map(({ kind, status, totalMinor }) => [kind, status, totalMinor])).toEqual([
      ['credit_note', 'paid', -250n],
      ['credit_note', 'paid', -250n],
      ['invoice', 'refunded', 500n],
    ])
    expect(await balance()).toMatchObject({ availableMicros: 0n, debtMicros: credits(300) })
  })

  test('told of by a provider ×100, reordered and concurrently, it has its effect once', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const { payment } = must(await stage.billing.buy(user(account), account, pack, stage.once()))
    const common = { at: stage.time.clock(), paymentId: payment.id }
    const paid = { ...common, kind: 'paid', externalId: 'x', amountMinor: 500n, currency: 'USD' } as const
    const refunded = {
      ...common,
      eventId: 'r',
      kind: 'refunded',
      refundId: 're_1',
      amountMinor: 200n,
    } as const
    // The refund is heard of first.
    expect(await stage.billing.applyEvents('manual', [refunded])).toBe(1)
    const tell = (n: number) =>
      stage.billing.applyEvents('manual', [
        n % 3 === 0 ? refunded : { ...paid, eventId: n % 2 === 0 ? 'p1' : 'p2' },
      ])
    let effects = 0
    // More at once would wait longer for a connection than anybody may.
    for (let first = 0; first < 100; first += 20) {
      const told = Array.from({ length: 20 }, (_, n) => tell(first + n))
      effects += (await Promise.all(told)).reduce((sum, n) => sum + n, 0)
    }
    expect(effects).toBe(1)
    expect(await available(stage, account)).toBe(credits(100 + 300))
    expect(must(await stage.billing.payment(payment.id))).toMatchObject({
      status: 'paid',
      refundedMinor: 200n,
    })
    expect(await stage.billing.applyEvents('stripe', [{ ...paid, eventId: 'forged' }])).toBe(0)
  })

  test('of another amount than was asked for gives nothing', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const { payment } = must(await stage.billing.buy(user(account), account, pack, stage.once()))
    const event = {
      eventId: newId(),
      at: stage.time.clock(),
      paymentId: payment.id,
      kind: 'paid' as const,
      externalId: 'x',
    }
    await stage.billing.applyEvents('manual', [{ ...event, amountMinor: 1n, currency: 'USD' }])
    expect(await available(stage, account)).toBe(credits(100))
    expect(must(await stage.billing.payment(payment.id)).status).toBe('requested')
  })

  test('that is disputed loses its credits at once; won, they come back; lost, a credit note follows', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const dispute = async (won: boolean) => {
      const { payment } = must(await stage.billing.buy(user(account), account, pack, stage.once()))
      must(await stage.billing.approve(administrator, payment.id, 'Paid'))
      const common = { at: stage.time.clock(), paymentId: payment.id, disputeId: newId() }
      await stage.billing.applyEvents('manual', [
        { ...common, eventId: newId(), kind: 'dispute_opened', amountMinor: 500n },
      ])
      expect(must(await stage.billing.payment(payment.id)).isDisputed).toBe(true)
      await stage.billing.applyEvents('manual', [
        { ...common, eventId: newId(), kind: 'dispute_closed', won },
      ])
      return must(await stage.billing.payment(payment.id))
    }
    expect(await dispute(false)).toMatchObject({ isDisputed: false, refundedMinor: 500n })
    expect(await available(stage, account)).toBe(credits(100))
    expect(await dispute(true)).toMatchObject({ isDisputed: false, refundedMinor: 0n })
    expect(await available(stage, account)).toBe(credits(600))
  })

  test('made by itself stays below the cap of the month, one at a time', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const wanted = {
      enabled: true,
      thresholdMicros: credits(10_000),
      packId: 'small',
      monthlyCapMinor: 1100n,
    }
    must(await stage.billing.setAutoTopUp(user(account), account, wanted))
    for (let round = 0; round < 4; round++) {
      const now = stage.time.clock()
      await Promise.all([1, 2, 3].map(() => stage.billing.topUpDue(now)))
      const open = await waiting(stage, account)
      expect(open).toHaveLength(round < 2 ? 1 : 0)
      if (open[0]) must(await stage.billing.approve(administrator, open[0].id, 'Paid'))
    }
    expect(await available(stage, account)).toBe(credits(1100))
    expect(must(await stage.billing.autoTopUp(account))?.spentThisMonthMinor).toBe(1000n)
    must(await stage.billing.setAutoTopUp(user(account), account, null))
  })

  test.each([
    ['of nobody who is a member there', 'memberships SET suspended_at =', 'organization_id'],
    ['of an organisation that is deleted', 'organizations SET deleted_at =', 'id'],
    [
      'that operations do not draw on, as the organisation pays',
      "organizations SET kind = 'company', billing_email = 'ap@example.com', central_billing_at =",
      'id',
    ],
  ])('by itself is not made for an account %s', async (_, change, column) => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const wanted = { enabled: true, thresholdMicros: credits(200), packId: 'small', monthlyCapMinor: 500n }
    must(await stage.billing.setAutoTopUp(user(account), account, wanted))
    const set = (at: Date | null) =>
      clone.database.pool.query(`UPDATE ${change} $2 WHERE ${column} = $1`, [account.organizationId, at])
    await set(stage.time.clock())
    expect(await stage.billing.topUpDue(stage.time.clock())).toBe(0)
    await set(null)
    expect(await stage.billing.topUpDue(stage.time.clock())).toBe(1)
  })
})

const giftOn =
  (stage: BillingStage, account: TestAccount) =>
  (amount: number, idempotencyKey: string, expiresAt?: string) =>
    stage.billing.adjust(administrator, {
      organizationId: account.organizationId,
      kind: 'grant',
      subjectId: account.accountId,
      amountMicros: credits(amount),
      ...(expiresAt ? { expiresAt: new Date(expiresAt) } : {}),
      reason: 'An outage',
      idempotencyKey,
    })

describe('an adjustment', () => {
  test('above the limit waits for a second administrator, who is not the first', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const { grantId } = await stage.ledger.grant(null, {
      organizationId: account.organizationId,
      accountId: account.accountId,
      kind: 'adjustment',
      amountMicros: credits(20_000),
      effectiveAt: stage.time.clock(),
      expiresAt: null,
      idempotencyKey: newId(),
      reason: 'Too much',
      createdBy: 'test',
    })
    const request = {
      organizationId: account.organizationId,
      kind: 'reverse_grant',
      subjectId: grantId,
      reason: 'A zero too many',
    } as const
    const small = must(
      await stage.billing.adjust(administrator, {
        ...request,
        amountMicros: credits(10),
        idempotencyKey: 'a',
      }),
    )
    expect(small.status).toBe('done')
    const large = must(await stage.billing.adjust(administrator, { ...request, idempotencyKey: 'b' }))
    expect(large).toMatchObject({ status: 'waiting', amountMicros: credits(19_990) })
    expect(await available(stage, account)).toBe(credits(100 + 19_990))
    expect(await stage.billing.approveAdjustment(administrator, large.id)).toMatchObject({
      ok: false,
      fault: { code: 'forbidden' },
    })
    must(await stage.billing.approveAdjustment(secondAdministrator, large.id))
    expect(await available(stage, account)).toBe(credits(100))
    expect(await stage.billing.adjust(administrator, { ...request, idempotencyKey: 'c' })).toMatchObject({
      ok: false,
    })
  })

  test('that gives credits for a time ends with it, and one that was approved too late gives none', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const gift = giftOn(stage, account)
    must(await gift(10, 'a', '2027-04-10T00:00:00Z'))
    expect(await available(stage, account)).toBe(credits(110))
    const large = must(await gift(10_001, 'b', '2027-04-10T00:00:00Z'))
    expect(await gift(1, 'c', '2027-04-01T00:00:00Z')).toMatchObject({ fault: { field: 'expiresAt' } })
    await stage.at('2027-04-10T00:00:00Z')
    expect(await available(stage, account)).toBe(credits(100))
    expect(await stage.billing.approveAdjustment(secondAdministrator, large.id)).toMatchObject({
      fault: { code: 'conflict' },
    })
    expect(await available(stage, account)).toBe(credits(100))
  })

  test('that gives credits gives them once, and above the limit not before a second administrator agrees', async () => {
    const stage = stageAt('2027-04-01T00:00:00Z')
    const account = await stage.subscriber()
    const gift = giftOn(stage, account)
    must(await gift(10, 'a'))
    expect(must(await gift(10, 'a')).status).toBe('done')
    expect(await available(stage, account)).toBe(credits(110))
    const large = must(await gift(10_001, 'b'))
    expect(large.status).toBe('waiting')
    expect(await available(stage, account)).toBe(credits(110))
    expect(await stage.billing.approveAdjustment(administrator, large.id)).toMatchObject({ ok: false })
    must(await stage.billing.approveAdjustment(secondAdministrator, large.id))
    must(await stage.billing.approveAdjustment(secondAdministrator, large.id))
    expect(await available(stage, account)).toBe(credits(10_111))
    const denied = must(await gift(20_000, 'c'))
    must(await stage.billing.denyAdjustment(secondAdministrator, denied.id, 'Twice'))
    expect(await stage.billing.approveAdjustment(secondAdministrator, denied.id)).toMatchObject({ ok: false })
    expect(await available(stage, account)).toBe(credits(10_111))
    // The same key with another end is another wish.
    expect(await gift(10, 'a', '2027-05-01T00:00:00Z')).toMatchObject({ fault: { code: 'conflict' } })
    expect(
      await stage.billing.adjust(administrator, {
        organizationId: account.organizationId,
        kind: 'grant',
        subjectId: newId(),
        amountMicros: 1n,
        reason: 'Nobody',
        idempotencyKey: 'd',
      }),
    ).toMatchObject({ ok: false, fault: { code: 'not_found' } })
  })
})

test('invoices are numbered without gaps, also where transactions fail, and cannot be changed', async () => {
  const stage = stageAt('2027-04-01T00:00:00Z')
  const accounts = await Promise.all(Array.from({ length: 8 }, () => stage.subscriber()))
  await Promise.all(
    accounts.map(async (account, index) => {
      const bought = must(
        await stage.billing.buy(user(account), account, { kind: 'custom', amountMinor: 777n }, stage.once()),
      )
      if (index % 3 === 0) must(await stage.billing.deny(administrator, bought.payment.id, 'No money came'))
      else must(await stage.billing.approve(administrator, bought.payment.id, 'Paid'))
    }),
  )
  // One that fails when it commits, after its number was taken.
  await clone.database.pool.query(`
    CREATE FUNCTION fail_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$;
    CREATE CONSTRAINT TRIGGER fail_late AFTER INSERT ON invoices DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.total_minor = 778) EXECUTE FUNCTION fail_late()`)
  for (const amountMinor of [778n, 779n]) {
    const account = accounts[0] as TestAccount
    const bought = must(
      await stage.billing.buy(user(account), account, { kind: 'custom', amountMinor }, stage.once()),
    )
    const approved = stage.billing.approve(administrator, bought.payment.id, 'Paid')
    if (amountMinor === 778n) await expect(approved).rejects.toThrow('too late')
    else must(await approved)
  }
  const { rows } = await clone.database.pool.query<{ gaps: bigint; n: bigint }>(
    'SELECT max(number) - count(*) AS gaps, count(*) AS n FROM invoices GROUP BY issuer, kind',
  )
  expect(rows.every((row) => Number(row.gaps) === 0 && Number(row.n) > 0)).toBe(true)
  for (const change of [
    'total_minor = 1',
    "billed_to = '{}'",
    "status = 'draft', number = NULL, issued_at = NULL",
  ])
    await expect(
      clone.database.pool.query(`UPDATE invoices SET ${change} WHERE status = 'paid'`),
    ).rejects.toThrow(/cannot be changed/)
  await expect(clone.database.pool.query('UPDATE invoice_lines SET amount_minor = 1')).rejects.toThrow(
    /cannot be/,
  )
  await expect(clone.database.pool.query("DELETE FROM invoices WHERE status = 'paid'")).rejects.toThrow(
    /cannot be/,
  )
})

test('after all of this the ledger agrees with itself', async () => {
  expect(await checkLedger(clone.database)).toEqual([])
  expect(await checkPayments(clone.database)).toEqual([])
  expect((await verifyLedger(clone.database)).ok).toBe(true)
})
