import { z } from 'zod'
import { reason } from './billing.ts'
import { statementItem } from './credits.ts'
import { defineEndpoints } from './endpoint.ts'
import { operationFilters, operationStatus } from './operations.ts'
import { usageEndpoints } from './usage.ts'
import * as wire from './wire.ts'

/** What a line is about, as its reader sees it: `grant` lines of the ledger are told apart by their grants. */
export const statementCategory = z.enum([
  'allocation',
  'purchase',
  'adjustment',
  'usage',
  'release',
  'refund',
  'reversal',
  'expiry',
  'debt_payment',
  'hold',
])
export type StatementCategory = z.infer<typeof statementCategory>

const categories = statementCategory.options.join('|')

export const statementFilters = z.object({
  since: wire.time.optional(),
  until: wire.time.optional().describe('Before'),
  categories: z
    .string()
    .regex(new RegExp(`^(${categories})(,(${categories}))*$`), 'must be categories with commas between')
    .optional()
    .describe('Which lines, with commas between; opening and closing stay those of the whole time'),
  detail: z
    .enum(['folded', 'all'])
    .default('folded')
    .describe(
      'folded: what an operation held is told with the line that ended it; all: holds are lines, too',
    ),
})
export type StatementFilters = z.output<typeof statementFilters>

/** balance = available + held − debt: what would be available if all that runs cost nothing. */
export const statementBalance = z.object({
  number: wire.count.describe('The last transaction that it includes; 0: before the first'),
  at: wire.time.nullable().describe('When that was; null: before the first'),
  balanceMicros: wire.micros,
  availableMicros: wire.micros,
  heldMicros: wire.micros,
  debtMicros: wire.micros,
})
export type StatementBalance = z.infer<typeof statementBalance>

const operationOfLine = z.object({
  id: wire.id,
  startedAt: wire.time,
  endpoint: z.string(),
  status: operationStatus,
  serviceId: z.string().nullable(),
  model: z.string().nullable(),
})

/** A line of an account's statement: one transaction of the ledger. */
export const statementLine = statementItem.extend({
  category: statementCategory,
  changeMicros: wire.micros.describe('Of the balance: opening + all changes = closing'),
  expiredMicros: wire.micros.describe('Of it, what expired'),
  debtChangeMicros: wire.micros.describe('More than 0: more is owed'),
  balanceMicros: wire.micros.describe('After this line: available + held − debt'),
  heldMicros: wire.micros.describe('After this line'),
  debtMicros: wire.micros.describe('After this line'),
  hold: z
    .object({ number: wire.count, at: wire.time, heldMicros: wire.micros })
    .nullable()
    .describe('What the operation had set aside until this line'),
  operation: operationOfLine.nullable(),
  grants: z.array(
    z.object({
      id: wire.id,
      kind: z.enum(['allocation', 'purchase', 'adjustment']),
      reason: z.string().nullable(),
      changeMicros: wire.micros.describe('Of what it has left'),
      expiresAt: wire.time.nullable(),
    }),
  ),
  paymentId: wire.id.nullable(),
  invoice: z
    .object({ id: wire.id, kind: z.enum(['invoice', 'credit_note']), number: z.string().nullable() })
    .nullable(),
})
export type StatementLine = z.infer<typeof statementLine>

/** Set aside and not ended yet. */
export const pendingLine = z.object({
  operationId: wire.id,
  at: wire.time,
  heldMicros: wire.micros,
  state: z.enum(['open', 'unresolved']).describe('unresolved: its process died, it is being looked into'),
  endpoint: z.string().nullable(),
  serviceId: z.string().nullable(),
  model: z.string().nullable(),
})
export type PendingLine = z.infer<typeof pendingLine>

const range = {
  opening: statementBalance.describe('Before the oldest line of the time asked for'),
  closing: statementBalance.describe('After its newest; the same on every page'),
}

export const statementPage = wire.page(statementLine).extend({
  ...range,
  pending: z.array(pendingLine).max(100).describe('Newest first, on the first page only'),
  pendingMicros: wire.micros.describe('All of it, now'),
})
export type StatementPageOnWire = z.infer<typeof statementPage>

export const statementSummary = z.object({
  ...range,
  categories: z
    .array(
      z.object({
        category: statementCategory,
        lines: wire.count,
        changeMicros: wire.micros,
        spentMicros: wire.micros,
        expiredMicros: wire.micros,
      }),
    )
    .describe('Of the whole time, whatever categories were asked for: opening + all changes = closing'),
  matching: z.object({ lines: wire.count, changeMicros: wire.micros }).describe('What the filters match'),
})
export type StatementSummary = z.infer<typeof statementSummary>

const everybody = { organization: wire.id.optional(), user: wire.id.optional() }

/** The wire's own words and integers in JSON; in CSV one row a line, credits and dollars as exact decimals. */
export const exportFormat = z.object({ format: z.enum(['csv', 'json']).default('csv') })
const usageExport = {
  ...exportFormat.shape,
  rows: z
    .enum(['groups', 'days'])
    .default('groups')
    .describe('Of CSV: a row for each group and payer, or for each day of them as well'),
}
const exported = ['text/csv', 'application/json'] as const
const pdf = ['application/pdf'] as const

const memberParams = z.object({ organization: wire.id, id: wire.id.describe('The user') })

