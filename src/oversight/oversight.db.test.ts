import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { makeAccount, makeTestClock, openLedger, type TestAccount } from '../../tests/ledger.ts'
import { insertOperation } from '../../tests/operation-row.ts'
import { drawn, live } from '../../tests/statement-life.ts'
import { type Alerts, makeAlerts } from '../alerts/alerts.ts'
import { noMail } from '../alerts/mail.ts'
import { makeBilling } from '../billing/billing.ts'
import type { Epoch } from '../db/epoch.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { makeOutbound } from '../net/outbound.ts'
import { makeStatements, type Statements } from '../statements/statements.ts'
import { makeAnomalies } from './anomalies.ts'
import { sumOf } from './charge-back.ts'
import { makeOversight, type Oversight } from './oversight.ts'

const time = makeTestClock('2026-03-01T00:00:00Z')
const operator = { kind: 'operator', id: null } as const
let clone: TestDatabase
let ledger: Ledger
let statements: Statements
let alerts: Alerts
let oversight: Oversight
let accounts: TestAccount[]
let elsewhere: TestAccount
const organizationId = newId()

beforeAll(async () => {
  clone = await cloneDatabase()
  const { database } = clone
  ledger = openLedger(database, { clock: time.clock })
  statements = makeStatements({ database })
  alerts = makeAlerts({
    database,
    mail: noMail,
    signingSecret: () => Promise.reject(new Error('nothing is sent here')),
    callbacks: makeOutbound(),
    publicUrl: null,
    clock: time.clock,
    log: silentLog,
  })
  const common = { database, epoch: plainEpoch(database), ledger, clock: time.clock }
  const billing = makeBilling({ ...common, log: silentLog })
  oversight = makeOversight({ ...common, billing, alerts })
  accounts = []
  for (let each = 0; each < 3; each++)
    accounts.push(await makeAccount(database, ledger, { at: time.clock(), organizationId }))
  elsewhere = await makeAccount(database, ledger, { at: time.clock() })
  const draw = drawn(20_261_123)
  for (const account of [...accounts, elsewhere]) {
    time.set(new Date('2026-03-01T00:00:00Z'))
    await live({ database, ledger, time, account }, 100, 7 + draw(1_000))
    for (let each = 0; each < 30; each++) {
      const at = new Date(Date.parse('2026-03-01T00:00:00Z') + draw(40 * 24) * 3_600_000)
      await insertOperation(database, account, {
        id: newId(at.getTime()),
        started_at: at,
        key_owner: (['user', 'organization'] as const)[draw(2)] ?? null,
        service_id: ['openai', 'groq'][draw(2)] ?? null,
        cost_nano_usd: draw(5) === 0 ? null : BigInt(draw(1_000_000)),
      })
    }
  }
  time.set(new Date('2026-05-01T00:00:00Z'))
})
afterAll(async () => {
  await alerts.close()
  await ledger.close()
  await clone.drop()
})

/** Nobody else is there who would have to hear of it. */
const plainEpoch = (database: TestDatabase['database']): Pick<Epoch, 'change' | 'announce'> => ({
  change: (_, work) => database.kysely.transaction().execute(work),
  announce: (_, work) => database.kysely.transaction().execute(work),
})

const spentOf = async (account: TestAccount, since: Date, until: Date): Promise<bigint> => {
  const wanted = { since, until, categories: null, withHolds: false }
  const { categories } = await statements.summary(account, wanted)
  return categories.reduce((sum, { spentMicros }) => sum + spentMicros, 0n)
}

const periods = [
  ['2026-03-01', '2026-03-01'],
  ['2026-03-02', '2026-03-09'],
  ['2026-03-10', '2026-04-30'],
  ['2026-03-01', '2026-04-30'],
] as const

test.each(periods)(
  'credits of %s to %s are to the micro-credit what the statements of all accounts say was spent',
  async (from, to) => {
    const { since, until, lines } = must(
      await oversight.charged(organizationId, { from, to, timeZone: 'Europe/Berlin' }),
    )
    for (const account of accounts) {
      const mine = lines.filter(({ userId }) => userId === account.userId)
      expect(sumOf(mine).creditMicros).toBe(await spentOf(account, since, until))
    }
    expect(new Set(lines.map(({ userId }) => userId)).has(elsewhere.userId)).toBe(false)
    const { rows } = await clone.database.pool.query(
      `SELECT count(*) AS operations, coalesce(sum(cost_nano_usd) FILTER (WHERE key_owner = 'user'), 0)::bigint AS "userKeyNanoUsd",
         coalesce(sum(cost_nano_usd) FILTER (WHERE key_owner = 'organization'), 0)::bigint AS "organizationKeyNanoUsd",
         count(*) FILTER (WHERE cost_nano_usd IS NULL) AS "unpricedOperations"
       FROM operations WHERE organization_id = $1 AND started_at >= $2 AND started_at < $3`,
      [organizationId, since, until],
    )
    expect(sumOf(lines)).toMatchObject(rows[0] as object)
  },
)

