import { describe, expect, test } from 'vitest'
import { type TestDatabase } from '../../tests/database.ts'
import { checkLedger, holdRequest, makeAccount, purchase } from '../../tests/ledger.ts'
import { openNodes, settled, race } from '../../tests/ledger-nodes.ts'
import * as store from './store.ts'
import { verifyLedger } from './verify.ts'

/** The last line of defence is the schema itself; it is taken away to see whether the checks notice alone. */
const withoutConstraints = async (clone: TestDatabase) => {
  await clone.database.pool.query(`
    ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_pkey;
    DROP INDEX ledger_entries_once;
    ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_held_micros_check;
    ALTER TABLE grants DROP CONSTRAINT grants_check;
    ALTER TABLE credit_accounts DROP CONSTRAINT credit_accounts_held_micros_check`)
}

describe('planted errors: were the ledger wrong, these tests would see it', () => {
  const unlocked: Partial<typeof store> = {
    lock: (unit, accounts, holds) =>
      store.lock(
        {
          ...unit,
          ask: (statement, values) =>
            unit.ask(
              { name: `${statement.name}_unlocked`, text: statement.text.replace('FOR NO KEY UPDATE', '') },
              values,
            ),
        },
        accounts,
        holds,
      ),
  }
  const everOpen: Partial<typeof store> = {
    lock: async (unit, accounts, holds) => {
      const locked = await store.lock(unit, accounts, holds)
      return {
        ...locked,
        holds: new Map([...locked.holds].map(([key, hold]) => [key, { ...hold, state: 'open' as const }])),
      }
    },
  }

  test('read-then-write: accounts that are not locked lose credits or make them', async () => {
    const { clone, nodes, first } = await openNodes(3, { ...store, ...unlocked })
    await withoutConstraints(clone)
    const account = await makeAccount(first.database, first.ledger)
    await purchase(first.ledger, account, 1_000n)
    await race(nodes, account)
    expect((await checkLedger(clone.database)).length).toBeGreaterThan(0)
    expect((await verifyLedger(clone.database)).ok).toBe(false)
    for (const node of nodes) await node.close()
    await clone.drop()
  })

  test('double settlement: a hold that always looks open is charged twice', async () => {
    const { clone, nodes, first } = await openNodes(1, { ...store, ...everOpen })
    await withoutConstraints(clone)
    const account = await makeAccount(first.database, first.ledger)
    await purchase(first.ledger, account, 100n)
    const request = holdRequest(account, 10n)
    await first.ledger.hold(request)
    const twice = [0, 1].map(() =>
      first.recorder.record(settled(account, request, 3n), { ...request, chargeMicros: 3n }).catch(() => {}),
    )
    await Promise.all(twice)
    await first.recorder
      .record(settled(account, request, 3n), { ...request, chargeMicros: 3n })
      .catch(() => {})
    expect((await checkLedger(clone.database)).length).toBeGreaterThan(0)
    expect((await verifyLedger(clone.database)).ok).toBe(false)
    for (const node of nodes) await node.close()
    await clone.drop()
  })

  test('double settlement with the schema in place is refused by the database', async () => {
    const { clone, nodes, first } = await openNodes(1, { ...store, ...everOpen })
    const account = await makeAccount(first.database, first.ledger)
    await purchase(first.ledger, account, 100n)
    const request = holdRequest(account, 10n)
    await first.ledger.hold(request)
    await first.recorder.record(settled(account, request, 3n), { ...request, chargeMicros: 3n })
    await expect(
      first.recorder.record(settled(account, request, 3n), { ...request, chargeMicros: 3n }),
    ).rejects.toThrow()
    expect(await checkLedger(clone.database)).toEqual([])
    for (const node of nodes) await node.close()
    await clone.drop()
  })

  test('release on unknown: credits given back while the charge was on record are seen', async () => {
    const { clone, nodes, first } = await openNodes(1, { ...store, ...everOpen })
    await withoutConstraints(clone)
    const account = await makeAccount(first.database, first.ledger)
    await purchase(first.ledger, account, 100n)
    const request = holdRequest(account, 10n)
    await first.ledger.hold(request)
    await first.recorder.record(settled(account, request, 3n), { ...request, chargeMicros: 3n })
    await first.ledger.release(account.organizationId, request.operationId)
    expect((await checkLedger(clone.database)).length).toBeGreaterThan(0)
    expect((await verifyLedger(clone.database)).ok).toBe(false)
    for (const node of nodes) await node.close()
    await clone.drop()
  })
})
