import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../db/database.ts'
import { silentLog } from '../kit/log.ts'
import { makeRecorder } from '../metering/recorder.ts'
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
import {
  type Node,
  openNodes,
  openNode,
  join,
  settled,
  use,
  upkeepBy,
  inSeconds,
  race,
} from '../../tests/ledger-nodes.ts'
import { openLosingProxy } from '../../tests/ledger-proxy.ts'
import type { HoldRequest } from './ledger.ts'
import { verifyLedger } from './verify.ts'

describe('several processes', () => {
  let clone: TestDatabase
  let nodes: Node[]
  let first: Node
  beforeAll(async () => {
    ;({ clone, nodes, first } = await openNodes(3))
  })
  afterAll(async () => {
    for (const node of nodes) await node.close()
    await clone.drop()
  })

  test('64 clients racing on the last credits never spend one that is not there, nor lose one', async () => {
    const account = await makeAccount(first.database, first.ledger)
    for (const amount of [400n, 350n, 250n]) await purchase(first.ledger, account, amount)
    const spent = await race(nodes, account)
    const balance = await first.ledger.balance(account.organizationId, account.accountId)
    expect(balance).toMatchObject({ availableMicros: 1_000n - spent, heldMicros: 0n, debtMicros: 0n })
    expect(balance?.availableMicros).toBeLessThan(7n)
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('the same hold settled by all at once is settled once', async () => {
    const account = await makeAccount(first.database, first.ledger)
    await purchase(first.ledger, account, 100n)
    for (let round = 0; round < 10; round++) {
      const request = holdRequest(account, 10n)
      await first.ledger.hold(request)
      const operation = settled(account, request, 3n)
      await Promise.all(
        nodes.map((node) => node.recorder.record(operation, { ...request, chargeMicros: 3n })),
      )
    }
    expect(await first.ledger.balance(account.organizationId, account.accountId)).toMatchObject({
      availableMicros: 70n,
      heldMicros: 0n,
    })
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('settled for different amounts at once, one amount is charged and the others are refused', async () => {
    const account = await makeAccount(first.database, first.ledger)
    await purchase(first.ledger, account, 100n)
    const request = holdRequest(account, 50n)
    await first.ledger.hold(request)
    const results = await Promise.allSettled(
      nodes.map((node, index) => {
        const chargeMicros = BigInt(index + 1)
        return node.recorder.record(settled(account, request, chargeMicros), { ...request, chargeMicros })
      }),
    )
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    const charged = BigInt(results.findIndex((result) => result.status === 'fulfilled') + 1)
    expect((await first.ledger.balance(account.organizationId, account.accountId))?.availableMicros).toBe(
      100n - charged,
    )
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('batches over the same accounts in any order never deadlock', async () => {
    const accounts = await Promise.all(
      Array.from({ length: 20 }, () => makeAccount(first.database, first.ledger)),
    )
    for (const account of accounts) await purchase(first.ledger, account, 1_000_000n)
    const client = async (index: number) => {
      for (let turn = 0; turn < 25; turn++) {
        const account = accounts[(index * 11 + turn * 7) % accounts.length] as TestAccount
        await use(nodes[index % nodes.length] as Node, account, 5n, 5n)
      }
    }
    await Promise.all([upkeepBy(nodes), ...Array.from({ length: 48 }, (_, index) => client(index))])
    const { rows } = await clone.database.pool.query<{ deadlocks: bigint }>(
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    )
    expect(rows[0]?.deadlocks).toBe(0n)
    let available = 0n
    for (const account of accounts)
      available +=
        (await first.ledger.balance(account.organizationId, account.accountId))?.availableMicros ?? 0n
    expect(available).toBe(20_000_000n - 48n * 25n * 5n)
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('the month’s allocation is given once, however many ask for it at once', async () => {
    const accounts: TestAccount[] = []
    for (let i = 0; i < 12; i++)
      accounts.push(
        await makeAccount(first.database, first.ledger, {
          tierId: 'free',
          at: new Date('2026-01-31T00:00:00Z'),
        }),
      )
    for (const at of [
      '2026-02-28T00:00:00Z',
      '2026-03-30T23:59:59Z',
      '2026-03-31T00:00:00Z',
      '2026-07-15T00:00:00Z',
    ]) {
      const asked = [...nodes, ...nodes].map((node) => node.ledger.ensureAllocations(new Date(at)))
      await Promise.all(asked)
    }
    for (const { accountId } of accounts) {
      const { rows } = await clone.database.pool.query(
        'SELECT idempotency_key FROM grants WHERE account_id = $1 ORDER BY effective_at',
        [accountId],
      )
      expect(rows.map((row) => row.idempotency_key)).toEqual([
        'allocation:2026-01-31',
        'allocation:2026-02-28',
        'allocation:2026-03-31',
        'allocation:2026-06-30',
      ])
    }
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('the same grant asked for by all at once is given once', async () => {
    const account = await makeAccount(first.database, first.ledger)
    const idempotencyKey = 'purchase:1'
    const given = await Promise.all(
      [...nodes, ...nodes].map((node) => purchase(node.ledger, account, 10n, { idempotencyKey })),
    )
    expect(given.filter((grant) => grant.created)).toHaveLength(1)
    expect(new Set(given.map((grant) => grant.grantId)).size).toBe(1)
    expect((await first.ledger.balance(account.organizationId, account.accountId))?.availableMicros).toBe(10n)
  })
})

describe('a process that died', () => {
  let clone: TestDatabase
  let nodes: Node[]
  let first: Node
  beforeAll(async () => {
    ;({ clone, nodes, first } = await openNodes(3))
  })
  afterAll(async () => {
    for (const node of nodes) await node.close()
    await clone.drop()
  })

  /** A node that holds credits and then never comes back. */
  const dieHolding = async (account: TestAccount, micros: bigint) => {
    const dead = openNode(clone.url)
    await join(clone, dead.processId, '1 hour')
    const request = holdRequest(account, micros)
    expect((await dead.ledger.hold(request)).ok).toBe(true)
    await join(clone, dead.processId, '-1 second')
    return { dead, request }
  }
  const recoverAll = async (at: Date) => {
    const all = await Promise.all([...nodes, ...nodes].map((node) => node.ledger.recoverHolds(at)))
    return {
      marked: all.reduce((sum, recovered) => sum + recovered.marked, 0),
      restored: all.reduce((sum, recovered) => sum + recovered.restored, 0),
      released: all.reduce((sum, recovered) => sum + recovered.released, 0),
    }
  }
  const stateOf = async (request: HoldRequest) =>
    (await clone.database.pool.query('SELECT state FROM holds WHERE id = $1', [request.operationId])).rows[0]
      .state

  test('leaves its hold unresolved, and after the grace time it is given back and recorded, once', async () => {
    const account = await makeAccount(first.database, first.ledger)
    await purchase(first.ledger, account, 100n)
    const { dead, request } = await dieHolding(account, 40n)
    expect(await recoverAll(inSeconds(1))).toEqual({ marked: 1, restored: 0, released: 0 })
    expect(await stateOf(request)).toBe('unresolved')
    expect(await recoverAll(inSeconds(29))).toEqual({ marked: 0, restored: 0, released: 0 })
    expect(await recoverAll(inSeconds(32))).toEqual({ marked: 0, restored: 0, released: 1 })
    expect(await first.ledger.balance(account.organizationId, account.accountId)).toMatchObject({
      availableMicros: 100n,
      heldMicros: 0n,
    })
    const { rows } = await clone.database.pool.query('SELECT * FROM operations WHERE id = $1', [
      request.operationId,
    ])
    expect(rows).toMatchObject([
      { status: 'interrupted', credit_micros: 0n, held_micros: 40n, model: 'gpt-5.4', key_owner: 'system' },
    ])
    // It was only slow: its reply must end as an error, for the record says that it was interrupted.
    const late = dead.recorder.record(settled(account, request, 20n), { ...request, chargeMicros: 20n })
    await expect(late).rejects.toMatchObject({ fault: { code: 'internal' } })
    await dead.close()
    expect((await verifyLedger(clone.database)).lines.filter((line) => line.startsWith('FAIL'))).toEqual([])
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('and lives after all gets its hold back and settles it', async () => {
    const account = await makeAccount(first.database, first.ledger)
    await purchase(first.ledger, account, 100n)
    const { dead, request } = await dieHolding(account, 40n)
    await recoverAll(inSeconds(1))
    await join(clone, dead.processId, '1 hour')
    expect(await recoverAll(inSeconds(40))).toEqual({ marked: 0, restored: 1, released: 0 })
    expect(await stateOf(request)).toBe('open')
    await dead.recorder.record(settled(account, request, 20n), { ...request, chargeMicros: 20n })
    await dead.close()
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('can still settle while its hold is unresolved', async () => {
    const account = await makeAccount(first.database, first.ledger)
    await purchase(first.ledger, account, 100n)
    const { dead, request } = await dieHolding(account, 40n)
    await recoverAll(inSeconds(1))
    await dead.recorder.record(settled(account, request, 20n), { ...request, chargeMicros: 20n })
    expect(await recoverAll(inSeconds(60))).toEqual({ marked: 0, restored: 0, released: 0 })
    await dead.close()
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('is not one whose lease holds, nor the asking process itself, whatever a fast clock says', async () => {
    const account = await makeAccount(first.database, first.ledger)
    await purchase(first.ledger, account, 100n)
    const request = holdRequest(account, 40n)
    await first.ledger.hold(request)
    expect(await recoverAll(inSeconds(365 * 86_400))).toEqual({ marked: 0, restored: 0, released: 0 })
    await join(clone, first.processId, '-1 second')
    expect(await first.ledger.recoverHolds(inSeconds(60))).toEqual({ marked: 0, restored: 0, released: 0 })
    await join(clone, first.processId, '1 hour')
    expect(await stateOf(request)).toBe('open')
    await first.ledger.release(account.organizationId, request.operationId)
  })
})

describe('a commit whose answer is lost', () => {
  let clone: TestDatabase
  beforeAll(async () => {
    clone = await cloneDatabase()
  })
  afterAll(() => clone.drop())

  const openLossy = async (patienceMs: number) => {
    const proxy = await openLosingProxy(clone.url)
    const database = openDatabase({ url: proxy.url, maximumConnections: 4 })
    const ledger = openLedger(database, { holdPatienceMs: patienceMs })
    const recorder = makeRecorder({ database, ledger, log: silentLog, patienceMs })
    const account = await makeAccount(database, ledger)
    await purchase(ledger, account, 100n)
    const balance = () => ledger.balance(account.organizationId, account.accountId)
    const close = async () => {
      await recorder.close()
      await ledger.close()
      await database.close()
      await proxy[Symbol.asyncDispose]()
    }
    return { proxy, ledger, recorder, account, balance, close }
  }

  test('of a hold is found again and nothing is held twice', async () => {
    const { proxy, ledger, account, balance, close } = await openLossy(5_000)
    proxy.lose('COMMIT', 2)
    expect(await ledger.hold(holdRequest(account, 40n))).toEqual({ ok: true, value: { heldMicros: 40n } })
    expect(proxy.left()).toBe(0)
    expect(await balance()).toMatchObject({ availableMicros: 60n, heldMicros: 40n })
    await close()
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('of a settlement is found again, charged once and recorded once', async () => {
    const { proxy, ledger, recorder, account, balance, close } = await openLossy(5_000)
    const request = holdRequest(account, 40n)
    await ledger.hold(request)
    proxy.lose('COMMIT', 2)
    await recorder.record(settled(account, request, 15n), { ...request, chargeMicros: 15n })
    expect(proxy.left()).toBe(0)
    expect(await balance()).toMatchObject({ availableMicros: 85n, heldMicros: 0n })
    await close()
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('of a record on an own key is found again', async () => {
    const { proxy, recorder, account, close } = await openLossy(5_000)
    const operation = operationRecord(account)
    proxy.lose('COPY 1', 1)
    await recorder.record(operation, null)
    expect(proxy.left()).toBe(0)
    const { rows } = await clone.database.pool.query('SELECT id FROM operations WHERE id = $1', [
      operation.id,
    ])
    expect(rows).toHaveLength(1)
    await close()
  })

  test('of a hold that was given up for it is given back when the database answers again', async () => {
    const { proxy, ledger, account, balance, close } = await openLossy(1)
    proxy.lose('COMMIT', 2)
    const outcome = await ledger.hold(holdRequest(account, 40n))
    expect(outcome.ok ? null : outcome.fault.code).toBe('database_unavailable')
    expect(await balance()).toMatchObject({ availableMicros: 60n, heldMicros: 40n })
    await expect.poll(async () => (await balance())?.availableMicros).toBe(100n)
    await close()
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('of a record that was given up for it leaves charge and record together, whichever way it went', async () => {
    const { proxy, ledger, recorder, account, balance, close } = await openLossy(1)
    const request = holdRequest(account, 40n)
    await ledger.hold(request)
    proxy.lose('COMMIT', 1)
    const record = recorder.record(settled(account, request, 15n), { ...request, chargeMicros: 15n })
    await expect(record).rejects.toMatchObject({ fault: { code: 'database_unavailable' } })
    await expect.poll(async () => (await balance())?.heldMicros).toBe(0n)
    await close()
    expect(await checkLedger(clone.database)).toEqual([])
  })

  test('given up before it was committed, a record is written later as interrupted and its credits come back', async () => {
    const { proxy, ledger, recorder, account, balance, close } = await openLossy(1)
    const request = holdRequest(account, 40n)
    await ledger.hold(request)
    // The connection breaks at BEGIN: nothing of it reached the ledger.
    proxy.lose('BEGIN', 1)
    const record = recorder.record(settled(account, request, 15n), { ...request, chargeMicros: 15n })
    await expect(record).rejects.toMatchObject({ fault: { code: 'database_unavailable' } })
    await expect.poll(async () => (await balance())?.availableMicros).toBe(100n)
    const { rows } = await clone.database.pool.query(
      'SELECT status, credit_micros FROM operations WHERE id = $1',
      [request.operationId],
    )
    expect(rows).toEqual([{ status: 'interrupted', credit_micros: 0n }])
    await close()
    expect(await checkLedger(clone.database)).toEqual([])
  })
})
