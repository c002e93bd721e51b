import { Button, Textarea } from '@mantine/core'
import { useState } from 'react'
import type { AdminUser } from '../../src/contract/administration.ts'
import { useAct } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { ResetFactorsDialog } from '../security/reset-factors-dialog.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Moment } from '../ui/figures.tsx'
import { Notice } from '../ui/notice.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './users.module.css'

/** What reaches beyond rights: how somebody signs in, and whether they stay. */
export const UserAccount = ({ user }: { user: AdminUser }) => {
  const [asking, setAsking] = useState<'reset' | 'delete' | null>(null)
  const isSelf = useMe().user.id === user.id
  const close = () => setAsking(null)
  return (
    <section className={classes.section} aria-label="Account">
      <h3 className={classes.sectionTitle}>Account</h3>
      <p className={classes.email}>
        {isSelf
          ? 'Your own factors and your own account are under Security.'
          : user.hasSecondFactor
            ? 'A second factor is asked for at each sign-in.'
            : 'No second factor is set up.'}
      </p>
      <div className={classes.line}>
        <Button
          variant="default"
          disabled={isSelf || !user.hasSecondFactor}
          onClick={() => setAsking('reset')}
        >
          Reset second factors
        </Button>
        {user.deleteAt === null && (
          <Button variant="outline" color="red" disabled={isSelf} onClick={() => setAsking('delete')}>
            Delete account
          </Button>
        )}
      </div>
      {asking === 'reset' && (
        <ResetFactorsDialog
          id={user.id}
          name={user.name}
          email={user.email}
          by="resetUserFactors"
          onClose={close}
        />
      )}
      {asking === 'delete' && <DeleteDialog user={user} onClose={close} />}
    </section>
  )
}

const DeleteDialog = ({ user, onClose }: { user: AdminUser; onClose: () => void }) => {
  const schedule = useAct('scheduleDeletionOfUser', ['listUsers'])
  const [reason, setReason] = useState('')
  return (
    <FormDialog
      opened
      danger
      title={`Delete the account of ${user.name}?`}
      submit="Delete account"
      busy={schedule.isPending}
      error={schedule.error}
      blocked={reason.trim() === ''}
      onSubmit={() =>
        schedule.mutate(
          { params: { id: user.id }, body: { reason: reason.trim() } },
          {
            onSuccess: () => {
              tellDone(`${user.name} is told, and can keep the account until its last day.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <p>
        After some days of grace the personal organisation of <strong>{user.email}</strong> is deleted, they
        leave every other one, and their name, e-mail address and ways to sign in are removed. Credits that
        are left are lost, and a subscription ends with its period. Invoices, operations and the audit trail
        stay, without the name.
      </p>
      <p>Until then everything works, and they or you can keep the account.</p>
      <Textarea
        label="Reason"
        description="Kept in the audit trail"
        maxLength={500}
        autosize
        minRows={2}
        data-autofocus
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </FormDialog>
  )
}

/** At the top of what is shown of somebody who is to be deleted. */
export const ToBeDeleted = ({ user }: { user: AdminUser }) => {
  const keep = useAct('cancelDeletionOfUser', ['listUsers'])
  if (user.deleteAt === null) return null
  return (
    <Notice
      tone="warning"
      title="To be deleted"
      action={
        <Button
          size="compact-sm"
          variant="default"
          loading={keep.isPending}
          onClick={() =>
            keep.mutate(
              { params: { id: user.id } },
              { onSuccess: () => tellDone(`The account of ${user.name} stays.`), onError: tellFault },
            )
          }
        >
          Keep the account
        </Button>
      }
    >
      On <Moment at={user.deleteAt} />. Until then everything works as before.
    </Notice>
  )
}
