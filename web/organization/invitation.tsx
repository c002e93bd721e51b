import { Button, Loader, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Reply } from '../../src/contract/endpoints.ts'
import { CallFault, call } from '../data/call.ts'
import { takeLinkToken } from '../data/enter.ts'
import { meQuery } from '../data/session.ts'
import entry from '../entry/entry.module.css'
import { Entry } from '../entry/entry.tsx'
import { NewPassword, tooShort } from '../security/new-password.tsx'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { roleName, roleSays } from './role-words.ts'
import { useMove } from './workplace.ts'

/** Whoever has to sign in first comes back to this page: kept in this tab alone, never in an address. */
const place = 'aideon-invitation'
const takeToken = (): string | null => {
  const token = takeLinkToken(location.hash)
  if (token !== null) sessionStorage.setItem(place, token)
  return token ?? sessionStorage.getItem(place)
}
const forget = () => sessionStorage.removeItem(place)

export const TakeInvitation = () => {
  const [token] = useState(takeToken)
  if (token === null)
    return (
      <Entry title="Invitation" lead="To an organisation on Aideon Keys.">
        <Notice tone="warning" title="This address has no invitation">
          Open the whole link of the invitation, including the part after the # sign.
        </Notice>
      </Entry>
    )
  return <Found token={token} />
}

const Found = ({ token }: { token: string }) => {
  const read = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => call('readInvitation', { body: { token } }),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (read.error)
    return (
      <Entry title="Invitation" lead="To an organisation on Aideon Keys.">
        <FaultNotice error={read.error} />
      </Entry>
    )
  if (!read.data)
    return (
      <Entry title="Invitation" lead="Your link is being checked.">
        <Loader size="sm" aria-label="Checking" />
      </Entry>
    )
  const { organizationName, invitedBy, role } = read.data
  return (
    <Entry
      title={`Work in ${organizationName}`}
      lead={`${invitedBy ?? 'Somebody'} invites you as ${roleName[role].toLowerCase()}. ${roleSays[role]}`}
    >
      {read.data.account === 'active' ? (
        <Join token={token} to={read.data} />
      ) : (
        <NewAccount token={token} to={read.data} />
      )}
    </Entry>
  )
}

type To = Reply<'readInvitation'>

/** With an account that exists, by whoever is signed in with it. */
const Join = ({ token, to }: { token: string; to: To }) => {
  const navigate = useNavigate()
  const me = useQuery({ ...meQuery, retry: false })
  const join = useMove('joinByInvitation', () => {
    forget()
    return navigate({ to: '/', replace: true })
  })
  const signedInAs = me.data?.user.email
  if (signedInAs?.toLowerCase() !== to.email.toLowerCase())
    return (
      <>
        <Notice tone="info" title={`Sign in as ${to.email}`}>
          {signedInAs === undefined
            ? 'There is an account with this e-mail address. The invitation waits in this tab.'
            : `You are signed in as ${signedInAs}; the invitation is for another account.`}
        </Notice>
        <Button
          fullWidth
          disabled={me.isPending}
          onClick={() => void navigate({ to: '/sign-in', search: { to: '/invitation' } })}
        >
          Sign in
        </Button>
      </>
    )
  return (
    <>
      {join.error && <FaultNotice error={join.error} />}
      <Button fullWidth loading={join.isPending} onClick={() => join.mutate({ body: { token } })}>
        Join as {to.email}
      </Button>
    </>
  )
}

const NewAccount = ({ token, to }: { token: string; to: To }) => {
  const navigate = useNavigate()
  const client = useQueryClient()
  const accept = useMutation<Reply<'acceptInvitation'>, CallFault, { name?: string; password?: string }>({
    mutationFn: (given) => call('acceptInvitation', { body: { token, ...given } }),
    onSuccess: ({ me }) => {
      forget()
      client.clear()
      if (me === null) return navigate({ to: '/sign-in', replace: true })
      client.setQueryData(meQuery.queryKey, me)
      return navigate({ to: '/', replace: true })
    },
  })
  const form = useForm({
    initialValues: { name: '', password: '' },
    validate: {
      name: (name) => (name.trim() ? null : 'A name is needed.'),
      password: tooShort,
    },
  })
  if (to.account === 'idle')
    return (
      <>
        <Notice tone="info" title={`${to.email} has an account`}>
          Take the invitation, then sign in with it as you always did.
        </Notice>
        {accept.error && <FaultNotice error={accept.error} />}
        <Button fullWidth loading={accept.isPending} onClick={() => accept.mutate({})}>
          Take it
        </Button>
      </>
    )
  return (
    <form
      className={entry.form}
      onSubmit={form.onSubmit((values) => accept.mutate({ ...values, name: values.name.trim() }))}
    >
      <TextInput label="E-mail" value={to.email} readOnly autoComplete="username" />
      <TextInput label="Your name" autoComplete="name" {...form.getInputProps('name')} />
      <NewPassword
        label="Password"
        owner={{ email: to.email, name: form.values.name }}
        {...form.getInputProps('password')}
      />
      {accept.error && <FaultNotice error={accept.error} />}
      <Button type="submit" loading={accept.isPending} fullWidth>
        Join
      </Button>
    </form>
  )
}
