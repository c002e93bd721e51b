/**
 * What a payment provider's news come to: a purchase is a grant, a refund or a dispute its reversal. News come more than
 * once, to several workers at a time, in any order; what is acknowledged must be done, and done once. Between them it does
 * what time asks for.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { openDatabase } from '../../src/db/database.ts'
import { newId } from '../../src/kit/id.ts'
import { silentLog } from '../../src/kit/log.ts'
import { makeLedger } from '../../src/ledger/ledger.ts'
import { armEdge, pass } from './edges.ts'

export interface News {
  readonly id: string
  readonly kind: 'paid' | 'taken_back'
  /** The payment that it is about. */
  readonly payment: string
  readonly organizationId: string
  readonly accountId: string
  readonly amountMicros: string
  /** Credits of some purchases expire while the simulation runs. */
  readonly expiresInMs: number | null
}

process.once('disconnect', () => process.exit(0))
const database = openDatabase({ url: process.env['DATABASE_URL'] ?? '', maximumConnections: 3 })
const ledger = makeLedger({
  database,
  processId: newId(),
  clock: () => new Date(),
  log: silentLog,
  graceSeconds: 1,
})

const idOfPayment = async (news: News): Promise<string | null> => {
  const { rows } = await database.pool.query<{ id: string }>(
    'SELECT id FROM grants WHERE organization_id = $1 AND account_id = $2 AND idempotency_key = $3',
    [news.organizationId, news.accountId, `payment:${news.payment}`],
  )
  return rows[0]?.id ?? null
}

/** False: not yet, as for a refund that came before its purchase. */
const take = async (news: News): Promise<boolean> => {
  const { organizationId, accountId, amountMicros, expiresInMs } = news
  const common = { organizationId, accountId, createdBy: 'simulation', reason: news.kind }
  if (news.kind === 'paid') {
    await ledger.grant(null, {
      ...common,
      kind: 'purchase',
      amountMicros: BigInt(amountMicros),
      effectiveAt: new Date(),
      expiresAt: expiresInMs === null ? null : new Date(Date.now() + expiresInMs),
      idempotencyKey: `payment:${news.payment}`,
    })
    return true
  }
  const grantId = await idOfPayment(news)
  if (!grantId) return false
  const idempotencyKey = `news:${news.id}`
  await ledger.reverse(null, { ...common, grantId, amountMicros: BigInt(amountMicros), idempotencyKey })
  return true
}

const acknowledge = (news: News): void => {
  pass('before', 'acknowledge')
  process.send?.(news.id)
  setImmediate(() => pass('sent', 'acknowledge'))
}

// A planted defect: what the simulation proves is that it finds it out.
const acknowledgesFirst = process.env['AIDEON_SIMULATION_DEFECT'] === 'acknowledges_first'

process.on('message', (news: News) => {
  pass('before', 'news')
  if (acknowledgesFirst) acknowledge(news)
  take(news)
    .then((done) => {
      pass('after', 'news')
      if (done && !acknowledgesFirst) acknowledge(news)
    })
    // Told again later.
    .catch(() => {})
  setImmediate(() => pass('sent', 'news'))
})

armEdge()
process.send?.('ready')
for (;;) {
  await ledger.recoverHolds(new Date()).catch(() => {})
  await ledger.expireGrants(new Date()).catch(() => {})
  await ledger.ensureAllocations(new Date()).catch(() => {})
  await wait(250)
}
