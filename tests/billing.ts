import { makeBilling } from '../src/billing/billing.ts'
import type { PaymentProvider } from '../src/billing/provider.ts'
import type { Database } from '../src/db/database.ts'
import { newId } from '../src/kit/id.ts'
import { silentLog } from '../src/kit/log.ts'
import { makeAccount, makeTestClock, openLedger } from './ledger.ts'

export const administrator = { kind: 'user', id: '00000000-0000-7000-8000-00000000ad01' } as const
export const secondAdministrator = { kind: 'user', id: '00000000-0000-7000-8000-00000000ad02' } as const

/** An epoch that nobody listens to: what it announces is another test's concern. */
const quietEpoch = (database: Database) => {
  const run = <T>(_: string, work: Parameters<Parameters<typeof makeBilling>[0]['epoch']['change']>[1]) =>
    database.kysely.transaction().execute(work) as Promise<T>
  return { change: run, announce: run } as Parameters<typeof makeBilling>[0]['epoch']
}

/** The billing room with a clock that is told the time. */
export const startBilling = (
  database: Database,
  options: { start: string; providers?: readonly PaymentProvider[] },
) => {
  const time = makeTestClock(options.start)
  const ledger = openLedger(database, { clock: time.clock })
  const billing = makeBilling({
    database,
    epoch: quietEpoch(database),
    ledger,
    clock: time.clock,
    log: silentLog,
    providers: options.providers,
  })
  return {
    billing,
    ledger,
    time,
    subscriber: (tierId = 'free') => makeAccount(database, ledger, { tierId, at: time.clock() }),
    /** Lets time pass, and does what is due then. */
    at: async (iso: string) => {
      time.set(new Date(iso))
      const renewed = await billing.renewDue(time.clock())
      await ledger.expireGrants(time.clock())
      return renewed
    },
    once: () => ({ idempotencyKey: newId(), returnUrl: 'https://keys.example/credits' }),
  }
}
export type BillingStage = ReturnType<typeof startBilling>

/** The time in which a key that counts was there, as the trigger on service keys notes it. */
export const notePresence = (
  database: Database,
  owner: { organizationId: string; userId: string },
  from: string,
  until: string | null = null,
  secret: string = newId(),
) =>
  database.pool.query(
    `INSERT INTO own_key_presences (organization_id, service_key_id, owner, user_id, from_at, until_at, secret_id)
     VALUES ($1, $2, 'user', $3, $4, $5, $6)`,
    [owner.organizationId, newId(), owner.userId, from, until, Buffer.from(secret)],
  )
