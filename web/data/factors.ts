import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { Me } from '../../src/contract/session.ts'
import type { CallFault } from './call.ts'
import { meQuery } from './session.ts'

interface Changed {
  readonly me: Me
  readonly recoveryCodes: string[] | null
}

/** A change of second factors: the session goes on as somebody who has them, or no longer. */
export const useFactorChange = <Given>(change: (given: Given) => Promise<Changed>) => {
  const client = useQueryClient()
  return useMutation<Changed, CallFault, Given>({
    mutationFn: change,
    onSuccess: async ({ me }) => {
      client.setQueryData(meQuery.queryKey, me)
      await Promise.all(
        ['readFactors', 'listSessions'].map((read) => client.invalidateQueries({ queryKey: [read] })),
      )
    },
  })
}
