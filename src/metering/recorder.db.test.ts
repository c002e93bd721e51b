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
import type { HoldRequest, Ledger } from '../ledger/ledger.ts'
import { makeRecorder, type Recorder } from './recorder.ts'

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

const recordOf = (account: TestAccount, request: HoldRequest, chargeMicros: bigint) =>
  operationRecord(account, {
    id: request.operationId,
    keyOwner: 'system',
    heldMicros: request.maximumMicros,
    creditMicros: chargeMicros,
  })

const stored = async (id: string) =>
  (
    await clone.database.pool.query(
      'SELECT *, attempts::json, decision::json FROM operations WHERE id = $1',
      [id],
    )
  ).rows

describe('a record', () => {
  test('keeps any text as it is, but for what PostgreSQL cannot store', async () => {
    const account = await makeAccount(clone.database, ledger)
    const odd = 'tab\there \\N \\. "quoted" {a,b} \r\n\b ünï 😀 \\t\\\\'
    const operation = operationRecord(account, {
      requestedModel: `${odd}\0\ud800`,
      model: odd,
      attempts: [{ said: `${odd}\0\ud800` }],
      decision: JSON.stringify({ [odd]: odd }),
    })
    await recorder.record(operation, null)
    expect(await stored(operation.id)).toMatchObject([
      {
        requested_model: `${odd}\uFFFD\uFFFD`,
        model: odd,
        attempts: [{ said: `${odd}\uFFFD\uFFFD` }],
        decision: { [odd]: odd },
      },
    ])
  })

  test('of an operation that is on record otherwise is refused, and those of its batch are stored all the same', async () => {
    const account = await makeAccount(clone.database, ledger)
    const before = operationRecord(account, { durationMs: 5 })
    await recorder.record(before, null)
    const others = [operationRecord(account), operationRecord(account)]
    const [refused, ...rest] = await Promise.allSettled(
      [{ ...before, durationMs: 6 }, ...others].map((operation) => recorder.record(operation, null)),
    )
    expect(refused?.status).toBe('rejected')
    expect(rest.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    for (const { id } of others) expect(await stored(id)).toHaveLength(1)
  })

  test('on an own key is stored as it was given and writes nothing to the ledger, at a balance of zero', async () => {
    const account = await makeAccount(clone.database, ledger)
    const operation = operationRecord(account, { attempts: [{ a: [1, null, 'x'] }], reasoningTokens: 3 })
    await recorder.record(operation, null)
    expect(await stored(operation.id)).toMatchObject([
      {
        organization_id: account.organizationId,
        user_id: account.userId,
        started_at: operation.startedAt,
        duration_ms: 12,
        status: 'succeeded',
        attempts: [{ a: [1, null, 'x'] }],
        reasoning_tokens: 3n,
        cost_nano_usd: 1000n,
        credit_micros: 0n,
      },
    ])
    const { lines } = await ledger.statement(account.organizationId, account.accountId)
    expect(lines).toEqual([])
  })

  test('may hold any text a caller or a service can send', async () => {
    const account = await makeAccount(clone.database, ledger)
    const nasty = 'a"b\\c,{}\n\u0000\ud800 NULL é 😀'
    const operation = operationRecord(account, {
      requestedModel: nasty,
      model: 'x'.repeat(100_000),
      reason: 'NULL',
      attempts: [{ message: nasty, nested: { list: ['\u0000', '\\u0000'] } }],
      durationMs: 1.5,
      inputTokens: Number.NaN,
    })
    await recorder.record(operation, null)
    const [row] = await stored(operation.id)
    expect(row.requested_model).toBe('a"b\\c,{}\n\ufffd\ufffd NULL é 😀')
    expect(row.model).toHaveLength(500)
    expect(row.reason).toBe('NULL')
    expect(row.attempts[0].nested.list).toEqual(['\ufffd', '\\u0000'])
    expect(row.duration_ms).toBe(2)
    expect(row.input_tokens).toBe(0n)
  })

  test('that the database refuses fails alone, not those committed with it', async () => {
    const account = await makeAccount(clone.database, ledger)
    const good = Array.from({ length: 20 }, () => operationRecord(account))
    const bad = operationRecord(account, { status: 'nonsense' as 'failed' })
    const results = await Promise.allSettled(
      [...good.slice(0, 9), bad, ...good.slice(9)].map((o) => recorder.record(o, null)),
    )
    expect(results.filter((result) => result.status === 'rejected')).toHaveLength(1)
    expect(await stored(bad.id)).toEqual([])
    for (const operation of good) expect(await stored(operation.id)).toHaveLength(1)
  })

  test('whose credits differ from its settlement is refused before anything is written', async () => {
    const account = await makeAccount(clone.database, ledger)
    await expect(recorder.record(operationRecord(account, { creditMicros: 5n }), null)).rejects.toThrow(
      'do not agree',
    )
  })
})

describe('a settlement', () => {
  test('is done once, however often and however concurrently the record is given', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 100n)
    const request = holdRequest(account, 60n)
    await ledger.hold(request)
    const operation = recordOf(account, request, 25n)
    const settlement = { ...request, chargeMicros: 25n }
    await Promise.all([recorder.record(operation, settlement), recorder.record(operation, settlement)])
    await recorder.record(operation, settlement)
    expect(await ledger.balance(account.organizationId, account.accountId)).toMatchObject({
      availableMicros: 75n,
      heldMicros: 0n,
    })
    expect(await stored(operation.id)).toHaveLength(1)
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('of another amount than before is refused and changes nothing', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 100n)
    const request = holdRequest(account, 60n)
    await ledger.hold(request)
    await recorder.record(recordOf(account, request, 25n), { ...request, chargeMicros: 25n })
    const again = recorder.record(recordOf(account, request, 30n), { ...request, chargeMicros: 30n })
    await expect(again).rejects.toMatchObject({ fault: { code: 'internal' } })
    expect((await stored(request.operationId))[0].credit_micros).toBe(25n)
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('of a hold that was given back meanwhile is refused: the record must not claim credits', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 100n)
    const request = holdRequest(account, 60n)
    await ledger.hold(request)
    await ledger.release(account.organizationId, request.operationId)
    const late = recorder.record(recordOf(account, request, 25n), { ...request, chargeMicros: 25n })
    await expect(late).rejects.toMatchObject({ fault: { code: 'internal' } })
    expect(await stored(request.operationId)).toEqual([])
  })

  test('with a charge and without a hold is refused, and its neighbours are committed', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, 100n)
    const request = holdRequest(account, 60n)
    await ledger.hold(request)
    const unknown = holdRequest(account, 60n)
    const [settled, refused] = await Promise.allSettled([
      recorder.record(recordOf(account, request, 25n), { ...request, chargeMicros: 25n }),
      recorder.record(recordOf(account, unknown, 25n), { ...unknown, chargeMicros: 25n }),
    ])
    expect(settled.status).toBe('fulfilled')
    expect(refused.status).toBe('rejected')
    expect(await stored(unknown.operationId)).toEqual([])
  })
})

