import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { z } from 'zod'
import { CallFault } from './data/call.ts'
import { isOwnPath } from './data/own-path.ts'
import { meQuery } from './data/session.ts'
import { Opening } from './shell/opening.tsx'
import { PageFault } from './shell/page-fault.tsx'
import { Shell } from './shell/shell.tsx'

interface Context {
  readonly queryClient: QueryClient
}

export const root = createRootRouteWithContext<Context>()({
  notFoundComponent: lazyRouteComponent(() => import('./shell/not-found.tsx'), 'NotFound'),
})

export const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: z.object({
    to: z
      .string()
      .refine((path) => isOwnPath(path))
      .optional()
      .catch(undefined),
  }),
  component: lazyRouteComponent(() => import('./entry/sign-in.tsx'), 'SignIn'),
})
export const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  component: lazyRouteComponent(() => import('./entry/set-up.tsx'), 'SetUp'),
})
export const gallery = createRoute({
  getParentRoute: () => root,
  path: '/gallery',
  component: lazyRouteComponent(() => import('./ui/gallery.tsx'), 'Gallery'),
})

export const companyReturn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in/company/$connectionId',
  component: lazyRouteComponent(() => import('./sso/company-return.tsx'), 'CompanyReturn'),
})
export const invitation = createRoute({
  getParentRoute: () => root,
  path: '/invitation',
  component: lazyRouteComponent(() => import('./organization/invitation.tsx'), 'TakeInvitation'),
})

export const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  pendingComponent: Opening,
  pendingMs: 150,
  // What is there is shown at once, however short the wait for it was.
  pendingMinMs: 0,
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
