import { type Actor, recordAudit } from '../audit/audit.ts'
import { billedEmail } from '../billing/billed-email.ts'
import type { Billing } from '../billing/billing.ts'
import type { Seen } from '../billing/subscription.ts'
import type { Invoice } from '../billing/invoice.ts'
import type { Payment } from '../billing/payment.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Issuer } from './document.ts'
import { invoicePdf } from './invoice-pdf.ts'
import { receiptPdf } from './receipt-pdf.ts'
import { insertIssuer, issuerAt, type IssuerVersion } from './store.ts'

export interface Document {
  readonly name: string
  readonly bytes: Buffer
}

export interface Documents {
  /** Without an owner: anybody's, for administrators. */
  invoice(id: string, owner?: Seen): Promise<Outcome<Document>>
  receipt(paymentId: string, owner?: Seen): Promise<Outcome<Document>>
  issuer(): Promise<Issuer & { version: number; effectiveAt: Date | null }>
  saveIssuer(actor: Actor, issuer: Issuer, reason: string): Promise<IssuerVersion>
}

export const makeDocuments = (parts: {
  database: Database
  billing: Pick<Billing, 'invoice' | 'payment' | 'settings'>
  clock: Clock
}): Documents => {
  const { database, billing, clock } = parts
  const issuerOf = async (issuer: string, at: Date): Promise<Issuer> =>
    (await issuerAt(database.kysely, issuer, at)) ?? nobody(issuer)

  const billedToOf = async (payment: Payment): Promise<Invoice['billedTo']> => {
    const person = await database.kysely
      .selectFrom('users as u')
      .innerJoin('organizations as o', (join) => join.on('o.id', '=', payment.organizationId))
      .select(['u.name', billedEmail.as('email'), 'o.name as organization'])
      .where('u.id', '=', payment.userId)
      .executeTakeFirstOrThrow()
    return person
  }

  return {
    async invoice(id, owner) {
      const found = await billing.invoice(id, owner)
      if (!found.ok) return found
      const invoice = found.value
      const { numberText, issuedAt } = invoice
      if (numberText === null || issuedAt === null)
        return failure('conflict', { message: 'A draft is no document yet: it has no number.' })
      const corrected = invoice.correctsId === null ? null : await billing.invoice(invoice.correctsId)
      const corrects = corrected?.ok ? corrected.value.numberText : null
      const issuer = await issuerOf(invoice.issuer, issuedAt)
      const bytes = await invoicePdf({ invoice: { ...invoice, numberText, issuedAt }, issuer, corrects })
      return success({ name: numberText, bytes })
    },

    async receipt(paymentId, owner) {
      const found = await billing.payment(paymentId, owner)
      if (!found.ok) return found
      const payment = found.value
      const { decidedAt } = payment
      if (payment.status !== 'paid' || decidedAt === null)
        return failure('conflict', { message: 'There is no receipt for what is not paid.' })
      const invoice = payment.invoiceId === null ? null : await billing.invoice(payment.invoiceId)
      const billed = invoice?.ok ? invoice.value : null
      const bytes = await receiptPdf({
        payment: { ...payment, decidedAt },
        issuer: await issuerOf(billed?.issuer ?? (await billing.settings()).issuer, decidedAt),
        billedTo: billed?.billedTo ?? (await billedToOf(payment)),
        invoiceNumber: billed?.numberText ?? null,
      })
      return success({ name: `receipt-${billed?.numberText ?? payment.id}`, bytes })
    },

    async issuer() {
      const { issuer } = await billing.settings()
      return (
        (await issuerAt(database.kysely, issuer, null)) ?? {
          ...nobody(issuer),
          version: 0,
          effectiveAt: null,
        }
      )
    },

    async saveIssuer(actor, issuer, reason) {
      const id = (await billing.settings()).issuer
      return database.kysely.transaction().execute(async (transaction) => {
        const before = await issuerAt(transaction, id, null)
        const version = {
          ...issuer,
          address: [...issuer.address],
          version: (before?.version ?? 0) + 1,
          effectiveAt: clock(),
        }
        await insertIssuer(transaction, id, { ...version, createdBy: actor.id ?? actor.kind, reason })
        await recordAudit(transaction, {
          organizationId: platformOrganizationId,
          actor,
          action: 'invoice_issuer.changed',
          subject: { kind: 'invoice_issuer', id },
          before,
          after: version,
          reason,
        })
        return version
      })
    },
  }
}

const nobody = (issuer: string): Issuer => ({
  name: issuer,
  address: [],
  taxId: null,
  email: null,
  note: null,
})
