import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router'
import { z } from 'zod'
import { operationFilters } from '../src/contract/operations.ts'
import { id } from '../src/contract/wire.ts'
import { CallFault } from './data/call.ts'
import { meQuery } from './data/session.ts'
import { NotFound } from './shell/not-found.tsx'
import { Opening } from './shell/opening.tsx'
import { PageFault } from './shell/page-fault.tsx'
import { Shell } from './shell/shell.tsx'

interface Context {
  readonly queryClient: QueryClient
}

/** A path here: `//host` and `/\host` lead elsewhere, so that a link to the sign-in page could send people away. */
const ownPath = z.string().regex(/^\/(?![/\\])/)

/** What the address bar may say about a list of operations; wrong values are dropped, never an error page. */
const operationSearch = z.object({
  service: operationFilters.shape.service.catch(undefined),
  status: operationFilters.shape.status.catch(undefined),
  keyOwner: operationFilters.shape.keyOwner.catch(undefined),
  since: operationFilters.shape.since.catch(undefined),
  operation: id.optional().catch(undefined),
})

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

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  pendingComponent: Opening,
  pendingMs: 150,
  errorComponent: PageFault,
  beforeLoad: async ({ context, location }) => {
    try {
      return { me: await context.queryClient.ensureQueryData(meQuery) }
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
  component: lazyRouteComponent(() => import('./user/services.tsx'), 'Services'),
})
const fallback = createRoute({
  getParentRoute: () => shell,
  path: '/fallback',
  component: lazyRouteComponent(() => import('./user/fallback.tsx'), 'FallbackPreference'),
})
const credits = createRoute({
  getParentRoute: () => shell,
  path: '/credits',
  component: lazyRouteComponent(() => import('./user/credits.tsx'), 'CreditsPage'),
})
const operations = createRoute({
  getParentRoute: () => shell,
  path: '/operations',
  validateSearch: operationSearch,
  component: lazyRouteComponent(() => import('./user/operations.tsx'), 'Operations'),
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
const organizations = createRoute({
  getParentRoute: () => administration,
  path: '/organizations',
  component: lazyRouteComponent(() => import('./admin/organizations.tsx'), 'Organizations'),
})
const adminServices = createRoute({
  getParentRoute: () => administration,
  path: '/services',
  component: lazyRouteComponent(() => import('./admin/services.tsx'), 'AdminServices'),
})
const platformTokens = createRoute({
  getParentRoute: () => administration,
  path: '/platform-tokens',
  component: lazyRouteComponent(() => import('./admin/platform-tokens.tsx'), 'PlatformTokens'),
})

const tree = root.addChildren([
  signIn,
  setup,
  gallery,
  shell.addChildren([
    overview,
    services,
    fallback,
    credits,
    operations,
    accessTokens,
    account,
    administration.addChildren([
      adminOverview,
      systemKeys,
      users,
      allOperations,
      organizations,
      adminServices,
      platformTokens,
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
