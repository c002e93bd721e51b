import { Button, Drawer } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Reply } from '../../src/contract/endpoints.ts'
import { CallFault } from '../data/call.ts'
import { DataTable } from '../ui/data-table.tsx'
import { fullMoment } from '../ui/format.ts'
import { Moment } from '../ui/figures.tsx'
import { Lines, Loaded } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import { BudgetBar } from './budget-bar.tsx'
import { type Reader, Standing, useServiceNames } from './budget-item.tsx'
import { EnforcementMark, StateMark } from './budget-mark.tsx'
import {
  amountWords,
  consequenceWords,
  forecastWords,
  measureWords,
  percentWords,
  periodWords,
  scopeWords,
} from './budget-words.ts'
import classes from './budgets.module.css'

type Detail = Reply<'readBudget'>

/** One budget with its last periods. */
export const BudgetDrawer = (props: {
  opened: boolean
  reader: Reader
  of: { readonly data: Detail | undefined; readonly error: unknown; readonly refetch: () => unknown }
  /** What else to do where there is no such budget of the reader's. */
  whenMissing?: ReactNode
  onEdit: (budget: Detail) => void
  /** To the operations of a time. */
  renderUsed: (budget: Detail, time: { since: string; until: string }, shown: ReactNode) => ReactNode
  onClose: () => void
}) => (
  <Drawer opened={props.opened} onClose={props.onClose} title="Budget" size={520}>
    {props.opened && (
      <>
        <Loaded of={props.of} skeleton={<Lines count={8} />}>
          {(budget) => <DrawerBody {...props} budget={budget} />}
        </Loaded>
        {props.of.error instanceof CallFault && props.of.error.status === 404 && props.whenMissing}
      </>
    )}
  </Drawer>
)

const DrawerBody = (props: {
  budget: Detail
  reader: Reader
  onEdit: (budget: Detail) => void
  renderUsed: (budget: Detail, time: { since: string; until: string }, shown: ReactNode) => ReactNode
}) => {
  const { budget } = props
  const { measure, status } = budget
  const serviceName = useServiceNames()
  return (
    <div className={classes.stack}>
      <div className={classes.head}>
        <h2 className={classes.drawerTitle}>{budget.name}</h2>
        <div className={classes.side}>
          <EnforcementMark budget={budget} />
          <StateMark budget={budget} />
        </div>
      </div>
      <BudgetBar budget={budget} />
      {budget.archivedAt === null && <Standing budget={budget} />}
      <Facts>
        <Fact name="Whose use">{scopeWords(budget, serviceName, props.reader)}</Fact>
        <Fact name="Counts">
          {capital(measureWords[measure])}, {periodWords(budget.period, budget.timeZone)}
        </Fact>
        <Fact name="Limit">{amountWords(measure, budget.limit)}</Fact>
        <Fact name="Used">
          {amountWords(measure, status.used)} ({percentWords(status.usedBasisPoints)})
        </Fact>
        <Fact name="Set aside">
          {status.reserved === '0'
            ? 'Nothing'
            : `${amountWords(measure, status.reserved)}, for calls under way`}
        </Fact>
        <Fact name="Starts anew">{fullMoment(status.periodEnd)}</Fact>
        <Fact name="When reached">{consequenceWords(budget.enforcement, measure)}</Fact>
        <Fact name="Told so far">
          {status.firedThresholds.length === 0
            ? 'Nothing in this period'
            : status.firedThresholds.map((at) => `${at} %`).join(', ')}
        </Fact>
        <Fact name="Forecast">{forecastWords(measure, status.forecast)}</Fact>
      </Facts>
      {budget.mayChange && budget.archivedAt === null && (
        <div>
          <Button variant="default" onClick={() => props.onEdit(budget)}>
            Edit budget
          </Button>
        </div>
      )}
      <section aria-label="Periods">
        <h3 className={classes.section}>Periods</h3>
        <DataTable
          label="Periods of the budget"
          compact
          rows={budget.periods}
          rowKey={({ periodStart }) => periodStart}
          columns={[
            { key: 'from', header: 'From', render: (row) => <Moment at={row.periodStart} /> },
            {
              key: 'used',
              header: 'Used',
              align: 'end',
              render: (row) =>
                row.used === '0'
                  ? amountWords(measure, row.used)
                  : props.renderUsed(
                      budget,
                      { since: row.periodStart, until: row.periodEnd },
                      amountWords(measure, row.used),
                    ),
            },
            {
              key: 'limit',
              header: 'Of limit',
              align: 'end',
              render: (row) => percentWords(row.usedBasisPoints),
            },
          ]}
        />
      </section>
    </div>
  )
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)
