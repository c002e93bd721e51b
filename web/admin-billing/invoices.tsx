import { Button, Drawer } from '@mantine/core'
import { IconFileTypePdf } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import type { InvoiceOnWire } from '../../src/contract/billing.ts'
import { endpointOf, urlOf } from '../../src/contract/endpoints.ts'
import { usePages, useRead } from '../data/queries.ts'
import type { Column } from '../ui/data-table.tsx'
import { Moment } from '../ui/figures.tsx'
import { dayWithYear } from '../ui/format.ts'
import { money } from '../ui/money.ts'
import { EmptyState, Lines, Loaded } from '../ui/notice.tsx'
import { Fact, Facts, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './billing.module.css'
import { invoiceKinds } from './billing-words.ts'
import { InvoiceMark } from './marks.tsx'
import { PagedTable } from './paged-table.tsx'

const route = getRouteApi('/shell/admin/payments')

const nameOf = (invoice: InvoiceOnWire): string =>
  `${invoiceKinds[invoice.kind]} ${invoice.number ?? 'without a number yet'}`

const columns: readonly Column<InvoiceOnWire>[] = [
  {
    key: 'number',
    header: 'Number',
    render: (row) => <span className="figure">{row.number ?? 'Draft'}</span>,
  },
  { key: 'kind', header: 'Kind', render: (row) => invoiceKinds[row.kind] },
  {
    key: 'to',
    header: 'To',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.strong}>{row.billedTo.name}</span>
        <span className={classes.quiet}>{row.billedTo.email}</span>
      </span>
    ),
  },
  { key: 'status', header: 'State', render: (row) => <InvoiceMark invoice={row} /> },
  {
    key: 'total',
    header: 'Total',
    align: 'end',
    render: (row) => (
      <span className={`figure ${classes.strong}`}>{money(row.totalMinor, row.currency)}</span>
    ),
  },
  {
    key: 'issued',
    header: 'Issued',
    align: 'end',
    render: (row) => (row.issuedAt === null ? '—' : dayWithYear(row.issuedAt)),
  },
]

/** Invoices and credit notes of everybody; numbers are without gaps for each issuer and kind. */
export const Invoices = () => {
  const { invoice } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/payments' })
  const pages = usePages('listAllInvoices', {})
  const open = (id: string | undefined) =>
    void navigate({ search: (now) => ({ ...now, invoice: id }), replace: id === undefined })
  return (
    <>
      <Panel flush>
        <PagedTable
          pages={pages}
          label="Invoices and credit notes"
          columns={columns}
          rowKey={(row) => row.id}
          openKey={invoice}
          onOpen={(row) => open(row.id)}
          openLabel={nameOf}
          empty={
            <EmptyState title="No invoices yet">
              Each payment issues one when it is made, each refund a credit note.
            </EmptyState>
          }
        />
      </Panel>
      <InvoiceDrawer id={invoice} onClose={() => open(undefined)} />
    </>
  )
}

const InvoiceDrawer = (props: { id: string | undefined; onClose: () => void }) => {
  const invoice = useRead(
    'readAnyInvoice',
    { params: { id: props.id ?? '' } },
    { enabled: props.id !== undefined },
  )
  return (
    <Drawer
      opened={props.id !== undefined}
      onClose={props.onClose}
      title={invoice.data && props.id ? nameOf(invoice.data) : 'Invoice'}
      size={540}
    >
      {props.id !== undefined && (
        <Loaded of={invoice} skeleton={<Lines count={10} />}>
          {(data) => <Detail invoice={data} />}
        </Loaded>
      )}
    </Drawer>
  )
}

const Detail = ({ invoice }: { invoice: InvoiceOnWire }) => (
  <div className={classes.detail}>
    <Facts>
      <Fact name="State">
        <InvoiceMark invoice={invoice} />
      </Fact>
      <Fact name="To">
        {invoice.billedTo.name}, {invoice.billedTo.organization}
        <br />
        {invoice.billedTo.email}
      </Fact>
      <Fact name="Issuer">{invoice.issuer}</Fact>
      {invoice.issuedAt && (
        <Fact name="Issued">
          <Moment at={invoice.issuedAt} />
        </Fact>
      )}
      {invoice.dueAt && (
        <Fact name="Due">
          <Moment at={invoice.dueAt} />
        </Fact>
      )}
      {invoice.paidAt && (
        <Fact name="Paid">
          <Moment at={invoice.paidAt} />
        </Fact>
      )}
    </Facts>
    <section className={classes.section} aria-label="Lines">
      <div className={classes.sums}>
        {invoice.lines.map((line, index) => (
          <p key={`${index} ${line.description}`} className={classes.sum}>
            <span>
              {line.description}
              {line.from && line.until && (
                <span className={classes.quiet}>
                  <br />
                  {dayWithYear(line.from)} to {dayWithYear(line.until)}
                </span>
              )}
            </span>
            <span>{money(line.amountMinor, invoice.currency)}</span>
          </p>
        ))}
        <p className={classes.sum} data-total>
          <span>Total, of it {money(invoice.taxMinor, invoice.currency)} tax</span>
          <span>{money(invoice.totalMinor, invoice.currency)}</span>
        </p>
      </div>
    </section>
    <div className={classes.buttons}>
      {invoice.number !== null && (
        <Button
          component="a"
          href={urlOf(endpointOf('readAnyInvoicePdf'), { params: { id: invoice.id } })}
          target="_blank"
          rel="noopener"
          variant="default"
          leftSection={<IconFileTypePdf size={16} />}
        >
          PDF
        </Button>
      )}
    </div>
    <p className={classes.note}>
      {invoice.paymentId && (
        <TextLink>
          <Link to="/admin/payments" search={{ show: 'all', payment: invoice.paymentId }}>
            Its payment
          </Link>
        </TextLink>
      )}
      {invoice.correctsId && (
        <>
          {' · '}
          <TextLink>
            <Link to="/admin/payments" search={{ show: 'invoices', invoice: invoice.correctsId }}>
              The invoice that it corrects
            </Link>
          </TextLink>
        </>
      )}
    </p>
  </div>
)
