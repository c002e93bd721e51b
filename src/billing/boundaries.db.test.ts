import { afterAll, beforeAll, expect, test } from 'vitest'
import { administrator, startBilling } from '../../tests/billing.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { checkPayments } from '../../tests/payments/payments-checker.ts'
import { must } from '../kit/fault.ts'

let clone: TestDatabase
beforeAll(async () => {
  clone = await cloneDatabase({ maximumConnections: 6 })
})
afterAll(() => clone.drop())

// The anchor, its time zone, and where the periods after the second begin: the time zone counts from the second on.
test.each([
  [
    '31 January',
    '2027-01-31T10:30:00Z',
    'UTC',
    ['2027-02-28T10:30:00Z', '2027-03-31T10:30:00Z', '2027-04-30T10:30:00Z'],
  ],
  [
    '29 February',
    '2028-02-29T00:00:00Z',
    'UTC',
    ['2028-03-29T00:00:00Z', '2028-04-29T00:00:00Z', '2028-05-29T00:00:00Z'],
  ],
  [
    'clocks in Berlin',
    '2027-01-28T01:30:00Z',
    'Europe/Berlin',
    ['2027-02-28T01:30:00Z', '2027-03-28T01:30:00Z', '2027-04-28T00:30:00Z'],
  ],
  [
    'clocks in New York',
    '2027-09-07T05:30:00Z',
    'America/New_York',
    ['2027-10-07T05:30:00Z', '2027-11-07T05:30:00Z', '2027-12-07T06:30:00Z'],
  ],
])(
  '%s: each period begins at its instant, not a millisecond before, and gives and charges once',
  async (_, anchor, zone, starts) => {
    const stage = startBilling(clone.database, { start: anchor })
    const account = await stage.subscriber('pro')
    await stage.billing.renewDue(stage.time.clock())
    const user = { kind: 'user', id: account.userId } as const
    must(await stage.billing.change(user, account, { kind: 'set_time_zone', timeZone: zone }, stage.once()))
    must(await stage.billing.setCollection(administrator, account, 'manual', 'They pay'))
    for (const [index, start] of starts.entries()) {
      const before = new Date(new Date(start).getTime() - 1).toISOString()
      for (const at of [before, start, start, new Date(new Date(start).getTime() + 1).toISOString()]) {
        await stage.at(at)
        const { items } = await stage.billing.payments({ owner: account })
        expect([at, items.length]).toEqual([at, at === before ? index : index + 1])
      }
      const { periodStart } = must(await stage.billing.subscription(account))
      expect(periodStart).toEqual(new Date(start))
      const [renewal] = (await stage.billing.payments({ owner: account, status: 'requested' })).items
      must(await stage.billing.approve(administrator, renewal?.id ?? '', 'Paid'))
      const balance = await stage.ledger.balance(account.organizationId, account.accountId)
      expect(balance?.availableMicros).toBe(2_000_000_000n)
    }
    expect(await checkPayments(clone.database)).toEqual([])
    await stage.ledger.close()
  },
)
