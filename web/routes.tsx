import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'
import { z } from 'zod'
import { payment, status as subscriptionStatus } from '../src/contract/billing.ts'
import { longOperationState } from '../src/contract/long-operations.ts'
import { paymentNotice } from '../src/contract/payment-notices.ts'
import { reconciliationCheck } from '../src/contract/reconciliation.ts'
import { coverage } from '../src/contract/service-keys.ts'
import { id, role, serviceId, tierId } from '../src/contract/wire.ts'
import { allAuditSearch, auditSearch } from './audit/audit-search.ts'
import { creditsSearch, invoicesSearch, subscriptionSearch } from './billing/billing-search.ts'
import { alertSearch, deliverySearch } from './alerts/alert-search.ts'
import { allBudgetSearch, budgetSearch } from './budgets/budget-search.ts'
import { CallFault } from './data/call.ts'
import { meQuery } from './data/session.ts'
import { hygieneSearch } from './hygiene/hygiene-search.ts'
import { modelSearch } from './models/model-search.ts'
import { chargeBackSearch } from './oversight/oversight-search.ts'
import { operationSearch } from './operations/operation-search.ts'
import { rotationSearch } from './rotation/rotation-search.ts'
import { organizationKeySearch } from './organization-keys/key-search.ts'
import { NotFound } from './shell/not-found.tsx'
import { Opening } from './shell/opening.tsx'
import { PageFault } from './shell/page-fault.tsx'
import { Shell } from './shell/shell.tsx'
import { simulatorSearch } from './simulator/supposition.ts'
import { teamsSearch } from './teams/team-search.ts'
import { allUsageSearch, organizationUsageSearch, usageSearch } from './usage/usage-search.ts'

interface Context {
  readonly queryClient: QueryClient
}

/** A path here: `//host` and `/\host` lead elsewhere, so that a link to the sign-in page could send people away. */
const ownPath = z.string().regex(/^\/(?![/\\])/)

const root = createRootRouteWithContext<Context>()({ notFoundComponent: NotFound })

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: z.object({ to: ownPath.optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./entry/sign-in.tsx'), 'SignIn'),
})
const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  component: lazyRouteComponent(() => import('./entry/set-up.tsx'), 'SetUp'),
})
const gallery = createRoute({
  getParentRoute: () => root,
  path: '/gallery',
  component: lazyRouteComponent(() => import('./ui/gallery.tsx'), 'Gallery'),
})

