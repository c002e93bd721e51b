import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bookkeeping, openBookkeeping } from './bookkeeping.ts'
import { openClient, type Reply } from './client.ts'
import { type Fleet, openFleet } from './fleet.ts'
import { mixedCalls } from './mixed-calls.ts'

let fleet: Fleet
let books: Bookkeeping
let replies: Reply[]

beforeAll(async () => {
  fleet = await openFleet({ processes: 1 })
  books = await openBookkeeping(fleet.databaseUrl)
  await using client = openClient()
  const next = await mixedCalls(fleet)
  replies = await Promise.all(Array.from({ length: 16 }, (_, caller) => client.send(next(caller))))
})
afterAll(async () => {
  await books[Symbol.asyncDispose]()
  await fleet[Symbol.asyncDispose]()
})

const problems = async (): Promise<string[]> => [
  ...(await books.ledgerProblems()),
  ...(await books.recordProblems(replies)),
]

test('the books of served operations balance', async () => {
  expect(replies.filter((reply) => !reply.whole)).toEqual([])
  expect(await problems()).toEqual([])
})

// Each planted in a transaction that is rolled back. A check that cannot fail proves nothing.
const anySettlement = `(SELECT organization_id, account_id, number FROM ledger_entries WHERE kind = 'settle' LIMIT 1)`
const ofOneOperation = `WHERE id = (SELECT id FROM holds WHERE state = 'settled' LIMIT 1)`
test.each([
  [
    'one entry with another amount',
    `UPDATE ledger_entries SET amount_micros = amount_micros + 1
     WHERE (organization_id, account_id, number) = ${anySettlement} AND bucket = 'spent'`,
    /sums to 1$/,
  ],
  [
    'a transaction that sums to zero and moves too much',
    `UPDATE ledger_entries SET amount_micros = amount_micros + CASE bucket WHEN 'spent' THEN 1 ELSE -1 END
     WHERE (organization_id, account_id, number) = ${anySettlement} AND bucket IN ('spent', 'held')`,
    /entries spent/,
  ],
  [
    'a transaction that is gone',
    `DELETE FROM ledger_entries WHERE (organization_id, account_id, number) = ${anySettlement}`,
    /last transaction is/,
  ],
  [
    'credits out of nothing',
    'UPDATE grants SET remaining_micros = remaining_micros + 1 WHERE remaining_micros < amount_micros',
    /entries have \d+ available, its grants/,
  ],
  [
    'a hold that is open again',
    `UPDATE holds SET state = 'open', settled_micros = NULL, resolved_at = NULL ${ofOneOperation}`,
    /is open with 1 beginnings and 1 ends/,
  ],
  [
    'a record that claims another charge',
    `UPDATE operations SET credit_micros = credit_micros + 1 ${ofOneOperation}`,
    /charged \d+, its hold settled/,
  ],
  [
    'a record that is gone, of an operation on an own key',
    `DELETE FROM operations WHERE id = (SELECT id FROM operations WHERE key_owner = 'user' LIMIT 1)`,
    /was received whole and is not on record/,
  ],
  [
    'an operation on record twice',
    `INSERT INTO operations SELECT (jsonb_populate_record(o, jsonb_build_object('organization_id', gen_random_uuid()))).*
     FROM operations o WHERE key_owner = 'user' LIMIT 1`,
    /is on record 2 times/,
  ],
  [
    'a record that calls it failed',
    `UPDATE operations SET status = 'failed' ${ofOneOperation}`,
    /was received whole and is on record as failed/,
  ],
])('%s would be found out', async (_, statement, problem) => {
  await books.query('BEGIN')
  try {
    await books.query('ALTER TABLE ledger_entries DISABLE TRIGGER USER')
    await books.query(statement)
    expect(await problems()).toContainEqual(expect.stringMatching(problem))
  } finally {
    await books.query('ROLLBACK')
  }
})

test('a reply that was cut off and ended as if it were whole would be found out', async () => {
  const cut = replies.map((reply) => ({ ...reply, whole: false }))
  expect(await books.recordProblems(cut)).toHaveLength(cut.length)
})
