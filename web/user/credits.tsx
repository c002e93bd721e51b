import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { CreditGrant, Credits as CreditsState, StatementItem } from '../../src/contract/credits.ts'
import { usePages, useRead } from '../data/queries.ts'
import { ServiceName } from '../data/service-name.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { Ago, Credits, Moment, Usd, useTimeZone } from '../ui/figures.tsx'
import { count, dayWithYear } from '../ui/format.ts'
import { Block, EmptyState, FaultNotice, Loaded, Notice } from '../ui/notice.tsx'
import { Page, Panel, Stat, Stats } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './credits.module.css'

export const CreditsPage = () => {
  const zone = useTimeZone()
  const credits = useRead('readCredits', {})
  return (
    <Page
      title="Credits"
      description={`Spent only by operations on system keys; your own keys cost none. Times in ${zone}.`}
    >
      <Loaded of={credits} skeleton={<CreditsSkeleton />}>
        {(data) => (
          <>
            <Balance credits={data} />
            {data.debtMicros !== '0' && (
              <Notice tone="warning" title="Some operations cost more than what had been held">
                <Credits micros={data.debtMicros} unit /> are owed and are paid first from the next grant.
              </Notice>
            )}
            <ByService credits={data} />
            <Grants grants={data.grants} />
          </>
        )}
      </Loaded>
      <Statement />
    </Page>
  )
}

const CreditsSkeleton = () => (
  <div className={classes.skeleton}>
    <Block height={103} narrow={206} />
    <Block height={187} narrow={370} />
    <Block height={146} narrow={245} />
  </div>
)

export const Balance = ({ credits }: { credits: CreditsState }) => (
  <Stats>
    <Stat
      lead
      label="Available"
      value={<Credits micros={credits.availableMicros} />}
      note={`Tier: ${credits.tier.name}`}
    />
    <Stat label="Held" value={<Credits micros={credits.heldMicros} />} note="For operations under way" />
    <Stat
      label="Next allocation"
      value={
        <>
          +<Credits micros={credits.nextAllocation.amountMicros} />
        </>
      }
      note={dayWithYear(credits.nextAllocation.at)}
    />
  </Stats>
)

const ByService = ({ credits }: { credits: CreditsState }) => (
  <Panel
    flush
    title="Use by service"
    description={`This period: ${dayWithYear(credits.periodStart)} to ${dayWithYear(credits.periodEnd)}.`}
  >
    {credits.usageByService.length === 0 ? (
      <EmptyState title="Nothing used this period">
        Operations of this period are counted here by service.
      </EmptyState>
    ) : (
      <DataTable
        label="Use by service"
        rows={credits.usageByService}
        rowKey={(row) => row.serviceId}
        columns={[
          { key: 'service', header: 'Service', render: (row) => <ServiceName id={row.serviceId} /> },
          {
            key: 'own',
            header: 'On own keys',
            align: 'end',
            render: (row) => (
              <TextLink quiet>
                <Link
                  to="/operations"
                  search={{ service: row.serviceId, keyOwner: 'user', since: credits.periodStart }}
                >
                  {count(row.ownOperations)}
                </Link>
              </TextLink>
            ),
          },
          {
            key: 'system',
            header: 'On system keys',
            align: 'end',
            render: (row) => (
              <TextLink quiet>
                <Link
                  to="/operations"
                  search={{ service: row.serviceId, keyOwner: 'system', since: credits.periodStart }}
                >
                  {count(row.systemOperations)}
                </Link>
              </TextLink>
            ),
          },
          {
            key: 'cost',
            header: 'Cost at the service',
            align: 'end',
            render: (row) => <Usd nanoUsd={row.costNanoUsd} />,
          },
          {
            key: 'credits',
            header: 'Credits',
            align: 'end',
            render: (row) => <Credits micros={row.creditMicros} aligned />,
          },
        ]}
      />
    )}
  </Panel>
)

