import { ActionIcon, Menu } from '@mantine/core'
import { IconArchive, IconDots, IconPencil, IconRestore } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { BudgetViewOnWire } from '../../src/contract/budgets.ts'
import { useRead } from '../data/queries.ts'
import { Ago } from '../ui/figures.tsx'
import { dayWithYear } from '../ui/format.ts'
import { Notice } from '../ui/notice.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { BudgetBar } from './budget-bar.tsx'
import { EnforcementMark, StateMark } from './budget-mark.tsx'
import {
  amountWords,
  forecastWords,
  measureWords,
  percentWords,
  periodWords,
  scopeWords,
} from './budget-words.ts'
import classes from './budgets.module.css'

export type Reader = 'self' | 'administrator'

export interface BudgetActs<Row extends BudgetViewOnWire> {
  readonly reader: Reader
  readonly onOpen: (budget: Row) => void
  readonly onEdit: (budget: Row) => void
  readonly onArchive: (budget: Row) => void
  readonly onRestore: (budget: Row) => void
  /** To the operations that it counts. */
  readonly renderUsed: (budget: Row, shown: ReactNode) => ReactNode
  readonly renderWho?: (budget: Row) => ReactNode
}

export const useServiceNames = (): ((id: string) => string) => {
  const services = useRead('listServices', {})
  return (id) => services.data?.items.find((service) => service.id === id)?.name ?? id
}

/** A budget in a list: whose use, how far, until when, and what becomes of calls. */
export const BudgetItem = <Row extends BudgetViewOnWire>(props: { budget: Row; acts: BudgetActs<Row> }) => {
  const { budget, acts } = props
  const serviceName = useServiceNames()
  const { status, measure, archivedAt } = budget
  return (
    <li className={classes.item} aria-label={budget.name}>
      <div className={classes.head}>
        <div className={classes.what}>
          <button type="button" className={classes.name} onClick={() => acts.onOpen(budget)}>
            {budget.name}
          </button>
          <p className={classes.scope}>
            {acts.renderWho?.(budget)}
            {scopeWords(budget, serviceName, acts.reader)}, {measureWords[measure]},{' '}
            {periodWords(budget.period, budget.timeZone)}
            {acts.reader === 'self' && !budget.mayChange && '. Set by an administrator'}
          </p>
        </div>
        <div className={classes.side}>
          <EnforcementMark budget={budget} />
          {!budget.eachMember && <StateMark budget={budget} />}
          {budget.mayChange && <BudgetMenu {...props} />}
        </div>
      </div>
      {!budget.eachMember && <BudgetBar budget={budget} />}
      <div className={classes.figures}>
        {budget.eachMember ? (
          <span>Every member may use {amountWords(measure, budget.limit)}</span>
        ) : (
          <span>
            <strong>
              <TextLink quiet>{acts.renderUsed(budget, amountWords(measure, status.used))}</TextLink>
            </strong>{' '}
            used of {amountWords(measure, budget.limit)} ({percentWords(status.usedBasisPoints)})
            {status.reserved !== '0' && `, ${amountWords(measure, status.reserved)} set aside`},{' '}
            {amountWords(measure, status.remaining)} left
          </span>
        )}
        {archivedAt === null ? (
          <span>
            Starts anew {dayWithYear(status.periodEnd)} (<Ago at={status.periodEnd} />)
          </span>
        ) : (
          <span>
            Archived <Ago at={archivedAt} />
          </span>
        )}
      </div>
      {archivedAt === null && !budget.eachMember && <Standing budget={budget} />}
    </li>
  )
}

/** What somebody whose calls fail has to know; else the forecast. */
export const Standing = ({ budget }: { budget: BudgetViewOnWire }) => {
  const { status, measure, enforcement } = budget
  if (status.state === 'exceeded' && enforcement === 'hard')
    return (
      <Notice
        tone="bad"
        title={`${measure === 'credits' ? 'Calls that need credits are' : 'Calls on own keys are'} refused until ${dayWithYear(status.periodEnd)}`}
      >
        {status.lastRefusedAt !== null && (
          <>
            The last call that did not fit came <Ago at={status.lastRefusedAt} />.{' '}
          </>
        )}
        Raise the limit, make it soft or archive it, and the next call goes through.
        {measure === 'credits' && ' Calls on own keys are not affected.'}
      </Notice>
    )
  return (
    <p className={classes.forecast}>
      {forecastWords(measure, status.forecast)}
      {status.lastRefusedAt !== null && (
        <>
          {' '}
          A call that did not fit was refused <Ago at={status.lastRefusedAt} />.
        </>
      )}
    </p>
  )
}

const BudgetMenu = <Row extends BudgetViewOnWire>(props: { budget: Row; acts: BudgetActs<Row> }) => {
  const { budget, acts } = props
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${budget.name}`}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {budget.archivedAt === null ? (
          <>
            <Menu.Item leftSection={<IconPencil size={15} />} onClick={() => acts.onEdit(budget)}>
              Edit
            </Menu.Item>
            <Menu.Item leftSection={<IconArchive size={15} />} onClick={() => acts.onArchive(budget)}>
              Archive
            </Menu.Item>
          </>
        ) : (
          <Menu.Item leftSection={<IconRestore size={15} />} onClick={() => acts.onRestore(budget)}>
            Restore
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
