import type { Billing } from '../billing/billing.ts'
import type { Payer } from '../billing/payer.ts'
import type { CreditGrant, Credits } from '../contract/credits.ts'
import { defineHandlers } from '../http/handler.ts'
import type { SignedIn } from '../identity/identity.ts'
import type { GrantRow, Insights, UsageRow } from '../insights/insights.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { parseCredits } from '../kit/money.ts'
import type { Organizations } from '../organizations/organizations.ts'
import type { Ledger } from './ledger.ts'

export interface LedgerApiParts {
  readonly ledger: Ledger
  readonly insights: Insights
  readonly organizations: Organizations
  readonly billing: Pick<Billing, 'payer' | 'subscription' | 'giveNow'>
}

export const ledgerApi = ({ ledger, insights, organizations, billing }: LedgerApiParts) => {
  const payerOf = ({ organization, userId, role }: SignedIn) =>
    billing.payer({ organizationId: organization.id, userId, role })
  return defineHandlers<'readCredits' | 'readBalance' | 'grantCredits'>({
    readCredits: async (_, { signedIn }) =>
      readCredits({ ledger, insights, billing }, await payerOf(signedIn)),

    async readBalance(_, { signedIn }) {
      const { organizationId, accountId } = await payerOf(signedIn)
      const balance = accountId === null ? null : await ledger.balance(organizationId, accountId)
      if (balance === null) throw new FaultError(fault('not_found'))
      return {
        availableMicros: String(balance.availableMicros),
        heldMicros: String(balance.heldMicros),
        debtMicros: String(balance.debtMicros),
        lastNumber: Number(balance.lastNumber),
      }
    },

    async grantCredits({ params, body }, { actor }) {
      const amountMicros = parseCredits(body.credits) ?? 0n
      if (amountMicros <= 0n)
        throw new FaultError(
          fault('invalid_request', { message: 'credits: must be more than 0.', field: 'credits' }),
        )
      const person = await organizations.findPerson({ id: params.id })
      if (!person?.accountId) throw new FaultError(fault('not_found'))
      const { organizationId, accountId } = person
      const { reason, idempotencyKey } = body
      const gift = { organizationId, accountId, amountMicros, reason, idempotencyKey }
      const { grantId, created } = must(await billing.giveNow(actor, gift))
      const [grant] = await insights.grants(organizationId, [grantId])
      if (!grant) throw new Error('a grant that was just given is not found')
      return { grant: grantOnWire(grant), created }
    },
  })
}

const readCredits = async (
  { ledger, insights, billing }: Pick<LedgerApiParts, 'ledger' | 'insights' | 'billing'>,
  payer: Payer,
): Promise<Credits> => {
  const subscription = must(await billing.subscription(payer))
  const { tier, next, periodStart, periodEnd } = subscription
  const [balance, usage] = await Promise.all([
    ledger.balance(payer.organizationId, subscription.accountId),
    insights.usageSince(
      // Of everybody, where one account pays for everybody.
      { organizationId: payer.organizationId, ...(payer.kind === 'own' && { userId: payer.userId }) },
      periodStart,
    ),
  ])
  if (balance === null) throw new FaultError(fault('not_found'))
  return {
    availableMicros: String(balance.availableMicros),
    heldMicros: String(balance.heldMicros),
    debtMicros: String(balance.debtMicros),
    tier: {
      id: tier.tierId,
      name: tier.name,
      monthlyAllocationMicros: String(tier.allocationMicros),
      monthlyPriceCents: String(tier.priceMinor),
      currency: tier.currency,
    },
    periodStart: periodStart.toISOString(),
    periodEnd: periodEnd.toISOString(),
    // Nothing comes while the subscription is paused.
    nextAllocation: {
      at: (next?.at ?? periodEnd).toISOString(),
      amountMicros: String(next?.allocationMicros ?? 0n),
    },
    grants: balance.grants.map(grantOnWire),
    usageByService: usageByService(usage.services),
  }
}

const grantOnWire = (grant: GrantRow): CreditGrant => ({
  id: grant.id,
  kind: grant.kind,
  amountMicros: String(grant.amountMicros),
  remainingMicros: String(grant.remainingMicros),
  effectiveAt: grant.effectiveAt.toISOString(),
  expiresAt: grant.expiresAt?.toISOString() ?? null,
  reason: grant.reason,
})

/** Operations that were refused before a key was chosen have no service and used nothing. */
const usageByService = (rows: readonly UsageRow[]): Credits['usageByService'] =>
  [...Map.groupBy(rows, (row) => row.serviceId)].flatMap(([serviceId, ofService]) => {
    if (serviceId === null) return []
    const sum = (which: (row: UsageRow) => bigint) => ofService.reduce((total, row) => total + which(row), 0n)
    return {
      serviceId,
      ownOperations: Number(sum((row) => (isOwn(row) ? row.operations : 0n))),
      systemOperations: Number(sum((row) => (row.keyOwner === 'system' ? row.operations : 0n))),
      creditMicros: String(sum((row) => row.creditMicros)),
      costNanoUsd: String(sum((row) => row.costNanoUsd)),
    }
  })

const isOwn = (row: UsageRow): boolean => row.keyOwner === 'user' || row.keyOwner === 'organization'
