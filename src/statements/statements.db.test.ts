import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBilling, administrator, type BillingStage } from '../../tests/billing.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import {
  checkLedger,
  holdRequest,
  makeAccount,
  makeTestClock,
  openLedger,
  operationRecord,
  purchase,
  type TestAccount,
} from '../../tests/ledger.ts'
import { live, settleFor } from '../../tests/statement-life.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { makeRecorder } from '../metering/recorder.ts'
import { balanceMicros, changeMicros, type Line, type Wanted } from './statement.ts'
import { makeStatements, type PageCursor, type Statements } from './statements.ts'

const time = makeTestClock('2026-03-01T00:00:00Z')
let clone: TestDatabase
let ledger: Ledger
let statements: Statements
let account: TestAccount
beforeAll(async () => {
  clone = await cloneDatabase()
  ledger = openLedger(clone.database, { clock: time.clock })
  statements = makeStatements({ database: clone.database })
  account = await makeAccount(clone.database, ledger, { at: time.clock() })
  await live({ database: clone.database, ledger, time, account }, 150, 20_260_301)
})
afterAll(async () => {
  await ledger.close()
  await clone.drop()
})

const everything: Wanted = { since: null, until: null, categories: null, withHolds: true }
const folded: Wanted = { ...everything, withHolds: false }

