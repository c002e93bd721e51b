import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type BudgetNode,
  checkBudgets,
  hardOn,
  made,
  operator,
  withBudgets,
} from '../../tests/budget-nodes.ts'
import type { TestDatabase } from '../../tests/database.ts'
import {
  holdRequest,
  makeAccount,
  makeMachine,
  makeTestClock,
  openLedger,
  operationRecord,
  purchase,
  type TestAccount,
} from '../../tests/ledger.ts'
import { openNodes } from '../../tests/ledger-nodes.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Budget } from './budget.ts'
import { countingOf, hardClaims } from './claim.ts'
import { audiencesOf } from './words.ts'

/** Months in which budgets are looked at; operations are told by their ids, as everywhere. */
const time = makeTestClock('2026-11-20T12:00:00Z')
const dayMs = 86_400_000

let clone: TestDatabase
let node: BudgetNode
beforeAll(async () => {
  const opened = await openNodes(1)
  clone = opened.clone
  node = withBudgets(opened.first, time.clock)
})
afterAll(async () => {
  await node.close()
  await clone.drop()
})
beforeEach(() => time.set(new Date('2026-11-20T12:00:00Z')))

const account = async (credits = 1_000_000n): Promise<TestAccount> => {
  const at = new Date('2026-10-31T10:00:00Z')
  const one = await makeAccount(node.database, node.ledger, { at })
  if (credits > 0n) await purchase(node.ledger, one, credits)
  return one
}

const held = (
  who: TestAccount,
  startedAt: Date,
  amount: bigint,
  budget: Budget,
  machineId: string | null = null,
) => {
  const base = holdRequest(who, amount)
  const operation = { ...base.operation, startedAt }
  const subject = {
    ...who,
    userId: machineId ?? who.userId,
    payerUserId: machineId && who.userId,
    accessTokenId: operation.accessTokenId,
    teamId: null,
    serviceId: 'openai',
    serviceKeyId: newId(),
    keyOwner: 'system' as const,
  }
  return {
    ...base,
    operationId: newId(startedAt.getTime()),
    operation,
    budgets: hardClaims([budget], subject, startedAt),
  }
}

/** An operation of some time ago that is over. */
const used = async (
  who: TestAccount,
  startedAt: Date,
  micros: bigint,
  budgets: readonly Budget[] = [],
  teamId: string | null = null,
  machineId: string | null = null,
) => {
  const ledger = openLedger(node.database, { clock: () => startedAt })
  const base = holdRequest(who, micros)
  const request = { ...base, operationId: newId(startedAt.getTime()) }
  must(await ledger.hold(request))
  const record = operationRecord(who, {
    ...base.operation,
    userId: machineId ?? who.userId,
    id: request.operationId,
    teamId,
    startedAt,
    keyOwner: 'system',
    creditMicros: micros,
    heldMicros: micros,
  })
  await node.recorder.record(
    record,
    { ...request, chargeMicros: micros },
    countingOf(budgets, record, who.userId),
  )
  await ledger.close()
}

const standing = async ({ organizationId, id }: Budget) =>
  must(await node.budgets.find({ organizationId, userId: null }, id))
const keysTold = async ({ userId }: TestAccount, kind: string): Promise<string[]> => {
  const { rows } = await clone.database.pool.query<{ key: string }>(
    'SELECT key FROM alerts WHERE user_id = $1 AND kind = $2 ORDER BY id',
    [userId, kind],
  )
  return rows.map(({ key }) => key)
}