/** Who issues invoices, as printed on them. */
export const invoiceIssuer = z.object({
  name: z.string().trim().min(1).max(120),
  address: z.array(z.string().trim().min(1).max(120)).max(6).describe('Line by line'),
  taxId: z.string().trim().min(1).max(60).nullable(),
  email: wire.email.nullable(),
  note: z.string().trim().min(1).max(500).nullable().describe('Below the total, such as how to pay'),
})
export type InvoiceIssuer = z.infer<typeof invoiceIssuer>
const invoiceIssuerVersion = invoiceIssuer.extend({
  version: wire.count.describe('0: nobody has said yet, and the issuer’s name of the settings is printed'),
  effectiveAt: wire.time.nullable(),
})

export const statementEndpoints = defineEndpoints({
  listStatement: {
    method: 'GET',
    path: '/credits/statement',
    auth: 'session',
    permission: 'own.read',
    group: 'credits',
    summary: 'Your statement, newest first: every line with the balance after it',
    query: wire.pageQuery.extend(statementFilters.shape),
    reply: statementPage,
  },
  readStatementSummary: {
    method: 'GET',
    path: '/credits/statement/summary',
    auth: 'session',
    permission: 'own.read',
    group: 'credits',
    summary: 'Opening and closing balance and what changed it, for the statement’s filters',
    query: statementFilters,
    reply: statementSummary,
  },
  exportStatement: {
    method: 'GET',
    path: '/credits/statement/export',
    auth: 'session',
    permission: 'own.read',
    group: 'credits',
    summary: 'The statement as a file, with the filters of the list',
    query: statementFilters.extend(exportFormat.shape),
    reply: wire.file,
    file: exported,
  },
  listUserStatement: {
    method: 'GET',
    path: '/admin/statements/:organization/:id',
    auth: 'administrator',
    group: 'billing',
    summary: 'A user’s statement',
    params: memberParams,
    query: wire.pageQuery.extend(statementFilters.shape),
    reply: statementPage,
  },
  readUserStatementSummary: {
    method: 'GET',
    path: '/admin/statements/:organization/:id/summary',
    auth: 'administrator',
    group: 'billing',
    summary: 'Opening and closing balance of a user’s statement and what changed it',
    params: memberParams,
    query: statementFilters,
    reply: statementSummary,
  },
  exportUserStatement: {
    method: 'GET',
    path: '/admin/statements/:organization/:id/export',
    auth: 'administrator',
    group: 'billing',
    summary: 'A user’s statement as a file',
    params: memberParams,
    query: statementFilters.extend(exportFormat.shape),
    reply: wire.file,
    file: exported,
  },

  exportOperations: {
    method: 'GET',
    path: '/operations/export',
    auth: 'session',
    permission: 'own.read',
    group: 'operations',
    summary: 'Your operations as a file, with the filters of the list',
    query: operationFilters.extend(exportFormat.shape),
    reply: wire.file,
    file: exported,
  },
  exportAllOperations: {
    method: 'GET',
    path: '/admin/operations/export',
    auth: 'administrator',
    group: 'administration',
    summary: 'Operations of everybody as a file, with the filters of the list',
    query: operationFilters.extend(everybody).extend(exportFormat.shape),
    reply: wire.file,
    file: exported,
  },

  exportUsage: {
    method: 'GET',
    path: '/usage/export',
    auth: 'session',
    permission: 'own.read',
    group: 'operations',
    summary: 'The report of your use as a file',
    query: usageEndpoints.readUsageReport.query.extend(usageExport),
    reply: wire.file,
    file: exported,
  },
  exportAllUsage: {
    method: 'GET',
    path: '/admin/usage/export',
    auth: 'administrator',
    group: 'administration',
    summary: 'The report of everybody’s use as a file',
    query: usageEndpoints.readAllUsage.query.extend(usageExport),
    reply: wire.file,
    file: exported,
  },

  readInvoicePdf: {
    method: 'GET',
    path: '/invoices/:id/pdf',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary: 'One of your invoices or credit notes as PDF; the same bytes each time',
    params: wire.idParams,
    reply: wire.file,
    file: pdf,
  },
  readReceiptPdf: {
    method: 'GET',
    path: '/credits/purchases/:id/receipt',
    auth: 'session',
    permission: 'own.read',
    group: 'billing',
    summary: 'The receipt of one of your payments as PDF; only of one that is paid',
    params: wire.idParams,
    reply: wire.file,
    file: pdf,
  },
  readAnyInvoicePdf: {
    method: 'GET',
    path: '/admin/invoices/:id/pdf',
    auth: 'administrator',
    group: 'billing',
    summary: 'Any invoice or credit note as PDF',
    params: wire.idParams,
    reply: wire.file,
    file: pdf,
  },
  readAnyReceiptPdf: {
    method: 'GET',
    path: '/admin/payments/:id/receipt',
    auth: 'administrator',
    group: 'billing',
    summary: 'The receipt of any payment as PDF',
    params: wire.idParams,
    reply: wire.file,
    file: pdf,
  },
  readInvoiceIssuer: {
    method: 'GET',
    path: '/admin/billing/issuer',
    auth: 'administrator',
    group: 'billing',
    summary: 'Who issues invoices, as printed on the next one',
    reply: invoiceIssuerVersion,
  },
  saveInvoiceIssuer: {
    method: 'PUT',
    path: '/admin/billing/issuer',
    auth: 'administrator',
    stepUp: true,
    group: 'billing',
    summary: 'Change it for invoices that are issued from now on',
    body: z.object({ issuer: invoiceIssuer, reason }),
    reply: invoiceIssuerVersion,
  },
})
