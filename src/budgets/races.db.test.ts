import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type BudgetNode,
  checkBudgets,
  hardOn,
  made,
  openBudgets,
  operator,
  passedBy,
  spend,
  withBudgets,
} from '../../tests/budget-nodes.ts'
import type { TestDatabase } from '../../tests/database.ts'
import { holdRequest, makeAccount, openLedger, operationRecord, purchase } from '../../tests/ledger.ts'
import { inSeconds, join, openNodes } from '../../tests/ledger-nodes.ts'
import { openLosingProxy } from '../../tests/ledger-proxy.ts'
import { openDatabase } from '../db/database.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { makeRecorder } from '../metering/recorder.ts'
import type { Budget } from './budget.ts'
import { countingOf, hardClaims } from './claim.ts'

const onKey = { teamId: null, serviceId: 'openai', serviceKeyId: newId() }

let clone: TestDatabase
let nodes: BudgetNode[]
let first: BudgetNode
beforeAll(async () => {
  const opened = await openNodes(3)
  clone = opened.clone
  nodes = opened.nodes.map((node) => withBudgets(node))
  first = nodes[0] as BudgetNode
})
afterAll(async () => {
  for (const node of nodes) await node.close()
  await clone.drop()
})

const nodeAt = (index: number): BudgetNode => nodes[index % nodes.length] as BudgetNode

const account = async (credits = 1_000_000n) => {
  const one = await makeAccount(first.database, first.ledger)
  await purchase(first.ledger, one, credits)
  return one
}

const usedOf = async ({ organizationId, id }: Budget): Promise<bigint> => {
  const standing = must(await first.budgets.find({ organizationId, userId: null }, id))
  return standing.used
}

/** Looks all the while whether a budget is passed; gives by how much at most. */
const watching = async (work: Promise<unknown>): Promise<{ most: bigint; looks: number }> => {
  let [most, looks] = [0n, 0]
  const state = { isOver: false }
  const ended = work.finally(() => {
    state.isOver = true
  })
  while (!state.isOver) {
    const over = await passedBy(clone.database)
    if (over > most) most = over
    looks++
  }
  await ended
  return { most, looks }
}

describe('64 clients in several processes', () => {
  test('racing on the rest of a hard budget never pass it at any moment, and leave nothing of it unused', async () => {
    const who = await account()
    const budget = await made(first, hardOn(who, 1_000n))
    let spent = 0n
    const client = async (index: number) => {
      for (let turn = 0; ; turn++) {
        const charge = BigInt((index * 7 + turn * 3) % 8)
        if ((await spend(nodeAt(index + turn), who, [budget], 7n, charge)) === null) return
        spent += charge
      }
    }
    const { most, looks } = await watching(
      Promise.all(Array.from({ length: 64 }, (_, index) => client(index))),
    )
    expect(most).toBe(0n)
    expect(looks).toBeGreaterThan(5)
    expect(await usedOf(budget)).toBe(spent)
    expect(1_000n - spent).toBeLessThan(7n)
    expect(await checkBudgets(clone.database)).toEqual([])
  })

  test('of many people and several budgets in any order never deadlock, and each budget holds', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => account()))
    const organizationId = people[0]?.organizationId ?? ''
    const together = await Promise.all(
      people.map(() => makeAccount(first.database, first.ledger, { organizationId })),
    )
    for (const one of together) await purchase(first.ledger, one, 100_000n)
    const wide = { userId: null, setBy: 'administrator' as const }
    const whole = await made(first, hardOn(together[0] as (typeof together)[0], 600n, wide))
    const service = await made(
      first,
      hardOn(together[0] as (typeof together)[0], 500n, { ...wide, serviceId: 'openai' }),
    )
    const own = await Promise.all(together.map((one) => made(first, hardOn(one, 150n))))
    const before = await deadlocks()
    const client = async (index: number) => {
      for (let turn = 0; turn < 12; turn++) {
        const at = (index + turn) % together.length
        const budgets = [whole, own[at] as Budget, service]
        const inTurn = index % 2 === 0 ? budgets : budgets.toReversed()
        await spend(nodeAt(index), together[at] as (typeof together)[0], inTurn, 9n, 5n)
      }
    }
    const { most } = await watching(Promise.all(Array.from({ length: 32 }, (_, index) => client(index))))
    expect(most).toBe(0n)
    expect(await deadlocks()).toBe(before)
    for (const budget of [whole, service, ...own])
      expect(await usedOf(budget)).toBeLessThanOrEqual(budget.limit)
    expect(await usedOf(service)).toBeGreaterThan(490n)
    expect(await checkBudgets(clone.database)).toEqual([])
  })

  test('on own keys: what is set aside and what was counted never pass the budget', async () => {
    const who = await account()
    const budget = await made(first, hardOn(who, 1_000n, { measure: 'own_key_cost' }))
    let spent = 0n
    const client = async (index: number) => {
      for (let turn = 0; turn < 8; turn++) {
        const cost = BigInt((index + turn) % 8)
        const record = operationRecord(who, { keyOwner: 'user', costNanoUsd: cost })
        const subject = {
          ...who,
          payerUserId: null,
          accessTokenId: record.accessTokenId,
          ...onKey,
          keyOwner: 'user' as const,
        }
        const reserved = await nodeAt(index).budgets.reserve({
          organizationId: who.organizationId,
          operationId: record.id,
          claims: hardClaims([budget], subject, record.startedAt),
          minimum: 7n,
          maximum: 7n,
        })
        if (!reserved.ok) continue
        await nodeAt(index + 1).recorder.record(record, null, countingOf([budget], record, null))
        spent += cost
      }
    }
    const { most } = await watching(Promise.all(Array.from({ length: 64 }, (_, index) => client(index))))
    expect(most).toBe(0n)
    expect(await usedOf(budget)).toBe(spent)
    expect(spent).toBeGreaterThan(900n)
    expect(await checkBudgets(clone.database)).toEqual([])
  })

  test('passing all thresholds at once, they are told each of them once', async () => {
    const who = await account()
    const budget = await made(first, hardOn(who, 640n, { enforcement: 'soft' }))
    await Promise.all(Array.from({ length: 64 }, (_, index) => spend(nodeAt(index), who, [budget], 10n, 10n)))
    for (const node of nodes) await node.budgets.settled()
    await Promise.all(nodes.map((node) => node.budgets.tend(new Date())))
    const { rows } = await clone.database.pool.query<{ key: string }>(
      "SELECT key FROM alerts WHERE user_id = $1 AND kind = 'budget_threshold' ORDER BY id",
      [who.userId],
    )
    expect(rows.map(({ key }) => Number(key.split(':').at(-1))).toSorted((a, b) => a - b)).toEqual([
      50, 75, 90, 100,
    ])
  })
})

