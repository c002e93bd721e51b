import { type Selectable, sql } from 'kysely'
import type { Invoices, InvoiceLines } from '../db/schema.ts'
import { newId } from '../kit/id.ts'
import { type Invoice, type InvoiceLine, numberText } from './invoice.ts'
import type { Executor, T } from './store.ts'
import { type Owner, type Seen, userIdsOf } from './subscription.ts'

export interface NewInvoice extends Owner {
  readonly accountId: string
  readonly kind: 'invoice' | 'credit_note'
  readonly issuer: string
  readonly currency: string
  readonly lines: readonly InvoiceLine[]
  readonly correctsId: string | null
  readonly paymentId: string | null
  readonly billedTo: Invoice['billedTo']
  readonly at: Date
  readonly dueAt: Date | null
  readonly isPaid: boolean
}

/**
 * A draft with its lines, then its number: the counter's row is locked until the commit, so a number is taken by an
 * invoice that is there or by none. It is the last lock of a transaction.
 */
export const issueInvoice = async (t: T, invoice: NewInvoice): Promise<string> => {
  const id = newId()
  const { organizationId } = invoice
  const tax = invoice.lines.filter((line) => line.kind === 'tax')
  await t
    .insertInto('invoices')
    .values({
      organization_id: organizationId,
      id,
      account_id: invoice.accountId,
      user_id: invoice.userId,
      kind: invoice.kind,
      issuer: invoice.issuer,
      status: 'draft',
      currency: invoice.currency,
      total_minor: sum(invoice.lines),
      tax_minor: sum(tax),
      billed_to: JSON.stringify(invoice.billedTo),
      corrects_id: invoice.correctsId,
      payment_id: invoice.paymentId,
      created_at: invoice.at,
      due_at: invoice.dueAt,
    })
    .execute()
  await t
    .insertInto('invoice_lines')
    .values(
      invoice.lines.map((line, position) => ({
        organization_id: organizationId,
        invoice_id: id,
        position,
        kind: line.kind,
        description: line.description,
        quantity: line.quantity,
        amount_minor: line.amountMinor,
        from_at: line.from,
        until_at: line.until,
      })),
    )
    .execute()
  const number = await nextNumber(t, invoice.issuer, invoice.kind)
  await t
    .updateTable('invoices')
    .set({
      number,
      status: invoice.isPaid ? 'paid' : 'open',
      issued_at: invoice.at,
      paid_at: invoice.isPaid ? invoice.at : null,
    })
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .execute()
  return id
}

const sum = (lines: readonly InvoiceLine[]): bigint =>
  lines.reduce((total, line) => total + line.amountMinor, 0n)

const nextNumber = async (t: T, issuer: string, kind: Invoice['kind']): Promise<bigint> => {
  const { rows } = await sql<{ number: bigint }>`
    INSERT INTO invoice_numbers (issuer, kind, next) VALUES (${issuer}, ${kind}, 2)
    ON CONFLICT (issuer, kind) DO UPDATE SET next = invoice_numbers.next + 1
    RETURNING next - 1 AS number`.execute(t)
  return rows[0]?.number as bigint
}

export const setInvoiceStatus = async (
  t: T,
  invoice: { organizationId: string; id: string },
  status: 'paid' | 'void' | 'refunded',
  at: Date,
): Promise<void> => {
  await t
    .updateTable('invoices')
    .set({ status, ...(status === 'paid' ? { paid_at: at } : {}) })
    .where('organization_id', '=', invoice.organizationId)
    .where('id', '=', invoice.id)
    .where('status', '=', status === 'refunded' ? 'paid' : 'open')
    .execute()
}

const lineFrom = (row: Selectable<InvoiceLines>): InvoiceLine => ({
  kind: row.kind,
  description: row.description,
  quantity: row.quantity,
  amountMinor: row.amount_minor,
  from: row.from_at,
  until: row.until_at,
})

const invoiceFrom = (row: Selectable<Invoices>, lines: readonly InvoiceLine[]): Invoice => ({
  organizationId: row.organization_id,
  id: row.id,
  accountId: row.account_id,
  userId: row.user_id,
  kind: row.kind,
  number: row.number,
  numberText: row.number === null ? null : numberText(row.kind, row.number),
  issuer: row.issuer,
  status: row.status,
  currency: row.currency,
  totalMinor: row.total_minor,
  taxMinor: row.tax_minor,
  lines,
  correctsId: row.corrects_id,
  paymentId: row.payment_id,
  billedTo: row.billed_to as unknown as Invoice['billedTo'],
  issuedAt: row.issued_at,
  dueAt: row.due_at,
  paidAt: row.paid_at,
})

export const listInvoices = async (
  executor: Executor,
  filter: { owner?: Seen; id?: string; before: string | null; limit: number },
): Promise<Invoice[]> => {
  const rows = await executor
    .selectFrom('invoices')
    .selectAll()
    .$if(filter.owner !== undefined, (q) =>
      q
        .where('organization_id', '=', (filter.owner as Seen).organizationId)
        .where('user_id', 'in', userIdsOf(filter.owner as Seen)),
    )
    .$if(filter.id !== undefined, (q) => q.where('id', '=', filter.id as string))
    .$if(filter.before !== null, (q) => q.where('id', '<', filter.before as string))
    .orderBy('id', 'desc')
    .limit(filter.limit)
    .execute()
  if (rows.length === 0) return []
  const lines = await executor
    .selectFrom('invoice_lines')
    .selectAll()
    .where(
      'invoice_id',
      'in',
      rows.map((row) => row.id),
    )
    .orderBy('position')
    .execute()
  return rows.map((row) => invoiceFrom(row, lines.filter((line) => line.invoice_id === row.id).map(lineFrom)))
}
