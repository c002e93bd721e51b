import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { administrator, type BillingStage, startBilling } from '../../tests/billing.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { holdRequest, operationRecord, type TestAccount } from '../../tests/ledger.ts'
import type { Notice } from '../alerts/alerts.ts'
import type { ReconciliationCheck } from '../contract/reconciliation.ts'
import type { Database } from '../db/database.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { makePrices, type Prices } from '../metering/prices.ts'
import { makeRecorder } from '../metering/recorder.ts'
import { makeReconciliation, type Reconciliation } from './reconciliation.ts'
import { isOk, type Run } from './run.ts'

let clone: TestDatabase
let stage: BillingStage
let prices: Prices
let reconciliation: Reconciliation
const told: Notice[] = []
const alerts = { notify: async (notice: Notice) => told.push(notice) }

const open = (database: Database, clock = stage.time.clock) =>
  makeReconciliation({ database, prices, alerts, clock, log: silentLog })

const model = 'gpt-4o'
const day = '2026-03-10'

/** Buys, uses, pays a tier, refunds, adjusts: something of everything that is compared. */
const trade = async (): Promise<TestAccount> => {
  const { billing, ledger, time } = stage
  const subscriber = await stage.subscriber('free')
  const pack = { kind: 'pack', packId: 'small' } as const
  const bought = must(await billing.buy(administrator, subscriber, pack, stage.once())).payment
  must(await billing.approve(administrator, bought.id, 'Paid'))
  const pro = { kind: 'change_tier', tierId: 'pro' } as const
  const changed = must(await billing.change(administrator, subscriber, pro, stage.once()))
  must(await billing.approve(administrator, changed.paymentId ?? '', 'Paid'))
  time.set(new Date(`${day}T12:00:00Z`))
  const recorder = makeRecorder({ database: clone.database, ledger, log: silentLog })
  const book = prices.current()
  const price = book.find('openai', model)
  if (!price) throw new Error(`no price of ${model}`)
  for (const source of ['reported', 'estimated'] as const) {
    const startedAt = time.clock()
    const usage = { input: 1_000, cacheRead: 500, cacheWrite: 0, cacheWrite1h: 0, output: 200, reasoning: 0 }
    const costNanoUsd = book.costNanoUsd(price, usage, startedAt)
    const full = book.creditMicros(costNanoUsd, price)
    const heldMicros = source === 'reported' ? full * 3n : full - 1n
    const request = holdRequest(subscriber, heldMicros, { operationId: newId(startedAt.getTime()) })
    must(await ledger.hold(request))
    const chargeMicros = source === 'reported' ? full : heldMicros
    await recorder.record(
      operationRecord(subscriber, {
        id: request.operationId,
        startedAt,
        serviceId: 'openai',
        model,
        keyOwner: 'system',
        inputTokens: usage.input,
        cacheReadTokens: usage.cacheRead,
        outputTokens: usage.output,
        usageSource: source,
        priceBookVersion: book.version,
        costNanoUsd,
        heldMicros,
        creditMicros: chargeMicros,
      }),
      { ...subscriber, operationId: request.operationId, chargeMicros },
    )
  }
  // One that goes on meanwhile.
  must(await ledger.hold(holdRequest(subscriber, 77n, { operationId: newId(time.clock().getTime()) })))
  await recorder.close()
  const refund = { amountMinor: 123n, reason: 'Asked for', idempotencyKey: newId() }
  must(await billing.refund(administrator, bought.id, refund))
  const { rows } = await clone.database.pool.query<{ id: string }>(
    `SELECT id FROM grants WHERE account_id = $1 AND kind = 'purchase'`,
    [subscriber.accountId],
  )
  const adjustment = { kind: 'reverse_grant', subjectId: rows[0]?.id ?? '', amountMicros: 5n } as const
  must(
    await billing.adjust(administrator, {
      ...adjustment,
      organizationId: subscriber.organizationId,
      reason: 'Wrong',
      idempotencyKey: newId(),
    }),
  )
  return subscriber
}

beforeAll(async () => {
  clone = await cloneDatabase()
  stage = startBilling(clone.database, { start: '2026-02-10T10:00:00Z' })
  prices = makePrices({ database: clone.database, clock: stage.time.clock })
  await prices.start()
  reconciliation = open(clone.database)
  await trade()
  await trade()
  await stage.at('2026-03-12T12:00:00Z')
})
afterAll(async () => {
  await stage.ledger.close()
  await clone.drop()
})

const runNow = async (of: Reconciliation = reconciliation): Promise<Run> => {
  await of.request('request', 'test')
  const run = await of.workOff({ allPrices: true })
  if (run === null) throw new Error('somebody else ran it')
  return run
}
const failing = (run: Run): ReconciliationCheck[] =>
  run.checks.filter(({ unexplained }) => unexplained > 0).map(({ check }) => check)