const deadlocks = async (): Promise<number> => {
  const { rows } = await clone.database.pool.query<{ deadlocks: bigint }>(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  )
  return Number(rows[0]?.deadlocks)
}

describe('a process that died', () => {
  test('keeps what it set aside until its hold is given back, then nothing is left of it', async () => {
    const who = await account()
    const budget = await made(first, hardOn(who, 100n))
    const dead = nodeAt(1)
    const base = holdRequest(who, 80n)
    const subject = {
      ...who,
      payerUserId: null,
      accessTokenId: newId(),
      ...onKey,
      keyOwner: 'system' as const,
    }
    await dead.ledger.hold({ ...base, budgets: hardClaims([budget], subject, base.operation.startedAt) })
    await join(clone, dead.processId, '-1 hour')
    const refused = await first.ledger.hold({
      ...holdRequest(who, 50n),
      budgets: hardClaims([budget], subject, new Date()),
    })
    expect(refused).toMatchObject({
      ok: false,
      fault: { code: 'budget_exceeded', resetsAt: expect.any(Date) as Date },
    })
    expect(refused.ok ? '' : refused.fault.message).toMatch(
      /“Test” on this user .* 0 credits of 0\.0001 credits are used, and 0\.00008 credits are set aside .* starts anew at /,
    )
    await first.budgets.tend(new Date())
    expect(await reservations(budget)).toBe(1)
    await first.ledger.recoverHolds(inSeconds(1))
    await first.ledger.recoverHolds(inSeconds(60))
    expect(await reservations(budget)).toBe(0)
    expect(await spend(first, who, [budget], 100n, 100n)).not.toBeNull()
    await join(clone, dead.processId, '1 hour')
    expect(await checkBudgets(clone.database)).toEqual([])
  })

  test('in the middle of a call on an own key gives back what it set aside after the grace time, a living one never', async () => {
    const who = await account()
    const budget = await made(first, hardOn(who, 100n, { measure: 'own_key_cost' }))
    const subject = { ...who, payerUserId: null, accessTokenId: newId(), ...onKey, keyOwner: 'user' as const }
    const dead = nodeAt(2)
    const wanted = {
      organizationId: who.organizationId,
      operationId: newId(),
      claims: hardClaims([budget], subject, new Date()),
      minimum: 90n,
      maximum: 90n,
    }
    expect(await dead.budgets.reserve(wanted)).toEqual({ ok: true, value: 90n })
    await first.budgets.tend(inSeconds(600))
    expect(await reservations(budget)).toBe(1)
    await join(clone, dead.processId, '-1 hour')
    await first.budgets.tend(new Date())
    expect(await reservations(budget)).toBe(1)
    await first.budgets.tend(inSeconds(40))
    expect(await reservations(budget)).toBe(0)
    await join(clone, dead.processId, '1 hour')
  })
})

