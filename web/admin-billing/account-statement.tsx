import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { endpointOf, urlOf } from '../../src/contract/endpoints.ts'
import type { StatementLine } from '../../src/contract/statements.ts'
import type { StatementShow } from '../billing/billing-search.ts'
import { ExactAmount } from '../billing/exact-amount.tsx'
import { categoriesOf, categoryName, chips, lineSubject } from '../billing/statement-words.ts'
import type { Column } from '../ui/data-table.tsx'
import { Moment } from '../ui/figures.tsx'
import { FilterChips } from '../ui/filter-chips.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './billing.module.css'
import { PagedTable } from './paged-table.tsx'
import type { Owner } from './subscription-drawer.tsx'
import { usePagesOf } from './use-pages-of.ts'

export interface Charge {
  readonly operationId: string
  readonly chargedMicros: string
}

const chargeOf = (line: StatementLine): Charge | null =>
  line.category === 'usage' && line.operationId !== null && line.spentMicros !== '0'
    ? { operationId: line.operationId, chargedMicros: line.spentMicros }
    : null

/** The user’s own statement, each line with what it was of; what an operation was charged can be given back. */
export const AccountStatement = (props: { owner: Owner; onGiveBack: (charge: Charge) => void }) => {
  const { owner } = props
  const [show, setShow] = useState<StatementShow | undefined>(undefined)
  const query = { categories: categoriesOf(show) }
  const pages = usePagesOf('listUserStatement', { ...owner }, { ...query, limit: 20 })
  const columns: readonly Column<StatementLine>[] = [
    {
      key: 'what',
      header: 'What',
      render: (line) => (
        <span className={classes.who}>
          <span className={classes.strong}>{categoryName(line)}</span>
          <span className={classes.quiet}>{lineSubject(line)}</span>
        </span>
      ),
    },
    { key: 'at', header: 'Time', render: (line) => <Moment at={line.at} /> },
    { key: 'of', header: 'Of', render: (line) => <Of line={line} owner={owner} /> },
    {
      key: 'change',
      header: 'Change',
      align: 'end',
      render: (line) => <ExactAmount micros={line.changeMicros} signed />,
    },
    {
      key: 'balance',
      header: 'Balance',
      align: 'end',
      render: (line) => <ExactAmount micros={line.balanceMicros} />,
    },
    {
      key: 'back',
      header: '',
      align: 'end',
      render: (line) => {
        const charge = chargeOf(line)
        return (
          charge && (
            <Button size="compact-sm" variant="subtle" color="gray" onClick={() => props.onGiveBack(charge)}>
              Give back<span className="visually-hidden"> the charge of line {line.number}</span>
            </Button>
          )
        )
      },
    },
  ]
  return (
    <Panel
      flush
      title="Statement"
      description="As the user sees it, newest first."
      actions={(['csv', 'json'] as const).map((format) => (
        <Button
          key={format}
          component="a"
          variant="default"
          size="compact-sm"
          href={urlOf(endpointOf('exportUserStatement'), {
            params: { ...owner },
            query: { ...query, format },
          })}
          download
        >
          {format.toUpperCase()}
        </Button>
      ))}
    >
      <search className={classes.filters} aria-label="Filter the statement">
        <FilterChips label="Show lines by kind" chips={chips} chosen={show} onChoose={setShow} />
      </search>
      <PagedTable
        pages={pages}
        label="Statement"
        columns={columns}
        rowKey={(line) => String(line.number)}
        loading={8}
        empty={
          <EmptyState title={show === undefined ? 'Nothing yet' : 'No line is of this kind'}>
            Allocations, purchases and charges appear here as they happen.
          </EmptyState>
        }
      />
    </Panel>
  )
}

const Of = ({ line, owner }: { line: StatementLine; owner: Owner }) => {
  if (line.operationId !== null)
    return (
      <TextLink quiet>
        <Link to="/admin/operations" search={{ operation: line.operationId, of: owner.organization }}>
          Operation <code>…{line.operationId.slice(-8)}</code>
        </Link>
      </TextLink>
    )
  if (line.paymentId !== null)
    return (
      <TextLink quiet>
        <Link to="/admin/payments" search={{ show: 'all', payment: line.paymentId }}>
          Payment <code>…{line.paymentId.slice(-8)}</code>
        </Link>
      </TextLink>
    )
  return <span className={classes.quiet}>—</span>
}
