import { type Actor, recordAudit } from '../audit/audit.ts'
import type { ChargeBackBy } from '../contract/oversight.ts'
import { usageDays } from '../insights/usage-days.ts'
import { failure, FaultError, fault, type Outcome, success } from '../kit/fault.ts'
import { outcomeOf } from '../organizations/outcome.ts'
import { type Anomalies, type AnomalyParts, makeAnomalies } from './anomalies.ts'
import { type CentralBilling, type CentralBillingParts, makeCentralBilling } from './central-billing.ts'
import { type ChargeGroup, type ChargeLine, groupLines } from './charge-back.ts'
import type { OnboardingFacts } from './onboarding.ts'
import { type FirstOperation, makeOnboardingStore } from './store-onboarding.ts'
import { type AssignmentRow, type CostCentreRow, makeOversightStore, type Subject } from './store.ts'

export type { AssignmentRow, CostCentreRow, Subject } from './store.ts'

export interface ChargePeriod {
  readonly from: string
  readonly to: string
  readonly timeZone: string
}

/** Lines of a period, with what their ids are called now. */
export interface Charged {
  readonly since: Date
  readonly until: Date
  readonly lines: readonly ChargeLine[]
  readonly emails: ReadonlyMap<string, string>
  readonly teams: ReadonlyMap<string, string>
  readonly costCentres: ReadonlyMap<string, string>
}

/** What those who run a company see of its use: who caused which cost, and where it is charged to. */
export interface Oversight {
  readonly centralBilling: CentralBilling
  readonly anomalies: Anomalies
  /** What somebody new finds done already, and their first operation. */
  onboarding(who: {
    organizationId: string
    userId: string
  }): Promise<{ facts: OnboardingFacts; operation: FirstOperation | null }>
  charged(organizationId: string, period: ChargePeriod): Promise<Outcome<Charged>>
  chargeBack(
    organizationId: string,
    asked: ChargePeriod & { readonly by: ChargeBackBy; readonly amountMinor: bigint | null },
  ): Promise<Outcome<Omit<Charged, 'lines'> & { groups: readonly ChargeGroup[]; totals: ChargeGroup }>>
  costCentres(
    organizationId: string,
  ): Promise<{ items: readonly CostCentreRow[]; assignments: readonly AssignmentRow[] }>
  saveCostCentre(
    actor: Actor,
    centre: { organizationId: string; code: string; name: string; archived: boolean },
  ): Promise<Outcome<CostCentreRow>>
  /** From `from` on: what was used before stays where it was charged. */
  assignCostCentre(
    actor: Actor,
    assignment: { organizationId: string; subject: Subject; code: string | null; from: Date | null },
  ): Promise<Outcome<void>>
}

export const makeOversight = (parts: CentralBillingParts & AnomalyParts): Oversight => {
  const { database, clock } = parts
  const { kysely } = database
  const store = makeOversightStore(kysely)
  const first = makeOnboardingStore(kysely)

  const charged = async (organizationId: string, period: ChargePeriod): Promise<Outcome<Charged>> => {
    const days = usageDays(period)
    if (!days.ok) return days
    const since = days.value[0]?.since ?? clock()
    const until = days.value.at(-1)?.until ?? since
    const lines = await store.chargeLines(organizationId, { since, until })
    const [emails, teams, costCentres] = await Promise.all([
      store.emails([...new Set(lines.map(({ userId }) => userId))]),
      store.teamNames(organizationId),
      store.costCentreNames(organizationId),
    ])
    return success({ since, until, lines, emails, teams, costCentres })
  }

  return {
    centralBilling: makeCentralBilling(parts),
    anomalies: makeAnomalies(parts),
    async onboarding(who) {
      const [facts, operation] = await Promise.all([first.facts(who, clock()), first.operation(who)])
      return { facts, operation: operation ?? null }
    },
    charged,

    async chargeBack(organizationId, { by, amountMinor, ...period }) {
      const found = await charged(organizationId, period)
      if (!found.ok) return found
      const { lines, ...told } = found.value
      return success({ ...told, ...groupLines(lines, by, amountMinor) })
    },

    async costCentres(organizationId) {
      const now = clock()
      const [items, assignments] = await Promise.all([
        store.costCentres(kysely, organizationId, now),
        store.assignments(organizationId, now),
      ])
      return { items, assignments }
    },

    saveCostCentre: (actor, { organizationId, code, name, archived }) =>
      outcomeOf(() =>
        kysely.transaction().execute(async (t) => {
          const at = clock()
          const [known] = await store.costCentres(t, organizationId, at, code)
          if (archived && known && known.members + known.teams > 0n)
            throw new FaultError(
              fault('conflict', {
                message: 'Members or teams are assigned to this cost centre.',
                next: 'Assign them to another one first.',
              }),
            )
          const archivedAt = archived ? (known?.archivedAt ?? at) : null
          const before = await store.saveCostCentre(t, { organizationId, code, name, archivedAt, at })
          await recordAudit(t, {
            organizationId,
            actor,
            action: before === null ? 'cost_centre.created' : 'cost_centre.changed',
            subject: { kind: 'cost_centre', id: code },
            ...(before && { before: { name: before.name, archived: before.archivedAt !== null } }),
            after: { name, archived },
          })
          const [saved] = await store.costCentres(t, organizationId, at, code)
          return saved as CostCentreRow
        }),
      ),

    async assignCostCentre(actor, { organizationId, subject, code, from }) {
      const now = clock()
      if (from !== null && from > now)
        return failure('invalid_request', { field: 'from', message: 'This instant is still to come.' })
      return outcomeOf(() =>
        kysely.transaction().execute(async (t) => {
          if (!(await store.isSubject(t, organizationId, subject)))
            throw new FaultError(fault('not_found', { field: 'subject' }))
          if (code !== null) {
            const [centre] = await store.costCentres(t, organizationId, now, code)
            if (!centre || centre.archivedAt !== null)
              throw new FaultError(fault('not_found', { field: 'code' }))
          }
          const before = await store.assign(t, {
            organizationId,
            subject,
            code,
            from: from ?? now,
            at: now,
            by: actor.id,
          })
          await recordAudit(t, {
            organizationId,
            actor,
            action: 'cost_centre.assigned',
            subject: { kind: subject.kind === 'member' ? 'user' : 'team', id: subject.id },
            before: { costCentre: before.code },
            after: { costCentre: code, from: (from ?? now).toISOString() },
          })
        }),
      )
    },
  }
}
