import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import {
  checkLedger,
  holdRequest,
  makeAccount,
  makeTestClock,
  openLedger,
  purchase,
  type TestAccount,
} from '../../tests/ledger.ts'
import { unitOf } from '../db/writer.ts'
import { newId } from '../kit/id.ts'
import type { Ledger } from './ledger.ts'
import { verifyLedger } from './verify.ts'

const time = makeTestClock('2026-03-01T00:00:00Z')
let clone: TestDatabase
let ledger: Ledger
beforeAll(async () => {
  clone = await cloneDatabase()
  ledger = openLedger(clone.database, { clock: time.clock })
})
afterAll(async () => {
  await ledger.close()
  await clone.drop()
})
// Nothing is recorded here: holds are settled by themselves.
afterEach(async () => {
  const problems = await checkLedger(clone.database)
  expect(problems.filter((problem) => !problem.endsWith('has no operation on record'))).toEqual([])
  const failed = (await verifyLedger(clone.database)).lines.filter((line) => line.startsWith('FAIL'))
  const withoutRecords = /operations are charged|dead process/
  expect(failed.filter((line) => !withoutRecords.test(line))).toEqual([])
})

const day = 86_400_000
const why = { reason: 'test', createdBy: 'test' }

const reverse = (
  account: TestAccount,
  grantId: string,
  amountMicros: bigint | null,
  idempotencyKey = newId(),
) => ledger.reverse(null, { ...account, ...why, grantId, amountMicros, idempotencyKey })

const refund = (
  account: TestAccount,
  operationId: string,
  amountMicros: bigint | null,
  idempotencyKey = newId(),
) => ledger.refund(null, { ...account, ...why, operationId, amountMicros, idempotencyKey })

const settle = (account: TestAccount, operationId: string, chargeMicros: bigint) =>
  clone.database.kysely.transaction().execute(async (transaction) => {
    const unit = unitOf(transaction)
    await ledger.settleAll(unit, [{ ...account, operationId, chargeMicros }])
    await unit.sent()
  })

const spend = async (account: TestAccount, held: bigint, charge: bigint): Promise<string> => {
  const request = holdRequest(account, held)
  expect((await ledger.hold(request)).ok).toBe(true)
  await settle(account, request.operationId, charge)
  return request.operationId
}

const balance = async (account: TestAccount) => {
  const found = await ledger.balance(account.organizationId, account.accountId)
  return {
    available: found?.availableMicros,
    debt: found?.debtMicros,
    grants: found?.grants.map((grant) => grant.remainingMicros),
  }
}

const openAccount = () => makeAccount(clone.database, ledger, { at: time.clock() })

describe('a grant taken back', () => {
  test('gives up what is unspent first; what was spent is owed, and paid by the next grant', async () => {
    const account = await openAccount()
    const { grantId } = await purchase(ledger, account, 100n)
    await spend(account, 30n, 30n)
    expect(await reverse(account, grantId, null)).toMatchObject({
      created: true,
      amountMicros: 100n,
      debtMicros: 30n,
    })
    expect(await balance(account)).toEqual({ available: 0n, debt: 30n, grants: [] })
    await purchase(ledger, account, 50n)
    expect(await balance(account)).toEqual({ available: 20n, debt: 0n, grants: [20n] })
  })

  test('is paid for by other credits at once', async () => {
    const account = await openAccount()
    const { grantId } = await purchase(ledger, account, 100n)
    await purchase(ledger, account, 60n, { burnPriority: 200 })
    await spend(account, 80n, 80n)
    expect(await reverse(account, grantId, 100n)).toMatchObject({ debtMicros: 80n })
    expect(await balance(account)).toEqual({ available: 0n, debt: 20n, grants: [] })
  })

  test('is taken back once by the same key, and never more of it than was given', async () => {
    const account = await openAccount()
    const { grantId } = await purchase(ledger, account, 100n)
    const keys = await Promise.all(
      Array.from({ length: 5 }, () => reverse(account, grantId, 40n, 'dispute:1')),
    )
    expect(keys.filter((done) => done.created)).toHaveLength(1)
    expect(new Set(keys.map((done) => done.correctionId)).size).toBe(1)
    expect(await reverse(account, grantId, 80n)).toMatchObject({ amountMicros: 60n, debtMicros: 0n })
    expect(await reverse(account, grantId, 1n)).toEqual({
      correctionId: null,
      created: false,
      amountMicros: 0n,
      debtMicros: 0n,
    })
    expect(await balance(account)).toEqual({ available: 0n, debt: 0n, grants: [] })
  })

  test('does not owe what had expired unspent', async () => {
    const account = await openAccount()
    const { grantId } = await purchase(ledger, account, 100n, {
      expiresAt: new Date(time.clock().getTime() + day),
    })
    await spend(account, 30n, 30n)
    time.pass(2 * day)
    await ledger.expireGrants(time.clock())
    expect(await reverse(account, grantId, null)).toMatchObject({ amountMicros: 100n, debtMicros: 30n })
  })

  test('while part of it is held: what the hold gives back pays the debt', async () => {
    const account = await openAccount()
    const { grantId } = await purchase(ledger, account, 100n)
    const request = holdRequest(account, 70n)
    await ledger.hold(request)
    expect(await reverse(account, grantId, null)).toMatchObject({ debtMicros: 70n })
    await settle(account, request.operationId, 20n)
    expect(await balance(account)).toEqual({ available: 0n, debt: 20n, grants: [] })
  })

  test('of another account is not found', async () => {
    const account = await openAccount()
    const { grantId } = await purchase(ledger, await openAccount(), 100n)
    expect(await reverse(account, grantId, null)).toMatchObject({ correctionId: null })
  })
})

