import { Button, Drawer, NativeSelect } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { AdminUser, SignInLink } from '../../src/contract/administration.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { CopyableId, CopyField } from '../ui/copy.tsx'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Ago, Credits } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { FaultNotice, Lines, Loaded, Notice } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { GrantForm } from './grant-form.tsx'
import { ToBeDeleted, UserAccount } from './user-account.tsx'
import { UserLimits } from './user-limits.tsx'
import { UserRoute } from './user-route.tsx'
import classes from './users.module.css'

/** Everything about one user, and what an administrator can do for or against them. */
export const UserDrawer = (props: {
  id: string | undefined
  /** As the list shows it; a user who is not on the loaded pages is asked for. */
  row: AdminUser | undefined
  onClose: () => void
}) => {
  const { id, row } = props
  const asked = useRead(
    'listUsers',
    { query: { user: id } },
    { enabled: id !== undefined && row === undefined },
  )
  const user = row ?? (id === undefined ? undefined : asked.data?.items[0])
  return (
    <Drawer opened={id !== undefined} onClose={props.onClose} title={user?.name ?? 'User'} size={520}>
      {user ? (
        <UserDetail key={user.id} user={user} />
      ) : (
        id !== undefined && (
          <Loaded of={asked} skeleton={<Lines count={10} />}>
            {() => <Notice tone="warning" title="There is no such user." />}
          </Loaded>
        )
      )}
    </Drawer>
  )
}

const UserDetail = ({ user }: { user: AdminUser }) => (
  <div className={classes.detail}>
    {user.suspendedAt && (
      <Notice tone="warning" title="Suspended">
        Since <Ago at={user.suspendedAt} />: cannot sign in, and every access token is refused.
      </Notice>
    )}
    <ToBeDeleted user={user} />
    <Facts>
      <Fact name="E-mail">{user.email}</Fact>
      <Fact name="Id">
        <CopyableId id={user.id} label="Copy the user’s id" />
      </Fact>
      <Fact name="Organisation">
        {user.organizationName}, {user.role}
      </Fact>
      <Fact name="Available">
        <Credits micros={user.availableMicros} unit />
      </Fact>
      <Fact name="Held">
        <Credits micros={user.heldMicros} unit />
      </Fact>
      {user.debtMicros !== '0' && (
        <Fact name="Owed">
          <Credits micros={user.debtMicros} unit />
        </Fact>
      )}
      <Fact name="Last operation">
        <Ago at={user.lastOperationAt} />{' '}
        <TextLink>
          <Link to="/admin/operations" search={{ user: user.id }}>
            All operations
          </Link>
        </TextLink>
      </Fact>
    </Facts>
    <GrantForm user={user} />
    <TierSelect user={user} />
    <UserLimits user={user} />
    <UserRoute user={user} />
    <SignInLinkButton user={user} />
    <Rights user={user} />
    <UserAccount user={user} />
  </div>
)

const TierSelect = ({ user }: { user: AdminUser }) => {
  const tiers = useRead('listTiers', {})
  const change = useAct('changeUser', ['listUsers'])
  const set = (tierId: string) => change.mutateAsync({ params: { id: user.id }, body: { tierId } })
  const { tierId: before } = user
  const choose = (tierId: string) =>
    void set(tierId).then(
      () =>
        tellDone(
          `Tier: ${tiers.data?.items.find((tier) => tier.id === tierId)?.name ?? tierId}.`,
          before === null ? undefined : () => set(before),
        ),
      tellFault,
    )
  return (
    <NativeSelect
      label="Tier"
      description="Decides the monthly allocation, from the next one on."
      value={user.tierId ?? ''}
      disabled={user.tierId === null || change.isPending}
      data={(tiers.data?.items ?? []).map((tier) => ({ value: tier.id, label: tier.name }))}
      onChange={(event) => choose(event.currentTarget.value)}
    />
  )
}

const SignInLinkButton = ({ user }: { user: AdminUser }) => {
  const create = useAct('createSignInLink')
  return (
    <section className={classes.section}>
      <h3 className={classes.sectionTitle}>Sign-in link</h3>
      {create.data ? (
        <ShownLink link={create.data} />
      ) : (
        <div className={classes.line}>
          <Button
            variant="default"
            loading={create.isPending}
            disabled={user.suspendedAt !== null}
            onClick={() => create.mutate({ params: { id: user.id } })}
          >
            Create sign-in link
          </Button>
          <SignOutEverywhere user={user} />
        </div>
      )}
      {create.error && <FaultNotice error={create.error} />}
    </section>
  )
}

const SignOutEverywhere = ({ user }: { user: AdminUser }) => {
  const end = useAct('endUserSessions')
  return (
    <Button
      variant="default"
      loading={end.isPending}
      onClick={() =>
        end.mutate(
          { params: { id: user.id } },
          {
            onSuccess: ({ ended }) => tellDone(`${counted(ended, 'session')} of ${user.name} ended.`),
            onError: tellFault,
          },
        )
      }
    >
      Sign out everywhere
    </Button>
  )
}

export const ShownLink = ({ link }: { link: SignInLink }) => (
  <>
    <CopyField text={`${location.origin}${link.path}`} label="Sign-in link" />
    <p className={classes.email}>
      Signs in once, shown this once, ends <Ago at={link.expiresAt} />. Give it to nobody else.
    </p>
  </>
)

const Rights = ({ user }: { user: AdminUser }) => {
  const me = useMe()
  const change = useAct('changeUser', ['listUsers', 'readOverview'])
  const [asking, setAsking] = useState(false)
  const self = me.user.id === user.id
  const set = (body: { suspended?: boolean; isPlatformAdministrator?: boolean }, message: string) =>
    change.mutate(
      { params: { id: user.id }, body },
      {
        onError: tellFault,
        onSuccess: () => {
          setAsking(false)
          tellDone(message)
        },
      },
    )
  return (
    <section className={classes.section}>
      <h3 className={classes.sectionTitle}>Rights</h3>
      {self && <p className={classes.email}>You cannot take your own rights away.</p>}
      <div className={classes.line}>
        <Button
          variant="default"
          disabled={self || change.isPending}
          onClick={() =>
            set(
              { isPlatformAdministrator: !user.isPlatformAdministrator },
              user.isPlatformAdministrator
                ? `${user.name} is no administrator now.`
                : `${user.name} is an administrator now.`,
            )
          }
        >
          {user.isPlatformAdministrator ? 'Take administration away' : 'Make administrator'}
        </Button>
        {user.suspendedAt ? (
          <Button
            variant="default"
            disabled={change.isPending}
            onClick={() => set({ suspended: false }, `${user.name} may sign in again.`)}
          >
            Lift suspension
          </Button>
        ) : (
          <Button variant="outline" color="red" disabled={self} onClick={() => setAsking(true)}>
            Suspend
          </Button>
        )}
      </div>
      <ConfirmDialog
        opened={asking}
        title={`Suspend ${user.name}?`}
        submit="Suspend"
        busy={change.isPending}
        error={change.error}
        onConfirm={() => set({ suspended: true }, `${user.name} is suspended.`)}
        onClose={() => setAsking(false)}
      >
        <p>
          <strong>{user.email}</strong> cannot sign in, and every access token of theirs is refused from now
          on. Keys and credits stay; the suspension can be lifted at any time.
        </p>
      </ConfirmDialog>
    </section>
  )
}
