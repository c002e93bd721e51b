import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { Request } from '../../src/contract/endpoints.ts'
import { type CallFault, call } from './call.ts'

export const priceReads = ['listPrices', 'listModelPrices', 'listPriceCoverage'] as const

interface PriceChanges {
  readonly set: readonly Request<'setPrice'>['body'][]
  readonly remove: readonly Request<'removePrice'>['query'][]
}

/** Several prices by one button; each is a change of its own, so what was saved before a fault stays saved. */
export const useSavePrices = () => {
  const client = useQueryClient()
  return useMutation<void, CallFault, PriceChanges>({
    mutationFn: async ({ set, remove }) => {
      for (const query of remove) await call('removePrice', { query })
      for (const body of set) await call('setPrice', { body })
    },
    onSettled: () => Promise.all(priceReads.map((read) => client.invalidateQueries({ queryKey: [read] }))),
  })
}
