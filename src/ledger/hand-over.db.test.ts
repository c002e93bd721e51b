import { afterAll, beforeAll, expect, test } from 'vitest'
import { unitOf } from '../db/writer.ts'
import { checkLedger, holdRequest, makeAccount, purchase } from '../../tests/ledger.ts'
import { inSeconds, join, type Node, openNode, openNodes, settled } from '../../tests/ledger-nodes.ts'
import type { TestDatabase } from '../../tests/database.ts'
import type { HoldRequest } from './ledger.ts'
import { verifyLedger } from './verify.ts'

let clone: TestDatabase
let first: Node
let nodes: Node[]
beforeAll(async () => {
  ;({ clone, nodes, first } = await openNodes(2))
})
afterAll(async () => {
  for (const node of nodes) await node.close()
  await clone.drop()
})

const handOver = (node: Node, request: HoldRequest): Promise<boolean> =>
  node.database.kysely
    .transaction()
    .execute((transaction) => node.ledger.handOver(unitOf(transaction), request))

const stateOf = async ({ operationId }: HoldRequest) => {
  const { rows } = await clone.database.pool.query('SELECT state, kept_by FROM holds WHERE id = $1', [
    operationId,
  ])
  return rows[0]
}

const recoverAll = async () => {
  for (const seconds of [1, 40, 80]) await first.ledger.recoverHolds(inSeconds(seconds))
}

test('a hold that was handed over outlives its process, and any other process settles it', async () => {
  const account = await makeAccount(first.database, first.ledger)
  await purchase(first.ledger, account, 100n)
  const dying = openNode(clone.url)
  await join(clone, dying.processId, '1 hour')
  const [kept, lost] = [holdRequest(account, 40n), holdRequest(account, 30n)]
  for (const request of [kept, lost]) await dying.ledger.hold(request)
  expect(await handOver(dying, kept)).toBe(true)
  await dying.close()
  await join(clone, dying.processId, '-1 second')
  await recoverAll()
  expect(await stateOf(kept)).toEqual({ state: 'open', kept_by: 'long_operation' })
  expect(await stateOf(lost)).toMatchObject({ state: 'released' })
  await first.recorder.record(settled(account, kept, 25n), { ...kept, chargeMicros: 25n })
  expect(await first.ledger.balance(account.organizationId, account.accountId)).toMatchObject({
    availableMicros: 75n,
    heldMicros: 0n,
  })
  expect(await checkLedger(clone.database)).toEqual([])
})

test('one that was thought lost and is not given back yet can still be handed over; an ended one cannot', async () => {
  const account = await makeAccount(first.database, first.ledger)
  await purchase(first.ledger, account, 100n)
  const slow = openNode(clone.url)
  await join(clone, slow.processId, '-1 second')
  const [marked, released] = [holdRequest(account, 40n), holdRequest(account, 30n)]
  await slow.ledger.hold(marked)
  await first.ledger.recoverHolds(inSeconds(1))
  expect(await stateOf(marked)).toMatchObject({ state: 'unresolved' })
  expect(await handOver(slow, marked)).toBe(true)
  await slow.ledger.hold(released)
  await recoverAll()
  expect(await stateOf(marked)).toMatchObject({ state: 'open' })
  expect(await handOver(slow, released)).toBe(false)
  await slow.close()
  await first.ledger.release(account.organizationId, marked.operationId)
  expect(await checkLedger(clone.database)).toEqual([])
})

test('handed over and given back at the same moment, each hold is one of both', async () => {
  const account = await makeAccount(first.database, first.ledger)
  await purchase(first.ledger, account, 1_000n)
  const slow = openNode(clone.url)
  await join(clone, slow.processId, '-1 second')
  const requests = Array.from({ length: 40 }, () => holdRequest(account, 10n))
  for (const request of requests) await slow.ledger.hold(request)
  await first.ledger.recoverHolds(inSeconds(1))
  const recovering = nodes.map((node) => node.ledger.recoverHolds(inSeconds(40)))
  const outcomes = await Promise.all(requests.map((request) => handOver(slow, request)))
  await Promise.all(recovering)
  const states = await Promise.all(requests.map(stateOf))
  for (const [index, state] of states.entries())
    expect(state).toMatchObject(outcomes[index] ? { state: 'open' } : { state: 'released' })
  const kept = requests.filter((_, index) => outcomes[index])
  for (const request of kept) await first.ledger.release(account.organizationId, request.operationId)
  await slow.close()
  expect(await first.ledger.balance(account.organizationId, account.accountId)).toMatchObject({
    availableMicros: 1_000n,
    heldMicros: 0n,
  })
  expect(await checkLedger(clone.database)).toEqual([])
})

test('a hold that is kept for no long operation would be found out', async () => {
  const account = await makeAccount(first.database, first.ledger)
  await purchase(first.ledger, account, 100n)
  const request = holdRequest(account, 40n)
  await first.ledger.hold(request)
  await handOver(first, request)
  expect(await checkLedger(clone.database)).toEqual([
    expect.stringMatching(/is kept for a long operation that is not there or over$/),
  ])
  expect((await verifyLedger(clone.database)).ok).toBe(false)
  await first.ledger.release(account.organizationId, request.operationId)
  expect((await verifyLedger(clone.database)).ok).toBe(true)
})
