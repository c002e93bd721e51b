import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Overview } from '../../src/contract/administration.ts'
import { useRead } from '../data/queries.ts'
import { DataTable } from '../ui/data-table.tsx'
import { Ago, Credits, Usd, useTimeZone } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { Block, Loaded, Notice } from '../ui/notice.tsx'
import { Columns, Fact, Facts, Page, Panel, Stat, Stats } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'

export const AdminOverview = () => {
  const zone = useTimeZone()
  const overview = useRead('readOverview', {}, { refreshSeconds: 15 })
  return (
    <Page title="Overview" description={`This installation over the last 24 hours. Times in ${zone}.`}>
      <Loaded of={overview} skeleton={<Block height={533} narrow={1000} />}>
        {(data) => <OverviewBody overview={data} />}
      </Loaded>
    </Page>
  )
}

const OverviewBody = ({ overview }: { overview: Overview }) => {
  // Fixed when the page opens, so that the links do not change under the pointer.
  const [since] = useState(() => new Date(Date.now() - 86_400_000).toISOString())
  return (
    <>
      <Attention overview={overview} />
      <LastDay overview={overview} since={since} />
      <Columns>
        <Panel title="Last 24 hours, by outcome">
          <Outcomes overview={overview} since={since} />
        </Panel>
        <Panel title="People and keys">
          <Inventory overview={overview} />
        </Panel>
      </Columns>
      <Panel flush title="Processes" description="Each holds a lease; one without is treated as gone.">
        <DataTable
          label="Processes"
          rows={overview.processes}
          rowKey={(row) => row.id}
          columns={[
            { key: 'host', header: 'Host', render: (row) => `${row.host}, process ${row.pid}` },
            {
              key: 'state',
              header: 'State',
              render: (row) => <Mark tone={row.live ? 'own' : 'quiet'}>{row.live ? 'Live' : 'Gone'}</Mark>,
            },
            { key: 'version', header: 'Version', render: (row) => row.version },
            { key: 'started', header: 'Started', align: 'end', render: (row) => <Ago at={row.startedAt} /> },
          ]}
        />
      </Panel>
    </>
  )
}

const Attention = ({ overview }: { overview: Overview }) => {
  const { systemKeys } = overview
  if (systemKeys.total === 0)
    return (
      <Notice tone="warning" title="No system keys yet">
        Without them, operations run only on users’ own keys.{' '}
        <TextLink>
          <Link to="/admin/system-keys">Add a system key</Link>
        </TextLink>
      </Notice>
    )
  if (systemKeys.attention === 0) return null
  return (
    <Notice
      tone="warning"
      title={`${counted(systemKeys.attention, 'system key needs', 'system keys need')} attention`}
    >
      Refused, out of quota or cooling down: the next priorities take over meanwhile.{' '}
      <TextLink>
        <Link to="/admin/system-keys">See system keys</Link>
      </TextLink>
    </Notice>
  )
}

const LastDay = ({ overview, since }: { overview: Overview; since: string }) => {
  const { lastDay } = overview
  return (
    <Stats>
      <Stat
        label="Operations"
        value={
          <TextLink quiet>
            <Link to="/admin/operations" search={{ since }}>
              {count(lastDay.operations)}
            </Link>
          </TextLink>
        }
        note={`${count(lastDay.ownKeyOperations)} own, ${count(lastDay.systemKeyOperations)} system`}
      />
      <Stat
        label="Failed"
        value={
          <TextLink quiet>
            <Link to="/admin/operations" search={{ since, status: 'failed' }}>
              {count(lastDay.failed)}
            </Link>
          </TextLink>
        }
        note={`${share(lastDay.failed, lastDay.operations)} of all`}
      />
      <Stat
        label="Cost on system keys"
        value={<Usd nanoUsd={lastDay.systemCostNanoUsd} />}
        note="What the services charge"
      />
      <Stat
        label="Credits charged"
        value={<Credits micros={lastDay.chargedMicros} />}
        note="For those operations"
      />
    </Stats>
  )
}

/** `2.5 %`; a dash where there is nothing to share. */
const share = (part: number, whole: number): string =>
  whole === 0 ? '—' : `${(Math.round((part / whole) * 1000) / 10).toString()} %`

const outcomes = ['succeeded', 'failed', 'refused', 'cancelled', 'interrupted'] as const
const always: ReadonlySet<string> = new Set(['succeeded', 'failed', 'refused'])

/** Together they are all operations: each is one status, and links to its rows. */
const Outcomes = ({ overview, since }: { overview: Overview; since: string }) => (
  <Facts>
    {outcomes
      .filter((status) => always.has(status) || overview.lastDay[status] > 0)
      .map((status) => (
        <Fact key={status} name={status.slice(0, 1).toUpperCase() + status.slice(1)}>
          <TextLink quiet>
            <Link to="/admin/operations" search={{ since, status }}>
              {count(overview.lastDay[status])}
            </Link>
          </TextLink>{' '}
          ({share(overview.lastDay[status], overview.lastDay.operations)})
        </Fact>
      ))}
    <Fact name="Unresolved holds">
      {count(overview.unresolvedHolds)}
      {overview.unresolvedHolds > 0 && ', released after a grace time'}
    </Fact>
  </Facts>
)

const Inventory = ({ overview }: { overview: Overview }) => (
  <Facts>
    <Fact name="Users">
      <TextLink quiet>
        <Link to="/admin/users">{count(overview.users)}</Link>
      </TextLink>
    </Fact>
    <Fact name="Organisations">
      <TextLink quiet>
        <Link to="/admin/organizations">{count(overview.organizations)}</Link>
      </TextLink>
    </Fact>
    <Fact name="System keys">
      <TextLink quiet>
        <Link to="/admin/system-keys">
          {count(overview.systemKeys.usable)} of {count(overview.systemKeys.total)} usable
        </Link>
      </TextLink>
    </Fact>
    <Fact name="Users’ own keys">
      {count(overview.userKeys.total)}
      {overview.userKeys.attention > 0 &&
        `, ${count(overview.userKeys.attention)} need their owner’s attention`}
    </Fact>
  </Facts>
)
