import { afterAll, expect, test } from 'vitest'
import { startBilling } from '../../tests/billing.ts'
import { cloneDatabase } from '../../tests/database.ts'
import { makeAlerts } from '../alerts/alerts.ts'
import { noMail } from '../alerts/mail.ts'
import { failure } from '../kit/fault.ts'
import { silentLog } from '../kit/log.ts'
import { makeOutbound } from '../net/outbound.ts'
import { tellUnpaid } from './past-due.ts'

const clone = await cloneDatabase()
afterAll(() => clone.drop())

test('who has not paid is told once for a period, and who has paid is not', async () => {
  const { billing, ledger, time, subscriber } = startBilling(clone.database, {
    start: '2026-11-20T12:00:00Z',
  })
  const alerts = makeAlerts({
    database: clone.database,
    mail: noMail,
    signingSecret: async () => failure('internal'),
    callbacks: makeOutbound(),
    publicUrl: null,
    clock: time.clock,
    log: silentLog,
  })
  const [late, paid] = [await subscriber(), await subscriber()]
  await billing.renewDue(time.clock())
  await clone.database.pool.query(
    `UPDATE subscriptions SET status = 'past_due', grace_until = '2026-12-01T12:00:00Z' WHERE user_id = $1`,
    [late.userId],
  )
  const rooms = { database: clone.database, alerts }
  expect(await tellUnpaid(rooms, time.clock())).toBe(1)
  expect(await tellUnpaid(rooms, time.clock())).toBe(0)
  const [alert] = await alerts.page(late, {}, null, 9)
  expect(alert).toMatchObject({ kind: 'payment_failed', severity: 'critical', path: '/credits' })
  expect(alert?.text).toContain('until 2026-12-01')
  expect(await alerts.page(paid, {}, null, 9)).toEqual([])
  await ledger.close()
})