describe('at the bounds of a period', () => {
  test.each([
    ['UTC', '2026-12-01T00:00:00.000Z'],
    ['Europe/Berlin', '2026-11-30T23:00:00.000Z'],
  ])(
    'in %s, what began a millisecond before the month’s end counts in it, whenever it ends',
    async (timeZone, bound) => {
      const who = await account()
      const budget = await made(node, hardOn(who, 100n, { timeZone }))
      const end = new Date(bound)
      const before = new Date(end.getTime() - 1)
      const last = held(who, before, 100n, budget)
      time.set(before)
      must(await node.ledger.hold(last))
      expect(await node.ledger.hold(held(who, before, 1n, budget))).toMatchObject({
        fault: { code: 'budget_exceeded', resetsAt: end },
      })
      time.set(end)
      expect(await standing(budget)).toMatchObject({ used: 0n, reserved: 0n, span: { startsAt: end } })
      const first = held(who, end, 100n, budget)
      must(await node.ledger.hold(first))
      const record = operationRecord(who, {
        ...last.operation,
        id: last.operationId,
        keyOwner: 'system',
        creditMicros: 90n,
        heldMicros: 100n,
      })
      await node.recorder.record(record, { ...last, chargeMicros: 90n }, countingOf([budget], record, null))
      expect(await standing(budget)).toMatchObject({ used: 0n, reserved: 100n })
      const [december, november] = await node.budgets.history(budget)
      expect([december, november]).toMatchObject([{ used: 0n }, { used: 90n, endsAt: end }])
      await node.ledger.release(first.organizationId, first.operationId)
      expect(await standing(budget)).toMatchObject({ reserved: 0n })
      // Passed after its end, still told: 50, 75 and 90 % of November.
      await node.budgets.tend(new Date(end.getTime() + 60_000))
      expect(await keysTold(who, 'budget_threshold')).toHaveLength(3)
      expect(await checkBudgets(clone.database)).toEqual([])
    },
  )

  test('a subscription’s period begins on its day, and its budget is whole again', async () => {
    const who = await account()
    const budget = await made(node, hardOn(who, 100n, { period: 'subscription_period' }))
    expect((await standing(budget)).span).toEqual({
      startsAt: new Date('2026-10-31T10:00:00Z'),
      endsAt: new Date('2026-11-30T10:00:00Z'),
    })
    const before = new Date('2026-11-30T09:59:59.999Z')
    must(await node.ledger.hold(held(who, before, 100n, budget)))
    must(await node.ledger.hold(held(who, new Date('2026-11-30T10:00:00.000Z'), 100n, budget)))
  })

  test('each threshold is told again in the next month', async () => {
    const who = await account()
    const budget = await made(node, hardOn(who, 100n, { enforcement: 'soft' }))
    await used(who, new Date('2026-11-20T11:00:00Z'), 60n, [budget])
    await node.budgets.settled()
    time.set(new Date('2026-12-05T12:00:00Z'))
    await used(who, new Date('2026-12-05T11:00:00Z'), 60n, [budget])
    await node.budgets.settled()
    expect(await keysTold(who, 'budget_threshold')).toEqual([
      expect.stringContaining('2026-11-01T00:00:00.000Z:50') as string,
      expect.stringContaining('2026-12-01T00:00:00.000Z:50') as string,
    ])
  })
})

describe('what is told besides', () => {
  test('a budget that will be used up before it starts anew, once', async () => {
    const who = await account()
    for (let day = 1; day <= 8; day++)
      await used(who, new Date(time.clock().getTime() - day * dayMs + 3_600_000), 100n)
    const budget = await made(node, hardOn(who, 1_500n, { name: 'Soon' }))
    const { forecast } = await standing(budget)
    expect(forecast).toMatchObject({
      state: 'runs_out',
      perDay: 100n,
      daysOfData: 7,
      method: 'trailing_7_days',
    })
    // 800 are used, 700 are left.
    expect(forecast?.runsOutAt).toEqual(new Date(time.clock().getTime() + 7 * dayMs))
    await node.budgets.tend(new Date(time.clock().getTime() + 2 * 3_600_000))
    await node.budgets.tend(new Date(time.clock().getTime() + 4 * 3_600_000))
    expect(await keysTold(who, 'budget_forecast')).toHaveLength(1)
  })

  test('credits that will run out before the next allocation, and that they have, once in a period', async () => {
    const who = await account(1_000n)
    for (let day = 1; day <= 5; day++)
      await used(who, new Date(time.clock().getTime() - day * dayMs + 3_600_000), 150n)
    await clone.database.pool.query(
      "UPDATE credit_accounts SET allocated_until = '2026-11-30T10:00:00Z' WHERE id = $1",
      [who.accountId],
    )
    const found = await node.budgets.creditForecast(who.organizationId, who.userId)
    expect(found).toMatchObject({
      availableMicros: 250n,
      forecast: { state: 'runs_out', perDay: 150n, until: new Date('2026-11-30T10:00:00Z') },
    })
    await node.budgets.tend(new Date(time.clock().getTime() + 1_000))
    await node.budgets.tend(new Date(time.clock().getTime() + 7 * 3_600_000))
    expect(await keysTold(who, 'credits_forecast')).toHaveLength(1)
    await used(who, time.clock(), 250n)
    await node.budgets.tend(new Date(time.clock().getTime() + 14 * 3_600_000))
    await node.budgets.tend(new Date(time.clock().getTime() + 21 * 3_600_000))
    expect(await keysTold(who, 'credits_ran_out')).toHaveLength(1)
  })

  test('nothing where there is not enough to go by', async () => {
    const who = await account(100n)
    await used(who, new Date(time.clock().getTime() - 3_600_000), 90n)
    const budget = await made(node, hardOn(who, 10_000n))
    expect((await standing(budget)).forecast).toMatchObject({ state: 'not_enough_data', runsOutAt: null })
    expect(await node.budgets.creditForecast(who.organizationId, who.userId)).toMatchObject({
      forecast: { state: 'not_enough_data' },
    })
    await node.budgets.tend(new Date(time.clock().getTime() + 8 * 3_600_000))
    expect(await keysTold(who, 'credits_forecast')).toEqual([])
  })

  test('that a hard budget refuses, once in a period', async () => {
    const who = await account()
    const budget = await made(node, hardOn(who, 10n))
    for (let turn = 0; turn < 3; turn++)
      expect(await node.ledger.hold(held(who, time.clock(), 11n, budget))).toMatchObject({ ok: false })
    await node.budgets.tend(time.clock())
    await node.budgets.tend(time.clock())
    expect(await keysTold(who, 'budget_refused')).toHaveLength(1)
    expect((await standing(budget)).refusedAt).toBeInstanceOf(Date)
  })
})

