import { readFile } from 'node:fs/promises'
import { Client as Postgres } from 'pg'
import type { Reply } from './client.ts'

/** int8 and numeric as text. */
type Row = Readonly<Record<string, string | number | null | undefined>>

/** What remains of a test in its database, read with SQL that shares nothing with the product. */
export interface Bookkeeping extends AsyncDisposable {
  /** What does not add up in the ledger at this moment, whatever is under way (tests/ledger-checker.sql). */
  ledgerProblems(): Promise<string[]>
  /** The same of payments, invoices and subscriptions (tests/payments/payments-checker.sql). */
  paymentProblems(): Promise<string[]>
  /** Holds that are neither settled nor released. */
  unfinishedHolds(): Promise<number>
  /** What callers know and the records do not say, or say otherwise. */
  recordProblems(replies: readonly Reply[]): Promise<string[]>
  /** Of an account: what was given, is available, and was charged by operations on record. */
  account(accountId: string): Promise<{ given: bigint; available: bigint; debt: bigint; charged: bigint }>
  query(text: string, values?: readonly unknown[]): Promise<Row[]>
}

export const openBookkeeping = async (databaseUrl: string): Promise<Bookkeeping> => {
  const checker = await readFile(new URL('../ledger-checker.sql', import.meta.url), 'utf8')
  const paymentChecker = await readFile(new URL('../payments/payments-checker.sql', import.meta.url), 'utf8')
  const postgres = new Postgres({ connectionString: databaseUrl })
  // Tests kill the server: the query under way says so.
  postgres.on('error', () => {})
  await postgres.connect()
  const query = async (text: string, values: readonly unknown[] = []) =>
    (await postgres.query<Row>(text, [...values])).rows

  return {
    query,
    ledgerProblems: async () => (await query(checker)).map((row) => String(row['problem'])),
    paymentProblems: async () => (await query(paymentChecker)).map((row) => String(row['problem'])),
    unfinishedHolds: async () => {
      const [row] = await query("SELECT count(*) FROM holds WHERE state IN ('open', 'unresolved')")
      return Number(row?.['count'])
    },
    async recordProblems(replies) {
      const ids = replies.flatMap((reply) => reply.operationId ?? [])
      const rows = await query(recordedText, [ids])
      return replyProblems(replies, new Map(rows.map((row) => [String(row['id']), readRecorded(row)])))
    },
    async account(accountId) {
      const [row] = await query(accountText, [accountId])
      const micros = (name: string) => BigInt(row?.[name] ?? 0)
      return {
        given: micros('given'),
        available: micros('available'),
        debt: micros('debt'),
        charged: micros('charged'),
      }
    },
    [Symbol.asyncDispose]: () => postgres.end(),
  }
}

const recordedText = `
  SELECT id, count(*) AS times, min(status) AS status, sum(credit_micros) AS credit_micros
  FROM operations WHERE id = ANY ($1::uuid[]) GROUP BY id`

const accountText = `
  SELECT
    (SELECT sum(amount_micros) FROM grants WHERE account_id = a.id) AS given,
    (SELECT sum(amount_micros) FROM ledger_entries WHERE account_id = a.id AND bucket = 'available') AS available,
    (SELECT -sum(amount_micros) FROM ledger_entries WHERE account_id = a.id AND bucket = 'debt') AS debt,
    (SELECT sum(o.credit_micros) FROM operations o
      WHERE o.organization_id = a.organization_id AND o.user_id = a.user_id) AS charged
  FROM credit_accounts a WHERE a.id = $1`

interface Recorded {
  readonly times: number
  readonly status: string
  readonly creditMicros: bigint
}

const readRecorded = (row: Row): Recorded => ({
  times: Number(row['times']),
  status: String(row['status']),
  creditMicros: BigInt(row['credit_micros'] ?? 0),
})

const replyProblems = (replies: readonly Reply[], recorded: ReadonlyMap<string, Recorded>): string[] => {
  const seen = new Set<string>()
  return replies.flatMap((reply) => {
    const { operationId } = reply
    const repeated = operationId !== null && seen.has(operationId)
    if (operationId !== null) seen.add(operationId)
    const problem = repeated
      ? 'has the operation id of another one'
      : problemOf(reply, operationId === null ? undefined : recorded.get(operationId))
    return problem === null ? [] : [`the reply ${operationId} (${reply.status}) ${problem}`]
  })
}

const problemOf = (reply: Reply, record: Recorded | undefined): string | null => {
  if (reply.whole) {
    if (reply.operationId === null) return 'names no operation'
    if (record === undefined) return 'was received whole and is not on record'
    if (record.times !== 1) return `is on record ${record.times} times`
    if (record.status !== 'succeeded') return `was received whole and is on record as ${record.status}`
    const said = reply.call.streamed ? null : microsOf(reply.headers['x-aideon-credits'])
    return said === null || said === record.creditMicros
      ? null
      : `said ${said} micro-credits, its record ${record.creditMicros}`
  }
  if (reply.status === null) return null
  if (reply.status === 200) return reply.endedCleanly ? 'is not whole and ended as if it were' : null
  if (!reply.endedCleanly) return null
  return reply.code === null ? 'is an error without a code' : null
}

/** `0.00345` credits as micro-credits. */
const microsOf = (credits: string | undefined): bigint | null => {
  const match = /^(\d+)(?:\.(\d{1,6}))?$/.exec(credits ?? '')
  return match === null ? null : BigInt(`${match[1]}${(match[2] ?? '').padEnd(6, '0')}`)
}
