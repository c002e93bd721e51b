import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import {
  checkLedger,
  holdRequest,
  makeAccount,
  openLedger,
  operationRecord,
  purchase,
  type TestAccount,
} from '../../tests/ledger.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { makeRecorder, type Recorder } from '../metering/recorder.ts'
import type { Ledger } from './ledger.ts'
import { verifyLedger } from './verify.ts'

let clone: TestDatabase
let ledger: Ledger
let recorder: Recorder
beforeAll(async () => {
  clone = await cloneDatabase()
  ledger = openLedger(clone.database)
  recorder = makeRecorder({ database: clone.database, ledger, log: silentLog })
})
afterAll(async () => {
  await recorder.close()
  await ledger.close()
  await clone.drop()
})

const credits = (n: number): bigint => BigInt(n) * 1_000_000n

describe('an operation on a system key', () => {
  test('holds, settles for less and returns the rest, with its record in the same commit', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, credits(10))
    const request = holdRequest(account, credits(4))
    expect(await ledger.hold(request)).toEqual({ ok: true, value: { heldMicros: credits(4) } })
    const operation = operationRecord(account, {
      id: request.operationId,
      keyOwner: 'system',
      heldMicros: credits(4),
      creditMicros: credits(1),
    })
    await recorder.record(operation, { ...request, chargeMicros: credits(1) })
    expect(await ledger.balance(account.organizationId, account.accountId)).toMatchObject({
      availableMicros: credits(9),
      heldMicros: 0n,
      debtMicros: 0n,
    })
    expect(await checkLedger(clone.database)).toEqual([])
  })
  test('holds what is affordable between minimum and maximum, and refuses below the minimum with the numbers', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, credits(3))
    const wanted = { minimumMicros: credits(1), maximumMicros: credits(8) }
    expect(await ledger.hold(holdRequest(account, 0n, wanted))).toEqual({
      ok: true,
      value: { heldMicros: credits(3) },
    })
    expect(await ledger.hold(holdRequest(account, 0n, wanted))).toMatchObject({
      ok: false,
      fault: {
        code: 'insufficient_credits',
        message: 'There are not enough credits for this call: it needs at least 1, and 0 are available.',
      },
    })
  })

  test('never starts on an empty account, not even for a model that costs nothing', async () => {
    const account = await makeAccount(clone.database, ledger)
    expect((await ledger.hold(holdRequest(account, 0n))).ok).toBe(false)
  })

  test('is refused for a user without an account, and for an account of another organisation', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, credits(3))
    const foreign = { ...account, organizationId: newId() }
    expect((await ledger.hold(holdRequest(foreign, 1n))).ok).toBe(false)
    expect((await ledger.hold(holdRequest({ ...account, accountId: newId() }, 1n))).ok).toBe(false)
  })

  test('that settles above its hold takes available credits first, then owes; the next grant pays the debt first', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 100n)
    const request = holdRequest(account, 60n)
    await ledger.hold(request)
    const operation = operationRecord(account, {
      id: request.operationId,
      keyOwner: 'system',
      creditMicros: 130n,
    })
    await recorder.record(operation, { ...request, chargeMicros: 130n })
    const balance = () => ledger.balance(account.organizationId, account.accountId)
    expect(await balance()).toMatchObject({ availableMicros: 0n, heldMicros: 0n, debtMicros: 30n })
    await purchase(ledger, account, 20n)
    expect(await balance()).toMatchObject({ availableMicros: 0n, debtMicros: 10n })
    await purchase(ledger, account, 25n)
    expect(await balance()).toMatchObject({ availableMicros: 15n, debtMicros: 0n })
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('is held again by nobody: a hold with the same operation finds the first one', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 100n)
    const request = holdRequest(account, 30n)
    expect(await Promise.all([ledger.hold(request), ledger.hold(request)])).toEqual([
      { ok: true, value: { heldMicros: 30n } },
      { ok: true, value: { heldMicros: 30n } },
    ])
    expect(await ledger.balance(account.organizationId, account.accountId)).toMatchObject({ heldMicros: 30n })
  })

  test('released gives all back, once', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 100n)
    const request = holdRequest(account, 30n)
    await ledger.hold(request)
    const release = () => ledger.release(account.organizationId, request.operationId)
    expect(await release()).toEqual({ kind: 'ended' })
    expect(await release()).toEqual({ kind: 'ended_before', chargeMicros: 0n })
    expect(await ledger.release(account.organizationId, newId())).toEqual({ kind: 'unknown_hold' })
    expect(await ledger.balance(account.organizationId, account.accountId)).toMatchObject({
      availableMicros: 100n,
    })
  })
})

