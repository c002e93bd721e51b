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

/** As printed. Credit notes are counted apart. */
export const numberText = (kind: Invoice['kind'], number: bigint): string =>
  `${kind === 'invoice' ? 'INV' : 'CN'}-${String(number).padStart(6, '0')}`

const line = (
  kind: InvoiceLineKind,
  description: string,
  amountMinor: bigint,
  period: { readonly startsAt: Date; readonly endsAt: Date } | null = null,
): InvoiceLine => ({
  kind,
  description,
  quantity: 1,
  amountMinor,
  from: period?.startsAt ?? null,
  until: period?.endsAt ?? null,
})

/** Prices are without tax, and none is added: the line is where a tax service would write. */
const noTax = line('tax', 'Tax', 0n)

export const discountText = (basisPoints: number): string =>
  `Own-key discount, ${Number.isInteger(basisPoints / 100) ? basisPoints / 100 : (basisPoints / 100).toFixed(2)} %`

export const renewalLines = (renewal: {
  readonly tierName: string
  readonly priceMinor: bigint
  readonly discountMinor: bigint
  readonly discountBasisPoints: number
  readonly period: { readonly startsAt: Date; readonly endsAt: Date }
}): InvoiceLine[] => [
  line('subscription', `${renewal.tierName}, one month`, renewal.priceMinor, renewal.period),
  ...(renewal.discountMinor > 0n
    ? [line('discount', discountText(renewal.discountBasisPoints), -renewal.discountMinor, renewal.period)]
    : []),
  noTax,
]

export const changeLines = (
  lines: readonly {
    readonly kind: InvoiceLineKind
    readonly description: string
    readonly amountMinor: bigint
  }[],
  period: { readonly startsAt: Date; readonly endsAt: Date },
): InvoiceLine[] => [
  ...lines.map(({ kind, description, amountMinor }) => line(kind, description, amountMinor, period)),
  noTax,
]

export const purchaseLines = (description: string, amountMinor: bigint): InvoiceLine[] => [
  line('credits', description, amountMinor),
  noTax,
]

export const refundLines = (description: string, amountMinor: bigint): InvoiceLine[] => [
  line('refund', description, -amountMinor),
  noTax,
]