const grantKinds = {
  allocation: 'Monthly allocation',
  purchase: 'Purchase',
  adjustment: 'Adjustment',
} as const

const Grants = ({ grants }: { grants: readonly CreditGrant[] }) => (
  <Panel flush title="Grants" description="Spent in the order in which they expire.">
    {grants.length === 0 ? (
      <EmptyState title="No grants">Your monthly allocation appears here once it is given.</EmptyState>
    ) : (
      <DataTable
        label="Grants"
        rows={grants}
        rowKey={(row) => row.id}
        columns={[
          { key: 'kind', header: 'Kind', render: (row) => grantKinds[row.kind] },
          { key: 'reason', header: 'Reason', render: (row) => row.reason ?? '—' },
          { key: 'given', header: 'Given', render: (row) => <Moment at={row.effectiveAt} /> },
          {
            key: 'expires',
            header: 'Expires',
            render: (row) => <Ago at={row.expiresAt} never="does not expire" />,
          },
          {
            key: 'amount',
            header: 'Amount',
            align: 'end',
            render: (row) => <Credits micros={row.amountMicros} aligned />,
          },
          {
            key: 'left',
            header: 'Left',
            align: 'end',
            render: (row) => <Credits micros={row.remainingMicros} aligned />,
          },
        ]}
      />
    )}
  </Panel>
)

const kinds: Record<StatementItem['kind'], string> = {
  grant: 'Given',
  hold: 'Held for an operation',
  settle: 'Operation settled',
  release: 'Hold released',
  expire: 'Expired',
  debt_payment: 'Debt paid',
  reversal: 'Taken back',
  refund: 'Refunded',
}

const Statement = () => {
  const statement = usePages('listStatement', {})
  const items = statement.data?.pages.flatMap((page) => page.items)
  return (
    <Panel flush title="Statement" description="Every change of your credits, newest first.">
      {statement.error && !items ? (
        <FaultNotice error={statement.error} onRetry={() => void statement.refetch()} />
      ) : items?.length === 0 ? (
        <EmptyState title="No entries yet">Grants, holds and charges appear here as they happen.</EmptyState>
      ) : (
        <DataTable
          label="Statement"
          loading={items ? undefined : 8}
          rows={items ?? []}
          rowKey={(row) => String(row.number)}
          columns={[
            { key: 'at', header: 'Time', width: '150px', render: (row) => <Moment at={row.at} /> },
            {
              key: 'what',
              header: 'What',
              render: (row) => (
                <>
                  {kinds[row.kind]}
                  {row.reason && <span className={classes.quiet}> {row.reason}</span>}
                </>
              ),
            },
            {
              key: 'operation',
              header: 'Operation',
              render: (row) => <OperationLink id={row.operationId} />,
            },
            {
              key: 'spent',
              header: 'Spent',
              align: 'end',
              render: (row) => (row.spentMicros === '0' ? '—' : <Credits micros={row.spentMicros} aligned />),
            },
            {
              key: 'change',
              header: 'Change',
              align: 'end',
              render: (row) => <Credits micros={row.availableChangeMicros} signed />,
            },
            {
              key: 'balance',
              header: 'Balance',
              align: 'end',
              render: (row) => <Credits micros={row.availableMicros} aligned />,
            },
          ]}
        />
      )}
      {statement.hasNextPage && (
        <div className={classes.more}>
          <Button
            variant="default"
            loading={statement.isFetchingNextPage}
            onClick={() => void statement.fetchNextPage()}
          >
            Show older
          </Button>
        </div>
      )}
    </Panel>
  )
}

const OperationLink = ({ id }: { id: string | null }) =>
  id === null ? (
    <>—</>
  ) : (
    <TextLink quiet>
      <Link to="/operations" search={{ operation: id }}>
        <code>…{id.slice(-8)}</code>
      </Link>
    </TextLink>
  )
