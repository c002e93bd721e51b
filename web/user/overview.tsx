import { Link, useNavigate } from '@tanstack/react-router'
import { may } from '../../src/contract/permissions.ts'
import type { Service } from '../../src/contract/service-keys.ts'
import { usePages, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { Checklist } from '../onboarding/checklist.tsx'
import { OperationsTable } from '../operations/operations-table.tsx'
import { PaidCentrally } from '../oversight/paid-centrally.tsx'
import { UsageChart } from '../operations/usage-chart.tsx'
import { counted } from '../ui/format.ts'
import { CoverageMark, ServiceTile } from '../ui/mark.tsx'
import { Block, EmptyState, FaultNotice, Loaded } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { Balance } from '../billing/balance.tsx'
import { PastDueNotice } from '../billing/standing-notice.tsx'
import { useBalance } from '../billing/use-balance.ts'
import { RunOut } from '../budgets/run-out.tsx'
import classes from './overview.module.css'

export const Overview = () => {
  const me = useMe()
  const mayCall = may(me.role, 'own.use')
  const credits = useRead('readCredits', {})
  const subscription = useRead('readSubscription', {})
  const balance = useBalance()
  const services = useRead('listServices', {})
  const usage = useRead('readUsage', { query: { days: 30 } }, { refreshSeconds: 20 })
  return (
    <Page
      title="Overview"
      description={
        me.organization.kind === 'personal' ? me.user.name : `${me.user.name}, ${me.organization.name}`
      }
    >
      {subscription.data && <PastDueNotice subscription={subscription.data} returnPath="/" />}
      <Checklist />
      <PaidCentrally />
      <Loaded of={credits} skeleton={<Block height={103} narrow={291} />}>
        {(data) => <Balance credits={data} now={balance.data} />}
      </Loaded>
      <RunOut />
      <Loaded of={services} skeleton={<Block height={70} narrow={229} />}>
        {({ items }) => mayCall && <ServiceStrip services={items} />}
      </Loaded>
      <Panel
        title="Own keys and credits"
        description="Operations of the last 30 days by whose key paid. Days in UTC."
      >
        <Loaded of={usage} skeleton={<Block height={366} narrow={404} />}>
          {(data) => <UsageChart usage={data} />}
        </Loaded>
      </Panel>
      <LastOperations mayCall={mayCall} />
    </Page>
  )
}

const mostTiles = 9

/** Those that calls run on; where one stands with all of them is a page of its own. */
const ServiceStrip = (props: { services: readonly Service[] }) => {
  const usable = props.services.filter(({ coverage }) => isUsable(coverage.status)).slice(0, mostTiles)
  const others = props.services.length - usable.length
  if (usable.length === 0) return null
  return (
    <ul className={classes.strip} aria-label="Services">
      {usable.map((service) => (
        <li key={service.id} className={classes.service}>
          <ServiceTile name={service.name} />
          <span className={classes.serviceWords}>
            <Link to="/services" search={{ q: service.name }} className={classes.serviceName}>
              {service.name}
            </Link>
            <CoverageMark status={service.coverage.status} owner={service.coverage.keyOwner} />
          </span>
        </li>
      ))}
      {others > 0 && (
        <li className={classes.service}>
          <Link to="/services" className={classes.others}>
            {counted(others, 'more service')}
          </Link>
        </li>
      )}
    </ul>
  )
}

const isUsable = (status: Service['coverage']['status']) => status !== 'not_covered' && status !== 'keys_only'

const LastOperations = ({ mayCall }: { mayCall: boolean }) => {
  const navigate = useNavigate()
  const pages = usePages('listOperations', { limit: 6 })
  const rows = pages.data?.pages[0]?.items
  return (
    <Panel
      flush
      title="Last operations"
      actions={
        <TextLink>
          <Link to="/operations">All operations</Link>
        </TextLink>
      }
    >
      {pages.error && !rows ? (
        <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
      ) : rows?.length === 0 ? (
        <EmptyState
          title="No operations yet"
          action={
            mayCall && (
              <TextLink>
                <Link to="/access-tokens">Create an access token</Link>
              </TextLink>
            )
          }
        >
          {mayCall
            ? 'Point a client at this gateway; its first call appears here with its receipt.'
            : 'Your role makes no calls of its own.'}
        </EmptyState>
      ) : (
        <OperationsTable
          rows={rows ?? []}
          loading={rows ? undefined : 6}
          leaveOut={['tokens', 'time']}
          onOpen={(operation) => void navigate({ to: '/operations', search: { operation } })}
        />
      )}
    </Panel>
  )
}
