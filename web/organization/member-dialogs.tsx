import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Member } from '../../src/contract/members.ts'
import type { Role } from '../../src/contract/permissions.ts'
import { useAct } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { ResetFactorsDialog } from '../security/reset-factors-dialog.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { counted } from '../ui/format.ts'
import { tellDone } from '../ui/toast.tsx'
import { RoleChoice } from './role-choice.tsx'
import { roleAs, rolesBelow } from './role-words.ts'

export type MemberAct = 'role' | 'suspend' | 'restore' | 'reset' | 'remove'

interface Props {
  readonly member: Member
  readonly onClose: () => void
}

export const MemberDialog = ({ act, ...props }: Props & { act: MemberAct }) => {
  if (act === 'role') return <RoleDialog {...props} />
  if (act === 'remove') return <RemoveDialog {...props} />
  if (act === 'reset') {
    const { userId, name, email } = props.member
    const who = { id: userId, name, email }
    return <ResetFactorsDialog {...who} by="resetMemberFactors" onClose={props.onClose} />
  }
  return <StandingDialog {...props} act={act} />
}

const Reason = (props: { value: string; onChange: (value: string) => void }) => (
  <TextInput
    label="Reason"
    description="Kept in the audit trail"
    maxLength={500}
    value={props.value}
    onChange={(event) => props.onChange(event.currentTarget.value)}
  />
)
const given = (reason: string) => (reason.trim() === '' ? {} : { reason: reason.trim() })

const RoleDialog = ({ member, onClose }: Props) => {
  const { role: own } = useMe()
  const change = useAct('changeMemberRole', ['listMembers'])
  const [role, setRole] = useState<Role>(member.role)
  const [reason, setReason] = useState('')
  return (
    <FormDialog
      opened
      title={`Role of ${member.name}`}
      submit="Change role"
      busy={change.isPending}
      error={change.error}
      blocked={role === member.role}
      onSubmit={() =>
        change.mutate(
          { params: { id: member.userId }, body: { role, ...given(reason) } },
          {
            onSuccess: () => {
              tellDone(`${member.name} has ${roleAs[role]} now.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <RoleChoice roles={rolesBelow(own)} value={role} onChange={setRole} />
      <Reason value={reason} onChange={setReason} />
    </FormDialog>
  )
}

const StandingDialog = ({ member, act, onClose }: Props & { act: 'suspend' | 'restore' }) => {
  const suspends = act === 'suspend'
  const change = useAct(suspends ? 'suspendMember' : 'restoreMember', ['listMembers'])
  const [reason, setReason] = useState('')
  return (
    <FormDialog
      opened
      title={suspends ? `Suspend ${member.name}?` : `Restore ${member.name}?`}
      submit={suspends ? 'Suspend' : 'Restore'}
      danger={suspends}
      busy={change.isPending}
      error={change.error}
      onSubmit={() =>
        change.mutate(
          { params: { id: member.userId }, body: given(reason) },
          {
            onSuccess: () => {
              tellDone(suspends ? `${member.name} is suspended.` : `${member.name} works here again.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <div>
        {suspends
          ? 'They are signed out of this organisation and their access tokens here are refused, at once. Tokens, keys and credits stay as they are until they are restored.'
          : 'Their access tokens and keys work again as they did before.'}
      </div>
      <Reason value={reason} onChange={setReason} />
    </FormDialog>
  )
}

const RemoveDialog = ({ member, onClose }: Props) => {
  const { organization } = useMe()
  const remove = useAct('removeMember', ['listMembers', 'readOwnOrganization'])
  return (
    <ConfirmDialog
      opened
      title={`Remove ${member.name} from ${organization.name}?`}
      submit="Remove"
      word={member.email}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() =>
        remove.mutate(
          { params: { id: member.userId } },
          {
            onSuccess: () => {
              tellDone(`${member.name} is no member any more.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      {counted(member.accessTokenCount, 'access token')} of theirs will be revoked and the secrets of{' '}
      {counted(member.serviceKeyCount, 'key')} of their own destroyed. This cannot be undone. Their account,
      records and invoices stay; other organisations of theirs are not concerned.
    </ConfirmDialog>
  )
}
