import { Progress } from '@mantine/core'
import { IconCircleCheck, IconCircleX, IconHelpCircle } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { Reply } from '../../src/contract/endpoints.ts'
import { type ReconciliationRun, reconciliationCheck } from '../../src/contract/reconciliation.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago, Moment } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { EmptyState, Notice } from '../ui/notice.tsx'
import { Fact, Facts, Panel, Stat, Stats } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './billing.module.css'
import { By } from './people.tsx'
import { amountText, checkNames } from './reconciliation-words.ts'

const total = reconciliationCheck.options.length

/** A run that is under way: what it has proved so far. */
export const RunUnderWay = ({ run }: { run: ReconciliationRun }) => (
  <section className={classes.box} aria-label="Run under way" aria-live="polite">
    <p className={classes.strong}>
      {run.state === 'waiting'
        ? 'A run waits for a process to take it.'
        : `${count(run.checks.length)} of ${count(total)} proofs are done.`}
    </p>
    <Progress
      mt={8}
      value={Math.round((run.checks.length / total) * 100)}
      aria-label="Proofs that are done"
      color="petrol"
    />
  </section>
)

/** Pass or fail, in words and colour; not told yet is neither. */
export const VerdictMark = ({ ok, state }: Pick<ReconciliationRun, 'ok' | 'state'>) => {
  if (state === 'failed')
    return (
      <Mark tone="bad" icon={IconCircleX} plain>
        The run failed
      </Mark>
    )
  if (ok === null)
    return (
      <Mark tone="quiet" icon={IconHelpCircle} plain>
        Not told yet
      </Mark>
    )
  return ok ? (
    <Mark tone="own" icon={IconCircleCheck} plain>
      Everything agrees
    </Mark>
  ) : (
    <Mark tone="bad" icon={IconCircleX} plain>
      Differences
    </Mark>
  )
}

const Verdict = ({ run }: { run: ReconciliationRun }) => {
  const isGood = run.state === 'done' && run.ok === true
  const Symbol = isGood ? IconCircleCheck : IconCircleX
  return (
    <span className={classes.verdict} data-good={isGood || undefined}>
      <Symbol size={22} stroke={2} aria-hidden />
      {run.state === 'failed' ? 'Not proved' : run.ok ? 'Everything agrees' : 'Differences'}
    </span>
  )
}

export const Standing = ({ standing }: { standing: Reply<'readReconciliation'> }) => {
  const { last, lastOkAt, nextAt } = standing
  if (last === null)
    return (
      <Panel>
        <EmptyState title="Nothing is proved yet">
          The first run comes by itself; or run it now. It changes nothing.
        </EmptyState>
      </Panel>
    )
  return (
    <Stats>
      <Stat
        lead
        label="Verdict"
        value={<Verdict run={last} />}
        note={last.finishedAt && <Ago at={last.finishedAt} />}
      />
      <Stat
        label="Last time without a difference"
        value={lastOkAt === null ? 'Never' : <Ago at={lastOkAt} />}
      />
      <Stat label="Next run" value={<Ago at={nextAt} />} note={<Moment at={nextAt} />} />
    </Stats>
  )
}

type Check = ReconciliationRun['checks'][number]

const columnsOf = (runId: string): readonly Column<Check>[] => [
  {
    key: 'check',
    header: 'Proof',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.strong}>{checkNames[row.check]}</span>
        <span className={classes.quiet}>{row.claim}</span>
      </span>
    ),
  },
  {
    key: 'verdict',
    header: 'Verdict',
    render: (row) =>
      row.unexplained === 0 ? (
        <Mark tone="own" icon={IconCircleCheck} plain>
          Pass
        </Mark>
      ) : (
        <Mark tone="bad" icon={IconCircleX} plain>
          Fail
        </Mark>
      ),
  },
  { key: 'examined', header: 'Looked at', align: 'end', render: (row) => count(row.examined) },
  {
    key: 'unexplained',
    header: 'Unexplained',
    align: 'end',
    render: (row) => <Differences runId={runId} check={row} number={row.unexplained} explained={undefined} />,
  },
  {
    key: 'explained',
    header: 'Explained',
    align: 'end',
    render: (row) => <Differences runId={runId} check={row} number={row.explained} explained />,
  },
]

const Differences = (props: { runId: string; check: Check; number: number; explained: true | undefined }) =>
  props.number === 0 ? (
    <>0</>
  ) : (
    <TextLink>
      <Link
        to="/admin/reconciliation"
        search={{ run: props.runId, check: props.check.check, explained: props.explained }}
        hash="differences"
      >
        {count(props.number)}
      </Link>
    </TextLink>
  )

/** Each claim of a run with its verdict, and what the books come to. */
export const RunProof = ({ run }: { run: ReconciliationRun }) => (
  <>
    {run.state === 'failed' && (
      <Notice tone="warning" title="This run failed: nothing is proved by it">
        {run.failure ?? 'Run it again; if it fails again, the log says why.'}
      </Notice>
    )}
    {(run.checks.length > 0 || run.state === 'done') && (
      <Panel
        flush
        title="Proofs"
        description={
          <>
            Run {run.startedAt && <Moment at={run.startedAt} />}, asked for by <By by={run.requestedBy} />:{' '}
            {verdictText(run)}
          </>
        }
      >
        <DataTable label="Proofs" rows={run.checks} rowKey={(row) => row.check} columns={columnsOf(run.id)} />
      </Panel>
    )}
  </>
)

export const RunTotals = ({ run }: { run: ReconciliationRun }) =>
  run.totals.length > 0 && (
    <Panel title="What the books come to">
      <Facts>
        {run.totals.map(({ what, unit, amount }) => (
          <Fact key={what} name={what}>
            {amountText(amount, unit)}
          </Fact>
        ))}
      </Facts>
    </Panel>
  )

const verdictText = (run: ReconciliationRun): string => {
  if (run.ok === null) return 'not told yet.'
  if (run.ok) return `all ${count(run.checks.length)} claims hold.`
  const unexplained = run.checks.reduce((sum, check) => sum + check.unexplained, 0)
  return `${counted(unexplained, 'difference')} without an explanation.`
}
