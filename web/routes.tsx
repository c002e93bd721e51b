import type { QueryClient } from '@tanstack/react-query'
import { createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { z } from 'zod'
import { coverage } from '../src/contract/service-keys.ts'
import { role } from '../src/contract/wire.ts'
import { auditSearch } from './audit/audit-search.ts'
import { creditsSearch, invoicesSearch, subscriptionSearch } from './billing/billing-search.ts'
import { alertSearch } from './alerts/alert-search.ts'
import { budgetSearch, organizationBudgetSearch } from './budgets/budget-search.ts'
import { hygieneSearch } from './hygiene/hygiene-search.ts'
import { modelSearch } from './models/model-search.ts'
import { chargeBackSearch } from './oversight/oversight-search.ts'
import { operationSearch } from './operations/operation-search.ts'
import { organizationKeySearch } from './organization-keys/key-search.ts'
import { PageFault } from './shell/page-fault.tsx'
import { simulatorSearch } from './simulator/supposition.ts'
import { teamsSearch } from './teams/team-search.ts'
import { organizationUsageSearch, usageSearch } from './usage/usage-search.ts'
import { administrationTree } from './admin-routes.tsx'
import { root, signIn, setup, gallery, companyReturn, invitation, shell } from './frame-routes.tsx'

const overview = createRoute({
  getParentRoute: () => shell,
  path: '/',
  component: lazyRouteComponent(() => import('./user/overview.tsx'), 'Overview'),
})
const services = createRoute({
  getParentRoute: () => shell,
  path: '/services',
  validateSearch: z.object({
    q: z.string().max(120).optional().catch(undefined),
    status: coverage.shape.status.optional().catch(undefined),
    task: z.string().max(40).optional().catch(undefined),
    by: z.literal('task').optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./user/services.tsx'), 'Services'),
})
const ownKey = createRoute({
  getParentRoute: () => shell,
  path: '/keys/$id',
  component: lazyRouteComponent(() => import('./rotation/own-key-page.tsx'), 'OwnKeyPage'),
})
const keyHygiene = createRoute({
  getParentRoute: () => shell,
  path: '/key-hygiene',
  validateSearch: hygieneSearch,
  component: lazyRouteComponent(() => import('./hygiene/own-hygiene.tsx'), 'OwnHygiene'),
})
const fallback = createRoute({
  getParentRoute: () => shell,
  path: '/fallback',
  component: lazyRouteComponent(() => import('./user/fallback.tsx'), 'FallbackPreference'),
})
const simulator = createRoute({
  getParentRoute: () => shell,
  path: '/simulator',
  validateSearch: simulatorSearch,
  component: lazyRouteComponent(() => import('./simulator/simulator.tsx'), 'Simulator'),
})
const models = createRoute({
  getParentRoute: () => shell,
  path: '/models',
  validateSearch: modelSearch,
  component: lazyRouteComponent(() => import('./models/models.tsx'), 'Models'),
})
const credits = createRoute({
  getParentRoute: () => shell,
  path: '/credits',
  validateSearch: creditsSearch,
  component: lazyRouteComponent(() => import('./billing/credits-page.tsx'), 'CreditsPage'),
})
const subscription = createRoute({
  getParentRoute: () => shell,
  path: '/subscription',
  validateSearch: subscriptionSearch,
  component: lazyRouteComponent(() => import('./billing/subscription-page.tsx'), 'SubscriptionPage'),
})
const invoices = createRoute({
  getParentRoute: () => shell,
  path: '/invoices',
  validateSearch: invoicesSearch,
  component: lazyRouteComponent(() => import('./billing/invoices-page.tsx'), 'InvoicesPage'),
})
const operations = createRoute({
  getParentRoute: () => shell,
  path: '/operations',
  // Live unless switched off.
  validateSearch: operationSearch.extend({ live: z.literal(false).optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./user/operations.tsx'), 'Operations'),
})
const usage = createRoute({
  getParentRoute: () => shell,
  path: '/usage',
  validateSearch: usageSearch,
  component: lazyRouteComponent(() => import('./usage/my-usage.tsx'), 'MyUsage'),
})
const budgets = createRoute({
  getParentRoute: () => shell,
  path: '/budgets',
  validateSearch: budgetSearch,
  component: lazyRouteComponent(() => import('./budgets/my-budgets.tsx'), 'MyBudgets'),
})
// Where alerts lead.
const oneBudget = createRoute({
  getParentRoute: () => shell,
  path: '/budgets/$id',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/budgets', search: { budget: params.id }, replace: true })
  },
})
const alerts = createRoute({
  getParentRoute: () => shell,
  path: '/alerts',
  validateSearch: alertSearch,
  component: lazyRouteComponent(() => import('./alerts/alerts-page.tsx'), 'AlertsPage'),
})
const longOperations = createRoute({
  getParentRoute: () => shell,
  path: '/long-operations',
  validateSearch: z.object({ show: z.enum(['open', 'over']).optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./long-operations/long-operations.tsx'), 'LongOperations'),
})
const embedded = createRoute({
  getParentRoute: () => root,
  path: '/embedded/$id',
  component: lazyRouteComponent(() => import('./machines/embedded.tsx'), 'Embedded'),
})
const serviceAccounts = createRoute({
  getParentRoute: () => shell,
  path: '/service-accounts',
  component: lazyRouteComponent(() => import('./machines/service-accounts.tsx'), 'ServiceAccounts'),
})
const hostApplications = createRoute({
  getParentRoute: () => shell,
  path: '/host-applications',
  component: lazyRouteComponent(() => import('./machines/host-applications.tsx'), 'HostApplications'),
})
const provisioning = createRoute({
  getParentRoute: () => shell,
  path: '/provisioning',
  component: lazyRouteComponent(() => import('./provisioning/provisioning.tsx'), 'Provisioning'),
})
const accessTokens = createRoute({
  getParentRoute: () => shell,
  path: '/access-tokens',
  component: lazyRouteComponent(() => import('./user/access-tokens.tsx'), 'AccessTokens'),
})
const account = createRoute({
  getParentRoute: () => shell,
  path: '/account',
  component: lazyRouteComponent(() => import('./user/account.tsx'), 'Account'),
})

const security = createRoute({
  getParentRoute: () => shell,
  path: '/security',
  component: lazyRouteComponent(() => import('./security/security.tsx'), 'Security'),
})
const audit = createRoute({
  getParentRoute: () => shell,
  path: '/audit',
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import('./audit/audit.tsx'), 'Audit'),
})
const organization = createRoute({
  getParentRoute: () => shell,
  path: '/organization',
  component: lazyRouteComponent(() => import('./organization/organization.tsx'), 'Organization'),
})
const members = createRoute({
  getParentRoute: () => shell,
  path: '/members',
  validateSearch: z.object({
    search: z.string().max(120).optional().catch(undefined),
    role: role.optional().catch(undefined),
    state: z.enum(['active', 'suspended']).optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./organization/members.tsx'), 'Members'),
})
const singleSignOn = createRoute({
  getParentRoute: () => shell,
  path: '/single-sign-on',
  component: lazyRouteComponent(() => import('./sso/single-sign-on.tsx'), 'SingleSignOn'),
})
const sessionPolicy = createRoute({
  getParentRoute: () => shell,
  path: '/session-policy',
  component: lazyRouteComponent(() => import('./security/session-policy.tsx'), 'SessionPolicy'),
})
const webhooks = createRoute({
  getParentRoute: () => shell,
  path: '/webhooks',
  component: lazyRouteComponent(() => import('./webhooks/webhooks-page.tsx'), 'Webhooks'),
})
const ownPolicy = createRoute({
  getParentRoute: () => shell,
  path: '/policy',
  component: lazyRouteComponent(() => import('./policy/own-policy.tsx'), 'OwnPolicy'),
})
const requests = createRoute({
  getParentRoute: () => shell,
  path: '/requests',
  component: lazyRouteComponent(() => import('./requests/requests-page.tsx'), 'Requests'),
})
const oversight = createRoute({
  getParentRoute: () => shell,
  path: '/oversight',
  validateSearch: organizationUsageSearch,
  component: lazyRouteComponent(() => import('./oversight/organization-usage.tsx'), 'OrganizationUsage'),
})
const chargeBack = createRoute({
  getParentRoute: () => shell,
  path: '/charge-back',
  validateSearch: chargeBackSearch,
  component: lazyRouteComponent(() => import('./oversight/charge-back.tsx'), 'ChargeBack'),
})
const anomalies = createRoute({
  getParentRoute: () => shell,
  path: '/anomalies',
  validateSearch: z.object({ all: z.literal(true).optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./oversight/anomalies.tsx'), 'Anomalies'),
})
const centralBilling = createRoute({
  getParentRoute: () => shell,
  path: '/central-billing',
  component: lazyRouteComponent(() => import('./oversight/central-billing.tsx'), 'CentralBilling'),
})
const organizationBudgets = createRoute({
  getParentRoute: () => shell,
  path: '/organization-budgets',
  validateSearch: organizationBudgetSearch,
  component: lazyRouteComponent(() => import('./budgets/organization-budgets.tsx'), 'OrganizationBudgets'),
})
const teams = createRoute({
  getParentRoute: () => shell,
  path: '/teams',
  validateSearch: teamsSearch,
  component: lazyRouteComponent(() => import('./teams/teams.tsx'), 'Teams'),
})
const team = createRoute({
  getParentRoute: () => shell,
  path: '/teams/$id',
  component: lazyRouteComponent(() => import('./teams/team.tsx'), 'TeamPage'),
})
const organizationKeys = createRoute({
  getParentRoute: () => shell,
  path: '/organization-keys',
  validateSearch: organizationKeySearch,
  component: lazyRouteComponent(
    () => import('./organization-keys/organization-keys.tsx'),
    'OrganizationKeys',
  ),
})
const tree = root.addChildren([
  signIn,
  companyReturn,
  setup,
  invitation,
  gallery,
  embedded,
  shell.addChildren([
    overview,
    services,
    ownKey,
    keyHygiene,
    singleSignOn,
    fallback,
    simulator,
    models,
    credits,
    subscription,
    invoices,
    usage,
    budgets,
    oneBudget,
    alerts,
    operations,
    longOperations,
    accessTokens,
    serviceAccounts,
    hostApplications,
    provisioning,
    audit,
    organization,
    members,
    ownPolicy,
    oversight,
    chargeBack,
    anomalies,
    centralBilling,
    organizationBudgets,
    requests,
    webhooks,
    teams,
    team,
    organizationKeys,
    sessionPolicy,
    security,
    account,
    administrationTree,
  ]),
])

export const makeRouter = (queryClient: QueryClient) =>
  createRouter({
    routeTree: tree,
    context: { queryClient },
    defaultPreload: 'intent',
    defaultErrorComponent: PageFault,
    scrollRestoration: true,
  })

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}
