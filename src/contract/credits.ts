import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

export const preferences = z.object({
  default: wire.fallback,
  services: z.array(z.object({ serviceId: wire.serviceId, fallback: wire.fallback })).max(100),
})

export const creditGrant = z.object({
  id: wire.id,
  kind: z.enum(['allocation', 'purchase', 'adjustment']),
  amountMicros: wire.micros,
  remainingMicros: wire.micros,
  effectiveAt: wire.time,
  expiresAt: wire.time.nullable(),
  reason: z.string().nullable(),
})
export type CreditGrant = z.infer<typeof creditGrant>

export const tier = z.object({
  id: wire.tierId,
  name: z.string(),
  monthlyAllocationMicros: wire.micros,
  monthlyPriceCents: z.string().regex(/^\d{1,19}$/),
  currency: z.string(),
})
export type Tier = z.infer<typeof tier>

export const credits = z.object({
  availableMicros: wire.micros.describe('What an operation can hold now'),
  heldMicros: wire.micros.describe('Set aside for operations under way'),
  debtMicros: wire.micros.describe('Settled above what was held; paid first by the next grant'),
  tier,
  periodStart: wire.time,
  periodEnd: wire.time,
  nextAllocation: z.object({ at: wire.time, amountMicros: wire.micros }),
  grants: z.array(creditGrant),
  usageByService: z
    .array(
      z.object({
        serviceId: wire.serviceId,
        ownOperations: wire.count.describe('On user or organization keys: no credits'),
        systemOperations: wire.count,
        creditMicros: wire.micros,
        costNanoUsd: wire.nanoUsd.describe('What the services charge for all of them'),
      }),
    )
    .describe('This period'),
})
export type Credits = z.infer<typeof credits>

export const ledgerEntry = z.object({
  number: wire.count.describe("The account's transactions are numbered without gaps"),
  line: z.number().int(),
  kind: z.enum([
    'grant',
    'hold',
    'settle',
    'release',
    'expire',
    'debt_payment',
    'reversal',
    'refund',
    'charge',
  ]),
  bucket: z.enum(['issued', 'available', 'held', 'spent', 'expired', 'debt']),
  amountMicros: wire.micros,
  grantId: wire.id.nullable(),
  operationId: wire.id.nullable(),
  availableMicros: wire.micros.describe('After the whole transaction'),
  at: wire.time,
})
export type LedgerEntry = z.infer<typeof ledgerEntry>

/** What changes with every operation; cheap enough to be asked for every few seconds. */
export const balance = z.object({
  availableMicros: wire.micros,
  heldMicros: wire.micros,
  debtMicros: wire.micros,
  lastNumber: wire.count.describe('Of the last line of the statement: the same number, nothing new'),
})
export type Balance = z.infer<typeof balance>

/** One transaction of the ledger, as a bank statement shows it. */
export const statementItem = z.object({
  number: wire.count,
  at: wire.time,
  kind: ledgerEntry.shape.kind,
  availableChangeMicros: wire.micros,
  heldChangeMicros: wire.micros,
  spentMicros: wire.micros,
  availableMicros: wire.micros.describe('The running balance: available after this transaction'),
  operationId: wire.id.nullable(),
  reason: z.string().nullable(),
})
export type StatementItem = z.infer<typeof statementItem>

export const creditEndpoints = defineEndpoints({
  readPreferences: {
    method: 'GET',
    path: '/preferences',
    auth: 'session',
    permission: 'own.read',
    group: 'preferences',
    summary: 'What happens when no own key can serve a call',
    reply: preferences.extend({ locked: wire.fallback.nullable() }),
  },
  changePreferences: {
    method: 'PUT',
    path: '/preferences',
    auth: 'session',
    permission: 'own.use',
    group: 'preferences',
    summary: 'Set the default and the overrides per service; refused while the organisation locks it',
    body: preferences,
    reply: preferences.extend({ locked: wire.fallback.nullable() }),
  },
  readCredits: {
    method: 'GET',
    path: '/credits',
    auth: 'session',
    permission: 'own.read',
    group: 'credits',
    summary: 'Balance, tier, grants, use this period',
    reply: credits,
  },
  readBalance: {
    method: 'GET',
    path: '/credits/balance',
    auth: 'session',
    permission: 'own.read',
    group: 'credits',
    summary: 'Only the balance, to follow it while operations run',
    reply: balance,
  },
})
