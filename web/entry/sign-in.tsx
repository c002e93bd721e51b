import { Button, Loader, PasswordInput, TextInput } from '@mantine/core'
import { getRouteApi, useNavigate, useRouterState } from '@tanstack/react-router'
import { type FormEvent, useEffect, useState } from 'react'
import type { CallFault } from '../data/call.ts'
import { takeLinkToken, useEnter } from '../data/enter.ts'
import { useRead } from '../data/queries.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { Entry } from './entry.tsx'
import classes from './entry.module.css'

const route = getRouteApi('/sign-in')

export const SignIn = () => {
  const { to } = route.useSearch()
  const navigate = useNavigate()
  const meta = useRead('readMeta', {})
  const enter = () => void navigate({ href: to ?? '/', replace: true })
  const link = useEnter('signInWithLink', enter)
  const { mutate } = link
  const hash = useRouterState({ select: (state) => state.location.hash })
  // Also when a link is pasted over this open page: that changes the hash only.
  useEffect(() => {
    const token = takeLinkToken(hash)
    if (token !== null) mutate({ body: { token } })
  }, [mutate, hash])

  if (link.isPending)
    return (
      <Entry title="Signing you in" lead="Your link is being checked.">
        <Loader size="sm" aria-label="Signing in" />
      </Entry>
    )
  return (
    <Entry
      title="Sign in"
      lead={
        meta.data?.demo
          ? 'Demo: open one of the sign-in links that the start printed.'
          : 'To your keys, credits and receipts.'
      }
    >
      {link.error && <LinkFault error={link.error} />}
      {meta.data?.needsSetup && (
        <Notice tone="info" title="No administrator exists yet">
          Open the set-up link that the first start printed.
        </Notice>
      )}
      <PasswordForm onEntered={enter} />
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

const PasswordForm = (props: { onEntered: () => void }) => {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const signIn = useEnter('signIn', props.onEntered)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    signIn.mutate({ body: { email: email.trim(), password } })
  }
  return (
    <form className={classes.form} onSubmit={submit}>
      <TextInput
        label="E-mail"
        type="email"
        autoComplete="username"
        required
        withAsterisk={false}
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        autoComplete="current-password"
        required
        withAsterisk={false}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {signIn.error && <FaultNotice error={signIn.error} />}
      <Button type="submit" loading={signIn.isPending} fullWidth>
        Sign in
      </Button>
    </form>
  )
}
