import { defineHandlers } from '../http/handler.ts'
import { FaultError, fault } from '../kit/fault.ts'

const notYet = async (): Promise<never> => {
  throw new FaultError(fault('unknown_route'))
}

/** Published ahead of its room, so that screens can be built against the contract. */
export const documentApi = defineHandlers({
  readInvoicePdf: notYet,
  readReceiptPdf: notYet,
  readAnyInvoicePdf: notYet,
  readAnyReceiptPdf: notYet,
  readInvoiceIssuer: notYet,
  saveInvoiceIssuer: notYet,
})
