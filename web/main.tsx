import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/jetbrains-mono/wght.css'
import './ui/mantine.css'
import './ui/tokens.css'
import './ui/base.css'
import './ui/controls.css'
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { makeQueryClient } from './data/queries.ts'
import { makeRouter } from './routes.tsx'
import { cssVariables, theme } from './ui/theme.ts'

const queryClient = makeQueryClient(() => {
  if (router.state.location.pathname !== '/sign-in')
    void router.navigate({ to: '/sign-in', search: { to: router.state.location.href } })
})
const router = makeRouter(queryClient)

// The content security policy allows only style elements that carry the page's nonce: Mantine asks for it, and so does
// the scroll lock of its dialogs, under the name that its library looks for.
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.content
Object.assign(globalThis, { __webpack_nonce__: nonce })

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce ?? ''}
    >
      <Notifications position="bottom-right" limit={3} />
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
