import { Button, Loader, PasswordInput, TextInput } from '@mantine/core'
import { getRouteApi, useNavigate, useRouterState } from '@tanstack/react-router'
import { type FormEvent, useCallback, useEffect, useState } from 'react'
import type { CallFault } from '../data/call.ts'
import { takeLinkToken, useEnter } from '../data/enter.ts'
import { passkeysWork } from '../data/passkeys.ts'
import { useRead } from '../data/queries.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { CompanySignIn } from './company-sign-in.tsx'
import { Entry } from './entry.tsx'
import classes from './entry.module.css'
import { PasskeyButton } from './passkey-button.tsx'
import { SecondFactor } from './second-factor.tsx'

const route = getRouteApi('/sign-in')

export const SignIn = () => {
  const { to } = route.useSearch()
  const navigate = useNavigate()
  const enter = () => void navigate({ href: to ?? '/', replace: true })
  // Also of a sign-in at the company's identity provider, which leads back here.
  const pending = useRead('readPendingSignIn', {})
  const [isLeft, setLeft] = useState(false)
  const link = useEnter('signInWithLink', enter)
  const { mutate, reset } = link
  const { refetch } = pending
  const hash = useRouterState({ select: (state) => state.location.hash })
  const showSecondFactor = useCallback(
    async (error: CallFault) => {
      if (error.code !== 'second_factor_required') return
      setLeft(false)
      await refetch()
      reset()
    },
    [refetch, reset],
  )
  // Also when a link is pasted over this open page: that changes the hash only.
  useEffect(() => {
    const token = takeLinkToken(hash)
    if (token !== null) mutate({ body: { token } }, { onError: (error) => void showSecondFactor(error) })
  }, [mutate, showSecondFactor, hash])

  if (link.isPending || link.error?.code === 'second_factor_required')
    return (
      <Entry title="Signing you in" lead="Your link is being checked.">
        <Loader size="sm" aria-label="Signing in" />
      </Entry>
    )
  const methods = pending.data?.pending?.methods
  if (methods && !isLeft && !link.error)
    return <SecondFactor methods={methods} onEntered={enter} onLeave={() => setLeft(true)} />
  return <FirstFactor linkError={link.error} to={to} onEntered={enter} onFault={showSecondFactor} />
}

const FirstFactor = (props: {
  linkError: CallFault | null
  to: string | undefined
  onEntered: () => void
  onFault: (error: CallFault) => Promise<void>
}) => {
  const meta = useRead('readMeta', {})
  const [email, setEmail] = useState('')
  return (
    <Entry
      title="Sign in"
      lead={
        meta.data?.demo
          ? 'Demo: open one of the sign-in links that the start printed.'
          : 'To your keys, credits and receipts.'
      }
    >
      {props.linkError && <LinkFault error={props.linkError} />}
      {meta.data?.needsSetup && (
        <Notice tone="info" title="No administrator exists yet">
          Open the set-up link that the first start printed.
        </Notice>
      )}
      <PasswordForm email={email} onEmail={setEmail} onEntered={props.onEntered} onFault={props.onFault} />
      <div className={classes.ways}>
        {passkeysWork() && <PasskeyButton onEntered={props.onEntered} />}
        <CompanySignIn email={email} to={props.to} />
      </div>
    </Entry>
  )
}

/** Cut off or mistyped: the API names a field that nobody sees here. */
const LinkFault = ({ error }: { error: CallFault }) =>
  error.field === 'token' ? (
    <Notice tone="bad" live title="This link is not whole">
      Open all of it, including the part after the # sign, or ask for a new one.
    </Notice>
  ) : (
    <FaultNotice error={error} />
  )

const PasswordForm = (props: {
  email: string
  onEmail: (email: string) => void
  onEntered: () => void
  onFault: (error: CallFault) => Promise<void>
}) => {
  const { email } = props
  const [password, setPassword] = useState('')
  const signIn = useEnter('signIn', props.onEntered)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    signIn.mutate(
      { body: { email: email.trim(), password } },
      { onError: (error) => void props.onFault(error) },
    )
  }
  const waits = signIn.error?.code === 'second_factor_required'
  return (
    <form className={classes.form} onSubmit={submit}>
      <TextInput
        label="E-mail"
        type="email"
        autoComplete="username webauthn"
        required
        withAsterisk={false}
        value={email}
        onChange={(event) => props.onEmail(event.currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        autoComplete="current-password"
        required
        withAsterisk={false}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {signIn.error && !waits && <FaultNotice error={signIn.error} />}
      <Button type="submit" loading={signIn.isPending || waits} fullWidth>
        Sign in
      </Button>
    </form>
  )
}
