import { Button } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { useEffect, useRef, useState } from 'react'
import type { PaymentOnWire } from '../../src/contract/billing.ts'
import type { usePages } from '../data/queries.ts'
import type { Column } from '../ui/data-table.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import classes from './billing.module.css'
import { DecideDialog, type Decision } from './decide-dialog.tsx'
import { PagedTable, rowsOf } from './paged-table.tsx'
import { paymentColumns } from './payment-columns.tsx'

/** Those of the manual provider wait for an administrator; the others for their payers. */
const canDecide = (payment: PaymentOnWire): boolean =>
  payment.provider === 'manual' && payment.status === 'requested'

/**
 * Payments to approve or deny. j and k move along the rows, a approves and d denies the one that the focus is on; both ask
 * for a reason, and Enter sends it.
 */
export const PaymentRequests = (props: {
  pages: ReturnType<typeof usePages<'listAllPayments'>>
  openId: string | undefined
  onOpen: (id: string) => void
}) => {
  const list = useRef<HTMLDivElement>(null)
  const [deciding, setDeciding] = useState<Decision | null>(null)
  const [goOnTo, setGoOnTo] = useState<readonly string[]>([])
  const rows = rowsOf(props.pages) ?? []
  const buttons = (): HTMLButtonElement[] => [
    ...(list.current?.querySelectorAll<HTMLButtonElement>('tbody td:first-child button') ?? []),
  ]
  const at = (): number => {
    const row = document.activeElement?.closest('tr')
    return row ? buttons().findIndex((button) => row.contains(button)) : -1
  }
  const move = (by: 1 | -1) => {
    const all = buttons()
    const now = at()
    const next = now === -1 ? (by === 1 ? 0 : all.length - 1) : now + by
    all[Math.min(Math.max(next, 0), all.length - 1)]?.focus()
  }
  const decide = (kind: Decision['kind']) => {
    const payment = rows[at()]
    if (payment && canDecide(payment)) setDeciding({ kind, payment })
  }
  const isFree = deciding === null && props.openId === undefined
  useHotkeys(
    isFree
      ? [
          ['j', () => move(1)],
          ['k', () => move(-1)],
          ['a', () => decide('approve')],
          ['d', () => decide('deny')],
        ]
      : [],
  )
  useEffect(() => {
    const there = goOnTo.map((id) => rows.findIndex((row) => row.id === id)).find((index) => index !== -1)
    if (there !== undefined) buttons()[there]?.focus()
    // Once for each dialog that is closed: after that the focus is the reader's.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [goOnTo])
  /** With the dialog goes the focus: to the first of these that is still listed. */
  const close = (focused: readonly PaymentOnWire[]) => {
    setDeciding(null)
    setGoOnTo(focused.map(({ id }) => id))
  }
  const columns: readonly Column<PaymentOnWire>[] = [
    ...paymentColumns.filter(({ key }) => key !== 'status'),
    {
      key: 'actions',
      header: '',
      align: 'end',
      render: (row) =>
        canDecide(row) ? (
          <span className={classes.actions}>
            <Button size="compact-sm" onClick={() => setDeciding({ kind: 'approve', payment: row })}>
              Approve<span className="visually-hidden"> {row.description}</span>
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => setDeciding({ kind: 'deny', payment: row })}
            >
              Deny<span className="visually-hidden"> {row.description}</span>
            </Button>
          </span>
        ) : (
          <span className={classes.quiet}>Its payer pays at Stripe</span>
        ),
    },
  ]
  return (
    <Panel
      flush
      title="To decide"
      description="Approve what you have the money for: its invoice is issued and its credits are given."
    >
      <div ref={list}>
        <PagedTable
          pages={props.pages}
          label="Payments to decide"
          columns={columns}
          rowKey={(row) => row.id}
          openKey={props.openId}
          onOpen={(row) => props.onOpen(row.id)}
          empty={
            <EmptyState title="Nothing waits">
              Purchases and changes of tier appear here when users ask for them, renewals when they are due.
            </EmptyState>
          }
        />
      </div>
      {rows.length > 0 && (
        <p className={classes.keys}>
          <span>
            <kbd>j</kbd> <kbd>k</kbd> next and previous
          </span>
          <span>
            <kbd>a</kbd> approve
          </span>
          <span>
            <kbd>d</kbd> deny
          </span>
          <span>
            <kbd>Enter</kbd> details
          </span>
        </p>
      )}
      {deciding && (
        <DecideDialog
          key={deciding.payment.id}
          decision={deciding}
          onClose={() => close([deciding.payment])}
          onDone={() => {
            // Not to the one decided, which may be listed for a moment more.
            const index = rows.findIndex(({ id }) => id === deciding.payment.id)
            close([...rows.slice(index + 1), ...rows.slice(0, index).toReversed()])
          }}
        />
      )}
    </Panel>
  )
}
