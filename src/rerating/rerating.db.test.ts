import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import {
  checkLedger,
  holdRequest,
  makeAccount,
  makeMachine,
  makeTestClock,
  openLedger,
  purchase,
  type TestAccount,
} from '../../tests/ledger.ts'
import { insertOperation } from '../../tests/operation-row.ts'
import { changePrices, setOwnPrice } from '../../tests/set-price.ts'
import type { Actor } from '../audit/audit.ts'
import { unitOf } from '../db/writer.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { verifyLedger } from '../ledger/verify.ts'
import { makePrices, type Prices } from '../metering/prices.ts'
import { noUsage } from '../metering/usage.ts'
import { makeReratings, type Reratings, type Terms } from './rerating.ts'

const [ada, grace] = [newId(), newId()].map((id): Actor => ({ kind: 'user', id })) as [Actor, Actor]
const model = 'gpt-5.4'
const time = makeTestClock(new Date().toISOString())
const hour = 3_600_000
let clone: TestDatabase
let ledger: Ledger
let prices: Prices
let reratings: Reratings
let limitMicros = 10n ** 12n
/** The version that was right, and the one that charged double. */
let right: number
let wrong: number

const openReratings = (used: Pick<Ledger, 'refund' | 'charge'> = ledger) =>
  makeReratings({
    database: clone.database,
    ledger: used,
    prices,
    secondApproverAboveMicros: async () => limitMicros,
    clock: time.clock,
    log: silentLog,
  })

beforeAll(async () => {
  clone = await cloneDatabase()
  ledger = openLedger(clone.database, { clock: time.clock })
  prices = makePrices({ database: clone.database, clock: time.clock })
  await prices.start()
  right = prices.current().version
  const price = { serviceId: 'openai', model, per: 1_000_000n }
  await setOwnPrice(prices, { ...price, unit: 'input', nanoUsd: 5_000_000_000n })
  wrong = await setOwnPrice(prices, { ...price, unit: 'output', nanoUsd: 30_000_000_000n })
  reratings = openReratings()
})
afterAll(async () => {
  await ledger.close()
  await clone.drop()
})
afterEach(async () => {
  await reratings.settled()
  expect(await checkLedger(clone.database)).toEqual([])
  const failed = (await verifyLedger(clone.database)).lines.filter((line) => line.startsWith('FAIL'))
  expect(failed.filter((line) => !line.includes('dead process'))).toEqual([])
})

/** An operation as the gateway leaves it: held, settled, on record, charged by a version. */
const operate = async (account: TestAccount, inputTokens: number, version: number): Promise<string> => {
  const book = await prices.at(version)
  const price = book?.find('openai', model)
  if (!book || !price) throw new Error('no price')
  const cost = book.costNanoUsd(price, { ...noUsage, input: inputTokens, output: 5 }, time.clock())
  const chargeMicros = book.creditMicros(cost, price)
  const request = holdRequest(account, chargeMicros)
  must(await ledger.hold(request))
  const { organizationId, accountId } = account
  await clone.database.kysely.transaction().execute(async (t) => {
    const unit = unitOf(t)
    await ledger.settleAll(unit, [
      { organizationId, accountId, operationId: request.operationId, chargeMicros },
    ])
    await unit.sent()
  })
  await insertOperation(clone.database, account, {
    id: request.operationId,
    key_owner: 'system',
    model,
    started_at: time.clock(),
    input_tokens: BigInt(inputTokens),
    credit_micros: chargeMicros,
    cost_nano_usd: cost,
    ...({ price_book_version: version, held_micros: chargeMicros } as object),
  })
  return request.operationId
}