describe('an operation refunded', () => {
  test('returns to the grants it burnt, last burnt first, in parts and once by each key', async () => {
    const account = await openAccount()
    await purchase(ledger, account, 50n, { burnPriority: 1 })
    await purchase(ledger, account, 50n, { burnPriority: 2 })
    await purchase(ledger, account, 50n, { burnPriority: 3 })
    const operation = await spend(account, 80n, 120n)
    expect(await balance(account)).toMatchObject({ grants: [30n] })
    expect(await refund(account, operation, 30n, 'a')).toMatchObject({ created: true, amountMicros: 30n })
    expect(await refund(account, operation, 30n, 'a')).toMatchObject({ created: false, amountMicros: 30n })
    expect(await balance(account)).toMatchObject({ grants: [10n, 50n] })
    expect(await refund(account, operation, 50n)).toMatchObject({ amountMicros: 50n })
    expect(await balance(account)).toMatchObject({ grants: [10n, 50n, 50n] })
    expect(await refund(account, operation, null)).toMatchObject({ amountMicros: 40n })
    expect(await refund(account, operation, null)).toMatchObject({ correctionId: null })
    expect(await balance(account)).toEqual({ available: 150n, debt: 0n, grants: [50n, 50n, 50n] })
  })

  test('is no longer owed; what had been paid since is given anew', async () => {
    const account = await openAccount()
    await purchase(ledger, account, 50n)
    const operation = await spend(account, 50n, 90n)
    expect(await refund(account, operation, 10n)).toMatchObject({ debtMicros: 10n })
    await purchase(ledger, account, 20n)
    expect(await balance(account)).toEqual({ available: 0n, debt: 10n, grants: [] })
    expect(await refund(account, operation, null)).toMatchObject({ amountMicros: 80n, debtMicros: 10n })
    expect(await balance(account)).toMatchObject({ available: 70n, debt: 0n, grants: [50n, 20n] })
  })

  test('to a grant that has expired since is expired', async () => {
    const account = await openAccount()
    await purchase(ledger, account, 50n, { expiresAt: new Date(time.clock().getTime() + day) })
    const operation = await spend(account, 50n, 50n)
    time.pass(2 * day)
    await refund(account, operation, null)
    expect(await balance(account)).toEqual({ available: 0n, debt: 0n, grants: [] })
  })

  test('is nothing while it is held, and nothing when it was released', async () => {
    const account = await openAccount()
    await purchase(ledger, account, 50n)
    const request = holdRequest(account, 20n)
    await ledger.hold(request)
    expect(await refund(account, request.operationId, null)).toMatchObject({ correctionId: null })
    await settle(account, request.operationId, 0n)
    expect(await refund(account, request.operationId, null)).toMatchObject({ correctionId: null })
  })
})

describe('charging more', () => {
  const chargeMore = (
    account: TestAccount,
    operationId: string,
    amountMicros: bigint,
    idempotencyKey = newId(),
  ) => ledger.charge(null, { ...account, ...why, operationId, amountMicros, idempotencyKey })

  test('takes what is available in burn order and owes the rest, once for a key', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 10n)
    const operationId = await spend(account, 6n, 4n)
    const key = newId()
    expect(await chargeMore(account, operationId, 8n, key)).toMatchObject({
      created: true,
      amountMicros: 8n,
      debtMicros: 2n,
    })
    expect(await chargeMore(account, operationId, 8n, key)).toMatchObject({
      created: false,
      amountMicros: 8n,
    })
    expect(await balance(account)).toMatchObject({ available: 0n, debt: 2n })
  })

  test('can be given back with the rest of the charge, and no more than both', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 10n)
    const operationId = await spend(account, 6n, 4n)
    await chargeMore(account, operationId, 3n)
    expect(await refund(account, operationId, 100n)).toMatchObject({ amountMicros: 7n })
    expect(await refund(account, operationId, 1n)).toMatchObject({ correctionId: null, amountMicros: 0n })
    expect(await balance(account)).toMatchObject({ available: 10n, debt: 0n })
  })

  test('many at once with one key charge once', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 10n)
    const operationId = await spend(account, 6n, 4n)
    const key = newId()
    const all = await Promise.all(Array.from({ length: 8 }, () => chargeMore(account, operationId, 1n, key)))
    expect(all.filter(({ created }) => created)).toHaveLength(1)
    expect(await balance(account)).toMatchObject({ available: 5n })
  })
})
