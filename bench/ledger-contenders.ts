// The two ways of holding and settling that npm run bench -- ledger compares.
import type { Database } from '../src/db/database.ts'
import { openDatabase } from '../src/db/database.ts'
import { newId } from '../src/kit/id.ts'
import { silentLog } from '../src/kit/log.ts'
import { makeLedger } from '../src/ledger/ledger.ts'
import { makeRecorder } from '../src/metering/recorder.ts'
import { holdRequest, makeAccount, operationRecord, purchase, type TestAccount } from '../tests/ledger.ts'

export type Work = 'hold' | 'pair'

export interface Contender {
  /** Resolves when it is committed. */
  operate(work: Work, account: number): Promise<void>
  /** What does not add up afterwards. */
  problems(): Promise<string[]>
  close(): Promise<void>
}

const given = 10n ** 15n
const held = 100n
const charged = 60n

/**
 * The plain way, written as one writes it: a transaction for each operation with a conditional UPDATE and an entry, over
 * a pool as large as there are callers. Its statements are prepared.
 */
export const openPlain = async (
  database: Database,
  url: string,
  options: { accounts: number; connections: number },
): Promise<Contender> => {
  await database.pool.query(`
    CREATE TABLE plain_accounts (id bigint PRIMARY KEY, available bigint NOT NULL, held bigint NOT NULL) WITH (fillfactor = 70);
    CREATE TABLE plain_entries (operation_id uuid NOT NULL, kind text NOT NULL, account_id bigint NOT NULL,
      amount bigint NOT NULL, available bigint NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (operation_id, kind));
    INSERT INTO plain_accounts SELECT id, ${given}, 0 FROM generate_series(0, ${options.accounts - 1}) AS id;
    GRANT ALL ON plain_accounts, plain_entries TO public`)
  const own = openDatabase({ url, maximumConnections: options.connections })
  const transact = async (
    kind: 'hold' | 'settle',
    operationId: string,
    account: number,
    change: { available: bigint; held: bigint },
  ): Promise<void> => {
    const client = await own.pool.connect()
    try {
      await client.query({ name: 'begin', text: 'BEGIN' })
      const { rows } = await client.query<{ available: bigint }>({
        name: 'plain_update',
        text: 'UPDATE plain_accounts SET available = available + $2, held = held + $3 WHERE id = $1 AND available + $2 >= 0 RETURNING available',
        values: [account, change.available, change.held],
      })
      await client.query({
        name: 'plain_insert',
        text: 'INSERT INTO plain_entries (operation_id, kind, account_id, amount, available, at) VALUES ($1, $2, $3, $4, $5, now())',
        values: [operationId, kind, account, change.available, rows[0]?.available],
      })
      await client.query({ name: 'commit', text: 'COMMIT' })
    } finally {
      client.release()
    }
  }
  return {
    async operate(work, account) {
      const operationId = newId()
      await transact('hold', operationId, account, { available: -held, held })
      if (work === 'pair')
        await transact('settle', operationId, account, { available: held - charged, held: -held })
    },
    async problems() {
      const { rows } = await database.pool.query<{ missing: string; entries: string }>(`
        SELECT ${given} * count(*) - sum(available) AS missing,
          (SELECT -sum(amount) FROM plain_entries) AS entries FROM plain_accounts`)
      const [row] = rows
      return row && row.missing === row.entries
        ? []
        : [`plain: ${row?.missing} are gone, entries say ${row?.entries}`]
    },
    close: () => own.close(),
  }
}

/** Ours: the ledger and the recorder as the gateway runs them, so a settlement also writes the operation's record. */
export const openOurs = async (database: Database, options: { accounts: number }): Promise<Contender> => {
  const processId = newId()
  const clock = () => new Date()
  const ledger = makeLedger({ database, processId, clock, log: silentLog })
  const recorder = makeRecorder({ database, ledger, log: silentLog })
  await database.pool.query(
    `INSERT INTO processes (id, pid, host, version, lease_until, acknowledged_epoch) VALUES ($1, 1, 'bench', 'bench', now() + interval '1 day', 1)`,
    [processId],
  )
  const organizationId = newId()
  const open = async (): Promise<TestAccount> => {
    const account = await makeAccount(database, ledger, { organizationId })
    await purchase(ledger, account, given)
    return account
  }
  const accounts = [await open()]
  while (accounts.length < options.accounts)
    accounts.push(...(await Promise.all(Array.from({ length: 3 }, open))))
  let holds = 0n
  let pairs = 0n
  return {
    async operate(work, index) {
      const account = accounts[index] as TestAccount
      const request = holdRequest(account, held)
      const outcome = await ledger.hold(request)
      if (!outcome.ok) throw new Error(outcome.fault.message)
      if (work === 'hold') return void holds++
      const operation = operationRecord(account, {
        id: request.operationId,
        keyOwner: 'system',
        creditMicros: charged,
        heldMicros: held,
      })
      await recorder.record(operation, { ...request, chargeMicros: charged })
      pairs++
    },
    async problems() {
      const { rows } = await database.pool.query<{ held: string; spent: string }>(`
        SELECT (SELECT sum(held_micros) FROM credit_accounts) AS held,
          (SELECT sum(amount_micros) FROM ledger_entries WHERE bucket = 'spent') AS spent`)
      const [row] = rows
      const expected = [held * holds, charged * pairs]
      return row && BigInt(row.held) === expected[0] && BigInt(row.spent) === expected[1]
        ? []
        : [`ours: ${row?.held} held and ${row?.spent} spent, it should be ${expected.join(' and ')}`]
    },
    async close() {
      await recorder.close()
      await ledger.close()
    },
  }
}
