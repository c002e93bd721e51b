import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import {
  heldOperation,
  holdRequest,
  makeAccount,
  makeMachine,
  makeTestClock,
  openLedger,
  purchase,
  type TestAccount,
} from '../../tests/ledger.ts'
import { insertOperation } from '../../tests/operation-row.ts'
import { settleFor } from '../../tests/statement-life.ts'
import type { ChargeBackBy } from '../contract/oversight.ts'
import type { KeyOwner } from '../policy/control.ts'
import { newId } from '../kit/id.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { groupLines, sumOf } from './charge-back.ts'
import { makeOversightStore, type Subject } from './store.ts'

let clone: TestDatabase
let ledger: Ledger
const hour = 3_600_000
const begin = Date.parse('2026-03-01T00:00:00Z')
const time = makeTestClock('2026-03-01T00:00:00Z')

beforeAll(async () => {
  clone = await cloneDatabase()
  ledger = openLedger(clone.database, { clock: time.clock })
})
afterAll(async () => {
  await ledger.close()
  await clone.drop()
})

type Command =
  | { kind: 'run'; who: number; payer: number; team: number; service: string; charge: number; hours: number }
  | { kind: 'own_key'; who: number; team: number; owner: 'user' | 'organization'; cost: number | null }
  | { kind: 'correct'; which: number; how: 'refund' | 'charge'; amount: number }
  | { kind: 'adjust'; payer: number; amount: number; takesBack: boolean }
  | { kind: 'assign'; who: number; team: number; code: string | null; hoursAgo: number }
  | { kind: 'leave'; who: number; team: number }

const who = fc.nat({ max: 2 })
/** Of two teams; 2: none. */
const team = fc.nat({ max: 2 })
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      who,
      payer: fc.nat({ max: 2 }),
      team,
      service: fc.constantFrom('openai', 'groq'),
      charge: fc.nat({ max: 900 }),
      hours: fc.nat({ max: 30 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('own_key' as const),
      who,
      team,
      owner: fc.constantFrom('user' as const, 'organization' as const),
      cost: fc.option(fc.nat({ max: 5_000 })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('correct' as const),
      which: fc.nat(),
      how: fc.constantFrom('refund' as const, 'charge' as const),
      amount: fc.integer({ min: 1, max: 700 }),
    }),
  },
  fc.record({
    kind: fc.constant('adjust' as const),
    payer: fc.nat({ max: 2 }),
    amount: fc.integer({ min: 1, max: 3_000 }),
    takesBack: fc.boolean(),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('assign' as const),
      who,
      team,
      code: fc.constantFrom('R-1', 'S-2', null),
      hoursAgo: fc.nat({ max: 60 }),
    }),
  },
  fc.record({ kind: fc.constant('leave' as const), who, team }),
)

/** What an operation came to, written down as it happened: no sum of it is the ledger's or the database's. */
interface Note {
  readonly id: string
  readonly startedAt: Date
  readonly userId: string
  readonly teamId: string | null
  readonly service: string
  readonly keyOwner: KeyOwner
  readonly account: TestAccount | null
  readonly costNanoUsd: bigint
  readonly spent: { readonly at: Date; readonly micros: bigint }[]
}

interface Assignment {
  readonly subjectId: string
  readonly from: Date
  readonly code: string | null
}