const read = async (wanted: Wanted, limit: number, of: TestAccount = account) => {
  const lines: Line[] = []
  const seen = new Set<string>()
  let cursor: PageCursor | null = null
  let ends: string | null = null
  for (;;) {
    const page = await statements.page(of, wanted, { cursor, limit })
    lines.push(...page.lines)
    const these = JSON.stringify([page.opening, page.closing], (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    )
    ends ??= these
    expect(these).toBe(ends)
    if (page.next === null) return { lines, opening: page.opening, closing: page.closing }
    expect(seen.has(String(page.next.before))).toBe(false)
    seen.add(String(page.next.before))
    cursor = page.next
  }
}

const told = (lines: readonly Line[]) => lines.map((line) => [line.number, balanceMicros(line.after)])

test.each([everything, folded])(
  'pages of any size are the whole, and each line’s balance is the one before and its change',
  async (wanted) => {
    const whole = await read(wanted, 1_000)
    for (const limit of [1, 7, 50]) expect(told((await read(wanted, limit)).lines)).toEqual(told(whole.lines))

    let balance = balanceMicros(whole.opening)
    for (const line of whole.lines.toReversed()) {
      balance += changeMicros(line)
      expect([line.number, balanceMicros(line.after)]).toEqual([line.number, balance])
      // What is neither in the account any more nor owed was spent, has expired or was never given.
      if (line.kind === 'settle') expect(changeMicros(line)).toBe(-line.spentMicros - line.expiredMicros)
    }
    expect(balance).toBe(balanceMicros(whole.closing))
    const { rows } = await clone.database.pool.query<{ balance: bigint }>(
      `SELECT (a.held_micros - a.debt_micros + (SELECT sum(remaining_micros) FROM grants g WHERE g.account_id = a.id))::bigint AS balance
     FROM credit_accounts a WHERE a.id = $1`,
      [account.accountId],
    )
    expect(balance).toBe(rows[0]?.balance)
  },
)

test('every kind of line is among those, so that nothing above was proved of nothing', async () => {
  const { lines } = await read(everything, 1_000)
  const kinds = ['debt_payment', 'expire', 'grant', 'hold', 'refund', 'release', 'reversal', 'settle']
  expect([...new Set(lines.map(({ kind }) => kind))].sort()).toEqual(kinds)
})

test('a folded statement leaves out only what changes nothing: an ended hold is told with its end, an open one as pending', async () => {
  const all = await read(everything, 1_000)
  const some = await read(folded, 1_000)
  const page = await statements.page(account, folded, { cursor: null, limit: 10 })
  const holds = all.lines.filter(({ kind }) => kind === 'hold')
  expect(holds.every((line) => changeMicros(line) === 0n)).toBe(true)
  expect(some.lines.length).toBe(all.lines.length - holds.length)

  const ended = some.lines.flatMap((line) => (line.hold ? [[line.operationId, line.hold.number]] : []))
  const pending = page.pending.map(({ operationId }) => operationId)
  expect(new Set([...ended.map(([id]) => id), ...pending])).toEqual(
    new Set(holds.map((line) => line.operationId)),
  )
  expect(ended.length + pending.length).toBe(holds.length)
  for (const [id, number] of ended) expect(holds.find((line) => line.operationId === id)?.number).toBe(number)
  expect(page.pending.reduce((sum, { heldMicros }) => sum + heldMicros, 0n)).toBe(page.pendingMicros)
  expect(page.pendingMicros).toBe(page.closing.heldMicros)
  expect(page.pendingMicros).toBeGreaterThan(0n)
})

test('neighbouring times meet: each line is in one of them, and one’s closing balance is the next one’s opening', async () => {
  const whole = await read(everything, 1_000)
  const first = whole.lines.at(-1)?.at.getTime() ?? 0
  const last = whole.lines[0]?.at.getTime() ?? 0
  const cuts = [0, 1, 2, 3, 4, 5, 6].map(
    (part) => new Date(first + ((last - first) * part) / 6 + (part === 6 ? 1 : 0)),
  )
  // As clocks of two processes differ: some line is older than the one before it.
  expect(whole.lines.some(({ at }, index) => at < (whole.lines[index + 1]?.at ?? at))).toBe(true)
  const numbers: bigint[] = []
  let closing = whole.opening
  for (const [index, since] of cuts.slice(0, -1).entries()) {
    const until = index === 5 ? null : (cuts[index + 1] as Date)
    const part = await read({ ...everything, since: index === 0 ? null : since, until }, 13)
    expect(part.opening).toEqual(closing)
    closing = part.closing
    numbers.push(...part.lines.map(({ number }) => number).toReversed())
  }
  expect(numbers).toEqual(whole.lines.map(({ number }) => number).toReversed())
  expect(closing).toEqual(whole.closing)

  const future = await read({ ...everything, since: new Date(last + 3_600_000) }, 5)
  expect(future.lines).toEqual([])
  expect(future.opening).toEqual(whole.closing)
  const past = await read({ ...everything, until: new Date(first - 1) }, 5)
  expect([past.lines, past.closing.number]).toEqual([[], 0n])
})

test('categories leave lines out, not balances; the summary adds up to the closing balance and to the lines', async () => {
  const whole = await read(folded, 1_000)
  const summary = await statements.summary(account, folded)
  const changed = summary.categories.reduce((sum, { changeMicros: change }) => sum + change, 0n)
  expect(balanceMicros(summary.opening) + changed).toBe(balanceMicros(summary.closing))
  for (const { category, lines, changeMicros: change, spentMicros } of summary.categories) {
    const { lines: ofCategory } = await read(
      { ...folded, categories: [category], withHolds: category === 'hold' },
      9,
    )
    expect(ofCategory.map((line) => line.category)).toEqual(ofCategory.map(() => category))
    expect(BigInt(ofCategory.length)).toBe(lines)
    expect(ofCategory.reduce((sum, line) => sum + changeMicros(line), 0n)).toBe(change)
    expect(ofCategory.reduce((sum, line) => sum + line.spentMicros, 0n)).toBe(spentMicros)
    for (const line of ofCategory.slice(0, 3))
      expect(balanceMicros(line.after)).toBe(
        balanceMicros((whole.lines.find(({ number }) => number === line.number) ?? line).after),
      )
  }
  const two = await read({ ...folded, categories: ['purchase', 'usage'] }, 4)
  expect(two.lines.map(({ number }) => number)).toEqual(
    whole.lines
      .filter((line) => line.category === 'purchase' || line.category === 'usage')
      .map(({ number }) => number),
  )
})

test('a summary has each category once: what was charged later is usage like what was charged at first', async () => {
  const charged = await makeAccount(clone.database, ledger, { at: time.clock() })
  await purchase(ledger, charged, 1_000n)
  const request = holdRequest(charged, 100n)
  must(await ledger.hold(request))
  const { operationId } = request
  await settleFor({ database: clone.database, ledger, account: charged }, operationId, 60n)
  await ledger.charge(null, {
    ...charged,
    operationId,
    amountMicros: 30n,
    idempotencyKey: newId(),
    reason: 'Charged too little',
    createdBy: 'test',
  })
  const { categories } = await statements.summary(charged, everything)
  expect(categories.filter(({ category }) => category === 'usage')).toMatchObject([
    { lines: 2n, changeMicros: -90n, spentMicros: 90n },
  ])
})

test('pages read while others write are the statement of when the first was read', async () => {
  const busy = await makeAccount(clone.database, ledger, { at: time.clock() })
  await purchase(ledger, busy, 1_000_000n)
  const life = { database: clone.database, ledger, time, account: busy }
  await live(life, 30, 7)
  const before = await read(folded, 1_000, busy)
  const lines: Line[] = []
  let cursor: PageCursor | null = null
  do {
    const page = await statements.page(busy, folded, { cursor, limit: 4 })
    lines.push(...page.lines)
    expect(page.closing).toEqual(before.closing)
    const requests = [1, 2, 3].map(() => holdRequest(busy, 10n))
    await Promise.all(requests.map((request) => ledger.hold(request)))
    await Promise.all(requests.map(({ operationId }) => settleFor(life, operationId, 7n)))
    cursor = page.next
  } while (cursor !== null)
  expect(told(lines)).toEqual(told(before.lines))
  const after = await read(folded, 50, busy)
  expect(after.lines.length).toBeGreaterThan(lines.length)
})

test('a forged cursor shows nothing that is not there', async () => {
  const forged = { before: 999_999n, through: 999_999n }
  const page = await statements.page(account, folded, { cursor: forged, limit: 1_000 })
  expect(told(page.lines)).toEqual(told((await read(folded, 1_000)).lines))
})

test('the ledger is as sound as before', async () => {
  const problems = await checkLedger(clone.database)
  expect(problems.filter((problem) => !problem.endsWith('has no operation on record'))).toEqual([])
})

test('a line leads to its operation, grant, payment, invoice and credit note', async () => {
  await using other = await cloneDatabase()
  const stage: BillingStage = startBilling(other.database, { start: '2026-03-01T00:00:00Z' })
  const recorder = makeRecorder({ database: other.database, ledger: stage.ledger, log: silentLog })
  const subscriber = await stage.subscriber('free')
  const { billing } = stage
  const { payment } = must(
    await billing.buy(administrator, subscriber, { kind: 'pack', packId: 'small' }, stage.once()),
  )
  const paid = must(await billing.approve(administrator, payment.id, 'Paid'))
  const request = holdRequest(subscriber, 500n)
  must(await stage.ledger.hold(request))
  const record = operationRecord(subscriber, {
    id: request.operationId,
    keyOwner: 'system',
    heldMicros: 500n,
    creditMicros: 120n,
  })
  await recorder.record(record, { ...subscriber, operationId: request.operationId, chargeMicros: 120n })
  stage.time.pass(1_000)
  must(
    await billing.refund(administrator, payment.id, {
      amountMinor: 100n,
      reason: 'Asked for',
      idempotencyKey: newId(),
    }),
  )
  const page = await makeStatements({ database: other.database }).page(subscriber, folded, {
    cursor: null,
    limit: 50,
  })
  const line = (category: string) => page.lines.find((candidate) => candidate.category === category)
  expect(line('purchase')).toMatchObject({
    paymentId: payment.id,
    invoice: { id: paid.invoiceId, kind: 'invoice', number: 'INV-000001' },
    grants: [{ kind: 'purchase', changeMicros: 500_000_000n }],
  })
  expect(line('usage')).toMatchObject({
    operationId: request.operationId,
    operation: { id: request.operationId, serviceId: 'openai', status: 'succeeded' },
    hold: { heldMicros: 500n },
    spentMicros: 120n,
  })
  expect(line('reversal')).toMatchObject({
    paymentId: payment.id,
    invoice: { kind: 'credit_note', number: 'CN-000001' },
    reason: 'Asked for',
  })
  expect(line('allocation')).toMatchObject({ paymentId: null, invoice: null })
  await recorder.close()
  await stage.ledger.close()
})
