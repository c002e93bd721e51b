/** `refunded`: credit notes cover all of it. */
export type InvoiceStatus = 'draft' | 'open' | 'paid' | 'void' | 'refunded'
export type InvoiceLineKind = 'subscription' | 'proration' | 'discount' | 'credits' | 'tax' | 'refund'

export interface InvoiceLine {
  readonly kind: InvoiceLineKind
  readonly description: string
  readonly quantity: number
  readonly amountMinor: bigint
  /** What it is for, where that is a time. */
  readonly from: Date | null
  readonly until: Date | null
}

/** Once issued, nothing of it changes but its status; a credit note corrects it. */
export interface Invoice {
  readonly organizationId: string
  readonly id: string
  readonly accountId: string
  readonly userId: string
  readonly kind: 'invoice' | 'credit_note'
  /** Without gaps for an issuer and a kind; null while it is a draft. */
  readonly number: bigint | null
  /** As printed: `INV-000042`. */
  readonly numberText: string | null
  readonly issuer: string
  readonly status: InvoiceStatus
  readonly currency: string
  readonly totalMinor: bigint
  readonly taxMinor: bigint
  readonly lines: readonly InvoiceLine[]
  /** The invoice that a credit note corrects. */
  readonly correctsId: string | null
  readonly paymentId: string | null
  readonly billedTo: { readonly name: string; readonly email: string; readonly organization: string }
  readonly issuedAt: Date | null
  readonly dueAt: Date | null
  readonly paidAt: Date | null
}
