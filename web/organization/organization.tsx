import { Button, NativeSelect, TextInput } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { OwnOrganization } from '../../src/contract/members.ts'
import { may } from '../../src/contract/permissions.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { CopyableId } from '../ui/copy.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Ago, Moment } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { Block, Loaded, Notice } from '../ui/notice.tsx'
import { Fact, Facts, Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './organization.module.css'
import { roleName, roleSays } from './role-words.ts'

/** What it is, one's own role in it, and for its owners what ends it. */
export const Organization = () => {
  const organization = useRead('readOwnOrganization', {})
  return (
    <Page narrow title="Organisation" description="Where you work, and as what.">
      <Loaded of={organization} skeleton={<Block height={260} />}>
        {(data) => (
          <>
            <ToBeDeleted of={data} />
            <About of={data} />
            {data.kind === 'company' && <Endings of={data} />}
          </>
        )}
      </Loaded>
    </Page>
  )
}

const ToBeDeleted = ({ of }: { of: OwnOrganization }) => {
  const { role } = useMe()
  const keep = useAct('cancelDeletion', ['readOwnOrganization'])
  if (of.deleteAt === null) return null
  return (
    <Notice
      tone="warning"
      title={`${of.name} is to be deleted`}
      action={
        may(role, 'organization.own') && (
          <Button
            size="compact-sm"
            variant="default"
            loading={keep.isPending}
            onClick={() =>
              keep.mutate({}, { onSuccess: () => tellDone(`${of.name} stays.`), onError: tellFault })
            }
          >
            Keep it
          </Button>
        )
      }
    >
      On <Moment at={of.deleteAt} /> its tokens, keys and memberships end for good. Until then everything
      works as before, and an owner can keep it.
    </Notice>
  )
}

const About = ({ of }: { of: OwnOrganization }) => {
  const { role } = useMe()
  const [renaming, setRenaming] = useState(false)
  return (
    <Panel
      title={of.name}
      actions={
        may(role, 'organization.change') &&
        of.kind === 'company' && (
          <Button size="compact-sm" variant="default" onClick={() => setRenaming(true)}>
            Rename
          </Button>
        )
      }
    >
      <Facts>
        <Fact name="Kind">{of.kind === 'company' ? 'Company' : 'Personal'}</Fact>
        <Fact name="Your role">
          {roleName[role]}. <span className={classes.quiet}>{roleSays[role]}</span>
        </Fact>
        {of.kind === 'company' && (
          <Fact name="Members">
            {counted(of.memberCount, 'member')}{' '}
            {may(role, 'members.read') && (
              <TextLink>
                <Link to="/members">See them</Link>
              </TextLink>
            )}
          </Fact>
        )}
        <Fact name="Made">
          <Ago at={of.createdAt} />
        </Fact>
        <Fact name="Id">
          <CopyableId id={of.id} label="Copy the id of the organisation" />
        </Fact>
      </Facts>
      {renaming && <RenameDialog of={of} onClose={() => setRenaming(false)} />}
    </Panel>
  )
}

const RenameDialog = ({ of, onClose }: { of: OwnOrganization; onClose: () => void }) => {
  const rename = useAct('renameOrganization', ['readOwnOrganization', 'readMe', 'listWorkplaces'])
  const [name, setName] = useState(of.name)
  return (
    <FormDialog
      opened
      title={`Rename ${of.name}`}
      submit="Rename"
      busy={rename.isPending}
      error={rename.error}
      blocked={name.trim() === '' || name.trim() === of.name}
      onSubmit={() => rename.mutate({ body: { name: name.trim() } }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        maxLength={120}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
    </FormDialog>
  )
}

type Ending = 'transfer' | 'leave' | 'delete'

const Endings = ({ of }: { of: OwnOrganization }) => {
  const { role } = useMe()
  const [open, setOpen] = useState<Ending | null>(null)
  const owns = may(role, 'organization.own')
  return (
    <Panel title="Leaving">
      <div className={classes.steps}>
        {owns && (
          <Step
            title="Hand it over"
            says="Another member becomes an owner, and you an administrator."
            act="Hand over"
            onAct={() => setOpen('transfer')}
          />
        )}
        <Step
          title="Leave"
          says="Your access tokens here are revoked and your own keys here destroyed. The last owner cannot leave."
          act="Leave"
          onAct={() => setOpen('leave')}
        />
        {owns && of.deleteAt === null && (
          <Step
            title="Delete"
            says="After some days in which you can undo it, tokens, keys and memberships are gone for good. Statements, invoices and the audit trail stay."
            act="Delete"
            danger
            onAct={() => setOpen('delete')}
          />
        )}
      </div>
      {open === 'transfer' && <TransferDialog onClose={() => setOpen(null)} />}
      {open === 'leave' && <LeaveDialog of={of} onClose={() => setOpen(null)} />}
      {open === 'delete' && <DeleteDialog of={of} onClose={() => setOpen(null)} />}
    </Panel>
  )
}

const Step = (props: {
  title: string
  says: ReactNode
  act: string
  danger?: boolean
  onAct: () => void
}) => (
  <div className={classes.step}>
    <div>
      <p className={classes.stepTitle}>{props.title}</p>
      <p className={classes.says}>{props.says}</p>
    </div>
    <Button variant="default" c={props.danger ? 'red' : undefined} onClick={props.onAct}>
      {props.act}
    </Button>
  </div>
)

const TransferDialog = ({ onClose }: { onClose: () => void }) => {
  const me = useMe()
  const members = useRead('listMembers', { query: { limit: 200, state: 'active' } })
  const transfer = useAct('transferOrganization', ['readMe', 'listMembers'])
  const [userId, setUserId] = useState('')
  const others = (members.data?.items ?? []).filter(
    (each) => each.userId !== me.user.id && each.kind === 'person',
  )
  return (
    <FormDialog
      opened
      title={`Hand ${me.organization.name} over`}
      submit="Hand over"
      danger
      busy={transfer.isPending}
      error={transfer.error ?? members.error}
      blocked={userId === ''}
      onSubmit={() =>
        transfer.mutate(
          { body: { userId } },
          {
            onSuccess: () => {
              tellDone(`${me.organization.name} has another owner.`)
              onClose()
            },
          },
        )
      }
      onClose={onClose}
    >
      <NativeSelect
        label="New owner"
        description="You will be an administrator, and cannot take it back by yourself."
        value={userId}
        data={[
          { value: '', label: others.length === 0 ? 'There is nobody else yet' : 'Choose a member' },
          ...others.map((each) => ({ value: each.userId, label: `${each.name} (${each.email})` })),
        ]}
        onChange={(event) => setUserId(event.currentTarget.value)}
      />
    </FormDialog>
  )
}

const LeaveDialog = ({ of, onClose }: { of: OwnOrganization; onClose: () => void }) => {
  const navigate = useNavigate()
  const leave = useAct('leaveOrganization')
  return (
    <ConfirmDialog
      opened
      title={`Leave ${of.name}?`}
      submit="Leave"
      busy={leave.isPending}
      error={leave.error}
      onConfirm={() => leave.mutate({}, { onSuccess: () => void navigate({ to: '/sign-in' }) })}
      onClose={onClose}
    >
      You are signed out. Your access tokens in {of.name} stop working and the secrets of your own keys there
      are destroyed; this cannot be undone. To come back you need another invitation.
    </ConfirmDialog>
  )
}

const DeleteDialog = ({ of, onClose }: { of: OwnOrganization; onClose: () => void }) => {
  const schedule = useAct('scheduleDeletion', ['readOwnOrganization'])
  return (
    <ConfirmDialog
      opened
      title={`Delete ${of.name}?`}
      submit="Delete"
      word={of.name}
      busy={schedule.isPending}
      error={schedule.error}
      onConfirm={() => schedule.mutate({ body: { name: of.name } }, { onSuccess: onClose })}
      onClose={onClose}
    >
      It goes on as it is for some days, in which every owner can keep it. Then nobody is a member any more,
      every token is revoked and every secret destroyed.
    </ConfirmDialog>
  )
}
