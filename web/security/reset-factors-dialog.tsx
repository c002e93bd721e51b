import { Textarea } from '@mantine/core'
import { useState } from 'react'
import { useAct } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'

/** For whoever lost them all. By administrators of the installation, and of an organisation for members below them. */
export const ResetFactorsDialog = (props: {
  id: string
  name: string
  email: string
  by: 'resetUserFactors' | 'resetMemberFactors'
  onClose: () => void
}) => {
  const { name, email, onClose } = props
  const reset = useAct(props.by, ['listUsers'])
  const [reason, setReason] = useState('')
  return (
    <FormDialog
      opened
      danger
      title={`Reset the second factors of ${name}?`}
      submit="Reset second factors"
      busy={reset.isPending}
      error={reset.error}
      blocked={reason.trim() === ''}
      onSubmit={() =>
        reset.mutate(
          { params: { id: props.id }, body: { reason: reason.trim() } },
          {
            onSuccess: () => {
              tellDone(`${name} signs in without a second factor now, and was told so.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <p>
        Make sure it is them who ask, by another way than the mailbox of <strong>{email}</strong>: until they
        add a new one, a password or a link is all it takes to be them.
      </p>
      <p>
        Their authenticator app, passkeys and recovery codes are removed, they are signed out everywhere, and
        a break-glass account of theirs is one no longer.
      </p>
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
