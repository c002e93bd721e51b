import { Button, Drawer } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { endpointOf, urlOf } from '../../src/contract/endpoints.ts'
import type { InvoiceOnWire } from '../../src/contract/billing.ts'
import { useRead } from '../data/queries.ts'
import { dayWithYear, fullMoment } from '../ui/format.ts'
import { money } from '../ui/money.ts'
import { Lines, Loaded } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import classes from './billing.module.css'
import { InvoiceMark } from './marks.tsx'

export const InvoiceDrawer = (props: {
  id: string | undefined
  onOpen: (id: string) => void
  onClose: () => void
}) => (
  <Drawer opened={props.id !== undefined} onClose={props.onClose} title="Invoice" size={560}>
    {props.id !== undefined && <Document id={props.id} onOpen={props.onOpen} />}
  </Drawer>
)

const Document = ({ id, onOpen }: { id: string; onOpen: (id: string) => void }) => {
  const invoice = useRead('readInvoice', { params: { id } })
  return (
    <Loaded of={invoice} skeleton={<Lines count={10} />}>
      {(data) => <Body invoice={data} onOpen={onOpen} />}
    </Loaded>
  )
}

const Body = ({ invoice, onOpen }: { invoice: InvoiceOnWire; onOpen: (id: string) => void }) => {
  const { correctsId } = invoice
  return (
    <div className={classes.document}>
      <div className={classes.documentHead}>
        <InvoiceMark status={invoice.status} />
        {invoice.number && (
          <Button
            component="a"
            variant="default"
            size="compact-sm"
            leftSection={<IconDownload size={14} aria-hidden />}
            href={urlOf(endpointOf('readInvoicePdf'), { params: { id: invoice.id } })}
            download
          >
            PDF
          </Button>
        )}
      </div>
      <Facts>
        <Fact name={invoice.kind === 'invoice' ? 'Invoice' : 'Credit note'}>{invoice.number ?? 'Draft'}</Fact>
        {invoice.issuedAt && <Fact name="Issued">{fullMoment(invoice.issuedAt)}</Fact>}
        {invoice.status === 'open' && invoice.dueAt && (
          <Fact name="To be paid by">{fullMoment(invoice.dueAt)}</Fact>
        )}
        {invoice.paidAt && <Fact name="Paid">{fullMoment(invoice.paidAt)}</Fact>}
        <Fact name="Billed to">
          {invoice.billedTo.name}, {invoice.billedTo.email}
          <br />
          {invoice.billedTo.organization}
        </Fact>
        {correctsId !== null && (
          <Fact name="Corrects">
            <Button variant="subtle" size="compact-sm" onClick={() => onOpen(correctsId)}>
              Open the invoice
            </Button>
          </Fact>
        )}
      </Facts>
      <section>
        <h3 className={classes.subTitle}>Lines</h3>
        <table className={classes.amounts} aria-label="Lines">
          <tbody>
            {invoice.lines.map((line, index) => (
              <tr key={index}>
                <th scope="row">
                  {line.quantity > 1 && `${line.quantity} × `}
                  {line.description}
                  {line.from && line.until && (
                    <span className={classes.quiet}>
                      {' '}
                      {dayWithYear(line.from)} to {dayWithYear(line.until)}
                    </span>
                  )}
                </th>
                <td>{money(line.amountMinor, invoice.currency)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">Total</th>
              <td>{money(invoice.totalMinor, invoice.currency)}</td>
            </tr>
          </tfoot>
        </table>
      </section>
    </div>
  )
}
