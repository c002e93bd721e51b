import { Button, Loader } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import type { Reply, Request } from '../../src/contract/endpoints.ts'
import { call } from '../data/call.ts'
import { isCompanyWindow, tellCompanyWindowOver } from '../data/company-proof.ts'
import { useEntering } from '../data/enter.ts'
import { isOwnPath } from '../data/own-path.ts'
import { Entry } from '../entry/entry.tsx'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import classes from './sso.module.css'

type Answer = Request<'finishSso'>['body']['answer']

const route = getRouteApi('/sign-in/company/$connectionId')

/**
 * Where browsers come back to from an identity provider. The request that brought them is another site's; this page asks
 * anew, from our own origin and with the cookie of the sign-in that began here.
 */
export const CompanyReturn = () => {
  const { connectionId } = route.useParams()
  const navigate = useNavigate()
  const [answer] = useState(takeAnswer)
  const finish = useEntering<Answer, Reply<'finishSso'>>(
    (given) => call('finishSso', { body: { connectionId, answer: given } }),
    ({ did }) => {
      if (did !== 'proved') void navigate({ href: takePlace(), replace: true })
    },
  )
  const { mutate, error } = finish
  const ticket = answer?.kind === 'saml' ? answer.ticket : null
  const preview = useTicket(connectionId, ticket)
  const isReady = answer?.kind === 'oidc' || preview.data?.mustConfirm === false
  const isSent = useRef(false)
  useEffect(() => {
    if (answer === null || !isReady || isSent.current) return
    // An answer is taken once; React may run an effect twice.
    isSent.current = true
    mutate(answer)
  }, [answer, isReady, mutate])
  const waitsForFactor = error?.code === 'second_factor_required'
  useEffect(() => {
    if (waitsForFactor) void navigate({ to: '/sign-in', replace: true })
  }, [waitsForFactor, navigate])

  const isOver = answer === null || finish.isSuccess || (error !== null && !waitsForFactor)
  useEffect(() => {
    if (!isOver || !isCompanyWindow()) return
    tellCompanyWindowOver()
    if (finish.isSuccess) window.close()
  }, [isOver, finish.isSuccess])

  if (answer === null) return <Refused />
  if (finish.data?.did === 'proved') return <Proved />
  if (error && !waitsForFactor) return <Failed error={error} />
  if (preview.error) return <Failed error={preview.error} />
  if (preview.data?.mustConfirm && !finish.isPending)
    return (
      <Entry title="Sign in?" lead="This sign-in began at your company, not here.">
        <Notice tone="info" title={preview.data.email ?? ''}>
          You would be signed in to {preview.data.organization} with this account. Go on only if it is yours.
        </Notice>
        <Button fullWidth onClick={() => mutate(answer)}>
          Sign in
        </Button>
        <Button fullWidth variant="default" onClick={() => void navigate({ to: '/sign-in', replace: true })}>
          Not me
        </Button>
      </Entry>
    )
  return (
    <Entry title="Signing you in" lead="Your company’s answer is being checked.">
      <Loader size="sm" aria-label="Signing in" />
    </Entry>
  )
}

const useTicket = (connectionId: string, ticket: string | null) => {
  const [state, setState] = useState<{ data?: Awaited<ReturnType<typeof peek>>; error?: unknown }>({})
  useEffect(() => {
    if (ticket === null) return
    peek(connectionId, ticket).then(
      (data) => setState({ data }),
      (error: unknown) => setState({ error }),
    )
  }, [connectionId, ticket])
  return state
}
const peek = (connectionId: string, ticket: string) =>
  call('previewSsoTicket', { body: { connectionId, ticket } })

const notDone = () => (isCompanyWindow() ? 'Not confirmed' : 'Not signed in')

const Refused = () => (
  <Entry title={notDone()} lead="Your company’s answer was not accepted.">
    <Notice tone="bad" live title="The company sign-in was refused">
      Whoever set it up sees the reason under Single sign-on. Try again, or ask them.
    </Notice>
    <Again />
  </Entry>
)

const Failed = ({ error }: { error: unknown }) => (
  <Entry title={notDone()} lead="The company sign-in did not come to an end.">
    <FaultNotice error={error} />
    <Again />
  </Entry>
)

/** Seen where a browser does not let a page close its window. */
const Proved = () => (
  <Entry title="Confirmed" lead="You can close this window, and go on in the other one.">
    <Button fullWidth onClick={() => window.close()}>
      Close this window
    </Button>
  </Entry>
)

const Again = () => {
  const navigate = useNavigate()
  if (isCompanyWindow())
    return (
      <Button fullWidth onClick={() => window.close()}>
        Close this window
      </Button>
    )
  return (
    <div className={classes.form}>
      <Button fullWidth onClick={() => void navigate({ to: '/sign-in', replace: true })}>
        To the sign-in page
      </Button>
    </div>
  )
}

/** What came back, taken out of the address bar and the history at once. */
const takeAnswer = (): Answer | null => {
  const ticket = /^#ticket=([A-Za-z0-9_-]{43})$/.exec(location.hash)?.[1]
  const parameters = Object.fromEntries(new URLSearchParams(location.search))
  history.replaceState(history.state, '', location.pathname)
  if (ticket !== undefined) return { kind: 'saml', ticket }
  return 'state' in parameters ? { kind: 'oidc', parameters } : null
}

/** Where the sign-in page was to lead; a path here, or the overview. */
const takePlace = (): string => {
  const place = sessionStorage.getItem('aideon-sign-in-to')
  sessionStorage.removeItem('aideon-sign-in-to')
  return place !== null && isOwnPath(place) ? place : '/'
}
