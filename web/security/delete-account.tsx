import { Button } from '@mantine/core'
import { useState } from 'react'
import { useAct } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Panel } from '../ui/page.tsx'
import classes from './security.module.css'

/** Asked for here; kept again by the notice that is on every page then. */
export const DeleteAccount = () => {
  const { user } = useMe()
  const schedule = useAct('scheduleUserDeletion', ['readMe'])
  const [isAsking, setAsking] = useState(false)
  if (user.deleteAt !== null) return null
  return (
    <Panel title="Delete your account" description="There are some days in which you can keep it.">
      <p className={classes.quiet}>
        Your personal organisation is deleted then, you leave every other one, and your name, your e-mail
        address and your ways to sign in are removed. Credits that are left are lost, and a subscription ends
        with its period. Invoices, operations and the audit trail stay, without your name.
      </p>
      <Button variant="outline" color="red" onClick={() => setAsking(true)}>
        Delete account
      </Button>
      <ConfirmDialog
        opened={isAsking}
        title="Delete your account?"
        submit="Delete account"
        word={user.email}
        busy={schedule.isPending}
        error={schedule.error}
        onConfirm={() =>
          schedule.mutate({ body: { email: user.email } }, { onSuccess: () => setAsking(false) })
        }
        onClose={() => setAsking(false)}
      >
        <p>You can keep it until its last day; a notice on every page says how.</p>
      </ConfirmDialog>
    </Panel>
  )
}