/** A company of two members and a machine; the accounts that pay are the members' and one that is held by nobody who calls. */
const openCompany = async () => {
  const { database } = clone
  const store = makeOversightStore(database.kysely)
  const first = await makeAccount(database, ledger, { at: time.clock() })
  const { organizationId } = first
  const more = { at: time.clock(), organizationId }
  const second = await makeAccount(database, ledger, more)
  const central = await makeAccount(database, ledger, more)
  const accounts = [first, second, central] as const
  for (const account of accounts) await purchase(ledger, account, 20_000n)
  const userIds = [first.userId, second.userId, await makeMachine(database, first)]
  const teamIds = [newId(), newId()]
  for (const id of teamIds)
    await database.kysely
      .insertInto('teams')
      .values({ organization_id: organizationId, id, name: `Team ${id}` })
      .execute()
  for (const code of ['R-1', 'S-2'])
    await database.kysely.transaction().execute(async (t) => {
      await store.saveCostCentre(t, { organizationId, code, name: code, archivedAt: null, at: time.clock() })
    })

  const notes: Note[] = []
  let assignments: Assignment[] = []
  const userOf = (at: number) => userIds[at] ?? ''
  const teamOf = (at: number) => teamIds[at] ?? null
  const record = async (note: Omit<Note, 'spent'>, creditMicros = 0n) => {
    const { id, startedAt, userId, teamId, service, keyOwner, costNanoUsd } = note
    await insertOperation(
      database,
      { organizationId, userId },
      {
        id,
        started_at: startedAt,
        service_id: service,
        key_owner: keyOwner,
        cost_nano_usd: costNanoUsd,
        credit_micros: creditMicros,
      },
    )
    await database.kysely
      .updateTable('operations')
      .set({ team_id: teamId })
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .execute()
  }
  const noteOf = (
    of: { who: number; team: number },
    rest: Pick<Note, 'service' | 'keyOwner' | 'account' | 'costNanoUsd'>,
  ) => ({
    id: newId(time.clock().getTime()),
    startedAt: time.clock(),
    userId: userOf(of.who),
    teamId: teamOf(of.team),
    ...rest,
  })

  const perform = async (wanted: Command): Promise<void> => {
    switch (wanted.kind) {
      case 'run': {
        const account = accounts[wanted.payer] ?? central
        const micros = BigInt(wanted.charge)
        const { service } = wanted
        const note = noteOf(wanted, { service, keyOwner: 'system', account, costNanoUsd: 0n })
        const { id: operationId, startedAt, userId, teamId } = note
        const operation = { ...heldOperation(account), startedAt, userId, teamId, serviceId: service }
        const held = await ledger.hold(
          holdRequest(account, 500n, { operationId, operation, minimumMicros: 1n }),
        )
        if (!held.ok) return
        time.pass(wanted.hours * hour)
        await settleFor({ database, ledger, account }, operationId, micros)
        await record(note, micros)
        notes.push({ ...note, spent: [{ at: time.clock(), micros }] })
        return
      }
      case 'own_key': {
        const costNanoUsd = BigInt(wanted.cost ?? 0)
        const note = noteOf(wanted, { service: 'openai', keyOwner: wanted.owner, account: null, costNanoUsd })
        await record(note)
        notes.push({ ...note, spent: [] })
        return
      }
      case 'correct': {
        const paid = notes.filter(({ account }) => account !== null)
        const note = paid[wanted.which % (paid.length || 1)]
        if (!note?.account) return
        const { amountMicros } = await ledger[wanted.how](null, {
          ...note.account,
          operationId: note.id,
          amountMicros: BigInt(wanted.amount),
          idempotencyKey: newId(),
          reason: 'test',
          createdBy: 'test',
        })
        note.spent.push({ at: time.clock(), micros: wanted.how === 'refund' ? -amountMicros : amountMicros })
        return
      }
      case 'adjust': {
        const account = accounts[wanted.payer] ?? central
        const { grantId } = await purchase(ledger, account, BigInt(wanted.amount))
        const why = { reason: 'test', createdBy: 'test', idempotencyKey: newId() }
        if (wanted.takesBack) await ledger.reverse(null, { ...account, ...why, grantId, amountMicros: 1n })
        return
      }
      case 'assign': {
        const teamId = teamOf(wanted.team)
        const subject: Subject =
          teamId === null ? { kind: 'member', id: userOf(wanted.who) } : { kind: 'team', id: teamId }
        const { code } = wanted
        const from = new Date(time.clock().getTime() - wanted.hoursAgo * hour)
        const at = time.clock()
        await database.kysely
          .transaction()
          .execute((t) => store.assign(t, { organizationId, subject, code, from, at, by: null }))
        assignments = assignments.filter((one) => one.subjectId !== subject.id || one.from < from)
        assignments.push({ subjectId: subject.id, from, code })
        return
      }
      case 'leave': {
        const teamId = teamOf(wanted.team)
        if (teamId !== null)
          await database.kysely
            .updateTable('teams')
            .set({ archived_at: time.clock() })
            .where('id', '=', teamId)
            .execute()
        else
          await database.kysely
            .deleteFrom('memberships')
            .where('organization_id', '=', organizationId)
            .where('user_id', '=', userOf(wanted.who))
            .execute()
      }
    }
  }

  const costCentreOf = ({ teamId, userId, startedAt }: Note): string | null => {
    const at = (id: string | null) =>
      assignments.filter(({ subjectId, from }) => subjectId === id && from <= startedAt).at(-1)?.code
    return at(teamId) ?? at(userId) ?? null
  }
  const idOf: Record<ChargeBackBy, (note: Note) => string | null> = {
    cost_centre: costCentreOf,
    team: ({ teamId }) => teamId,
    member: ({ userId }) => userId,
    service: ({ service }) => service,
    key_owner: ({ keyOwner }) => keyOwner,
  }
  /** Group → credits, cost of keys and number of operations, of whoever has any of them. */
  const expected = (by: ChargeBackBy, since: Date, until: Date) => {
    const isWithin = (at: Date) => at >= since && at < until
    return [...Map.groupBy(notes, idOf[by])]
      .map(([id, of]) => {
        const begun = of.filter(({ startedAt }) => isWithin(startedAt))
        const spent = of.flatMap((note) => note.spent).filter(({ at }) => isWithin(at))
        return {
          id,
          isThere: begun.length > 0 || spent.some(({ micros }) => micros !== 0n),
          creditMicros: spent.reduce((sum, { micros }) => sum + micros, 0n),
          operations: BigInt(begun.length),
          keyNanoUsd: begun.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n),
        }
      })
      .filter(({ isThere }) => isThere)
      .map(({ id, creditMicros, operations, keyNanoUsd }) => ({ id, creditMicros, operations, keyNanoUsd }))
      .toSorted(byId)
  }
  return { organizationId, store, perform, expected }
}

