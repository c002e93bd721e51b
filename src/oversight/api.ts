import type {
  AnomalyOnWire,
  AnomalyThresholds,
  CentralBilling,
  ChargeBackGroup,
  ChargeBackLine,
  CostCentre,
} from '../contract/oversight.ts'
import type { Received } from '../contract/endpoints.ts'
import { may, type Role } from '../contract/permissions.ts'
import { chargeBackColumns } from '../exports/columns.ts'
import { usageFile } from '../exports/api.ts'
import { csvFile, fileOf, jsonFile } from '../exports/streams.ts'
import { defineHandlers, type SessionContext } from '../http/handler.ts'
import type { Insights } from '../insights/insights.ts'
import type { Clock } from '../kit/clock.ts'
import { must } from '../kit/fault.ts'
import type { Anomaly } from './anomalies.ts'
import type { Thresholds } from './anomaly.ts'
import type { CentralStanding } from './central-billing.ts'
import type { ChargeGroup, ChargeLine, ChargeSums } from './charge-back.ts'
import { stepsFor } from './onboarding.ts'
import type { Charged, CostCentreRow, Oversight } from './oversight.ts'

export interface OversightApiParts {
  readonly oversight: Oversight
  readonly insights: Pick<Insights, 'usageReport'>
  readonly clock: Clock
}

interface UsageQuery {
  readonly by: Parameters<Insights['usageReport']>[1]['by']
  readonly from: string
  readonly to: string
  readonly timeZone: string
  readonly service?: string | undefined
  readonly accessToken?: string | undefined
  readonly user?: string | undefined
}

export const oversightApi = ({ oversight, insights, clock }: OversightApiParts) => {
  const usage = async (organizationId: string, query: UsageQuery) => {
    const { by, from, to, timeZone, service, accessToken, user } = query
    const filter = { organizationId, service, accessToken, userId: user }
    return must(await insights.usageReport(filter, { by, from, to, timeZone }))
  }

  const assign = async (
    kind: 'member' | 'team',
    { params, body }: Pick<Received<'assignCostCentre'>, 'params' | 'body'>,
    { signedIn, actor }: SessionContext,
  ) => {
    const { code, from } = body
    must(
      await oversight.assignCostCentre(actor, {
        organizationId: signedIn.organization.id,
        subject: { kind, id: params.id },
        code,
        from: from === undefined ? null : new Date(from),
      }),
    )
    return { done: true } as const
  }

  return defineHandlers<
    | 'readOrganizationUsage'
    | 'exportOrganizationUsage'
    | 'readChargeBack'
    | 'exportChargeBack'
    | 'readCentralBilling'
    | 'setCentralBilling'
    | 'listAnomalies'
    | 'dismissAnomaly'
    | 'setAnomalyThresholds'
    | 'readOnboarding'
    | 'listCostCentres'
    | 'saveCostCentre'
    | 'assignCostCentre'
    | 'assignTeamCostCentre'
  >({
    readOrganizationUsage: ({ query }, { signedIn }) => usage(signedIn.organization.id, query),
    exportOrganizationUsage: async ({ query }, { signedIn }) =>
      usageFile(await usage(signedIn.organization.id, query), query, clock()),

    async readChargeBack({ query }, { signedIn }) {
      const { amountMinor, ...asked } = query
      const found = must(
        await oversight.chargeBack(signedIn.organization.id, {
          ...asked,
          amountMinor: amountMinor === undefined ? null : BigInt(amountMinor),
        }),
      )
      return {
        ...asked,
        since: found.since.toISOString(),
        until: found.until.toISOString(),
        groups: found.groups.map((group) => groupOnWire(group, nameOf(asked.by, group.id, found))),
        totals: { ...sumsOnWire(found.totals), shareMinor: textOf(found.totals.shareMinor) },
      }
    },

    async exportChargeBack({ query: { format, ...period } }, { signedIn }) {
      const found = must(await oversight.charged(signedIn.organization.id, period))
      const lines = pages(found.lines.map((line) => lineOnWire(line, found)))
      const told = { ...period, since: found.since.toISOString(), until: found.until.toISOString() }
      const body = format === 'csv' ? csvFile(chargeBackColumns, lines) : jsonFile(told, lines)
      return fileOf('charge-back', format, clock(), body)
    },

    readCentralBilling: async (_, { signedIn }) =>
      centralOnWire(must(await oversight.centralBilling.read(signedIn.organization.id)), signedIn.role),
    async setCentralBilling({ body }, { signedIn, actor }) {
      const { central, billingEmail = signedIn.email } = body
      const organizationId = signedIn.organization.id
      const set = await oversight.centralBilling.set(actor, { organizationId, central, billingEmail })
      return centralOnWire(must(set), signedIn.role)
    },

    async listAnomalies({ query }, { signedIn }) {
      const organizationId = signedIn.organization.id
      const { items, emails } = await oversight.anomalies.list(organizationId, { all: query.all === 'true' })
      return {
        items: items.map((item) => anomalyOnWire(item, emails)),
        thresholds: thresholdsOnWire(await oversight.anomalies.thresholds(organizationId)),
      }
    },
    async dismissAnomaly({ params: { id } }, { signedIn, actor }) {
      must(await oversight.anomalies.dismiss(actor, { organizationId: signedIn.organization.id, id }))
      return { done: true }
    },
    async setAnomalyThresholds({ body }, { signedIn, actor }) {
      const wanted = { ...body, spendFloorNanoUsd: BigInt(body.spendFloorNanoUsd) }
      await oversight.anomalies.setThresholds(actor, signedIn.organization.id, wanted)
      return body
    },

    async readOnboarding(_, { signedIn }) {
      const { organization, userId, role, isPlatformAdministrator } = signedIn
      const { facts, operation } = await oversight.onboarding({ organizationId: organization.id, userId })
      const who = { role, isCompany: organization.kind === 'company', isPlatformAdministrator }
      return {
        steps: [...stepsFor(who, facts)],
        firstOperation: operation && { ...operation, at: operation.at.toISOString() },
      }
    },

    async listCostCentres(_, { signedIn }) {
      const { items, assignments } = await oversight.costCentres(signedIn.organization.id)
      return {
        items: items.map(costCentreOnWire),
        assignments: assignments.map((row) => ({
          ...row,
          since: row.since?.toISOString() ?? null,
        })),
      }
    },

    saveCostCentre: async ({ body }, { signedIn, actor }) =>
      costCentreOnWire(
        must(
          await oversight.saveCostCentre(actor, {
            organizationId: signedIn.organization.id,
            ...body,
          }),
        ),
      ),

    assignCostCentre: (received, context) => assign('member', received, context),
    assignTeamCostCentre: (received, context) => assign('team', received, context),
  })
}