const subscriber = async (micros = 10n ** 9n) => {
  const account = await makeAccount(clone.database, ledger)
  await purchase(ledger, account, micros)
  return account
}
const termsFor = (account: TestAccount, more: Partial<Terms> = {}): Terms => ({
  scope: {
    from: new Date(Date.now() - hour),
    until: new Date(Date.now() + hour),
    serviceId: 'openai',
    model: 'GPT-5*',
    priceBookVersion: wrong,
    userId: account.userId,
  },
  toVersion: right,
  chargesMore: false,
  ...more,
})
const requestOf = async (terms: Terms, idempotencyKey: string = newId()) => ({
  ...terms,
  digest: must(await reratings.preview(terms)).digest,
  reason: 'The price was doubled by mistake',
  chargeReason: terms.chargesMore ? 'It was charged too little' : null,
  idempotencyKey,
})
const available = async (account: TestAccount) =>
  (await ledger.balance(account.organizationId, account.accountId))?.availableMicros ?? 0n
const linesOf = async (account: TestAccount, kind: string) =>
  (
    await clone.database.pool.query<{ operation_id: string; spent: bigint }>(
      `SELECT operation_id, amount_micros AS spent FROM ledger_entries
       WHERE account_id = $1 AND kind = $2 AND bucket = 'spent' ORDER BY number`,
      [account.accountId, kind],
    )
  ).rows
const counts = async () =>
  (
    await clone.database.pool.query(`SELECT (SELECT count(*) FROM reratings) AS reratings,
      (SELECT count(*) FROM rerated_operations) AS operations, (SELECT count(*) FROM ledger_entries) AS entries`)
  ).rows[0] as unknown

describe('a preview', () => {
  test('says what each operation and account would get back, and writes nothing', async () => {
    const account = await subscriber()
    const [a, b] = [await operate(account, 1_000, wrong), await operate(account, 3_000, wrong)]
    await operate(account, 1_000, right)
    const before = await counts()
    const preview = must(await reratings.preview(termsFor(account)))
    expect(await counts()).toEqual(before)
    // 1,000 tokens cost 0.25 credits by the right version, 0.5 by the wrong one; five tokens of output the same twice over.
    expect(preview.totals).toMatchObject({
      operations: 2,
      refunds: 2,
      refundMicros: 1_015_000n,
      charges: 0,
      unchanged: 0,
      notRated: 0,
    })
    expect(preview.operations.map(({ operationId }) => operationId)).toEqual([b, a])
    expect(preview.operations[1]).toMatchObject({ oldMicros: 515_000n, newMicros: 257_500n })
    expect(preview.accounts).toMatchObject([
      { accountId: account.accountId, operations: 2, refundMicros: 1_015_000n, chargeMicros: 0n },
    ])
  })

  test('finds nothing to change where operations were charged by the version that is asked for', async () => {
    const account = await subscriber()
    await operate(account, 1_234, wrong)
    await operate(account, 77, wrong)
    const preview = must(await reratings.preview(termsFor(account, { toVersion: wrong })))
    expect(preview.totals).toMatchObject({ operations: 2, unchanged: 2, refunds: 0, charges: 0 })
    expect(
      await reratings.request(ada, await requestOf(termsFor(account, { toVersion: wrong }))),
    ).toMatchObject({
      fault: { code: 'conflict' },
    })
  })

  test('leaves alone what the other version has no price for, and other keys’ operations', async () => {
    const account = await subscriber()
    await operate(account, 1_000, wrong)
    await clone.database.pool.query(
      `UPDATE operations SET model = 'gpt-5-unknown-model-x' WHERE user_id = $1`,
      [account.userId],
    )
    await insertOperation(clone.database, account, { key_owner: 'user', model })
    const scope = { ...termsFor(account).scope, model: null, priceBookVersion: null }
    const { totals } = must(await reratings.preview(termsFor(account, { scope })))
    expect(totals).toMatchObject({ operations: 1, refunds: 0 })
  })

  test('has what machines did for nothing, for whoever answers for them', async () => {
    const account = await subscriber()
    const userId = await makeMachine(clone.database, account)
    const free = { key_owner: 'system', model, input_tokens: 1_000n, cost_nano_usd: 0n } as const
    await insertOperation(clone.database, { ...account, userId }, free)
    const scope = { ...termsFor(account).scope, userId, priceBookVersion: null }
    const preview = must(await reratings.preview(termsFor(account, { scope, chargesMore: true })))
    expect(preview.accounts).toMatchObject([{ accountId: account.accountId, operations: 1 }])
    expect(preview.totals.chargeMicros).toBeGreaterThan(0n)
  })
})

