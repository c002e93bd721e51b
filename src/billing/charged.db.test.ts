import { afterAll, beforeAll, expect, test } from 'vitest'
import { administrator, startBilling } from '../../tests/billing.ts'
import { checkLedger } from '../../tests/ledger.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { type ChargeResult, manualProvider, type PaymentProvider } from './provider.ts'

let clone: TestDatabase
beforeAll(async () => {
  clone = await cloneDatabase({ maximumConnections: 8 })
})
afterAll(async () => {
  await clone.drop()
})

const credits = (n: number): bigint => BigInt(n) * 1_000_000n

/** A provider that answers as it is told, and remembers what it was asked for. */
const startCharging = (answers: ChargeResult[]) => {
  const asked: string[] = []
  const provider: PaymentProvider = {
    ...manualProvider,
    id: 'stripe',
    charge: async ({ paymentId }) => {
      asked.push(paymentId)
      return answers.shift() ?? { kind: 'unavailable' }
    },
  }
  const stage = startBilling(clone.database, { start: '2027-04-01T00:00:00Z', providers: [provider] })
  return { asked, ...stage }
}

test('a renewal that is declined gives nothing, is tried again each day with the same payment, and gives all once it is paid', async () => {
  const stage = startCharging([
    { kind: 'unavailable' },
    { kind: 'failed', reason: 'Declined' },
    { kind: 'failed', reason: 'Declined' },
    { kind: 'paid', externalId: 'pi_1' },
  ])
  const account = await stage.subscriber('pro')
  await stage.billing.renewDue(stage.time.clock())
  must(await stage.billing.setCollection(administrator, account, 'stripe', 'They pay'))
  const available = async () =>
    (await stage.ledger.balance(account.organizationId, account.accountId))?.availableMicros
  const status = async () => must(await stage.billing.subscription(account)).status

  await stage.at('2027-05-01T00:00:00Z')
  expect([await available(), await status(), stage.asked.length]).toEqual([0n, 'active', 1])
  await stage.at('2027-05-01T00:11:00Z')
  expect([await available(), await status(), stage.asked.length]).toEqual([0n, 'past_due', 2])
  await stage.at('2027-05-01T12:00:00Z')
  expect(stage.asked).toHaveLength(2)
  await stage.at('2027-05-02T00:11:00Z')
  expect([await available(), await status(), stage.asked.length]).toEqual([0n, 'past_due', 3])
  await stage.at('2027-05-03T00:11:00Z')
  expect([await available(), await status(), stage.asked.length]).toEqual([credits(2000), 'active', 4])
  expect(new Set(stage.asked).size).toBe(1)
  const { items } = await stage.billing.invoices({ owner: account })
  expect(items.map((invoice) => [invoice.status, invoice.totalMinor])).toEqual([['paid', 2000n]])
  await stage.at('2027-05-31T23:59:59Z')
  expect(stage.asked).toHaveLength(4)
  expect(await checkLedger(clone.database)).toEqual([])
  await stage.ledger.close()
})

test('the history of a key has every time in which it was active and valid, whoever changed it', async () => {
  const stage = startCharging([])
  const { organizationId, userId } = await stage.subscriber()
  const id = newId()
  const run = (text: string) => clone.database.pool.query(text, [organizationId, id])
  await clone.database.pool.query(
    `INSERT INTO service_keys (organization_id, id, owner, user_id, service_id, label, last_four, fingerprint)
     VALUES ($1, $2, 'user', $3, 'openai', 'Key', '1234', '\\x00')`,
    [organizationId, id, userId],
  )
  const history = async () =>
    (
      await run(
        'SELECT until_at IS NULL AS open FROM own_key_presences WHERE organization_id = $1 AND service_key_id = $2 ORDER BY from_at',
      )
    ).rows
  // Nobody has found it valid yet.
  expect(await history()).toEqual([])
  const set = (change: string) =>
    run(`UPDATE service_keys SET ${change} WHERE organization_id = $1 AND id = $2`)
  await set("verdict = 'valid'")
  await set("label = 'Renamed', cooling_until = now()")
  expect(await history()).toEqual([{ open: true }])
  await set("status = 'exhausted'")
  expect(await history()).toEqual([{ open: false }])
  await set("status = 'active'")
  await set("status = 'revoked', revoked_at = now()")
  expect(await history()).toEqual([{ open: false }, { open: false }])
  await stage.ledger.close()
})

test('a key whose secret takes another’s place is another key from that instant on, and neither a gap nor two', async () => {
  const { organizationId, userId } = await startCharging([]).subscriber()
  const id = newId()
  const run = (text: string) => clone.database.pool.query(text, [organizationId, id])
  await clone.database.pool.query(
    `INSERT INTO service_keys (organization_id, id, owner, user_id, service_id, label, last_four, fingerprint, verdict)
     VALUES ($1, $2, 'user', $3, 'openai', 'Key', '1234', '\\x00', 'valid')`,
    [organizationId, id, userId],
  )
  const set = (fingerprint: string, baseUrl = 'NULL') =>
    run(`UPDATE service_keys SET installation_fingerprint = '\\x${fingerprint}', base_url = ${baseUrl}
      WHERE organization_id = $1 AND id = $2`)
  // Its fingerprint is known a statement later than the key itself.
  await set('aa')
  await set('aa')
  await set('bb')
  await set('bb', "'https://proxy.example'")
  const { rows } = await run(`
    SELECT encode(secret_id, 'hex') AS secret, base_url AS "baseUrl", until_at IS NULL AS open,
      from_at = lag(until_at) OVER (ORDER BY from_at) AS follows
    FROM own_key_presences WHERE organization_id = $1 AND service_key_id = $2 ORDER BY from_at`)
  expect(rows).toEqual([
    { secret: 'aa', baseUrl: null, open: false, follows: null },
    { secret: 'bb', baseUrl: null, open: false, follows: true },
    { secret: 'bb', baseUrl: 'https://proxy.example', open: true, follows: true },
  ])
})
