import { type Actor, recordAudit } from '../audit/audit.ts'
import { failure, FaultError, fault, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { findService } from '../services/registry.ts'
import { settingsOf } from './loaded.ts'
import { type BillingParts, outcomeOf } from './parts.ts'
import { stepOf } from './proration.ts'
import { versionAt } from './store.ts'
import * as store from './store-tiers.ts'
import type { Tier, TierDraft, TierPreview, TierVersion } from './tier.ts'

/** Versions of tiers. A subscription keeps the version it has until its next period. */
export const makeTiers = (parts: Pick<BillingParts, 'database' | 'epoch' | 'clock'>) => {
  const { database, epoch, clock } = parts

  const problemWith = (draft: TierDraft): Outcome<never> | null => {
    const wrong = (field: string, message: string) => failure('invalid_request', { message, field })
    if (!/^[a-z][a-z0-9_-]{0,39}$/.test(draft.tierId)) return wrong('tierId', 'This cannot be a tier’s id.')
    if (!/^[A-Z]{3}$/.test(draft.currency)) return wrong('currency', 'A currency has three capital letters.')
    if (draft.priceMinor < 0n) return wrong('priceMinor', 'A price cannot be negative.')
    if (draft.priceMinor % stepOf(draft.currency) !== 0n)
      return wrong('priceMinor', `Prices in ${draft.currency} are whole tens of the smallest unit.`)
    if (draft.allocationMicros < 0n || draft.rolloverCapMicros < 0n)
      return wrong('allocationMicros', 'Credits cannot be negative.')
    const unknown = draft.entitlements.services?.find((id) => findService(id) === undefined)
    if (unknown !== undefined) return wrong('entitlements', `There is no service ${unknown}.`)
    if (draft.entitlements.groups?.some((group) => group.includes('/')))
      return wrong('entitlements', 'Groups are named by their ids, without “group/”.')
    if (draft.effectiveAt && draft.effectiveAt < new Date(clock().getTime() - 60_000))
      return wrong('effectiveAt', 'A tier changes now or later; what was stays as it was.')
    return null
  }

  return {
    list: (): Promise<readonly Tier[]> => store.listTiers(database.kysely, clock()),
    versions: (tierId: string): Promise<readonly TierVersion[]> =>
      store.listVersions(database.kysely, tierId),

    preview: async (draft: TierDraft): Promise<Outcome<TierPreview>> => {
      const problem = problemWith(draft)
      if (problem) return problem
      const before = (await versionAt(database.kysely, draft.tierId, clock())) ?? null
      const { count, first, last } = await store.audience(database.kysely, draft.tierId)
      const times = BigInt(count)
      return success({
        before,
        subscribers: count,
        firstRenewalAt: first,
        lastRenewalAt: last,
        monthlyDifferenceMinor: times * (draft.priceMinor - (before?.priceMinor ?? 0n)),
        monthlyDifferenceMicros: times * (draft.allocationMicros - (before?.allocationMicros ?? 0n)),
      })
    },

    save: async (actor: Actor, draft: TierDraft): Promise<Outcome<TierVersion>> => {
      const problem = problemWith(draft)
      if (problem) return problem
      const at = clock()
      return outcomeOf(() =>
        epoch.change(platformOrganizationId, async (t) => {
          if (draft.priceMinor > 0n && (await settingsOf(t)).freeTierId === draft.tierId)
            throw new FaultError(
              fault('invalid_request', {
                message: 'Whoever cancels gets this tier, so it has no price.',
                field: 'priceMinor',
              }),
            )
          const before = await versionAt(t, draft.tierId, at)
          const version = await store.insertVersion(t, draft, {
            effectiveAt: draft.effectiveAt ?? at,
            at,
            by: actor.id ?? actor.kind,
          })
          await recordAudit(t, {
            organizationId: platformOrganizationId,
            actor,
            action: before ? 'tier.changed' : 'tier.created',
            subject: { kind: 'tier', id: draft.tierId },
            ...(before ? { before: shown(before) } : {}),
            after: shown(version),
            reason: draft.reason,
          })
          return version
        }),
      )
    },

    archive: async (actor: Actor, tierId: string, reason: string): Promise<Outcome<void>> =>
      outcomeOf(() =>
        epoch.change(platformOrganizationId, async (t) => {
          if ((await settingsOf(t)).freeTierId === tierId)
            throw new FaultError(
              fault('conflict', {
                message: 'Whoever cancels gets this tier, so it has to stay.',
                next: 'Name another free tier in the billing settings first.',
              }),
            )
          if (!(await store.readTier(t, tierId))) throw new FaultError(fault('not_found'))
          if (!(await store.archive(t, tierId, clock()))) return
          await recordAudit(t, {
            organizationId: platformOrganizationId,
            actor,
            action: 'tier.archived',
            subject: { kind: 'tier', id: tierId },
            reason,
          })
        }),
      ),
  }
}

const shown = (version: TierVersion) => ({
  version: version.version,
  name: version.name,
  priceMinor: String(version.priceMinor),
  currency: version.currency,
  allocationMicros: String(version.allocationMicros),
  rolloverCapMicros: String(version.rolloverCapMicros),
  entitlements: version.entitlements,
  effectiveAt: version.effectiveAt.toISOString(),
})