const findingsOf = async (run: Run, of = reconciliation) =>
  must(await of.findings(run.id, { after: null, limit: 1_000 }))

describe('books that are right', () => {
  test('agree: every question looked at something, none found anything, and nobody is alarmed', async () => {
    const run = await runNow()
    expect(await findingsOf(run)).toEqual([])
    expect([run.state, isOk(run), failing(run)]).toEqual(['done', true, []])
    const unseen = run.checks.filter(({ check, examined }) => examined === 0 && check !== 'service_usage')
    expect(unseen).toEqual([])
    expect(told).toEqual([])
    const total = (what: string) => BigInt(run.totals.find((one) => one.what === what)?.amount ?? -1n)
    expect(total('Credits given') - total('Credits taken back')).toBe(
      total('Credits available') +
        total('Credits held') +
        total('Credits spent') +
        total('Credits expired') -
        total('Credits owed'),
    )
    expect(total('Credited in USD')).toBe(total('Given back in USD'))
  })
})

/** Each is one thing wrong in the tables, of a kind that the product and the schema refuse. */
const corruptions: readonly (readonly [ReconciliationCheck, string, string])[] = [
  [
    'entries',
    'a line of a transaction is changed',
    `UPDATE ledger_entries SET amount_micros = amount_micros + 1 WHERE kind = 'settle' AND bucket = 'spent'`,
  ],
  ['entries', 'a transaction is lost', `DELETE FROM ledger_entries WHERE kind = 'hold'`],
  [
    'entries',
    'a running balance is changed',
    `UPDATE ledger_entries SET debt_micros = debt_micros + 1 WHERE number = 2`,
  ],
  ['balances', 'an account holds more', 'UPDATE credit_accounts SET held_micros = held_micros + 1'],
  ['balances', 'an account owes more', 'UPDATE credit_accounts SET debt_micros = debt_micros + 1'],
  [
    'grants',
    'a grant has more left',
    'UPDATE grants SET remaining_micros = remaining_micros + 1 WHERE remaining_micros < amount_micros',
  ],
  [
    'grants',
    'a grant gave more',
    `UPDATE grants SET amount_micros = amount_micros + 1 WHERE kind = 'purchase'`,
  ],
  ['holds', 'a hold under way is lost', `DELETE FROM holds WHERE state = 'open'`],
  [
    'holds',
    'a hold is settled for more',
    `UPDATE holds SET settled_micros = settled_micros + 1 WHERE state = 'settled'`,
  ],
  ['holds', 'a hold took more', `UPDATE holds SET amount_micros = amount_micros + 1 WHERE state = 'settled'`],
  [
    'operations',
    'an operation is charged more',
    'UPDATE operations SET credit_micros = credit_micros + 1 WHERE credit_micros > 0',
  ],
  ['operations', 'an operation has no record any more', 'DELETE FROM operations'],
  ['operations', 'an operation on an own key is charged', `UPDATE operations SET key_owner = 'user'`],
  [
    'prices',
    'an operation used more than it cost',
    'UPDATE operations SET output_tokens = output_tokens + 1000',
  ],
  [
    'prices',
    'an operation cost more than it used',
    'UPDATE operations SET cost_nano_usd = cost_nano_usd + 1000',
  ],
  [
    'prices',
    'a price of a version is changed afterwards',
    `UPDATE price_rates SET nano_usd_per_million = nano_usd_per_million + 1000 WHERE service_id = 'openai'`,
  ],
  [
    'prices',
    'a charge and its hold are changed together',
    `UPDATE operations SET credit_micros = credit_micros + 1 WHERE usage_source = 'reported'`,
  ],
  [
    'prices',
    'an estimate is charged above its hold',
    `UPDATE operations SET credit_micros = held_micros + 1 WHERE usage_source = 'estimated'`,
  ],
  [
    'invoices',
    'a line of an invoice is changed',
    `UPDATE invoice_lines SET amount_minor = amount_minor + 1 WHERE kind = 'credits'`,
  ],
  ['invoices', 'the tax of an invoice is changed', 'UPDATE invoices SET tax_minor = 1'],
  ['invoices', 'an invoice is lost', `DELETE FROM invoices WHERE kind = 'invoice' AND number = 1`],
  [
    'invoices',
    'a credit note is above what it corrects',
    `UPDATE invoices SET total_minor = total_minor * 100 WHERE kind = 'credit_note'`,
  ],
  ['payments', 'a payment was of more', 'UPDATE payments SET amount_minor = amount_minor + 1'],
  ['payments', 'a payment has no invoice', 'UPDATE payments SET invoice_id = NULL'],
  ['payments', 'a payment was not made after all', `UPDATE payments SET status = 'failed'`],
  [
    'payments',
    'more was given back than credited',
    'UPDATE payments SET refunded_minor = refunded_minor + 1 WHERE refunded_minor > 0',
  ],
  [
    'credits_granted',
    'a payment gave more than it bought',
    'UPDATE payments SET credit_micros = credit_micros + 1 WHERE credit_micros > 0',
  ],
  [
    'credits_granted',
    'credits were given for a payment that was not made',
    `UPDATE payments SET status = 'denied' WHERE purpose = 'purchase'`,
  ],
  [
    'credits_granted',
    'credits were bought by no payment',
    `UPDATE grants SET idempotency_key = 'payment:' || id WHERE kind = 'purchase'`,
  ],
  [
    'credits_granted',
    'a period did not give its allocation',
    'UPDATE subscription_periods SET allocation_micros = allocation_micros + 1',
  ],
  [
    'refunds',
    'a refund took back other credits',
    'UPDATE payment_refunds SET credit_micros = credit_micros + 1',
  ],
  ['refunds', 'a correction is changed', 'UPDATE ledger_corrections SET amount_micros = amount_micros + 1'],
  ['refunds', 'an adjustment that was denied is in the ledger', `UPDATE adjustments SET status = 'denied'`],
  [
    'totals',
    'what expired is changed',
    `INSERT INTO ledger_entries SELECT organization_id, id, transaction_count + 1, 0, 'expire', 'expired', 5, NULL, NULL, 0, now(), 0, 0 FROM credit_accounts LIMIT 1`,
  ],
  [
    'totals',
    'a paid invoice is not there',
    `UPDATE invoices SET status = 'void' WHERE kind = 'invoice' AND status = 'paid'`,
  ],
]

