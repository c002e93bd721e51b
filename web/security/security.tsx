import { Button } from '@mantine/core'
import { IconDeviceDesktop, IconDeviceMobile } from '@tabler/icons-react'
import type { Session } from '../../src/contract/session.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { CompanyAccount } from '../sso/company-account.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago, useNow } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { FaultNotice } from '../ui/notice.tsx'
import { Fact, Facts, Page, Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { browserName, isMobile } from './browser-name.ts'
import { DeleteAccount } from './delete-account.tsx'
import { ObstacleNotice } from './obstacle-notice.tsx'
import { Password } from './password.tsx'
import { SecondFactors } from './second-factors.tsx'
import classes from './security.module.css'

/** Where one is signed in, the password, and how long the last proof of who it is holds. */
export const Security = () => {
  const me = useMe()
  return (
    <Page narrow title="Security" description="Where you are signed in, and how you prove that it is you.">
      {me.obstacle && <ObstacleNotice obstacle={me.obstacle} />}
      <SecondFactors />
      <Sessions />
      <Password me={me} />
      <CompanyAccount />
      <Proof />
      <DeleteAccount />
    </Page>
  )
}

const Sessions = () => {
  const sessions = useRead('listSessions', {})
  const others = useAct('revokeOtherSessions', ['listSessions'])
  const count = sessions.data?.items.filter((each) => !each.current).length ?? 0
  return (
    <Panel
      flush
      title="Where you are signed in"
      description="Sign out what you do not know, then change your password."
      actions={
        count > 0 && (
          <Button
            size="compact-sm"
            variant="default"
            loading={others.isPending}
            onClick={() =>
              others.mutate(
                {},
                {
                  onSuccess: ({ ended }) => tellDone(`${counted(ended, 'other session')} signed out.`),
                  onError: tellFault,
                },
              )
            }
          >
            Sign out everywhere else
          </Button>
        )
      }
    >
      {sessions.error && !sessions.data ? (
        <FaultNotice error={sessions.error} onRetry={() => void sessions.refetch()} />
      ) : (
        <DataTable
          label="Sessions"
          loading={sessions.data ? undefined : 2}
          rows={sessions.data?.items ?? []}
          rowKey={(row) => row.id}
          columns={columns}
        />
      )}
    </Panel>
  )
}

const Device = ({ of }: { of: Session }) => {
  const Symbol = isMobile(of.userAgent) ? IconDeviceMobile : IconDeviceDesktop
  return (
    <span className={classes.device}>
      <Symbol size={20} stroke={1.6} aria-hidden />
      <span className={classes.deviceWords}>
        <span>{browserName(of.userAgent)}</span>
        <span className={classes.quiet}>{of.address ?? 'address not known'}</span>
      </span>
    </span>
  )
}

const SignOut = ({ of }: { of: Session }) => {
  const revoke = useAct('revokeSession', ['listSessions'])
  if (of.current) return <Mark tone="own">This one</Mark>
  return (
    <Button
      size="compact-sm"
      variant="default"
      loading={revoke.isPending}
      onClick={() =>
        revoke.mutate(
          { params: { id: of.id } },
          { onSuccess: () => tellDone('That session is signed out.'), onError: tellFault },
        )
      }
    >
      Sign out<span className="visually-hidden"> {browserName(of.userAgent)}</span>
    </Button>
  )
}

const columns: readonly Column<Session>[] = [
  { key: 'device', header: 'Device', render: (row) => <Device of={row} /> },
  { key: 'since', header: 'Signed in', render: (row) => <Ago at={row.createdAt} /> },
  { key: 'seen', header: 'Last seen', render: (row) => <Ago at={row.lastSeenAt} /> },
  { key: 'expires', header: 'Ends', render: (row) => <Ago at={row.expiresAt} /> },
  { key: 'actions', header: '', align: 'end', render: (row) => <SignOut of={row} /> },
]

const methods = {
  passkey: 'a passkey',
  totp: 'a code of your app',
  recovery_code: 'a recovery code',
  single_sign_on: 'your company’s sign-in',
  password: 'your password',
  sign_in_link: 'a new sign-in link',
} as const

const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1)

const Proof = () => {
  const me = useMe()
  const now = useNow()
  const until = me.stepUp.validUntil
  const holds = until !== null && Date.parse(until) > now.getTime()
  return (
    <Panel
      title="Proof that it is you"
      description="Changes to keys, money and rules ask for it when the last one is some minutes old."
    >
      <Facts>
        <Fact name="Now">
          {holds ? (
            <>
              Proven; asked again <Ago at={until} />
            </>
          ) : (
            'Asked at the next such change'
          )}
        </Fact>
        <Fact name="By">{sentence(me.stepUp.methods.map((method) => methods[method]).join(', or '))}</Fact>
      </Facts>
    </Panel>
  )
}
