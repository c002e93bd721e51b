import { FaultError, fault, type Outcome } from '../kit/fault.ts'
import { accountKeyOf } from './loaded.ts'
import { type BillingParts, outcomeOf } from './parts.ts'
import { creditsToTakeBack } from './proration.ts'
import { type AccountGrant, grantsOf } from './store-accounts.ts'
import { grantsOfPayment, readPayment, refundsOf } from './store-payments.ts'
import type { Owner } from './subscription.ts'

/** What an administrator sees of somebody's credits. */
export interface Account extends Owner {
  readonly accountId: string
  readonly balance: {
    readonly availableMicros: bigint
    readonly heldMicros: bigint
    readonly debtMicros: bigint
  }
  /** Newest first; spent and expired ones too. */
  readonly grants: readonly AccountGrant[]
}

/** What a refund would do, were it made now. */
export interface RefundPreview {
  /** The most that can be given back. */
  readonly leftMinor: bigint
  readonly creditMicros: bigint
  /** Of these, what is still there and is taken. */
  readonly unspentMicros: bigint
  /** What has expired since: nobody can spend it, so nobody misses it. */
  readonly expiredMicros: bigint
  /** What was spent or is held: owed, and paid by the next credits of any kind. */
  readonly owedMicros: bigint
}

const mostGrants = 200
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** How a reversal parts, as the ledger does it: what is there first, then what has expired, the rest is owed. */
export const partsOfReversal = (
  grant: Pick<AccountGrant, 'remainingMicros' | 'expiredMicros' | 'issuedMicros'>,
  wantedMicros: bigint,
): Omit<RefundPreview, 'leftMinor'> => {
  const creditMicros = least(wantedMicros, grant.issuedMicros)
  const unspentMicros = least(grant.remainingMicros, creditMicros)
  const expiredMicros = least(grant.expiredMicros, creditMicros - unspentMicros)
  return {
    creditMicros,
    unspentMicros,
    expiredMicros,
    owedMicros: creditMicros - unspentMicros - expiredMicros,
  }
}

export const makeAccounts = ({ database, ledger }: Pick<BillingParts, 'database' | 'ledger'>) => ({
  read: (owner: Owner): Promise<Outcome<Account>> =>
    outcomeOf(async () => {
      const key = await accountKeyOf(database.kysely, owner)
      const [balance, grants] = await Promise.all([
        ledger.balance(key.organizationId, key.accountId),
        grantsOf(database.kysely, key, { limit: mostGrants }),
      ])
      if (balance === null) throw new FaultError(fault('not_found'))
      return { ...owner, accountId: key.accountId, balance, grants }
    }),

  previewRefund: (paymentId: string, amountMinor: bigint): Promise<Outcome<RefundPreview>> =>
    outcomeOf(async () => {
      const payment = await readPayment(database.kysely, paymentId)
      if (!payment) throw new FaultError(fault('not_found'))
      const refunds = await refundsOf(database.kysely, payment)
      const open = refunds.filter(({ status }) => status === 'requested' || status === 'waiting')
      const openMinor = open.reduce((sum, refund) => sum + refund.amountMinor, 0n)
      const leftMinor =
        payment.status === 'paid' ? payment.amountMinor - payment.refundedMinor - openMinor : 0n
      if (amountMinor <= 0n || amountMinor > leftMinor)
        throw new FaultError(
          fault('invalid_request', {
            message:
              payment.status === 'paid'
                ? `At most ${leftMinor} can be refunded.`
                : 'Only what was paid can be refunded.',
            field: 'amountMinor',
          }),
        )
      const wanted = creditsToTakeBack(payment, payment.refundedMinor + openMinor, amountMinor)
      const taken = { creditMicros: 0n, unspentMicros: 0n, expiredMicros: 0n, owedMicros: 0n }
      // In the order in which the refund takes them.
      for (const id of await grantsOfPayment(database.kysely, payment)) {
        const [grant] = await grantsOf(database.kysely, payment, { id, limit: 1 })
        if (!grant) continue
        const parts = partsOfReversal(grant, wanted - taken.creditMicros)
        taken.creditMicros += parts.creditMicros
        taken.unspentMicros += parts.unspentMicros
        taken.expiredMicros += parts.expiredMicros
        taken.owedMicros += parts.owedMicros
      }
      return { leftMinor, ...taken }
    }),
})
