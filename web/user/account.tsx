import { Button, PasswordInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQueryClient } from '@tanstack/react-query'
import type { Me, Session } from '../../src/contract/session.ts'
import { newPassword } from '../../src/contract/wire.ts'
import { useAct, useRead } from '../data/queries.ts'
import { meQuery, useMe } from '../data/session.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { Mark } from '../ui/mark.tsx'
import { FaultNotice } from '../ui/notice.tsx'
import { Fact, Facts, Page, Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './account.module.css'

const roles = { owner: 'Owner', administrator: 'Administrator', member: 'Member' } as const

export const Account = () => {
  const me = useMe()
  return (
    <Page narrow title="Account">
      <Panel title="You">
        <Facts>
          <Fact name="Name">{me.user.name}</Fact>
          <Fact name="E-mail">{me.user.email}</Fact>
          {me.organization.kind !== 'personal' && (
            <Fact name="Organisation">
              {me.organization.name}, {roles[me.role].toLowerCase()}
            </Fact>
          )}
        </Facts>
      </Panel>
      <Password me={me} />
      <Sessions />
    </Page>
  )
}

const Password = ({ me }: { me: Me }) => {
  const change = useAct('changePassword', ['listSessions'])
  const client = useQueryClient()
  const form = useForm({
    initialValues: { currentPassword: '', newPassword: '' },
    validate: {
      newPassword: (value) => (newPassword.safeParse(value).success ? null : 'At least 12 characters.'),
    },
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
      <form className={classes.form} onSubmit={submit}>
        {/* Password managers pair a password with the name they find in the form. */}
        <input type="text" autoComplete="username" value={me.user.email} readOnly hidden />
        {me.user.hasPassword && (
          <PasswordInput
            label="Current password"
            autoComplete="current-password"
            {...form.getInputProps('currentPassword')}
          />
        )}
        <PasswordInput
          label="New password"
          description="At least 12 characters."
          autoComplete="new-password"
          {...form.getInputProps('newPassword')}
        />
        {change.error && <FaultNotice error={change.error} />}
        <Button type="submit" loading={change.isPending} disabled={form.values.newPassword === ''}>
          {me.user.hasPassword ? 'Change password' : 'Set password'}
        </Button>
      </form>
    </Panel>
  )
}

const Sessions = () => {
  const sessions = useRead('listSessions', {})
  const revoke = useAct('revokeSession', ['listSessions'])
  return (
    <Panel flush title="Where you are signed in">
      {sessions.error && !sessions.data ? (
        <FaultNotice error={sessions.error} onRetry={() => void sessions.refetch()} />
      ) : (
        <DataTable
          label="Sessions"
          loading={sessions.data ? undefined : 2}
          rows={sessions.data?.items ?? []}
          rowKey={(row) => row.id}
          columns={[
            { key: 'browser', header: 'Browser', render: (row) => browserName(row.userAgent) },
            { key: 'since', header: 'Signed in', render: (row) => <Ago at={row.createdAt} /> },
            { key: 'seen', header: 'Last seen', render: (row) => <Ago at={row.lastSeenAt} /> },
            { key: 'expires', header: 'Ends', tableOnly: true, render: (row) => <Ago at={row.expiresAt} /> },
            {
              key: 'actions',
              header: '',
              align: 'end',
              render: (row: Session) =>
                row.current ? (
                  <Mark tone="own">This one</Mark>
                ) : (
                  <Button
                    size="compact-sm"
                    variant="default"
                    loading={revoke.isPending && revoke.variables.params.id === row.id}
                    onClick={() =>
                      revoke.mutate(
                        { params: { id: row.id } },
                        { onSuccess: () => tellDone('That session is signed out.'), onError: tellFault },
                      )
                    }
                  >
                    Sign out
                  </Button>
                ),
            },
          ]}
        />
      )}
    </Panel>
  )
}

const browsers = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
] as const
const systems = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
] as const

/** `Firefox on Linux`, as far as the user agent tells. */
export const browserName = (userAgent: string | null): string => {
  if (!userAgent) return 'Unknown'
  const find = (table: readonly (readonly [RegExp, string])[]) =>
    table.find(([pattern]) => pattern.test(userAgent))?.[1]
  const browser = find(browsers) ?? userAgent.split(/[\s/]/)[0] ?? 'Unknown'
  const system = find(systems)
  return system ? `${browser} on ${system}` : browser
}