const pages = async function* <Item>(items: readonly Item[]) {
  for (let from = 0; from < items.length; from += 500) yield items.slice(from, from + 500)
}

const textOf = (amount: bigint | null): string | null => (amount === null ? null : String(amount))

const sumsOnWire = (sums: ChargeSums) => ({
  operations: Number(sums.operations),
  creditMicros: String(sums.creditMicros),
  organizationKeyNanoUsd: String(sums.organizationKeyNanoUsd),
  userKeyNanoUsd: String(sums.userKeyNanoUsd),
  unpricedOperations: Number(sums.unpricedOperations),
})

const groupOnWire = (group: ChargeGroup, name: string | null): ChargeBackGroup => ({
  id: group.id,
  name,
  ...sumsOnWire(group),
  shareMinor: textOf(group.shareMinor),
})

const nameOf = (by: string, id: string | null, found: Pick<Charged, 'emails' | 'teams' | 'costCentres'>) => {
  if (id === null) return null
  if (by === 'member') return found.emails.get(id) ?? null
  if (by === 'team') return found.teams.get(id) ?? null
  return by === 'cost_centre' ? (found.costCentres.get(id) ?? null) : null
}

const lineOnWire = (line: ChargeLine, { emails, teams, costCentres }: Charged): ChargeBackLine => ({
  costCentre: line.costCentre,
  costCentreName: line.costCentre === null ? null : (costCentres.get(line.costCentre) ?? null),
  teamId: line.teamId,
  teamName: line.teamId === null ? null : (teams.get(line.teamId) ?? null),
  userId: line.userId,
  email: emails.get(line.userId) ?? null,
  serviceId: line.serviceId,
  keyOwner: line.keyOwner,
  ...sumsOnWire(line),
})

const anomalyOnWire = (found: Anomaly, emails: ReadonlyMap<string, string>): AnomalyOnWire => ({
  id: found.id,
  kind: found.kind,
  userId: found.userId,
  email: found.userId === null ? null : (emails.get(found.userId) ?? null),
  serviceId: found.serviceId,
  model: found.model,
  country: found.country,
  spentNanoUsd: textOf(found.spentNanoUsd),
  usualNanoUsd: textOf(found.usualNanoUsd),
  at: found.at.toISOString(),
  dismissedAt: found.dismissedAt?.toISOString() ?? null,
})

const thresholdsOnWire = ({ spendFloorNanoUsd, ...rest }: Thresholds): AnomalyThresholds => ({
  ...rest,
  spendFloorNanoUsd: String(spendFloorNanoUsd),
})

const centralOnWire = (standing: CentralStanding, role: Role): CentralBilling => ({
  central: standing.since !== null,
  since: standing.since?.toISOString() ?? null,
  standing: may(role, 'billing.read')
    ? {
        billingEmail: standing.billingEmail,
        membersWithCredits: Number(standing.membersWithCredits),
        memberCreditMicros: String(standing.memberCreditMicros),
        paidSubscriptions: Number(standing.paidSubscriptions),
        organizationPaidUntil: standing.organizationPaidUntil?.toISOString() ?? null,
      }
    : null,
})

const costCentreOnWire = (row: CostCentreRow): CostCentre => ({
  code: row.code,
  name: row.name,
  archivedAt: row.archivedAt?.toISOString() ?? null,
  members: Number(row.members),
  teams: Number(row.teams),
})