test('neighbouring periods share nothing and leave nothing out: the whole of the ledger is charged to somebody', async () => {
  const whole = must(
    await oversight.charged(organizationId, { from: '2026-02-01', to: '2026-12-31', timeZone: 'UTC' }),
  )
  const { rows } = await clone.database.pool.query<{ spent: bigint }>(
    `SELECT sum(amount_micros)::bigint AS spent FROM ledger_entries WHERE organization_id = $1 AND bucket = 'spent'`,
    [organizationId],
  )
  expect(sumOf(whole.lines).creditMicros).toBe(rows[0]?.spent)
  let parts = 0n
  for (const [from, to] of [
    ['2026-02-01', '2026-03-04'],
    ['2026-03-05', '2026-03-05'],
    ['2026-03-06', '2026-12-31'],
  ] as const)
    parts += sumOf(
      must(await oversight.charged(organizationId, { from, to, timeZone: 'UTC' })).lines,
    ).creditMicros
  expect(parts).toBe(rows[0]?.spent)
})

test('who moves to another cost centre takes along what is used from then on, and nothing of before', async () => {
  const [first] = accounts as [TestAccount]
  for (const [code, name] of [
    ['R-1', 'Research'],
    ['S-2', 'Sales'],
  ] as const)
    must(await oversight.saveCostCentre(operator, { organizationId, code, name, archived: false }))
  const assign = (code: string | null, from: string) =>
    oversight.assignCostCentre(operator, {
      organizationId,
      subject: { kind: 'member', id: first.userId },
      code,
      from: new Date(from),
    })
  must(await assign('R-1', '2026-03-01T00:00:00Z'))
  must(await assign('S-2', '2026-03-08T00:00:00Z'))
  const by = async (from: string, to: string) => {
    const asked = { from, to, timeZone: 'UTC', by: 'cost_centre', amountMinor: 99_99n } as const
    const { groups, totals } = must(await oversight.chargeBack(organizationId, asked))
    expect(sumOf(groups)).toMatchObject(sumOf([totals]))
    return new Map(groups.map((group) => [group.id, group]))
  }
  expect(new Set((await by('2026-03-01', '2026-03-07')).keys())).toEqual(new Set(['R-1', null]))
  expect([...(await by('2026-03-20', '2026-04-30')).keys()].includes('R-1')).toBe(false)
  const both = await by('2026-03-01', '2026-04-30')
  const alone = must(
    await oversight.charged(organizationId, { from: '2026-03-01', to: '2026-04-30', timeZone: 'UTC' }),
  ).lines.filter(({ userId }) => userId === first.userId)
  const moved = [both.get('R-1'), both.get('S-2')].flatMap((group) => group ?? [])
  expect(sumOf(moved)).toEqual(sumOf(alone))

  // Said anew from the beginning on: as if it had never been otherwise.
  must(await assign('S-2', '2026-03-01T00:00:00Z'))
  const anew = await by('2026-03-01', '2026-04-30')
  expect(sumOf([anew.get('S-2') ?? sumOf([])])).toEqual(sumOf(alone))
  expect(anew.has('R-1')).toBe(false)
})

test('what is used for a team is charged to the team’s cost centre, where it has one', async () => {
  const { database } = clone
  const teamId = newId()
  await database.kysely
    .insertInto('teams')
    .values({ organization_id: organizationId, id: teamId, name: 'Search' })
    .execute()
  const [, second] = accounts as [TestAccount, TestAccount]
  const at = new Date('2026-04-20T12:00:00Z')
  const id = await insertOperation(database, second, {
    id: newId(at.getTime()),
    started_at: at,
    key_owner: 'organization',
    cost_nano_usd: 77n,
  })
  await database.kysely.updateTable('operations').set({ team_id: teamId }).where('id', '=', id).execute()
  must(
    await oversight.saveCostCentre(operator, {
      organizationId,
      code: 'T-3',
      name: 'Search',
      archived: false,
    }),
  )
  const period = { from: '2026-04-20', to: '2026-04-20', timeZone: 'UTC', amountMinor: null }
  const of = async (by: 'cost_centre' | 'team') =>
    must(await oversight.chargeBack(organizationId, { ...period, by })).groups.map((group) => group.id)
  expect(await of('team')).toContain(teamId)
  expect(await of('cost_centre')).not.toContain('T-3')
  const subject = { kind: 'team', id: teamId } as const
  must(
    await oversight.assignCostCentre(operator, {
      organizationId,
      subject,
      code: 'T-3',
      from: new Date('2026-04-01'),
    }),
  )
  expect(await of('cost_centre')).toContain('T-3')
  expect((await oversight.costCentres(organizationId)).assignments[0]).toMatchObject({
    kind: 'team',
    code: 'T-3',
  })
})

