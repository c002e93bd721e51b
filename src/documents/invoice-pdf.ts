import type { InvoiceDocument } from './document.ts'
import { writeFoot, writeHead, writeRows, writeTotal } from './layout.ts'
import { newPaper } from './paper.ts'
import { amountText, dayText, periodText } from './words.ts'

/**
 * What was issued, and nothing that came later: an invoice that is paid, void or refunded since is the same document. The
 * receipt says that it was paid, the credit note that it was corrected.
 */
export const invoicePdf = async ({ invoice, issuer, corrects }: InvoiceDocument): Promise<Buffer> => {
  const isInvoice = invoice.kind === 'invoice'
  const title = `${isInvoice ? 'Invoice' : 'Credit note'} ${invoice.numberText}`
  const paper = newPaper({ title, author: issuer.name, at: invoice.issuedAt })
  // Paid in the commit that issued it: the same instant, and it stays so.
  const wasPaidAtOnce = invoice.paidAt?.getTime() === invoice.issuedAt.getTime()
  let y = writeHead(paper, {
    title,
    issuer,
    billedTo: invoice.billedTo,
    particulars: [
      ['Number', invoice.numberText],
      ['Issued', `${dayText(invoice.issuedAt)} (UTC)`],
      ...(corrects === null ? [] : [['Corrects', corrects] as const]),
      ...(isInvoice && wasPaidAtOnce ? [['Paid', dayText(invoice.issuedAt)] as const] : []),
      ...(isInvoice && !wasPaidAtOnce && invoice.dueAt !== null
        ? [['Due', dayText(invoice.dueAt)] as const]
        : []),
      ...(invoice.paymentId === null ? [] : [['Payment', invoice.paymentId] as const]),
    ],
  })
  const { currency } = invoice
  y = writeRows(
    paper,
    y,
    currency,
    invoice.lines.map((line) => ({
      description: line.quantity === 1 ? line.description : `${line.quantity} × ${line.description}`,
      detail: periodText(line.from, line.until),
      amount: amountText(line.amountMinor, currency),
    })),
  )
  const total = `${amountText(invoice.totalMinor, currency)} ${currency}`
  y = writeTotal(paper, y, isInvoice ? 'Total' : 'Total credited', total)
  writeFoot(paper, y, [issuer.note])
  return paper.finish()
}
