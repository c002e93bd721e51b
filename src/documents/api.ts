import type { Billing } from '../billing/billing.ts'
import type { FileReply } from '../contract/wire.ts'
import { defineHandlers } from '../http/handler.ts'
import type { SignedIn } from '../identity/identity.ts'
import { must, type Outcome } from '../kit/fault.ts'
import type { Issuer } from './document.ts'
import type { Document, Documents } from './documents.ts'

interface DocumentApiParts {
  readonly documents: Documents
  readonly billing: Pick<Billing, 'payer'>
}

export const documentApi = ({ documents, billing }: DocumentApiParts) => {
  const ownerOf = ({ organization, userId, role }: SignedIn) =>
    billing.payer({ organizationId: organization.id, userId, role })
  return defineHandlers<
    | 'readInvoicePdf'
    | 'readReceiptPdf'
    | 'readAnyInvoicePdf'
    | 'readAnyReceiptPdf'
    | 'readInvoiceIssuer'
    | 'saveInvoiceIssuer'
  >({
    readInvoicePdf: async ({ params }, { signedIn }) =>
      pdf(await documents.invoice(params.id, await ownerOf(signedIn))),
    readReceiptPdf: async ({ params }, { signedIn }) =>
      pdf(await documents.receipt(params.id, await ownerOf(signedIn))),
    readAnyInvoicePdf: async ({ params }) => pdf(await documents.invoice(params.id)),
    readAnyReceiptPdf: async ({ params }) => pdf(await documents.receipt(params.id)),
    readInvoiceIssuer: async () => issuerOnWire(await documents.issuer()),
    saveInvoiceIssuer: async ({ body }, { actor }) =>
      issuerOnWire(await documents.saveIssuer(actor, body.issuer, body.reason)),
  })
}

const pdf = (document: Outcome<Document>): FileReply => {
  const { name, bytes } = must(document)
  return { contentType: 'application/pdf', fileName: `${name}.pdf`, body: bytes }
}

const issuerOnWire = (issuer: Issuer & { version: number; effectiveAt: Date | null }) => ({
  name: issuer.name,
  address: [...issuer.address],
  taxId: issuer.taxId,
  email: issuer.email,
  note: issuer.note,
  version: issuer.version,
  effectiveAt: issuer.effectiveAt?.toISOString() ?? null,
})
