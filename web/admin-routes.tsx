import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { z } from 'zod'
import { payment, status as subscriptionStatus } from '../src/contract/billing.ts'
import { longOperationState } from '../src/contract/long-operations.ts'
import { paymentNotice } from '../src/contract/payment-notices.ts'
import { reconciliationCheck } from '../src/contract/reconciliation.ts'
import { id, serviceId, tierId } from '../src/contract/wire.ts'
import { allAuditSearch } from './audit/audit-search.ts'
import { deliverySearch } from './alerts/alert-search.ts'
import { allBudgetSearch } from './budgets/budget-search.ts'
import { hygieneSearch } from './hygiene/hygiene-search.ts'
import { operationSearch } from './operations/operation-search.ts'
import { rotationSearch } from './rotation/rotation-search.ts'
import { allUsageSearch } from './usage/usage-search.ts'
import { shell } from './frame-routes.tsx'

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
const platformSessionPolicy = createRoute({
  getParentRoute: () => administration,
  path: '/session-policy',
  component: lazyRouteComponent(
    () => import('./security/platform-session-policy.tsx'),
    'PlatformSessionPolicy',
  ),
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

export const administrationTree = administration.addChildren([
  adminOverview,
  systemKeys,
  managedKey,
  rotation,
  allKeyHygiene,
  vault,
  users,
  platformSessionPolicy,
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
])