const byId = (a: { id: string | null }, b: { id: string | null }) => (a.id ?? '').localeCompare(b.id ?? '')
const groupings = ['cost_centre', 'team', 'member', 'service', 'key_owner'] as const

test('whatever members, machines and teams do, leave or are corrected, each group of each period is what happened, and the periods are the ledger', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { minLength: 15, maxLength: 40, size: 'max' }),
      fc.array(fc.nat({ max: 30 * 24 }), { minLength: 1, maxLength: 3 }),
      async (commands, cuts) => {
        time.set(new Date(begin))
        const company = await openCompany()
        for (const one of commands) {
          time.pass(hour / 2)
          await company.perform(one)
        }
        const { organizationId } = company
        const end = time.clock().getTime() + 1
        const bounds = [begin, ...cuts.map((hours) => Math.min(end, begin + hours * hour)), end]
          .toSorted((a, b) => a - b)
          .map((at) => new Date(at))
        let charged = 0n
        for (const [index, until] of bounds.entries()) {
          const since = bounds[index - 1]
          if (since === undefined) continue
          const lines = await company.store.chargeLines(organizationId, { since, until })
          charged += sumOf(lines).creditMicros
          for (const by of groupings) {
            const groups = groupLines(lines, by, null).groups.map((group) => ({
              id: group.id,
              creditMicros: group.creditMicros,
              operations: group.operations,
              keyNanoUsd: group.organizationKeyNanoUsd + group.userKeyNanoUsd,
            }))
            expect(groups.toSorted(byId), by).toEqual(company.expected(by, since, until))
          }
        }
        const { rows } = await clone.database.pool.query<{ spent: bigint }>(
          `SELECT coalesce(sum(amount_micros), 0)::bigint AS spent FROM ledger_entries
           WHERE organization_id = $1 AND bucket = 'spent'`,
          [organizationId],
        )
        expect(charged).toBe(rows[0]?.spent)
      },
    ),
    { numRuns: 8 },
  )
})
