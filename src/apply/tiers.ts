import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Epoch } from '../db/epoch.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { StoredTier } from './snapshot.ts'

/** Makes or changes a tier. Accounts on it get the new allocation from their next period on. */
export const saveTier = (epoch: Epoch, actor: Actor, tier: StoredTier): Promise<void> =>
  epoch.change(platformOrganizationId, async (transaction) => {
    const values = {
      name: tier.name,
      monthly_allocation_micros: tier.monthlyAllocationMicros,
      monthly_price_cents: tier.monthlyPriceCents,
      currency: tier.currency,
      position: tier.position,
    }
    await transaction
      .insertInto('tiers')
      .values({ id: tier.id, ...values })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
      .execute()
    await recordAudit(transaction, {
      organizationId: platformOrganizationId,
      actor,
      action: 'tier.saved',
      subject: { kind: 'tier', id: tier.id },
      after: {
        name: tier.name,
        monthlyAllocationMicros: String(tier.monthlyAllocationMicros),
        monthlyPriceCents: String(tier.monthlyPriceCents),
        currency: tier.currency,
      },
    })
  })