describe('who may set what', () => {
  test('a budget of an administrator’s is seen and not changed by the user it is on', async () => {
    const who = await account()
    const budget = await made(node, hardOn(who, 10n, { setBy: 'administrator' }))
    const own = { organizationId: who.organizationId, userId: who.userId }
    expect(await node.budgets.find(own, budget.id)).toMatchObject({ ok: true })
    expect(await node.budgets.change(operator, own, budget.id, { limit: 99n })).toMatchObject({
      fault: { code: 'forbidden' },
    })
    expect(await node.budgets.archive(operator, own, budget.id)).toMatchObject({
      fault: { code: 'forbidden' },
    })
    const stranger = { organizationId: who.organizationId, userId: newId() }
    expect(await node.budgets.find(stranger, budget.id)).toMatchObject({ fault: { code: 'not_found' } })
  })

  test('whoever administers the organisation opens what they are told of, changes nothing of it, and sees nobody’s own budgets', async () => {
    const who = await account()
    const [set, own] = [
      await made(node, hardOn(who, 10n, { setBy: 'administrator' })),
      await made(node, hardOn(who, 10n)),
    ]
    const reach = { organizationId: who.organizationId, userId: newId(), seesOrganization: true }
    expect(audiencesOf(set)).toContainEqual(expect.objectContaining({ kind: 'organization_administrators' }))
    expect(await node.budgets.find(reach, set.id)).toMatchObject({ ok: true })
    expect(await node.budgets.change(operator, reach, set.id, { limit: 99n })).toMatchObject({
      fault: { code: 'forbidden' },
    })
    expect(audiencesOf(own)).toEqual([expect.objectContaining({ kind: 'user', userId: who.userId })])
    expect(await node.budgets.find(reach, own.id)).toMatchObject({ fault: { code: 'not_found' } })
  })

  test('what does not exist, is not theirs or makes no sense is refused with its field', async () => {
    const who = await account()
    const create = (more: Parameters<typeof hardOn>[2]) =>
      node.budgets.create(operator, hardOn(who, 10n, more))
    const found = await Promise.all([
      create({ timeZone: 'Mars/Olympus' }),
      create({ serviceId: 'nowhere' }),
      create({ accessTokenId: newId() }),
      create({ userId: newId() }),
      create({ userId: null, period: 'subscription_period' }),
    ])
    expect(found.map((one) => (one.ok ? null : [one.fault.code, one.fault.field]))).toEqual([
      ['invalid_request', 'timeZone'],
      ['invalid_request', 'serviceId'],
      ['not_found', 'accessTokenId'],
      ['not_found', 'userId'],
      ['invalid_request', 'period'],
    ])
  })

  test('a restored budget counts what was used while it was archived', async () => {
    const who = await account()
    const reach = { organizationId: who.organizationId, userId: null }
    const budget = await made(node, hardOn(who, 1_000n))
    must(await node.budgets.archive(operator, reach, budget.id))
    await used(who, time.clock(), 70n)
    must(await node.budgets.restore(operator, reach, budget.id))
    expect(await standing(budget)).toMatchObject({ used: 70n })
  })

  test('every change is in the audit trail', async () => {
    const who = await account()
    const reach = { organizationId: who.organizationId, userId: null }
    const budget = await made(node, hardOn(who, 10n))
    must(await node.budgets.change(operator, reach, budget.id, { limit: 5_000_000n, enforcement: 'soft' }))
    must(await node.budgets.archive(operator, reach, budget.id))
    const { rows } = await clone.database.pool.query(
      'SELECT action, before, after FROM audit_entries WHERE subject_id = $1 ORDER BY id',
      [budget.id],
    )
    expect(rows).toMatchObject([
      { action: 'budget.created', before: null, after: { limit: '0.00001 credits' } },
      {
        action: 'budget.changed',
        before: { enforcement: 'hard' },
        after: { limit: '5 credits', enforcement: 'soft' },
      },
      { action: 'budget.archived' },
    ])
    expect(await node.budgets.change(operator, reach, budget.id, { limit: 1n })).toMatchObject({
      fault: { code: 'conflict' },
    })
  })
})

