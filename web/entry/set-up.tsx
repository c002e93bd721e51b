import { Button, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { takeLinkToken, useEnter } from '../data/enter.ts'
import { NewPassword, tooShort } from '../security/new-password.tsx'
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
      password: tooShort,
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
      <NewPassword label="Password" owner={form.values} {...form.getInputProps('password')} />
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
