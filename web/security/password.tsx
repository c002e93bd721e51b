import { Button, PasswordInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQueryClient } from '@tanstack/react-query'
import type { Me } from '../../src/contract/session.ts'
import { useAct } from '../data/queries.ts'
import { meQuery } from '../data/session.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { NewPassword, tooShort } from './new-password.tsx'
import classes from './security.module.css'

export const Password = ({ me }: { me: Me }) => {
  const change = useAct('changePassword', ['listSessions'])
  const client = useQueryClient()
  const form = useForm({
    initialValues: { currentPassword: '', newPassword: '' },
    validate: { newPassword: tooShort },
  })
  const submit = form.onSubmit((values) =>
    change.mutate(
      {
        body: {
          newPassword: values.newPassword,
          ...(me.user.hasPassword && { currentPassword: values.currentPassword }),
        },
      },
      {
        onSuccess: () => {
          form.reset()
          void client.invalidateQueries({ queryKey: meQuery.queryKey })
          tellDone('The password is changed. Every other session is signed out.')
        },
      },
    ),
  )
  return (
    <Panel
      title={me.user.hasPassword ? 'Change password' : 'Set a password'}
      description={
        me.user.hasPassword
          ? 'Signs every other session out.'
          : 'You came in by a link. With a password you can come back without one.'
      }
    >
      <form className={classes.panelForm} onSubmit={submit}>
        {/* Password managers pair a password with the name they find in the form. */}
        <input type="text" autoComplete="username" value={me.user.email} readOnly hidden />
        {me.user.hasPassword && (
          <PasswordInput
            label="Current password"
            autoComplete="current-password"
            {...form.getInputProps('currentPassword')}
          />
        )}
        <NewPassword label="New password" owner={me.user} {...form.getInputProps('newPassword')} />
        {change.error && <FaultNotice error={change.error} />}
        <Button type="submit" loading={change.isPending} disabled={form.values.newPassword === ''}>
          {me.user.hasPassword ? 'Change password' : 'Set password'}
        </Button>
      </form>
    </Panel>
  )
}
