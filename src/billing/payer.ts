import { failure, type Outcome, success } from '../kit/fault.ts'
import type { AccountKey } from './store.ts'
import type { Owner, Seen, SubscriptionChange } from './subscription.ts'

/** Whose account somebody's pages on credits, subscription and invoices are about. */
export interface Payer extends Seen {
  readonly accountId: string | null
  /** `organization`: its one account. */
  readonly kind: 'own' | 'organization'
  /** Nothing is taken from it: the organisation pays for everybody, or its account does not any more. */
  readonly isIdle: boolean
  /** Whether this person may spend what is in it, and bind whoever pays for it. */
  readonly isTheirs: boolean
}

/** The holder of an organisation's own account is the organisation itself (migration 0088). */
export const holderOf = (organizationId: string): Owner => ({ organizationId, userId: organizationId })

export const accountKeyOf = ({ organizationId, accountId }: Payer): AccountKey | null =>
  accountId === null ? null : { organizationId, accountId }

/** What costs nothing more. */
export const mayEnd = (payer: Payer): Outcome<Payer> =>
  payer.isTheirs
    ? success(payer)
    : failure('forbidden', { message: 'This is for those who manage the billing of your organisation.' })

/** Nobody buys for an account that nothing is taken from. */
export const mayBuy = (payer: Payer): Outcome<Payer> => {
  if (!payer.isIdle) return mayEnd(payer)
  return payer.kind === 'own'
    ? failure('policy_denied', {
        message: 'Your organisation pays for everybody’s credits.',
        next: 'Ask those who manage its billing for more.',
      })
    : failure('policy_denied', { message: 'Everybody in your organisation pays for themselves.' })
}

/** An account that nothing is taken from is paid for until somebody ends that. */
export const mayChange = (payer: Payer, { kind }: SubscriptionChange): Outcome<Payer> =>
  kind === 'cancel' || kind === 'pause' ? mayEnd(payer) : mayBuy(payer)
