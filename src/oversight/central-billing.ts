import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Billing } from '../billing/billing.ts'
import { holderOf } from '../billing/payer.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, type Outcome, success } from '../kit/fault.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { outcomeOf } from '../organizations/outcome.ts'
import { makeCentralBillingStore, type CentralStanding } from './store-central-billing.ts'

export type { CentralStanding } from './store-central-billing.ts'

export interface CentralBilling {
  read(organizationId: string): Promise<Outcome<CentralStanding>>
  /**
   * When it returns, every operation that starts on any process takes the credits of the account that pays now. Those under
   * way end on the account whose credits they hold. Paid subscriptions of accounts that nothing is taken from any more end
   * with their period.
   */
  set(
    actor: Actor,
    wanted: { organizationId: string; central: boolean; billingEmail: string },
  ): Promise<Outcome<CentralStanding>>
}

export interface CentralBillingParts {
  readonly database: Database
  readonly epoch: Pick<Epoch, 'change'>
  readonly ledger: Pick<Ledger, 'openAccount'>
  readonly billing: Pick<Billing, 'endIdle'>
  readonly clock: Clock
}

export const makeCentralBilling = (parts: CentralBillingParts): CentralBilling => {
  const { database, epoch, ledger, billing, clock } = parts
  const store = makeCentralBillingStore(database.kysely)

  const read = async (organizationId: string): Promise<Outcome<CentralStanding>> => {
    const standing = await store.read(organizationId, clock())
    return standing ? success(standing) : failure('not_found')
  }

  return {
    read,
    async set(actor, { organizationId, central, billingEmail }) {
      const set = await outcomeOf(() =>
        epoch.change(organizationId, async (t) => {
          const before = await store.lock(t, organizationId)
          if (!before) throw new FaultError(fault('not_found'))
          if (central && before.kind !== 'company')
            throw new FaultError(fault('conflict', { message: 'Only a company can pay for its members.' }))
          const at = clock()
          if (central) {
            // The organisation is no member of itself, so the wall lets no request of a tenant write it among the users.
            await beyondTenantsIn(t, () => store.ensureHolder(t, { id: organizationId, name: before.name }))
            await ledger.openAccount(t, { ...holderOf(organizationId), tierId: 'free', at })
          }
          const wasCentral = before.centralBillingAt !== null
          const endedSubscriptions =
            central === wasCentral
              ? 0
              : await billing.endIdle(t, actor, organizationId, central ? 'members' : 'organization')
          const since = central ? (before.centralBillingAt ?? at) : null
          await store.save(t, organizationId, { since, billingEmail })
          await recordAudit(t, {
            organizationId,
            actor,
            action: 'central_billing.changed',
            subject: { kind: 'organization', id: organizationId },
            before: { central: wasCentral, billingEmail: before.billingEmail },
            after: { central, billingEmail, endedSubscriptions },
          })
        }),
      )
      return set.ok ? read(organizationId) : set
    },
  }
}
