import { failure, type Outcome, success } from '../kit/fault.ts'
import type { AccountKey } from './store.ts'
import type { Owner } from './subscription.ts'

/** Whose account somebody's pages on credits, subscription and invoices are about. */
export interface Payer extends Owner {
  readonly accountId: string | null
  /** `organization`: its one account pays for everybody. */
  readonly kind: 'own' | 'organization'
  /** The organisation pays, and this is somebody who does not manage that: their own account only waits. */
  readonly isIdle: boolean
}

/** The holder of an organisation's own account is the organisation itself (migration 0088). */
export const holderOf = (organizationId: string): Owner => ({ organizationId, userId: organizationId })

export const accountKeyOf = ({ organizationId, accountId }: Payer): AccountKey | null =>
  accountId === null ? null : { organizationId, accountId }

/** Nobody buys for an account that nothing is taken from. */
export const mayBuy = (payer: Payer): Outcome<Payer> =>
  payer.isIdle
    ? failure('policy_denied', {
        message: 'Your organisation pays for everybody’s credits.',
        next: 'Ask those who manage its billing for more.',
      })
    : success(payer)
