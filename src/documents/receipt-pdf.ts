import { formatMicros } from '../kit/money.ts'
import { methodOf, referenceOf, type ReceiptDocument } from './document.ts'
import { writeFoot, writeHead, writeRows, writeTotal } from './layout.ts'
import { newPaper } from './paper.ts'
import { amountText, dayText } from './words.ts'

/** That a payment was made. What is given back later is on credit notes. */
export const receiptPdf = async (receipt: ReceiptDocument): Promise<Buffer> => {
  const { payment, issuer, billedTo, invoiceNumber } = receipt
  const paper = newPaper({
    title: `Receipt for payment ${payment.id}`,
    author: issuer.name,
    at: payment.decidedAt,
  })
  let y = writeHead(paper, {
    title: 'Receipt',
    issuer,
    billedTo,
    particulars: [
      ['Paid', `${dayText(payment.decidedAt)} (UTC)`],
      ['Paid by', methodOf(payment)],
      ['Reference', referenceOf(payment)],
      ['Payment', payment.id],
      ...(invoiceNumber === null ? [] : [['Invoice', invoiceNumber] as const]),
    ],
  })
  const { currency } = payment
  const amount = amountText(payment.amountMinor, currency)
  y = writeRows(paper, y, currency, [{ description: payment.description, detail: '', amount }])
  y = writeTotal(paper, y, 'Amount paid', `${amount} ${currency}`)
  const credits = payment.creditMicros > 0n ? `Credits: ${formatMicros(payment.creditMicros)}` : null
  writeFoot(paper, y, [credits, 'The invoice is the document for taxes; this says that it was paid.'])
  return paper.finish()
}
