import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import type { PaymentOnWire } from '../../src/contract/billing.ts'
import type { EndpointName } from '../../src/contract/endpoints.ts'
import { type CallFault, call } from '../data/call.ts'
import { read } from '../data/queries.ts'
import { openProvider } from './open-provider.ts'

/** What an arrived payment changes. */
export const paidReads: readonly EndpointName[] = [
  'readBalance',
  'readCredits',
  'readSubscription',
  'listStatement',
  'listPayments',
  'listInvoices',
  'readAutoTopUp',
]

const soonMilliseconds = 2_000
const laterMilliseconds = 10_000
/** A provider's notice takes seconds; an administrator takes hours. */
const soonTimes = 45

/** One payment, looked at until it is decided; then whatever it changes is read anew. */
export const usePayment = (id: string | undefined) => {
  const client = useQueryClient()
  const payment = useQuery<PaymentOnWire, CallFault>({
    ...read('readPayment', { params: { id: id ?? '' } }),
    enabled: id !== undefined,
    staleTime: 0,
    refetchInterval: ({ state }) => {
      if (state.data?.status !== 'requested') return false
      const isSoon = state.data.provider === 'stripe' && state.dataUpdateCount < soonTimes
      return isSoon ? soonMilliseconds : laterMilliseconds
    },
    refetchIntervalInBackground: false,
  })
  const status = payment.data?.status
  const seen = useRef<string | undefined>(undefined)
  useEffect(() => {
    if (status !== undefined && seen.current !== status && status !== 'requested')
      for (const name of paidReads) void client.invalidateQueries({ queryKey: [name] })
    seen.current = status
  }, [status, client])
  return payment
}

/** A request that an administrator has not decided. */
export const useTakeBack = () => {
  const client = useQueryClient()
  return useMutation<unknown, CallFault, string>({
    mutationFn: (id) => call('takeBackPayment', { params: { id } }),
    // Also where somebody has just decided it: then that is shown.
    onSettled: () =>
      Promise.all(
        (['readPayment', ...paidReads] as const).map((name) =>
          client.invalidateQueries({ queryKey: [name] }),
        ),
      ),
  })
}

/** Back to the provider's page of a payment that waits for its payer. */
export const useContinue = (returnPath: string) => {
  const client = useQueryClient()
  return useMutation<unknown, CallFault, string>({
    mutationFn: async (id) => {
      const { checkoutUrl } = await call('continuePayment', { params: { id }, body: { returnPath } })
      if (checkoutUrl !== null) return openProvider(checkoutUrl)
      return Promise.all(
        ['readPayment', ...paidReads].map((name) => client.invalidateQueries({ queryKey: [name] })),
      )
    },
  })
}