describe('a re-rating', () => {
  test('gives back exactly what was previewed, once, by entries that are linked to their operations', async () => {
    const account = await subscriber()
    const before = await available(account)
    const operations = [await operate(account, 1_000, wrong), await operate(account, 3_000, wrong)]
    const record = (id: string) => clone.database.pool.query('SELECT * FROM operations WHERE id = $1', [id])
    const rows = (await record(operations[0] as string)).rows
    const request = await requestOf(termsFor(account))
    const asked = await Promise.all([1, 2, 3].map(() => reratings.request(ada, request)))
    expect(new Set(asked.map((each) => must(each).id)).size).toBe(1)
    await reratings.settled()
    const { id } = must(asked[0] as (typeof asked)[0])
    expect(must(await reratings.read(id))).toMatchObject({ status: 'done', done: 2, changed: 0 })
    await reratings.resume()
    expect(await linesOf(account, 'refund')).toEqual([
      { operation_id: operations[0], spent: -257_500n },
      { operation_id: operations[1], spent: -757_500n },
    ])
    expect(before - (await available(account))).toBe(257_500n + 757_500n)
    expect((await record(operations[0] as string)).rows).toEqual(rows)
    // What was given back counts: nothing is left to do.
    expect(must(await reratings.preview(termsFor(account))).totals).toMatchObject({ unchanged: 2 })
    const other = { ...request, reason: 'Another' }
    expect(await reratings.request(ada, other)).toMatchObject({ fault: { code: 'conflict' } })
  })

  test('charges more only where an administrator says so and why; what is not there is owed', async () => {
    const account = await subscriber(300_000n)
    const id = await operate(account, 1_000, right)
    const scope = { ...termsFor(account).scope, priceBookVersion: right }
    const refunds = must(await reratings.preview(termsFor(account, { scope, toVersion: wrong })))
    expect(refunds.totals).toMatchObject({ charges: 1, chargeMicros: 257_500n })
    expect(refunds.operations).toEqual([])
    const terms = termsFor(account, { scope, toVersion: wrong, chargesMore: true })
    const request = await requestOf(terms)
    expect(await reratings.request(ada, { ...request, chargeReason: null })).toMatchObject({
      fault: { field: 'chargeReason' },
    })
    must(await reratings.request(ada, request))
    await reratings.settled()
    expect(await linesOf(account, 'charge')).toEqual([{ operation_id: id, spent: 257_500n }])
    expect(await ledger.balance(account.organizationId, account.accountId)).toMatchObject({
      availableMicros: 0n,
      debtMicros: 215_000n,
    })
    const { rows } = await clone.database.pool.query(
      `SELECT kind, reason FROM ledger_corrections WHERE account_id = $1`,
      [account.accountId],
    )
    expect(rows).toEqual([{ kind: 'charge', reason: 'It was charged too little' }])
    // And back again: what was charged later can be refunded.
    must(await reratings.request(ada, await requestOf(termsFor(account, { scope }))))
    await reratings.settled()
    expect(await available(account)).toBe(42_500n)
  })

  test('above the limit waits for another administrator, and does nothing until then', async () => {
    const account = await subscriber()
    await operate(account, 1_000, wrong)
    limitMicros = 257_499n
    const request = await requestOf(termsFor(account))
    const { id, status } = must(await reratings.request(ada, request))
    limitMicros = 10n ** 12n
    expect(status).toBe('waiting')
    await reratings.resume()
    expect(await linesOf(account, 'refund')).toEqual([])
    expect(await reratings.approve(ada, id)).toMatchObject({ fault: { code: 'forbidden' } })
    const approvals = await Promise.all([grace, grace].map((actor) => reratings.approve(actor, id)))
    expect(approvals.filter(({ ok }) => ok)).toHaveLength(1)
    await reratings.settled()
    expect(await linesOf(account, 'refund')).toHaveLength(1)
    expect(await reratings.deny(grace, id, 'Too late')).toMatchObject({ fault: { code: 'conflict' } })
  })

  test('does nothing else than what was looked at', async () => {
    const account = await subscriber()
    await operate(account, 1_000, wrong)
    const request = await requestOf(termsFor(account))
    await operate(account, 1_000, wrong)
    expect(await reratings.request(ada, request)).toMatchObject({ fault: { code: 'conflict' } })
    expect(await linesOf(account, 'refund')).toEqual([])
  })

  test('leaves an operation alone whose charge was corrected otherwise meanwhile', async () => {
    const account = await subscriber()
    const [a, b] = [await operate(account, 1_000, wrong), await operate(account, 1_000, wrong)]
    limitMicros = 0n
    const { id } = must(await reratings.request(ada, await requestOf(termsFor(account))))
    limitMicros = 10n ** 12n
    await ledger.refund(null, {
      ...account,
      operationId: a,
      amountMicros: 1n,
      idempotencyKey: newId(),
      reason: 'Goodwill',
      createdBy: 'test',
    })
    must(await reratings.approve(grace, id))
    await reratings.settled()
    expect(must(await reratings.read(id))).toMatchObject({ status: 'done', done: 1, changed: 1 })
    expect((await linesOf(account, 'refund')).map(({ operation_id }) => operation_id)).toEqual([a, b])
  })

  test('that a process began is ended by another one, each operation once', async () => {
    const account = await subscriber()
    for (let index = 0; index < 5; index++) await operate(account, 1_000, wrong)
    let left = 3
    const dying = openReratings({
      ...ledger,
      // The whole portion is taken back when its transaction dies.
      refund: (t, request) => (--left < 0 ? Promise.reject(new Error('killed')) : ledger.refund(t, request)),
    })
    const { id } = must(await dying.request(ada, await requestOf(termsFor(account))))
    await dying.settled()
    expect(must(await reratings.read(id))).toMatchObject({ status: 'running', done: 0 })
    await Promise.all([reratings.resume(), openReratings().resume()])
    expect(must(await reratings.read(id))).toMatchObject({ status: 'done', done: 5 })
    expect(await linesOf(account, 'refund')).toHaveLength(5)
  })

  test('goes on with the other accounts where another process has just ended the one that it waited for', async () => {
    const accounts = [await subscriber(), await subscriber()] as const
    const scope = { ...termsFor(accounts[0]).scope, from: new Date(), userId: null }
    for (const account of accounts) await operate(account, 1_000, wrong)
    const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const other = openReratings({
      ...ledger,
      async refund(t, request) {
        begun.resolve()
        await ended.promise
        return ledger.refund(t, request)
      },
    })
    const { id } = must(await other.request(ada, await requestOf(termsFor(accounts[0], { scope }))))
    await begun.promise
    const resumed = reratings.resume()
    await vi.waitFor(async () => {
      const { rows } = await clone.database.pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      expect(rows).toHaveLength(1)
    })
    const closed = other.close()
    ended.resolve()
    await Promise.all([closed, resumed])
    expect(must(await reratings.read(id))).toMatchObject({ status: 'done', done: 2 })
  })

  test('counts markups and the worth of a credit, as the version has them', async () => {
    const account = await subscriber()
    await operate(account, 1_000, right)
    const version = await changePrices(prices, [
      { kind: 'set_markup', serviceId: 'openai', model, chargeBasisPoints: 11_000n },
      { kind: 'set_credit_worth', nanoUsdPerCredit: 20_000_000n },
    ])
    const scope = { ...termsFor(account).scope, priceBookVersion: right }
    const { operations } = must(await reratings.preview(termsFor(account, { scope, toVersion: version })))
    // The wrong price goes on under it: 515,000 × 1.1 ÷ 2.
    expect(operations).toEqual([])
    const more = must(
      await reratings.preview(termsFor(account, { scope, toVersion: version, chargesMore: true })),
    )
    expect(more.operations).toMatchObject([{ oldMicros: 257_500n, newMicros: 283_250n }])
  })
})
