import { Button } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useAct, useRead } from '../data/queries.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { Block, Loaded } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { tellFault } from '../ui/toast.tsx'
import { ViewTabs } from '../ui/view-tabs.tsx'
import { Findings } from './findings.tsx'
import { ReconciliationRuns } from './reconciliation-runs.tsx'
import { RunProof, RunTotals, RunUnderWay, Standing } from './run-proof.tsx'
import { ServiceExports } from './service-exports.tsx'

const route = getRouteApi('/shell/admin/reconciliation')

const views = [
  { show: undefined, label: 'Books' },
  { show: 'services', label: 'Services’ own counts' },
  { show: 'runs', label: 'Runs' },
] as const

const underWaySeconds = 1.5

/** Whether entries, balances, usage, payments and what services say agree; to the micro-credit, or said why not. */
export const Reconciliation = () => {
  const zone = useTimeZone()
  const { show, run } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/reconciliation' })
  const first = useRead('readReconciliation', {})
  const isUnderWay = Boolean(first.data?.running)
  const standing = useRead('readReconciliation', {}, isUnderWay ? { refreshSeconds: underWaySeconds } : {})
  const start = useAct('startReconciliation', ['readReconciliation', 'listReconciliationRuns'])
  return (
    <Page
      title="Reconciliation"
      description={`Proves each day that entries, balances, usage and payments agree, and compares with what services count. Times in ${zone}.`}
      actions={
        <Button
          leftSection={<IconPlayerPlay size={16} />}
          loading={start.isPending}
          disabled={isUnderWay}
          onClick={() =>
            start.mutate(
              {},
              {
                onError: tellFault,
                onSuccess: () => void navigate({ search: {} }),
              },
            )
          }
        >
          Run now
        </Button>
      }
    >
      <ViewTabs label="Views of the reconciliation">
        {views.map((view) => (
          <Link
            key={view.label}
            to="/admin/reconciliation"
            search={{ show: view.show }}
            aria-current={show === view.show ? 'page' : undefined}
          >
            {view.label}
          </Link>
        ))}
      </ViewTabs>
      {standing.data?.running && <RunUnderWay run={standing.data.running} />}
      {show === undefined && (
        <Loaded of={standing} skeleton={<Block height={520} />}>
          {(data) =>
            run === undefined ? (
              <>
                <Standing standing={data} />
                {data.last && <RunProof run={data.last} />}
                {data.last && <Findings runId={data.last.id} />}
                {data.last && <RunTotals run={data.last} />}
              </>
            ) : (
              <PastRun id={run} />
            )
          }
        </Loaded>
      )}
      {show === 'services' && <ServiceExports tolerance={standing.data?.tolerance} />}
      {show === 'runs' && <ReconciliationRuns />}
    </Page>
  )
}

const PastRun = ({ id }: { id: string }) => {
  const run = useRead('readReconciliationRun', { params: { id } })
  return (
    <Loaded of={run} skeleton={<Block height={420} />}>
      {(data) => (
        <>
          <RunProof run={data} />
          <Findings runId={id} />
          <RunTotals run={data} />
        </>
      )}
    </Loaded>
  )
}
