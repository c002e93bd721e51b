import { accessTokenEndpoints } from './access-tokens.ts'
import { administrationEndpoints } from './administration.ts'
import { alertEndpoints } from './alerts.ts'
import { auditEndpoints } from './audit.ts'
import { billingAdministrationEndpoints } from './billing-administration.ts'
import { billingEndpoints } from './billing.ts'
import { budgetEndpoints } from './budgets.ts'
import { callerEndpoints } from './caller.ts'
import { creditEndpoints } from './credits.ts'
import type { Endpoint, ReplyInput, ReplyOutput, RequestInput, RequestOutput } from './endpoint.ts'
import { explainEndpoints } from './explain.ts'
import { groupEndpoints } from './groups.ts'
import { healthEndpoints } from './health.ts'
import { rateLimitEndpoints } from './limits.ts'
import { keyHygieneEndpoints } from './key-hygiene.ts'
import { longOperationEndpoints } from './long-operations.ts'
import { embedEndpoints, machineEndpoints } from './machines.ts'
import { memberEndpoints } from './members.ts'
import { modelEndpoints } from './models.ts'
import { operationEndpoints } from './operations.ts'
import { onboardingEndpoints } from './onboarding.ts'
import { oversightEndpoints } from './oversight.ts'
import { organizationKeyEndpoints } from './organization-keys.ts'
import { ownRotationEndpoints } from './own-rotation.ts'
import { paymentNoticeEndpoints } from './payment-notices.ts'
import { policyEndpoints } from './policy.ts'
import { priceBookEndpoints } from './price-book.ts'
import { provisioningEndpoints } from './provisioning.ts'
import { priceEndpoints } from './prices.ts'
import { reconciliationEndpoints } from './reconciliation.ts'
import { requestEndpoints } from './requests.ts'
import { reratingEndpoints } from './reratings.ts'
import { rotationEndpoints } from './rotation.ts'
import { secondFactorEndpoints } from './second-factors.ts'
import { serviceKeyEndpoints } from './service-keys.ts'
import { sessionEndpoints } from './session.ts'
import { sessionPolicyEndpoints } from './session-policy.ts'
import { ssoEndpoints } from './sso.ts'
import { statementEndpoints } from './statements.ts'
import { systemKeyEndpoints } from './system-keys.ts'
import { teamEndpoints } from './teams.ts'
import { usageEndpoints } from './usage.ts'
import { userDeletionEndpoints } from './user-deletion.ts'
import { vaultEndpoints } from './vault.ts'
import { webhookEndpoints } from './webhooks.ts'

/**
 * Every endpoint under /api, once: the HTTP shell registers this table, the OpenAPI document is emitted from
 * it, the web client types its calls by it and the authorization tests walk it.
 */
export const endpoints = {
  ...sessionEndpoints,
  ...secondFactorEndpoints,
  ...sessionPolicyEndpoints,
  ...userDeletionEndpoints,
  ...ssoEndpoints,
  ...serviceKeyEndpoints,
  ...creditEndpoints,
  ...operationEndpoints,
  ...usageEndpoints,
  ...accessTokenEndpoints,
  ...systemKeyEndpoints,
  ...administrationEndpoints,
  ...priceEndpoints,
  ...priceBookEndpoints,
  ...reratingEndpoints,
  ...groupEndpoints,
  ...explainEndpoints,
  ...modelEndpoints,
  ...healthEndpoints,
  ...rateLimitEndpoints,
  ...longOperationEndpoints,
  ...billingEndpoints,
  ...billingAdministrationEndpoints,
  ...paymentNoticeEndpoints,
  ...budgetEndpoints,
  ...alertEndpoints,
  ...statementEndpoints,
  ...reconciliationEndpoints,
  ...auditEndpoints,
  ...rotationEndpoints,
  ...ownRotationEndpoints,
  ...vaultEndpoints,
  ...policyEndpoints,
  ...memberEndpoints,
  ...keyHygieneEndpoints,
  ...webhookEndpoints,
  ...callerEndpoints,
  ...teamEndpoints,
  ...organizationKeyEndpoints,
  ...requestEndpoints,
  ...webhookEndpoints,
  ...machineEndpoints,
  ...embedEndpoints,
  ...provisioningEndpoints,
  ...oversightEndpoints,
  ...onboardingEndpoints,
}

export type Endpoints = typeof endpoints
export type EndpointName = keyof Endpoints

/** What a client gives: `params`, `query` and `body` as far as the endpoint takes them. */
export type Request<Name extends EndpointName> = RequestInput<Endpoints[Name]>
/** What a client gets. */
export type Reply<Name extends EndpointName> = ReplyOutput<Endpoints[Name]>
/** What a handler is given, parsed. */
export type Received<Name extends EndpointName> = RequestOutput<Endpoints[Name]>
/** What a handler returns; fields that the contract does not name are dropped before they are sent. */
export type Answer<Name extends EndpointName> = ReplyInput<Endpoints[Name]>

export const endpointOf = (name: EndpointName): Endpoint => endpoints[name]

type Plain = Readonly<Record<string, string | number | boolean | null | undefined>>

/** The path of a call with its parameters and query filled in. */
export const urlOf = (endpoint: Endpoint, request: { params?: Plain; query?: Plain } = {}): string => {
  const path = endpoint.path.replace(/:([a-zA-Z]+)/g, (_, name: string) =>
    encodeURIComponent(String(request.params?.[name] ?? '')),
  )
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(request.query ?? {}))
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value))
  const search = query.toString()
  return `/api${path}${search && `?${search}`}`
}