const withoutRefusals = `
  DO $$ DECLARE t record; BEGIN
    FOR t IN SELECT c.conrelid::regclass AS relation, c.conname FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
      WHERE r.relnamespace = 'public'::regnamespace AND c.contype IN ('f', 'c') AND c.conparentid = 0
      -- What partitions inherit goes with their parents, which the catalogue may list after them.
      ORDER BY c.coninhcount LOOP
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', t.relation, t.conname);
    END LOOP;
    FOR t IN SELECT tgrelid::regclass AS relation FROM pg_trigger WHERE NOT tgisinternal LOOP
      EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t.relation);
    END LOOP;
  END $$`

describe('books that are wrong', () => {
  /** One database for all: what is planted is taken back with its transaction, and the run asks in the same one. */
  test.each(corruptions)('%s: %s', async (check, _, plant) => {
    const client = await clone.database.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query(withoutRefusals)
      const { rowCount } = await client.query(plant)
      expect(rowCount).toBeGreaterThan(0)
      // What a run asks for of the pool is asked of this transaction; its own BEGIN and COMMIT are left out.
      const inside = {
        ...clone.database,
        pool: {
          query: client.query.bind(client),
          connect: async () => ({
            query: async (text: string, values?: unknown[]) =>
              /^(BEGIN|COMMIT)/.test(text) ? { rows: [] } : client.query(text, values),
            release: () => {},
          }),
        },
      } as unknown as Database
      const books = new Map<number, Awaited<ReturnType<Prices['at']>>>()
      const at = async (version: number) => {
        if (!plant.includes('price_rates')) return prices.at(version)
        books.set(version, books.get(version) ?? (await changedBook(version)))
        return books.get(version) ?? null
      }
      const of = makeReconciliation({
        database: inside,
        prices: { at, current: prices.current },
        alerts,
        clock: stage.time.clock,
        log: silentLog,
      })
      told.length = 0
      const run = await runNow(of)
      expect(run.failure).toBeNull()
      expect(failing(run)).toContain(check)
      expect(isOk(run)).toBe(false)
      const found = (await findingsOf(run, of)).filter((finding) => finding.check === check)
      expect(found.length).toBeGreaterThan(0)
      expect(
        found.every(({ difference, expected, found: here }) => difference !== 0n || expected === here),
      ).toBe(true)
      // Where it can be looked at.
      expect(found.every(({ accountId, userId }) => (accountId === null) === (userId === null))).toBe(true)
      expect(told).toMatchObject([
        { kind: 'reconciliation', severity: 'critical', path: '/admin/reconciliation' },
      ])
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })

  /** As another process would read it. */
  const changedBook = async (version: number) => {
    const book = await prices.at(version)
    return (
      book && {
        ...book,
        costNanoUsd: (...given: Parameters<typeof book.costNanoUsd>) => book.costNanoUsd(...given) + 1n,
      }
    )
  }

  test('are right again afterwards: what was planted is gone', async () => {
    expect(failing(await runNow())).toEqual([])
  })
})