describe('an account', () => {
  test('opens with its first allocation, which expires with the period, and opens once', async () => {
    const at = new Date('2026-01-31T09:00:00Z')
    const account = await makeAccount(clone.database, ledger, { tierId: 'free', at })
    const { rows } = await clone.database.pool.query('SELECT * FROM grants WHERE account_id = $1', [
      account.accountId,
    ])
    expect(rows).toMatchObject([
      {
        kind: 'allocation',
        amount_micros: credits(100),
        effective_at: at,
        expires_at: new Date('2026-02-28T09:00:00Z'),
      },
    ])
    const again = await clone.database.kysely
      .transaction()
      .execute((transaction) =>
        ledger.openAccount(transaction, { ...account, tierId: 'pro', at: new Date() }),
      )
    expect(again).toBe(account.accountId)
    expect(await ledger.accountOf(account.organizationId, account.userId)).toBe(account.accountId)
    expect(await ledger.accountOf(account.organizationId, newId())).toBeNull()
  })

  test('gives the new tier’s allocation from the next period on', async () => {
    const account = await makeAccount(clone.database, ledger, {
      tierId: 'free',
      at: new Date('2026-03-05T00:00:00Z'),
    })
    await clone.database.kysely
      .transaction()
      .execute((transaction) => ledger.changeTier(transaction, { ...account, tierId: 'pro' }))
    await ledger.ensureAllocations(new Date('2026-04-04T23:59:59Z'))
    await ledger.ensureAllocations(new Date('2026-04-05T00:00:00Z'))
    const { rows } = await clone.database.pool.query(
      'SELECT amount_micros FROM grants WHERE account_id = $1 ORDER BY effective_at',
      [account.accountId],
    )
    expect(rows.map((row) => row.amount_micros)).toEqual([credits(100), credits(2000)])
  })

  test('rolled back with its transaction leaves nothing behind', async () => {
    const account = await makeAccount(clone.database, ledger)
    const undone = clone.database.kysely.transaction().execute(async (transaction) => {
      await ledger.grant(transaction, {
        ...account,
        kind: 'adjustment',
        amountMicros: 5n,
        effectiveAt: new Date(0),
        expiresAt: null,
        idempotencyKey: 'a',
        reason: null,
        createdBy: 'test',
      })
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    expect(await ledger.balance(account.organizationId, account.accountId)).toMatchObject({
      availableMicros: 0n,
    })
    expect((await ledger.statement(account.organizationId, account.accountId)).lines).toEqual([])
  })

  test('reads as a statement with a running balance, in pages that neither lose nor repeat a line', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 1_000n)
    for (let i = 0; i < 7; i++) {
      const request = holdRequest(account, 50n)
      await ledger.hold(request)
      const operation = operationRecord(account, {
        id: request.operationId,
        keyOwner: 'system',
        creditMicros: 20n,
      })
      await recorder.record(operation, { ...request, chargeMicros: 20n })
    }
    const read = (before?: bigint) =>
      ledger.statement(
        account.organizationId,
        account.accountId,
        before ? { before, limit: 4 } : { limit: 4 },
      )
    const lines = []
    let page = await read()
    for (; page.cursor !== null; page = await read(page.cursor)) lines.push(...page.lines)
    lines.push(...page.lines)
    expect(lines.map((line) => line.number)).toEqual(
      Array.from({ length: 15 }, (_, index) => BigInt(15 - index)),
    )
    expect(lines[0]).toMatchObject({
      kind: 'settle',
      changes: { held: -50n, spent: 20n, available: 30n },
      availableMicros: 860n,
    })
    expect(lines.at(-1)).toMatchObject({ kind: 'grant', changes: { issued: -1_000n, available: 1_000n } })
    for (const [index, line] of lines.entries())
      expect(line.availableMicros - (line.changes.available ?? 0n)).toBe(
        lines[index + 1]?.availableMicros ?? 0n,
      )
  })

  test('is listed with its balance for administrators, in pages', async () => {
    const organizationId = newId()
    const opened: TestAccount[] = []
    for (let i = 0; i < 5; i++) opened.push(await makeAccount(clone.database, ledger, { organizationId }))
    await purchase(ledger, opened[2] as TestAccount, 77n)
    const first = await ledger.accounts({ organizationId, limit: 3 })
    const second = await ledger.accounts({ organizationId, limit: 3, after: first.cursor ?? '' })
    expect(second.cursor).toBeNull()
    const all = [...first.accounts, ...second.accounts]
    expect(all.map((account) => account.accountId)).toEqual(
      opened.map((account) => account.accountId).toSorted(),
    )
    expect(all.find((account) => account.accountId === opened[2]?.accountId)?.availableMicros).toBe(77n)
    expect((await ledger.accounts({ limit: 200 })).accounts.length).toBeGreaterThan(5)
  })
})

describe('the entries', () => {
  test('can be neither changed nor deleted', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 10n)
    const { pool } = clone.database
    await expect(pool.query('UPDATE ledger_entries SET amount_micros = 1')).rejects.toThrow('append-only')
    await expect(pool.query('DELETE FROM ledger_entries')).rejects.toThrow('append-only')
  })

  test('verify, and each way to break them is found', async () => {
    await using broken = await cloneDatabase()
    const { pool } = broken.database
    const own = openLedger(broken.database)
    const account = await makeAccount(broken.database, own)
    await purchase(own, account, 100n)
    expect((await verifyLedger(broken.database)).lines.filter((line) => line.startsWith('FAIL'))).toEqual([])
    const failures = async (statement: string) => {
      await pool.query(`BEGIN; ALTER TABLE ledger_entries DISABLE TRIGGER USER; ${statement}; COMMIT`)
      const { ok, lines } = await verifyLedger(broken.database)
      expect(ok).toBe(false)
      expect((await checkLedger(broken.database)).length).toBeGreaterThan(0)
      return lines.filter((line) => line.startsWith('FAIL')).map((line) => line.slice(6))
    }
    expect(await failures('UPDATE grants SET remaining_micros = 99')).toEqual([
      'grants have left what the entries took from them',
    ])
    expect(
      await failures('UPDATE grants SET remaining_micros = 100; UPDATE credit_accounts SET held_micros = 1'),
    ).toEqual(['balances are what the entries add up to', 'held credits belong to unfinished holds'])
    expect(await failures('UPDATE credit_accounts SET held_micros = 0, debt_micros = 3')).toEqual([
      'balances are what the entries add up to',
    ])
    expect(
      await failures('UPDATE credit_accounts SET debt_micros = 0; DELETE FROM ledger_entries WHERE line = 1'),
    ).toEqual([
      'every transaction sums to zero',
      'grants have left what the entries took from them',
      'the running balance of every statement is what the lines before it add up to',
    ])
    await own.close()
  })
})
