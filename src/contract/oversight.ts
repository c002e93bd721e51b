import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { exportFormat } from './statements.ts'
import { organizationUsageBy, period, usageReport } from './usage.ts'
import * as wire from './wire.ts'

/** Written as accounting writes it; unique in the organisation, whatever it is called. */
export const costCentreCode = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'must be letters, digits, dots, dashes or underscores')

const costCentre = z.object({
  code: costCentreCode,
  name: z.string(),
  archivedAt: wire.time.nullable(),
  members: wire.count.describe('Assigned to it now'),
  teams: wire.count.describe('The same'),
})
export type CostCentre = z.infer<typeof costCentre>

const costCentreAssignment = z.object({
  kind: z.enum(['member', 'team']),
  id: wire.id,
  name: z.string(),
  email: z.string().nullable(),
  code: costCentreCode.nullable().describe('null: to none'),
  since: wire.time.nullable(),
})
export type CostCentreAssignment = z.infer<typeof costCentreAssignment>

/** What the charges of a period are told apart by. */
export const chargeBackBy = z.enum(['cost_centre', 'team', 'member', 'service', 'key_owner'])
export type ChargeBackBy = z.infer<typeof chargeBackBy>

const sums = {
  operations: wire.count.describe('Begun in the period'),
  creditMicros: wire.micros.describe(
    'What the ledger took in the period, with later charges, less refunds. Below 0 where more was refunded',
  ),
  organizationKeyNanoUsd: wire.nanoUsd.describe(
    'What services charge for use of the organisation’s keys, as far as prices are known',
  ),
  userKeyNanoUsd: wire.nanoUsd.describe('The same of members’ own keys'),
  unpricedOperations: wire.count.describe('On such keys, and no price is known: they are not in the cost'),
}
const share = z
  .string()
  .nullable()
  .describe('Of `amountMinor`, in proportion to credits; the shares add up to it. null: none was asked for')

const chargeBackLine = z.object({
  costCentre: costCentreCode.nullable(),
  costCentreName: z.string().nullable(),
  teamId: wire.id.nullable(),
  teamName: z.string().nullable(),
  userId: wire.id,
  email: z.string().nullable(),
  serviceId: z.string().nullable(),
  keyOwner: wire.keyOwner.nullable(),
  ...sums,
})
export type ChargeBackLine = z.infer<typeof chargeBackLine>

const chargeBackGroup = z.object({
  id: z.string().nullable().describe('Code, id or name; null: no cost centre, no service, no key'),
  name: z.string().nullable().describe('As it is called now'),
  ...sums,
  shareMinor: share,
})
export type ChargeBackGroup = z.infer<typeof chargeBackGroup>

const chargeBack = z.object({
  by: chargeBackBy,
  from: z.iso.date(),
  to: z.iso.date(),
  timeZone: z.string(),
  since: wire.time,
  until: wire.time,
  groups: z.array(chargeBackGroup).describe('The most charged first'),
  totals: z.object({ ...sums, shareMinor: share }),
})
export type ChargeBack = z.infer<typeof chargeBack>

/** Whose credits members' operations on system keys take. */
const centralBilling = z.object({
  central: z.boolean().describe('true: of one account of the organisation; false: everybody’s own'),
  since: wire.time.nullable(),
  /** null for those who do not read its billing. */
  standing: z
    .object({
      billingEmail: wire.email.nullable().describe('Where its invoices are addressed to'),
      membersWithCredits: wire.count.describe('Whose own account has credits left: these only wait'),
      memberCreditMicros: wire.micros.describe('What is left on members’ own accounts'),
      paidSubscriptions: wire.count.describe(
        'Of members: they end with their period when the organisation pays for everybody',
      ),
      organizationPaidUntil: wire.time
        .nullable()
        .describe(
          'When the organisation’s own ends, should everybody pay for themselves; null: none is paid',
        ),
    })
    .nullable(),
})
export type CentralBilling = z.infer<typeof centralBilling>

const anomaly = z.object({
  id: wire.id,
  kind: z.enum(['sudden_spend', 'new_model', 'new_country']),
  userId: wire.id.nullable().describe('null: everybody together'),
  email: z.string().nullable(),
  serviceId: z.string().nullable(),
  model: z.string().nullable(),
  country: z.string().nullable().describe('Two letters of ISO 3166'),
  spentNanoUsd: wire.nanoUsd.nullable().describe('In 24 hours'),
  usualNanoUsd: wire.nanoUsd.nullable().describe('On an ordinary day before'),
  at: wire.time,
  dismissedAt: wire.time.nullable(),
})
export type AnomalyOnWire = z.infer<typeof anomaly>

export const anomalyThresholds = z.object({
  spendFactor: z.number().int().min(2).max(100).describe('Told from so many times an ordinary day on'),
  spendFloorNanoUsd: z
    .string()
    .regex(/^[1-9]\d{0,17}$/)
    .describe('Nano-dollars in 24 hours below which nothing is told'),
  tellsModels: z.boolean(),
  tellsCountries: z.boolean(),
})
export type AnomalyThresholds = z.infer<typeof anomalyThresholds>

const chargeBackPeriod = {
  from: z.iso.date(),
  to: z.iso.date().describe('The last day; at most 366 days'),
  timeZone: z.string().min(1).max(60).default('UTC').describe('An IANA name, such as Europe/Berlin'),
}
const exported = ['text/csv', 'application/json'] as const

