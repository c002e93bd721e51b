import { type Actor, recordAudit } from '../audit/audit.ts'
import { FaultError, fault, type Outcome } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { startOfCalendarMonth } from './calendar.ts'
import { accountKeyOf, lockedSubscription } from './loaded.ts'
import { type BillingParts, inTransaction, outcomeOf } from './parts.ts'
import type { AutoTopUp, Pack } from './payment.ts'
import type * as store from './store.ts'
import { stepOf } from './proration.ts'
import * as payments from './store-payments.ts'
import type { Owner } from './subscription.ts'

const invalid = (field: string, message: string) =>
  new FaultError(fault('invalid_request', { message, field }))

/** What can be bought, and what is bought by itself. */
export const makeTopUps = (parts: BillingParts) => {
  const { clock } = parts

  const shown = async (t: store.T, key: store.AccountKey, timeZone: string): Promise<AutoTopUp | null> => {
    const found = await payments.readTopUp(t, key)
    if (!found) return null
    const { spent } = await payments.topUpState(t, key, startOfCalendarMonth(clock(), timeZone))
    return { ...found, spentThisMonthMinor: spent }
  }

  const withAccount = <T>(
    owner: Owner,
    work: (t: store.T, key: store.AccountKey, timeZone: string) => Promise<T>,
  ): Promise<Outcome<T>> =>
    outcomeOf(() =>
      inTransaction(parts, async (t) => {
        const key = await accountKeyOf(t, owner)
        const { timeZone } = await lockedSubscription(t, parts, key)
        return work(t, key, timeZone)
      }),
    )

  return {
    read: (owner: Owner): Promise<Outcome<AutoTopUp | null>> => withAccount(owner, shown),

    set: (
      actor: Actor,
      owner: Owner,
      wanted: Omit<AutoTopUp, 'spentThisMonthMinor'> | null,
    ): Promise<Outcome<AutoTopUp | null>> =>
      withAccount(owner, async (t, key, timeZone) => {
        if (wanted) {
          const pack = await payments.readPack(t, wanted.packId)
          if (!pack) throw invalid('packId', 'There is no such pack.')
          if (wanted.thresholdMicros <= 0n) throw invalid('thresholdMicros', 'The threshold is above zero.')
          if (wanted.monthlyCapMinor < pack.priceMinor)
            throw invalid('monthlyCapMinor', 'The cap has to allow one of these packs.')
        }
        const before = await payments.readTopUp(t, key)
        await payments.writeTopUp(t, key, wanted, clock())
        const told = (setting: payments.StoredTopUp) => ({
          enabled: setting.enabled,
          packId: setting.packId,
          thresholdMicros: String(setting.thresholdMicros),
          monthlyCapMinor: String(setting.monthlyCapMinor),
        })
        await recordAudit(t, {
          organizationId: owner.organizationId,
          actor,
          action: 'auto_top_up.changed',
          subject: { kind: 'user', id: owner.userId },
          ...(before ? { before: told(before) } : {}),
          ...(wanted ? { after: told(wanted) } : {}),
        })
        return shown(t, key, timeZone)
      }),

    savePack: (actor: Actor, pack: Omit<Pack, 'archivedAt'>): Promise<Outcome<Pack>> =>
      outcomeOf(() =>
        inTransaction(parts, async (t) => {
          if (pack.creditMicros <= 0n) throw invalid('creditMicros', 'A pack has credits.')
          if (pack.priceMinor <= 0n) throw invalid('priceMinor', 'A pack has a price.')
          if (pack.priceMinor % stepOf(pack.currency) !== 0n)
            throw invalid('priceMinor', `Prices in ${pack.currency} are whole tens of the smallest unit.`)
          const saved = await payments.writePack(t, pack)
          await recordAudit(t, {
            organizationId: platformOrganizationId,
            actor,
            action: 'pack.saved',
            subject: { kind: 'pack', id: pack.id },
            after: {
              name: pack.name,
              creditMicros: String(pack.creditMicros),
              priceMinor: String(pack.priceMinor),
              currency: pack.currency,
            },
          })
          return saved
        }),
      ),

    archivePack: (actor: Actor, packId: string): Promise<Outcome<void>> =>
      outcomeOf(() =>
        inTransaction(parts, async (t) => {
          if (!(await payments.archivePack(t, packId, clock()))) throw new FaultError(fault('not_found'))
          await recordAudit(t, {
            organizationId: platformOrganizationId,
            actor,
            action: 'pack.archived',
            subject: { kind: 'pack', id: packId },
          })
        }),
      ),
  }
}