describe('a run', () => {
  test('is one at a time: who asks meanwhile is given the one under way', async () => {
    const [first, second] = await Promise.all([
      reconciliation.request('request', 'one'),
      reconciliation.request('daily', 'two'),
    ])
    expect(second.id).toBe(first.id)
    const other = open(clone.database)
    const done = await Promise.all([reconciliation.workOff(), other.workOff()])
    expect(done.filter((run) => run !== null).length).toBe(1)
  })

  test('of a process that died is done by another, later', async () => {
    const { id } = await reconciliation.request('request', 'test')
    await clone.database.pool.query(
      `UPDATE reconciliation_runs SET state = 'running', claimed_until = $2 WHERE id = $1`,
      [id, new Date(stage.time.clock().getTime() + 60_000)],
    )
    expect(await reconciliation.workOff()).toBeNull()
    stage.time.pass(61_000)
    expect((await reconciliation.workOff())?.id).toBe(id)
  })

  test('that cannot be done says so, proves nothing and alarms', async () => {
    told.length = 0
    const broken = makeReconciliation({
      database: clone.database,
      prices: { at: () => Promise.reject(new Error('no price book')), current: prices.current },
      alerts,
      clock: stage.time.clock,
      log: silentLog,
    })
    const run = await runNow(broken)
    expect([run.state, isOk(run)]).toEqual(['failed', null])
    expect(run.failure).not.toContain('no price book')
    expect(told).toMatchObject([{ title: 'Reconciliation could not be done' }])
  })
})

describe('a service’s own count', () => {
  const content = (requests: number, input: number) =>
    `date,model,requests,input_tokens,cached_input_tokens,output_tokens\n${day},gpt-4o-2024-08-06,${requests},${input},2000,800\n`
  const imported = (text: string) =>
    reconciliation
      .importExport(administrator, {
        serviceId: 'openai',
        format: 'csv',
        fileName: 'usage.csv',
        content: text,
        keyOwner: 'system',
      })
      .then(must)

  test('that agrees is compared by day and model, dated names and all, and finds nothing', async () => {
    const one = await imported(content(4, 6_000))
    expect(one.comparison).toMatchObject([{ day, model, differences: [] }])
    const run = await runNow()
    expect(failing(run)).toEqual([])
    expect(run.checks.find(({ check }) => check === 'service_usage')?.examined).toBe(1)
    expect((await imported(content(4, 6_000))).id).toBe(one.id)
    must(await reconciliation.removeExport(administrator, one.id))
  })

  test('that differs is found, and explained for as long as it differs by as much', async () => {
    const one = await imported(content(5, 6_000))
    const run = await runNow()
    expect(failing(run)).toEqual(['service_usage'])
    const [finding] = (await findingsOf(run)).filter(({ check }) => check === 'service_usage')
    expect(finding).toMatchObject({
      unit: 'count',
      expected: 5n,
      found: 4n,
      difference: -1n,
      isTolerated: false,
    })
    expect(finding?.subject.id).toBe(`openai/system/-/-/${day}/${model}/requests`)

    const explained = must(await reconciliation.explain(administrator, finding?.id ?? '', 'A test by hand'))
    expect(explained.explanation).toMatchObject({ reason: 'A test by hand' })
    expect(isOk(must(await reconciliation.run(run.id)))).toBe(true)
    const again = await runNow()
    expect(failing(again)).toEqual([])
    expect((await findingsOf(again))[0]?.firstSeenAt).toEqual(finding?.firstSeenAt)

    must(await reconciliation.removeExport(administrator, one.id))
    const more = await imported(content(6, 6_000))
    expect(failing(await runNow())).toEqual(['service_usage'])
    must(await reconciliation.removeExport(administrator, more.id))
  })

  test('within the tolerance is told and not alarming; the tolerance is what was set', async () => {
    const one = await imported(content(4, 6_100))
    expect(failing(await runNow())).toEqual(['service_usage'])
    const { tolerance } = await reconciliation.standing()
    await reconciliation.setTolerance(administrator, { ...tolerance, tokens: 100 }, 'Rounding')
    const run = await runNow()
    expect(failing(run)).toEqual([])
    expect(await findingsOf(run)).toMatchObject([{ isTolerated: true, difference: -100n }])
    must(await reconciliation.removeExport(administrator, one.id))
  })

  test('that cannot be read whole is not imported at all', async () => {
    const wanted = { serviceId: 'openai', format: 'csv', fileName: 'x.csv', keyOwner: 'system' } as const
    const half = `${content(4, 6_000)}2026-03-11,gpt-4o,many,1,1,1\n`
    const refused = await reconciliation.importExport(administrator, { ...wanted, content: half })
    expect(refused).toMatchObject({ ok: false, fault: { code: 'invalid_request', field: 'content' } })
    expect(await reconciliation.exports({ before: null, limit: 10 })).toEqual([])
  })
})
