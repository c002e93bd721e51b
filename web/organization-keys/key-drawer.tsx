import { Button, Drawer } from '@mantine/core'
import { may } from '../../src/contract/permissions.ts'
import type { KeyUseOfMember, OrganizationKey } from '../../src/contract/organization-keys.ts'
import { ScopeBudgets } from '../budgets/scope-budgets.tsx'
import type { KeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import type { KeyTask } from '../keys/key-dialogs.tsx'
import { limitsText } from '../limits/limit-words.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago, Usd } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { KeyMark, SecretTail } from '../ui/mark.tsx'
import { Block, EmptyState, Lines, Loaded, Notice } from '../ui/notice.tsx'
import { Fact, Facts, Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './organization-keys.module.css'
import { Serves } from './serves.tsx'

interface DetailProps {
  readonly mayManage: boolean
  readonly actions: KeyActions
  readonly onTask: (task: KeyTask) => void
  readonly onChange: (what: 'limits' | 'teams', key: OrganizationKey) => void
}

/** One shared key: how it is doing, what limits it, and who used what of it. */
export const KeyDrawer = (
  props: DetailProps & {
    opened: boolean
    isLoading: boolean
    serviceKey: OrganizationKey | undefined
    onClose: () => void
  },
) => (
  <Drawer
    opened={props.opened}
    onClose={props.onClose}
    title={props.serviceKey?.label ?? 'Organisation key'}
    size={760}
  >
    {props.serviceKey ? (
      <Detail key={props.serviceKey.id} {...props} serviceKey={props.serviceKey} />
    ) : props.isLoading ? (
      <Lines count={8} />
    ) : (
      <Notice tone="warning" title="There is no such key.">
        It may have been revoked.
      </Notice>
    )}
  </Drawer>
)

const Detail = (props: DetailProps & { serviceKey: OrganizationKey }) => {
  const { serviceKey: key, onTask } = props
  const { role } = useMe()
  return (
    <div className={classes.detail}>
      {key.statusReason && (
        <Notice tone={key.status === 'active' ? 'info' : 'warning'} title={key.statusReason}>
          {key.next}
        </Notice>
      )}
      <Facts>
        <Fact name="Status">
          <KeyMark status={key.status} verdict={key.verdict} />
        </Fact>
        <Fact name="Secret">
          <SecretTail lastFour={key.lastFour} /> (version {key.version})
        </Fact>
        <Fact name="Checked">
          <Ago at={key.validatedAt} />
        </Fact>
        <Fact name="Last used">
          <Ago at={key.lastUsedAt} />
        </Fact>
        <Fact name="Serves">
          <Serves teams={key.teams} />
        </Fact>
        <Fact name="All together">{limitsText(key.limits.key) ?? 'not limited'}</Fact>
        <Fact name="Each member">{limitsText(key.limits.eachMember) ?? 'not limited'}</Fact>
      </Facts>
      {props.mayManage && (
        <div className={classes.buttons}>
          <Button variant="default" onClick={() => props.onChange('teams', key)}>
            Whom it serves
          </Button>
          <Button variant="default" onClick={() => props.onChange('limits', key)}>
            Rate limits
          </Button>
          <Recheck serviceKey={key} actions={props.actions} />
          <Button variant="default" onClick={() => onTask({ kind: 'replace', key })}>
            Replace
          </Button>
          <Button variant="default" onClick={() => onTask({ kind: 'rename', key })}>
            Rename
          </Button>
          {Object.keys(key.settings).length > 0 && (
            <Button variant="default" onClick={() => onTask({ kind: 'settings', key })}>
              Settings
            </Button>
          )}
          <Button variant="default" color="red" onClick={() => onTask({ kind: 'revoke', key })}>
            Revoke
          </Button>
        </div>
      )}
      {may(role, 'usage.read') && <ScopeBudgets place={{ what: 'key', serviceKey: key.id }} />}
      <UseByMember id={key.id} />
    </div>
  )
}

const Recheck = ({ serviceKey, actions }: { serviceKey: OrganizationKey; actions: KeyActions }) => (
  <Button
    variant="default"
    loading={actions.recheck.isPending}
    onClick={() =>
      actions.recheck.mutate(
        { id: serviceKey.id },
        {
          onSuccess: (checked) =>
            tellDone(
              checked.verdict === 'valid'
                ? `“${checked.label}” is accepted.`
                : `“${checked.label}”: ${checked.verdictDetail ?? checked.verdict}.`,
            ),
          onError: tellFault,
        },
      )
    }
  >
    Check now
  </Button>
)

const columns: readonly Column<KeyUseOfMember>[] = [
  {
    key: 'who',
    header: 'Member',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.name}>{row.name}</span>
        <span className={classes.quiet}>{row.email}</span>
      </span>
    ),
  },
  { key: 'operations', header: 'Operations', align: 'end', render: (row) => count(row.operations) },
  {
    key: 'tokens',
    header: 'Tokens',
    align: 'end',
    render: (row) => count(row.inputTokens + row.outputTokens),
  },
  { key: 'cost', header: 'Cost', align: 'end', render: (row) => <Usd nanoUsd={row.costNanoUsd} /> },
  { key: 'last', header: 'Last', align: 'end', render: (row) => <Ago at={row.lastUsedAt} /> },
]

const UseByMember = ({ id }: { id: string }) => {
  const used = useRead('readOrganizationKeyUse', { params: { id }, query: { days: 30 } })
  return (
    <Panel flush title="Use by member" description="In the last 30 days.">
      <Loaded of={used} skeleton={<Block height={140} />}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title="Nobody has used it">The next call that needs it does.</EmptyState>
          ) : (
            <DataTable label="Use by member" rows={items} rowKey={(row) => row.userId} columns={columns} />
          )
        }
      </Loaded>
    </Panel>
  )
}