describe('for an organisation', () => {
  const colleagueOf = async ({ organizationId }: TestAccount) => {
    const one = await makeAccount(node.database, node.ledger, { at: time.clock(), organizationId })
    await purchase(node.ledger, one, 1_000_000n)
    return one
  }
  const readOf = async (
    { organizationId, userId }: TestAccount,
    teamId: string | null = null,
    payerUserId: string | null = null,
  ) => {
    const token = { accessTokenId: newId(), tokenOrganizationId: organizationId, teamId }
    return node.budgets.read({ organizationId, userId, payerUserId, ...token })
  }
  const newTeam = async ({ organizationId }: TestAccount) => {
    const id = newId()
    await clone.database.pool.query('INSERT INTO teams (organization_id, id, name) VALUES ($1, $2, $3)', [
      organizationId,
      id,
      id,
    ])
    return id
  }
  const setFor = (who: TestAccount, limit: bigint, more: Parameters<typeof hardOn>[2]) =>
    made(node, hardOn(who, limit, { userId: null, setBy: 'organization', ...more }))

  test('a team’s budget counts what is called with its tokens, whoever calls, and nothing else', async () => {
    const who = await account()
    const colleague = await colleagueOf(who)
    const teamId = await newTeam(who)
    const budget = await setFor(who, 100n, { teamId })
    expect(await readOf(who)).toBeNull()
    expect(await readOf(who, await newTeam(who))).toBeNull()
    const read = (await readOf(colleague, teamId)) ?? []
    expect(read).toMatchObject([{ id: budget.id }])
    await used(who, time.clock(), 30n, read, teamId)
    await used(colleague, time.clock(), 20n, read, teamId)
    await used(who, time.clock(), 40n, read)
    expect(await standing(budget)).toMatchObject({ used: 50n, names: { teamName: teamId } })
    // Counted anew from the operations themselves.
    const reach = { organizationId: who.organizationId, userId: null }
    must(await node.budgets.archive(operator, reach, budget.id))
    await used(who, time.clock(), 5n, [], teamId)
    must(await node.budgets.restore(operator, reach, budget.id))
    expect(await standing(budget)).toMatchObject({ used: 55n })
  })

  test('one on a member bounds what machines spend of their credits, however it is counted', async () => {
    const who = await account()
    const colleague = await colleagueOf(who)
    const machine = await makeMachine(clone.database, who)
    const each = await setFor(who, 1_000n, { eachMember: true })
    const budget = await made(node, hardOn(who, 100n))
    const cost = await made(node, hardOn(who, 100n, { measure: 'own_key_cost' }))
    const read = (await readOf({ ...who, userId: machine }, null, who.userId)) ?? []
    expect(read.map(({ id }) => id)).toContain(budget.id)
    expect(read.map(({ id }) => id)).not.toContain(cost.id)
    const following = read.filter(({ follows }) => follows === each.id)
    expect(new Set(following.map(({ scope }) => scope.userId))).toEqual(new Set([machine, who.userId]))
    expect(following).toHaveLength(2)
    await used(who, time.clock(), 60n, read, null, machine)
    for (const spender of [machine, null])
      expect(await node.ledger.hold(held(who, time.clock(), 60n, budget, spender))).toMatchObject({
        fault: { code: 'budget_exceeded' },
      })
    // What it spent of somebody else's credits is not the member's.
    await used(colleague, time.clock(), 7n, [], null, machine)
    expect(await standing(budget)).toMatchObject({ used: 60n })
    for (const one of following) expect((await standing(one)).used).toBe(60n)
    const later = await made(node, hardOn(who, 100n))
    expect(await standing(later)).toMatchObject({ used: 60n })
    const rooms = await node.budgets.rooms({
      ...who,
      userId: machine,
      payerUserId: who.userId,
      accessTokenId: null,
      teamId: null,
    })
    expect(rooms.map((room) => room.budget.id)).toContain(budget.id)
  })

  test('one on each member gives every one of them as much, less what they had used before', async () => {
    const who = await account()
    const colleague = await colleagueOf(who)
    await used(who, time.clock(), 30n)
    const each = await setFor(who, 100n, { eachMember: true })
    const [[own], ...others] = await Promise.all([
      readOf(who).then((found) => found ?? []),
      ...[1, 2, 3, 4].map(() => readOf(colleague)),
    ])
    if (own === undefined) throw new Error('no budget follows')
    expect(own).toMatchObject({
      follows: each.id,
      eachMember: false,
      limit: 100n,
      scope: { userId: who.userId },
    })
    expect(new Set(others.map((found) => found?.[0]?.id)).size).toBe(1)
    expect(others[0]).toHaveLength(1)
    expect(await standing(own)).toMatchObject({ used: 30n })
    expect(await node.ledger.hold(held(who, time.clock(), 80n, own))).toMatchObject({
      fault: { code: 'budget_exceeded' },
    })
    const theirs = others[0]?.[0] as Budget
    expect(await node.ledger.hold(held(colleague, time.clock(), 80n, theirs))).toMatchObject({ ok: true })
    const { organizationId } = who
    const listed = await node.budgets.list({ organizationId, setForOrganization: true })
    expect(listed.map(({ budget }) => budget.id)).toEqual([each.id])
    expect(await node.budgets.list({ organizationId, follows: each.id })).toHaveLength(2)
  })

  test('what follows one on each member changes, ends and comes back with it, and not by itself', async () => {
    const who = await account()
    const { organizationId } = who
    const each = await setFor(who, 100n, { eachMember: true })
    const [own] = (await readOf(who)) ?? []
    if (own === undefined) throw new Error('no budget follows')
    const manager = { organizationId, userId: newId(), seesOrganization: true, managesOrganization: true }
    must(await node.budgets.change(operator, manager, each.id, { limit: 200n, enforcement: 'soft' }))
    expect(await readOf(who)).toMatchObject([{ id: own.id, limit: 200n, enforcement: 'soft' }])
    expect((await node.budgets.history(own))[0]).toMatchObject({ limit: 200n })
    expect(await node.budgets.change(operator, manager, own.id, { limit: 1n })).toMatchObject({
      fault: { code: 'conflict' },
    })
    const self = { organizationId, userId: who.userId }
    expect(await node.budgets.find(self, own.id)).toMatchObject({ ok: true })
    expect(await node.budgets.archive(operator, self, own.id)).toMatchObject({ fault: { code: 'forbidden' } })
    expect(await node.budgets.change(operator, self, each.id, { limit: 1n })).toMatchObject({
      fault: { code: 'not_found' },
    })
    must(await node.budgets.archive(operator, manager, each.id))
    expect(await readOf(who)).toBeNull()
    await used(who, time.clock(), 7n)
    must(await node.budgets.restore(operator, manager, each.id))
    expect(await readOf(who)).toMatchObject([{ id: own.id }])
    expect(await standing(own)).toMatchObject({ used: 7n })
    // Told to the member alone: whoever runs the organisation has the list.
    expect(audiencesOf(own)).toEqual([expect.objectContaining({ kind: 'user', userId: who.userId })])
  })
})
