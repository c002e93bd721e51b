import type { Invoice } from '../billing/invoice.ts'
import type { Payment } from '../billing/payment.ts'

/** Who issues, as it was when the document was issued. */
export interface Issuer {
  readonly name: string
  readonly address: readonly string[]
  readonly taxId: string | null
  readonly email: string | null
  readonly note: string | null
}

export interface InvoiceDocument {
  readonly invoice: Invoice & { readonly numberText: string; readonly issuedAt: Date }
  readonly issuer: Issuer
  /** The printed number of the invoice that a credit note corrects. */
  readonly corrects: string | null
}

export interface ReceiptDocument {
  readonly payment: Payment & { readonly decidedAt: Date }
  readonly issuer: Issuer
  readonly billedTo: Invoice['billedTo']
  readonly invoiceNumber: string | null
}

const paidBy = { manual: 'Manual payment', stripe: 'Stripe' } as const

/** The provider's own name of the payment, where it has one; ours otherwise. */
export const referenceOf = (payment: Payment): string => payment.externalId ?? payment.id
export const methodOf = (payment: Payment): string => paidBy[payment.provider]