/** Ends the connections of our writers, as a crash of PostgreSQL would, while work goes on. */
const killWriters = async () => {
  await clone.database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name IN ('aideon-keys holds', 'aideon-keys recorder')`,
  )
}

test('while connections are killed again and again, what was confirmed is on record exactly once and all sums hold', async () => {
  const accounts = await Promise.all(Array.from({ length: 3 }, () => makeAccount(clone.database, ledger)))
  for (const account of accounts) await purchase(ledger, account, 1_000_000_000n)
  const confirmed: { id: string; credits: bigint }[] = []
  const over = new AbortController()
  let kills = 0
  const client = async (index: number) => {
    const account = accounts[index % accounts.length] as TestAccount
    while (!over.signal.aborted) {
      if (index % 2 === 0) {
        const operation = operationRecord(account, { id: newId() })
        await recorder.record(operation, null)
        confirmed.push({ id: operation.id, credits: 0n })
        continue
      }
      const request = holdRequest(account, 50n)
      expect((await ledger.hold(request)).ok).toBe(true)
      await recorder.record(recordOf(account, request, 20n), { ...request, chargeMicros: 20n })
      confirmed.push({ id: request.operationId, credits: 20n })
    }
  }
  const killer = async () => {
    while (kills < 40) {
      const before = confirmed.length
      await killWriters()
      kills++
      while (confirmed.length < before + 5) await new Promise(setImmediate)
    }
    over.abort()
  }
  await Promise.all([killer(), ...Array.from({ length: 12 }, (_, index) => client(index))])
  const { rows } = await clone.database.pool.query(
    'SELECT id, credit_micros FROM operations WHERE id = ANY($1::uuid[])',
    [confirmed.map((operation) => operation.id)],
  )
  const recorded = new Map(rows.map((row) => [row.id, row.credit_micros]))
  expect(rows).toHaveLength(confirmed.length)
  for (const operation of confirmed) expect(recorded.get(operation.id)).toBe(operation.credits)
  const open = await clone.database.pool.query(`SELECT id FROM holds WHERE state IN ('open', 'unresolved')`)
  expect(open.rows).toEqual([])
  expect(await checkLedger(clone.database)).toEqual([])
})
