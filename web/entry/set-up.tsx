import { Button, PasswordInput, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { newPassword } from '../../src/contract/wire.ts'
import { takeLinkToken, useEnter } from '../data/enter.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { Entry } from './entry.tsx'
import classes from './entry.module.css'

export const SetUp = () => {
  // The token leaves the address bar but must outlive a failed first try, so it stays in memory.
  const [token] = useState(() => takeLinkToken(location.hash))
  return (
    <Entry title="Set up Aideon Keys" lead="Make the first administrator. The link works once.">
      {token === null ? (
        <Notice tone="warning" title="This address has no set-up token">
          Open the whole link that the first start printed, including the part after the # sign.
        </Notice>
      ) : (
        <SetUpForm token={token} />
      )}
    </Entry>
  )
}

const SetUpForm = (props: { token: string }) => {
  const navigate = useNavigate()
  const setUp = useEnter('setUp', () => void navigate({ to: '/', replace: true }))
  const form = useForm({
    initialValues: { name: '', email: '', password: '' },
    validate: {
      name: (name) => (name.trim() ? null : 'A name is needed.'),
      password: (password) => (newPassword.safeParse(password).success ? null : 'At least 12 characters.'),
    },
  })
  return (
    <form
      className={classes.form}
      onSubmit={form.onSubmit((values) =>
        setUp.mutate({ body: { token: props.token, ...values, email: values.email.trim() } }),
      )}
    >
      <TextInput label="Name" autoComplete="name" {...form.getInputProps('name')} />
      <TextInput
        label="E-mail"
        type="email"
        autoComplete="username"
        required
        withAsterisk={false}
        {...form.getInputProps('email')}
      />
      <PasswordInput
        label="Password"
        description="At least 12 characters; a sentence is easier to remember than symbols."
        autoComplete="new-password"
        {...form.getInputProps('password')}
      />
      {setUp.error?.field === 'token' ? (
        <Notice tone="bad" live title="This link is not whole">
          Open all of it, including the part after the # sign.
        </Notice>
      ) : (
        setUp.error && <FaultNotice error={setUp.error} />
      )}
      <Button type="submit" loading={setUp.isPending} fullWidth>
        Create administrator
      </Button>
    </form>
  )
}
