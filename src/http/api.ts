import type { Access } from '../access/access.ts'
import { accessApi } from '../access/api.ts'
import type { Alerts } from '../alerts/alerts.ts'
import { alertApi } from '../alerts/api.ts'
import { auditApi } from '../audit/api.ts'
import type { AuditStreaming } from '../audit/streaming.ts'
import type { AuditTrail } from '../audit/trail.ts'
import { billingApi } from '../billing/api.ts'
import type { Billing } from '../billing/billing.ts'
import { budgetApi } from '../budgets/api.ts'
import type { Budgets } from '../budgets/budgets.ts'
import { documentApi } from '../documents/api.ts'
import type { Documents } from '../documents/documents.ts'
import { exportApi } from '../exports/api.ts'
import { identityApi } from '../identity/api.ts'
import type { Identity } from '../identity/identity.ts'
import { insightApi } from '../insights/api.ts'
import type { Insights } from '../insights/insights.ts'
import { serviceKeyApi } from '../keys/api.ts'
import type { ServiceKeys } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { healthApi } from '../health/api.ts'
import type { Health } from '../health/health.ts'
import { ledgerApi } from '../ledger/api.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { reconciliationApi } from '../reconciliation/api.ts'
import type { Reconciliation } from '../reconciliation/reconciliation.ts'
import { priceApi } from '../metering/api.ts'
import { rateLimitApi } from '../limits/api.ts'
import type { Limits } from '../limits/limits.ts'
import { longOperationApi } from '../long-operations/api.ts'
import type { LongOperations } from '../long-operations/long-operations.ts'
import { machineApi } from '../machines/api.ts'
import type { Machines } from '../machines/machines.ts'
import type { Prices } from '../metering/prices.ts'
import { oversightApi } from '../oversight/api.ts'
import type { Oversight } from '../oversight/oversight.ts'
import { provisioningApi } from '../provisioning/api.ts'
import type { Provisioning } from '../provisioning/provisioning.ts'
import { reratingApi } from '../rerating/api.ts'
import { requestApi } from '../requests/api.ts'
import type { Requests } from '../requests/requests.ts'
import type { Reratings } from '../rerating/rerating.ts'
import { paymentApi } from '../payments/api.ts'
import type { Payments } from '../payments/payments.ts'
import { organizationKeyApi } from '../organization-keys/api.ts'
import type { OrganizationKeys } from '../organization-keys/organization-keys.ts'
import { organizationApi } from '../organizations/api.ts'
import type { Organizations } from '../organizations/organizations.ts'
import { teamApi } from '../teams/api.ts'
import type { Teams } from '../teams/teams.ts'
import { ssoApi } from '../sso/api.ts'
import type { Sso } from '../sso/sso.ts'
import { statementApi } from '../statements/api.ts'
import type { Statements } from '../statements/statements.ts'
import { rotationApi } from '../rotation/api.ts'
import type { Rotation } from '../rotation/rotation.ts'
import { routingApi } from '../routing/api.ts'
import type { Catalogue } from '../routing/catalogue.ts'
import { userDeletionApi } from '../user-deletion/api.ts'
import type { UserDeletions } from '../user-deletion/user-deletion.ts'
import { vaultApi } from '../vault/api.ts'
import type { MasterKeys } from '../vault/master-keys.ts'
import type { Vault } from '../vault/vault.ts'
import { webhookApi } from '../webhooks/api.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import type { Handlers } from './handler.ts'

/** The rooms that answer /api. */
export interface Rooms {
  readonly identity: Identity
  readonly organizations: Organizations
  readonly access: Access
  readonly serviceKeys: ServiceKeys
  readonly catalogue: Catalogue
  readonly ledger: Ledger
  readonly insights: Insights
  readonly prices: Prices
  readonly requests: Requests
  readonly reratings: Reratings
  readonly health: Health
  readonly limits: Limits
  readonly longOperations: LongOperations
  readonly billing: Billing
  readonly payments: Payments
  readonly oversight: Oversight
  readonly budgets: Budgets
  readonly alerts: Alerts
  readonly sso: Sso
  readonly statements: Statements
  readonly teams: Teams
  readonly organizationKeys: OrganizationKeys
  readonly documents: Documents
  readonly reconciliation: Reconciliation
  readonly rotation: Rotation
  readonly auditTrail: AuditTrail
  readonly auditStreaming: AuditStreaming
  readonly userDeletions: UserDeletions
  readonly vault: Vault
  readonly masterKeys: MasterKeys
  readonly machines: Machines
  readonly provisioning: Provisioning
  readonly webhookEndpoints: Webhooks
  readonly clock: Clock
}

interface Facts {
  readonly version: string
  readonly demo: boolean
  readonly dashboards: () => string | null
}

/** The whole table; leaving an endpoint out is a type error. */
export const makeHandlers = (rooms: Rooms & Facts): Handlers => ({
  ...identityApi(rooms),
  ...organizationApi(rooms),
  ...accessApi(rooms),
  ...serviceKeyApi(rooms),
  ...routingApi(rooms),
  ...ledgerApi(rooms),
  ...insightApi(rooms),
  ...priceApi(rooms),
  ...requestApi(rooms),
  ...reratingApi(rooms),
  ...rotationApi(rooms),
  ...healthApi(rooms),
  ...rateLimitApi(rooms),
  ...longOperationApi(rooms),
  ...billingApi(rooms),
  ...budgetApi(rooms),
  ...alertApi(rooms),
  ...paymentApi(rooms),
  ...ssoApi(rooms),
  ...statementApi(rooms),
  ...exportApi(rooms),
  ...documentApi(rooms),
  ...reconciliationApi(rooms),
  ...auditApi(rooms),
  ...userDeletionApi(rooms),
  ...vaultApi(rooms),
  ...webhookApi({ webhooks: rooms.webhookEndpoints }),
  ...teamApi(rooms),
  ...organizationKeyApi(rooms),
  ...machineApi(rooms),
  ...provisioningApi(rooms),
  ...oversightApi(rooms),
})