const companyReturn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in/company/$connectionId',
  component: lazyRouteComponent(() => import('./sso/company-return.tsx'), 'CompanyReturn'),
})
const invitation = createRoute({
  getParentRoute: () => root,
  path: '/invitation',
  component: lazyRouteComponent(() => import('./organization/invitation.tsx'), 'TakeInvitation'),
})

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  pendingComponent: Opening,
  pendingMs: 150,
  errorComponent: PageFault,
  beforeLoad: async ({ context, location }) => {
    try {
      const me = await context.queryClient.ensureQueryData(meQuery)
      // What keeps the session out is mended there, and nothing else opens.
      if (me.obstacle !== null && location.pathname !== '/security') throw redirect({ to: '/security' })
      return { me }
    } catch (error) {
      if (error instanceof CallFault && error.code === 'not_signed_in')
        throw redirect({ to: '/sign-in', search: { to: location.href === '/' ? undefined : location.href } })
      throw error
    }
  },
})

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
const administration = createRoute({
  getParentRoute: () => shell,
  path: '/admin',
  beforeLoad: ({ context }) => {
    if (!context.me.isPlatformAdministrator) throw redirect({ to: '/' })
  },
})
const adminOverview = createRoute({
  getParentRoute: () => administration,
  path: '/',
  component: lazyRouteComponent(() => import('./admin/overview.tsx'), 'AdminOverview'),
})
const systemKeys = createRoute({
  getParentRoute: () => administration,
  path: '/system-keys',
  component: lazyRouteComponent(() => import('./admin/system-keys.tsx'), 'SystemKeys'),
})
const managedKey = createRoute({
  getParentRoute: () => administration,
  path: '/keys/$id',
  component: lazyRouteComponent(() => import('./rotation/managed-key-page.tsx'), 'ManagedKeyPage'),
})
const rotation = createRoute({
  getParentRoute: () => administration,
  path: '/rotation',
  validateSearch: rotationSearch,
  component: lazyRouteComponent(() => import('./rotation/centre/centre.tsx'), 'RotationCentre'),
})
const allKeyHygiene = createRoute({
  getParentRoute: () => administration,
  path: '/key-hygiene',
  validateSearch: hygieneSearch,
  component: lazyRouteComponent(() => import('./hygiene/all-hygiene.tsx'), 'AllHygiene'),
})
const vault = createRoute({
  getParentRoute: () => administration,
  path: '/vault',
  component: lazyRouteComponent(() => import('./vault/vault.tsx'), 'Vault'),
})
const users = createRoute({
  getParentRoute: () => administration,
  path: '/users',
  validateSearch: z.object({
    search: z.string().max(120).optional().catch(undefined),
    organization: id.optional().catch(undefined),
    user: id.optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./admin/users.tsx'), 'Users'),
})
const allOperations = createRoute({
  getParentRoute: () => administration,
  path: '/operations',
  validateSearch: operationSearch.extend({
    organization: id.optional().catch(undefined),
    user: id.optional().catch(undefined),
    // Whose receipt is open: an operation's id is unique within its organisation.
    of: id.optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./admin/operations.tsx'), 'AllOperations'),
})
const organizationPolicy = createRoute({
  getParentRoute: () => administration,
  path: '/organizations/$id',
  component: lazyRouteComponent(() => import('./policy/organization-policy.tsx'), 'OrganizationPolicy'),
})
const organizations = createRoute({
  getParentRoute: () => administration,
  path: '/organizations',
  component: lazyRouteComponent(() => import('./admin/organizations.tsx'), 'Organizations'),
})
const adminServices = createRoute({
  getParentRoute: () => administration,
  path: '/services',
  validateSearch: z.object({
    search: z.string().max(120).optional().catch(undefined),
    show: z.enum(['all', 'keys', 'attention', 'off']).optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./admin/services.tsx'), 'AdminServices'),
})
const prices = createRoute({
  getParentRoute: () => administration,
  path: '/prices',
  validateSearch: z.object({
    service: serviceId.optional().catch(undefined),
    search: z.string().max(120).optional().catch(undefined),
    show: z.enum(['all', 'unpriced', 'own']).optional().catch(undefined),
    // Empty: a price for any model.
    model: z.string().max(256).optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./admin/prices.tsx'), 'Prices'),
})
const groups = createRoute({
  getParentRoute: () => administration,
  path: '/groups',
  validateSearch: z.object({ group: z.string().max(40).optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./admin/groups.tsx'), 'Groups'),
})
const allUsage = createRoute({
  getParentRoute: () => administration,
  path: '/usage',
  validateSearch: allUsageSearch,
  component: lazyRouteComponent(() => import('./usage/all-usage.tsx'), 'AllUsage'),
})
const allBudgets = createRoute({
  getParentRoute: () => administration,
  path: '/budgets',
  validateSearch: allBudgetSearch,
  component: lazyRouteComponent(() => import('./budgets/all-budgets.tsx'), 'AllBudgets'),
})
const alertDeliveries = createRoute({
  getParentRoute: () => administration,
  path: '/alert-deliveries',
  validateSearch: deliverySearch,
  component: lazyRouteComponent(() => import('./alerts/all-deliveries.tsx'), 'AllAlertDeliveries'),
})
const allLongOperations = createRoute({
  getParentRoute: () => administration,
  path: '/long-operations',
  validateSearch: z.object({
    state: longOperationState.optional().catch(undefined),
    organization: id.optional().catch(undefined),
    user: id.optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./admin/long-operations.tsx'), 'AllLongOperations'),
})
const health = createRoute({
  getParentRoute: () => administration,
  path: '/health',
  validateSearch: z.object({ all: z.boolean().optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./admin/health.tsx'), 'HealthPage'),
})
const allAudit = createRoute({
  getParentRoute: () => administration,
  path: '/audit',
  validateSearch: allAuditSearch,
  component: lazyRouteComponent(() => import('./audit/all-audit.tsx'), 'AllAudit'),
})
const platformTokens = createRoute({
  getParentRoute: () => administration,
  path: '/platform-tokens',
  component: lazyRouteComponent(() => import('./admin/platform-tokens.tsx'), 'PlatformTokens'),
})

const tiers = createRoute({
  getParentRoute: () => administration,
  path: '/tiers',
  // `new`: one that is to be made.
  validateSearch: z.object({ tier: tierId.optional().catch(undefined) }),
  component: lazyRouteComponent(() => import('./admin-billing/tiers.tsx'), 'Tiers'),
})
const subscriptions = createRoute({
  getParentRoute: () => administration,
  path: '/subscriptions',
  validateSearch: z.object({
    status: subscriptionStatus.optional().catch(undefined),
    tier: tierId.optional().catch(undefined),
    user: id.optional().catch(undefined),
    of: id.optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./admin-billing/subscriptions.tsx'), 'Subscriptions'),
})
const payments = createRoute({
  getParentRoute: () => administration,
  path: '/payments',
  validateSearch: z.object({
    show: z.enum(['all', 'invoices', 'notices']).optional().catch(undefined),
    status: payment.shape.status.optional().catch(undefined),
    state: paymentNotice.shape.state.optional().catch(undefined),
    user: id.optional().catch(undefined),
    payment: id.optional().catch(undefined),
    invoice: id.optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./admin-billing/payments.tsx'), 'Payments'),
})
const balances = createRoute({
  getParentRoute: () => administration,
  path: '/balances',
  validateSearch: z.object({
    search: z.string().max(120).optional().catch(undefined),
    user: id.optional().catch(undefined),
    of: id.optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./admin-billing/balances.tsx'), 'Balances'),
})
const billingSettings = createRoute({
  getParentRoute: () => administration,
  path: '/billing-settings',
  component: lazyRouteComponent(() => import('./admin-billing/billing-settings.tsx'), 'BillingSettings'),
})

const priceBook = createRoute({
  getParentRoute: () => administration,
  path: '/price-book',
  validateSearch: z.object({
    show: z.enum(['changes', 'versions', 'reratings']).optional().catch(undefined),
    rerating: id.optional().catch(undefined),
    change: id.optional().catch(undefined),
    version: z.number().int().positive().optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./admin-billing/price-book.tsx'), 'PriceBook'),
})

const reconciliation = createRoute({
  getParentRoute: () => administration,
  path: '/reconciliation',
  validateSearch: z.object({
    show: z.enum(['services', 'runs']).optional().catch(undefined),
    run: id.optional().catch(undefined),
    check: reconciliationCheck.optional().catch(undefined),
    explained: z.literal(true).optional().catch(undefined),
    exported: id.optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./admin-billing/reconciliation.tsx'), 'Reconciliation'),
})

const tree = root.addChildren([
  signIn,
  companyReturn,
  setup,
  invitation,
  gallery,
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
    audit,
    organization,
    members,
    ownPolicy,
    oversight,
    chargeBack,
    anomalies,
    centralBilling,
    requests,
    webhooks,
    teams,
    team,
    organizationKeys,
    sessionPolicy,
    security,
    account,
    administration.addChildren([
      adminOverview,
      systemKeys,
      managedKey,
      rotation,
      allKeyHygiene,
      vault,
      users,
      allUsage,
      allBudgets,
      alertDeliveries,
      allOperations,
      organizations,
      organizationPolicy,
      adminServices,
      prices,
      groups,
      health,
      allLongOperations,
      platformTokens,
      allAudit,
      payments,
      subscriptions,
      tiers,
      balances,
      priceBook,
      reconciliation,
      billingSettings,
    ]),
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
