import { Button, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'
import type { AdminUser } from '../../src/contract/administration.ts'
import { useAct } from '../data/queries.ts'
import { exactCredits } from '../ui/format.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import classes from './users.module.css'

/** Gives credits. The idempotency key changes only after success, so a repeated try never gives twice. */
export const GrantForm = ({ user }: { user: AdminUser }) => {
  const grant = useAct('grantCredits', ['listUsers', 'readOverview'])
  const [idempotencyKey, setIdempotencyKey] = useState(() => crypto.randomUUID())
  const form = useForm({
    initialValues: { credits: '', reason: '' },
    validate: {
      credits: (value) =>
        /^\d{1,9}(\.\d{1,6})?$/.test(value.trim()) && Number(value) > 0
          ? null
          : 'A number of credits, at most six decimal places.',
      reason: (value) => (value.trim() ? null : 'Say why: the user and the audit trail see it.'),
    },
  })
  const submit = form.onSubmit((values) =>
    grant.mutate(
      {
        params: { id: user.id },
        body: { credits: values.credits.trim(), reason: values.reason.trim(), idempotencyKey },
      },
      {
        onSuccess: (reply) => {
          setIdempotencyKey(crypto.randomUUID())
          form.reset()
          tellDone(`${user.name} was given ${exactCredits(reply.grant.amountMicros)} credits.`)
        },
      },
    ),
  )
  return (
    <form className={classes.section} onSubmit={submit}>
      <h3 className={classes.sectionTitle}>Grant credits</h3>
      <div className={classes.line} style={{ alignItems: 'flex-start' }}>
        <TextInput label="Credits" inputMode="decimal" placeholder="100" {...form.getInputProps('credits')} />
        <TextInput label="Reason" placeholder="Goodwill" maxLength={300} {...form.getInputProps('reason')} />
      </div>
      {grant.error && <FaultNotice error={grant.error} />}
      <div className={classes.line}>
        <Button type="submit" variant="default" loading={grant.isPending}>
          Grant credits
        </Button>
      </div>
    </form>
  )
}