const usageQuery = z.object({ by: organizationUsageBy.default('user'), ...period, user: wire.id.optional() })

export const oversightEndpoints = defineEndpoints({
  readOrganizationUsage: {
    method: 'GET',
    path: '/organization/usage/report',
    auth: 'session',
    permission: 'usage.read',
    group: 'organization',
    summary:
      'Use and cost of everybody in your organisation, by member, team, service, key owner or cost centre',
    query: usageQuery,
    reply: usageReport,
  },
  exportOrganizationUsage: {
    method: 'GET',
    path: '/organization/usage/export',
    auth: 'session',
    permission: 'usage.read',
    group: 'organization',
    summary: 'The same as a file',
    query: usageQuery.extend({
      ...exportFormat.shape,
      rows: z.enum(['groups', 'days']).default('groups').describe('A row for each group, or each day'),
    }),
    reply: wire.file,
    file: exported,
  },
  readChargeBack: {
    method: 'GET',
    path: '/organization/charge-back',
    auth: 'session',
    permission: 'usage.read',
    group: 'organization',
    summary:
      'What a period is charged to whom: credits exactly as the ledger took them, and the cost of own keys',
    query: z.object({
      by: chargeBackBy.default('cost_centre'),
      ...chargeBackPeriod,
      amountMinor: z
        .string()
        .regex(/^\d{1,15}$/)
        .optional()
        .describe('A sum of money, such as the invoice of the period, to be shared by credits'),
    }),
    reply: chargeBack,
  },
  exportChargeBack: {
    method: 'GET',
    path: '/organization/charge-back/export',
    auth: 'session',
    permission: 'usage.read',
    group: 'organization',
    summary: 'A line for each cost centre, member, service and key owner, adding up to the report',
    query: z.object({ ...chargeBackPeriod, ...exportFormat.shape }),
    reply: wire.file,
    file: exported,
  },
  readCentralBilling: {
    method: 'GET',
    path: '/organization/central-billing',
    auth: 'session',
    permission: 'own.read',
    group: 'organization',
    summary: 'Whether your organisation pays for everybody’s credits',
    reply: centralBilling,
  },
  setCentralBilling: {
    method: 'PUT',
    path: '/organization/central-billing',
    auth: 'session',
    permission: 'billing.manage',
    stepUp: true,
    group: 'organization',
    summary: 'One account for everybody, or everybody’s own; from the next operation on',
    body: z.object({
      central: z.boolean(),
      billingEmail: wire.email.optional().describe('Yours unless given'),
    }),
    reply: centralBilling,
  },
  listAnomalies: {
    method: 'GET',
    path: '/organization/anomalies',
    auth: 'session',
    permission: 'usage.read',
    group: 'organization',
    summary: 'What is unusual in your organisation’s use, the newest first; at most 200',
    query: z.object({ all: z.enum(['true', 'false']).default('false').describe('Dismissed ones, too') }),
    reply: z.object({ items: z.array(anomaly), thresholds: anomalyThresholds }),
  },
  dismissAnomaly: {
    method: 'POST',
    path: '/organization/anomalies/:id/dismiss',
    auth: 'session',
    permission: 'billing.manage',
    group: 'organization',
    summary: 'It was looked at',
    params: wire.idParams,
    reply: wire.done,
  },
  setAnomalyThresholds: {
    method: 'PUT',
    path: '/organization/anomaly-thresholds',
    auth: 'session',
    permission: 'billing.manage',
    stepUp: true,
    group: 'organization',
    summary: 'From when on something is unusual',
    body: anomalyThresholds,
    reply: anomalyThresholds,
  },
  listCostCentres: {
    method: 'GET',
    path: '/organization/cost-centres',
    auth: 'session',
    permission: 'usage.read',
    group: 'organization',
    summary: 'Cost centres of your organisation, and who is assigned to which',
    reply: z.object({ items: z.array(costCentre), assignments: z.array(costCentreAssignment) }),
  },
  saveCostCentre: {
    method: 'PUT',
    path: '/organization/cost-centres',
    auth: 'session',
    permission: 'billing.manage',
    group: 'organization',
    summary: 'Make, rename, archive or restore one. What an archived one was charged stays',
    body: z.object({ code: costCentreCode, name: wire.label, archived: z.boolean().default(false) }),
    reply: costCentre,
  },
  assignCostCentre: {
    method: 'PUT',
    path: '/organization/members/:id/cost-centre',
    auth: 'session',
    permission: 'billing.manage',
    group: 'organization',
    summary: 'Charge a member’s use to a cost centre, from now or from an earlier instant on',
    params: wire.idParams,
    body: z.object({
      code: costCentreCode.nullable(),
      from: wire.time.optional().describe('Now unless given. What was said for later instants is replaced'),
    }),
    reply: wire.done,
  },
  assignTeamCostCentre: {
    method: 'PUT',
    path: '/organization/teams/:id/cost-centre',
    auth: 'session',
    permission: 'billing.manage',
    group: 'organization',
    summary:
      'Charge a team’s use to a cost centre, before its members’ own, from now or from an earlier instant on',
    params: wire.idParams,
    body: z.object({
      code: costCentreCode.nullable(),
      from: wire.time.optional().describe('Now unless given. What was said for later instants is replaced'),
    }),
    reply: wire.done,
  },
})