test('nobody is charged to what is archived or unknown, and nothing is said of strangers or of the future', async () => {
  const [first] = accounts as [TestAccount]
  const to = (id: string, code: string | null, from: Date | null = null) =>
    oversight.assignCostCentre(operator, { organizationId, subject: { kind: 'member', id }, code, from })
  expect(await to(elsewhere.userId, 'S-2')).toMatchObject({ ok: false, fault: { code: 'not_found' } })
  expect(await to(first.userId, 'X-9')).toMatchObject({ ok: false, fault: { code: 'not_found' } })
  expect(await to(first.userId, 'S-2', new Date('2027-01-01'))).toMatchObject({ ok: false })
  const archive = (code: string) =>
    oversight.saveCostCentre(operator, { organizationId, code, name: 'Old', archived: true })
  expect(await archive('S-2')).toMatchObject({ ok: false, fault: { code: 'conflict' } })
  must(await archive('R-1'))
  expect(await to(first.userId, 'R-1')).toMatchObject({ ok: false, fault: { code: 'not_found' } })
})

test('sudden spend, a first model and a new country are found once and told to those who run the company; what is ordinary is not', async () => {
  const { database } = clone
  const [runs, spends, calls] = accounts as [TestAccount, TestAccount, TestAccount]
  await database.kysely
    .updateTable('memberships')
    .set({ role: 'owner' })
    .where('user_id', '=', runs.userId)
    .execute()
  const now = new Date('2026-06-01T12:00:00Z')
  time.set(now)
  const use = (who: TestAccount, hoursAgo: number, dollars: number, model = 'gpt-5-mini') => {
    const at = new Date(now.getTime() - hoursAgo * 3_600_000)
    return insertOperation(database, who, {
      id: newId(at.getTime()),
      started_at: at,
      model,
      cost_nano_usd: BigInt(dollars) * 1_000_000_000n,
    })
  }
  for (let day = 1; day <= 10; day++) {
    await use(spends, day * 24 + 12, 3)
    await use(calls, day * 24 + 12, 90)
  }
  await use(spends, 1, 40)
  await use(calls, 1, 95)
  await use(calls, 2, 0, 'gpt-new')
  const watch = () => oversight.anomalies.watch(now)
  expect(await watch()).toBe(2)
  expect(await watch()).toBe(0)
  const { items, emails } = await oversight.anomalies.list(organizationId, { all: false })
  expect(
    items
      .map(({ kind, userId, model, spentNanoUsd, usualNanoUsd }) => ({
        kind,
        userId,
        model,
        spentNanoUsd,
        usualNanoUsd,
      }))
      .toSorted((a, b) => a.kind.localeCompare(b.kind)),
  ).toEqual([
    { kind: 'new_model', userId: calls.userId, model: 'gpt-new', spentNanoUsd: null, usualNanoUsd: null },
    {
      kind: 'sudden_spend',
      userId: spends.userId,
      model: null,
      spentNanoUsd: 40_000_000_000n,
      usualNanoUsd: 3_000_000_000n,
    },
  ])
  expect(emails.get(spends.userId)).toContain('@')

  for (const country of ['DE', 'DE', 'BR']) {
    oversight.anomalies.noteCountry(calls, country)
    await oversight.anomalies.flushCountries()
  }
  // A process that ends between noting a country and telling of it has done neither.
  const ending = makeAnomalies({
    database,
    alerts: { notifyIn: () => Promise.reject(new Error('it ended')), soon: () => undefined },
    clock: time.clock,
  })
  for (const anomalies of [ending, oversight.anomalies]) anomalies.noteCountry(calls, 'FR')
  await expect(ending.flushCountries()).rejects.toThrow('it ended')
  await oversight.anomalies.flushCountries()
  const told = await alerts.page(runs, {}, null, 10)
  expect(told.map(({ kind }) => kind).toSorted((a, b) => a.localeCompare(b))).toEqual([
    'new_country',
    'new_country',
    'new_model',
    'sudden_spend',
  ])
  const fromWhere = told.filter(({ kind }) => kind === 'new_country').map(({ title }) => title)
  for (const country of ['BR', 'FR'])
    expect(fromWhere).toContainEqual(expect.stringContaining(`calls from ${country}`))
  expect(await alerts.page(spends, {}, null, 10)).toEqual([])

  const [one] = items
  const dismissed = await oversight.anomalies.dismiss(operator, { organizationId, id: one?.id ?? '' })
  expect(dismissed.ok).toBe(true)
  expect((await oversight.anomalies.list(organizationId, { all: false })).items).toHaveLength(3)
  expect(
    await oversight.anomalies.dismiss(operator, {
      organizationId: elsewhere.organizationId,
      id: one?.id ?? '',
    }),
  ).toMatchObject({ ok: false })
})
