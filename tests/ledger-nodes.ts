import { type Database, openDatabase } from '../src/db/database.ts'
import { newId } from '../src/kit/id.ts'
import { silentLog } from '../src/kit/log.ts'
import type { HoldRequest, Ledger, LedgerOptions } from '../src/ledger/ledger.ts'
import { makeRecorder, type Recorder } from '../src/metering/recorder.ts'
import { cloneDatabase, type TestDatabase } from './database.ts'
import { holdRequest, openLedger, operationRecord, type TestAccount } from './ledger.ts'

/** What one gateway process has: its own connections, ledger and recorder. */
export interface Node {
  readonly processId: string
  readonly database: Database
  readonly ledger: Ledger
  readonly recorder: Recorder
  close(): Promise<void>
}

export const openNode = (url: string, store?: LedgerOptions['store']): Node => {
  const database = openDatabase({ url, maximumConnections: 4 })
  const processId = newId()
  const ledger = openLedger(database, {
    processId,
    graceSeconds: 30,
    holdPatienceMs: 2_000,
    ...(store && { store }),
  })
  const recorder = makeRecorder({ database, ledger, log: silentLog, patienceMs: 2_000 })
  return {
    processId,
    database,
    ledger,
    recorder,
    close: async () => {
      await recorder.close()
      await ledger.close()
      await database.close()
    },
  }
}

export const openNodes = async (count: number, store?: LedgerOptions['store']) => {
  const clone = await cloneDatabase()
  const nodes = Array.from({ length: count }, () => openNode(clone.url, store))
  for (const node of nodes) await join(clone, node.processId, '1 hour')
  return { clone, nodes, first: nodes[0] as Node }
}

/** Gives a process a lease, as `src/db/epoch.ts` does; a negative one is a dead process. */
export const join = (clone: TestDatabase, processId: string, lease: string) =>
  clone.database.pool.query(
    `INSERT INTO processes (id, pid, host, version, lease_until, acknowledged_epoch)
     VALUES ($1, 1, 'test', 'test', now() + $2::interval, 1)
     ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until`,
    [processId, lease],
  )

export const settled = (account: TestAccount, request: HoldRequest, chargeMicros: bigint) =>
  operationRecord(account, {
    id: request.operationId,
    keyOwner: 'system',
    creditMicros: chargeMicros,
    heldMicros: request.maximumMicros,
  })

export const use = async (
  node: Node,
  account: TestAccount,
  heldMicros: bigint,
  chargeMicros: bigint,
): Promise<boolean> => {
  const request = holdRequest(account, heldMicros)
  const held = await node.ledger.hold(request)
  if (!held.ok) return false
  await node.recorder.record(settled(account, request, chargeMicros), { ...request, chargeMicros })
  return true
}

export const upkeepBy = async (nodes: readonly Node[]) => {
  for (const node of nodes) {
    await node.ledger.expireGrants(new Date())
    await node.ledger.recoverHolds(new Date())
  }
}

export const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000)

/** 64 clients spend until each is refused; gives what was spent. */
export const race = async (nodes: readonly Node[], account: TestAccount): Promise<bigint> => {
  let spent = 0n
  const client = async (index: number) => {
    for (let turn = 0; ; turn++) {
      const charge = BigInt((index * 7 + turn * 3) % 8)
      if (!(await use(nodes[(index + turn) % nodes.length] as Node, account, 7n, charge))) return
      spent += charge
    }
  }
  await Promise.all(Array.from({ length: 64 }, (_, index) => client(index)))
  return spent
}
