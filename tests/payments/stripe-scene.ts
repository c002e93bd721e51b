import { startStripe, type StripeStandIn } from '../../simulator/stripe.ts'
import type { Payer, PaymentRequest } from '../../src/billing/provider.ts'
import { newId } from '../../src/kit/id.ts'
import { silentLog } from '../../src/kit/log.ts'
import { makeOutbound, type Outbound } from '../../src/net/outbound.ts'
import { type CustomerBook, makeStripeProvider, type StripeProvider } from '../../src/payments/stripe.ts'

export const stripeSecrets = {
  secretKey: `sk_test_51${'a'.repeat(40)}`,
  webhookSecret: `whsec_${'b'.repeat(32)}`,
}

export const goodCard = '4242424242424242'
export const declinedCard = '4000000000000002'
export const savesButDeclines = '4000000000000341'
export const asksItsBank = '4000002760003184'

export interface ProviderScene extends AsyncDisposable {
  readonly standIn: StripeStandIn
  readonly provider: StripeProvider
  readonly outbound: Outbound
}

/** The provider with the official SDK in front of the stand-in; whose customer is whose is kept in memory. */
export const openProviderScene = async (): Promise<ProviderScene> => {
  const standIn = await startStripe({ secretKey: stripeSecrets.secretKey })
  const outbound = makeOutbound()
  outbound.allow([`127.0.0.1:${standIn.port}`])
  const provider = makeStripeProvider({
    account: { ...stripeSecrets, apiUrl: standIn.url },
    outbound,
    customersOf: makeBook,
    log: silentLog,
  })
  return {
    standIn,
    provider,
    outbound,
    async [Symbol.asyncDispose]() {
      await outbound.close()
      await standIn.close()
    },
  }
}

const makeBook = (): CustomerBook => {
  const known = new Map<string, string>()
  return {
    find: async ({ accountId }) => known.get(accountId) ?? null,
    write: async ({ accountId }, customerId) => void known.set(accountId, customerId),
  }
}

export const makePayer = (): Payer => ({
  organizationId: newId(),
  accountId: newId(),
  userId: newId(),
  email: 'ada@example.com',
  name: 'Ada',
})

export const makeRequest = (payer: Payer, more: Partial<PaymentRequest> = {}): PaymentRequest => ({
  paymentId: newId(),
  payer,
  amountMinor: 1_900n,
  currency: 'USD',
  description: '2,000 credits',
  ...more,
})

export const returnUrl = 'https://keys.example.com/credits'