const reservations = async ({ id }: Budget): Promise<number> => {
  const { rows } = await clone.database.pool.query('SELECT FROM budget_reservations WHERE budget_id = $1', [
    id,
  ])
  return rows.length
}

describe('a commit whose answer is lost', () => {
  const openLossy = async () => {
    const proxy = await openLosingProxy(clone.url)
    const database = openDatabase({ url: proxy.url, maximumConnections: 4 })
    const processId = newId()
    const ledger = openLedger(database, { holdPatienceMs: 5_000, processId })
    const budgets = openBudgets(database, processId)
    const recorder = makeRecorder({ database, ledger, log: silentLog, patienceMs: 5_000, budgets })
    const close = async () => {
      await recorder.close()
      await budgets.close()
      await ledger.close()
      await database.close()
      await proxy[Symbol.asyncDispose]()
    }
    return { proxy, ledger, recorder, budgets, close }
  }

  test('reserves once and counts once, with the hold and with the record', async () => {
    const who = await account()
    const budget = await made(first, hardOn(who, 100n))
    const { proxy, ledger, recorder, close } = await openLossy()
    const base = holdRequest(who, 40n)
    const subject = {
      ...who,
      payerUserId: null,
      accessTokenId: base.operation.accessTokenId,
      ...onKey,
      keyOwner: 'system' as const,
    }
    const request = { ...base, budgets: hardClaims([budget], subject, base.operation.startedAt) }
    proxy.lose('COMMIT', 2)
    expect(await ledger.hold(request)).toEqual({ ok: true, value: { heldMicros: 40n } })
    expect(proxy.left()).toBe(0)
    expect(must(await first.budgets.find({ ...who, userId: null }, budget.id))).toMatchObject({
      used: 0n,
      reserved: 40n,
    })
    const record = operationRecord(who, {
      ...base.operation,
      id: request.operationId,
      keyOwner: 'system',
      creditMicros: 30n,
      heldMicros: 40n,
    })
    proxy.lose('COMMIT', 2)
    await recorder.record(record, { ...request, chargeMicros: 30n }, countingOf([budget], record, null))
    expect(proxy.left()).toBe(0)
    expect(must(await first.budgets.find({ ...who, userId: null }, budget.id))).toMatchObject({
      used: 30n,
      reserved: 0n,
    })
    await close()
    expect(await checkBudgets(clone.database)).toEqual([])
  })

  test('of a record on an own key counts once', async () => {
    const who = await account()
    const budget = await made(first, hardOn(who, 100n, { measure: 'own_key_cost', enforcement: 'soft' }))
    const { proxy, recorder, close } = await openLossy()
    const record = operationRecord(who, { costNanoUsd: 25n })
    proxy.lose('COMMIT', 2)
    await recorder.record(record, null, countingOf([budget], record, null))
    expect(proxy.left()).toBe(0)
    expect(await usedOf(budget)).toBe(25n)
    await close()
  })
})

describe('what was before', () => {
  test('a new budget counts what its period had used before, and what was under way when it has ended', async () => {
    const who = await account()
    await spend(first, who, [], 50n, 42n)
    const base = holdRequest(who, 30n)
    await first.ledger.hold(base)
    const budget = await made(first, hardOn(who, 1_000n))
    expect(await usedOf(budget)).toBe(42n)
    const record = operationRecord(who, {
      ...base.operation,
      id: base.operationId,
      keyOwner: 'system',
      creditMicros: 20n,
      heldMicros: 30n,
    })
    await first.recorder.record(record, { ...base, chargeMicros: 20n })
    expect(await usedOf(budget)).toBe(42n)
    await nodeAt(1).budgets.tend(inSeconds(61))
    expect(await usedOf(budget)).toBe(62n)
    expect(await checkBudgets(clone.database)).toEqual([])
  })

  test('comparing while operations are counted all the while changes nothing that is right', async () => {
    const who = await account()
    const budget = await made(first, hardOn(who, 100_000n))
    const state = { isOver: false }
    const comparing = (async () => {
      for (let minutes = 2; !state.isOver; minutes += 2) await first.budgets.tend(inSeconds(minutes * 60))
    })()
    await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        for (let turn = 0; turn < 10; turn++) await spend(nodeAt(index), who, [budget], 5n, 3n)
      }),
    )
    state.isOver = true
    await comparing
    expect(await usedOf(budget)).toBe(480n)
    expect(await checkBudgets(clone.database)).toEqual([])
  })

  test('an archived budget neither refuses nor tells', async () => {
    const who = await account()
    const budget = await made(first, hardOn(who, 10n))
    must(await first.budgets.archive(operator, { ...who, userId: null }, budget.id))
    const read = await first.budgets.read({
      ...who,
      payerUserId: null,
      accessTokenId: newId(),
      tokenOrganizationId: who.organizationId,
      teamId: null,
    })
    expect(read).toBeNull()
  })
})
