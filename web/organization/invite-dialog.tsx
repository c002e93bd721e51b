import { Button, Modal, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { Role } from '../../src/contract/permissions.ts'
import { email } from '../../src/contract/wire.ts'
import { useAct } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { CopyField } from '../ui/copy.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { Notice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import classes from './organization.module.css'
import { RoleChoice } from './role-choice.tsx'
import { rolesBelow } from './role-words.ts'

/** Mailed where there is a mail server; else the link is here, once, for whoever invites to pass on. */
export const InviteDialog = (props: { onClose: () => void }) => {
  const { role: own, organization } = useMe()
  const invite = useAct('inviteMember', ['listInvitations'])
  const form = useForm({
    initialValues: { email: '', role: 'member' as Role },
    validate: {
      email: (value) => (email.safeParse(value.trim()).success ? null : 'An e-mail address is needed.'),
    },
  })
  if (invite.data?.link)
    return (
      <ShownInvitation
        email={invite.data.invitation.email}
        link={invite.data.link}
        expiresAt={invite.data.invitation.expiresAt}
        onClose={props.onClose}
      />
    )
  const submit = () => {
    if (form.validate().hasErrors) return
    const address = form.values.email.trim()
    invite.mutate(
      { body: { email: address, role: form.values.role } },
      {
        onSuccess: ({ link, invitation }) => {
          if (link !== null) return
          tellDone(
            invitation.delivery === 'mailed'
              ? `An invitation is on its way to ${address}.`
              : `The mail server did not take the letter to ${address}; send it again later.`,
          )
          props.onClose()
        },
      },
    )
  }
  return (
    <FormDialog
      opened
      title={`Invite to ${organization.name}`}
      submit="Invite"
      busy={invite.isPending}
      error={invite.error}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <TextInput
        label="E-mail"
        type="email"
        autoComplete="off"
        data-autofocus
        {...form.getInputProps('email')}
      />
      <RoleChoice
        roles={rolesBelow(own)}
        value={form.values.role}
        onChange={(role) => form.setFieldValue('role', role)}
      />
    </FormDialog>
  )
}

export const ShownInvitation = (props: {
  email: string
  link: string
  expiresAt: string
  onClose: () => void
}) => (
  <Modal opened onClose={props.onClose} title={`Invitation for ${props.email}`} closeOnClickOutside={false}>
    <div className={classes.form}>
      <Notice tone="info" title="Pass this link on">
        There is no mail server here. It is for {props.email} alone.
      </Notice>
      <CopyField text={`${location.origin}${props.link}`} label="Invitation link" />
      <p className={classes.says}>
        Works once, shown this once, ends <Ago at={props.expiresAt} />.
      </p>
      <div className={classes.end}>
        <Button onClick={props.onClose}>I have copied it</Button>
      </div>
    </div>
  </Modal>
)
