import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { Request } from '../../src/contract/endpoints.ts'
import type { Me } from '../../src/contract/session.ts'
import { type CallFault, call } from '../data/call.ts'
import { meQuery } from '../data/session.ts'

type MoveName = 'switchOrganization' | 'createCompany' | 'joinByInvitation'

/** Work goes on in another organisation: nothing that was read in the one before stays in the cache. */
export const useMove = <Name extends MoveName>(name: Name, onMoved: () => Promise<unknown>) => {
  const client = useQueryClient()
  return useMutation<Me, CallFault, Request<Name>>({
    mutationFn: (request) => call(name, request) as Promise<Me>,
    onSuccess: async (me) => {
      // First away from the page, which may read what the next organisation does not show.
      client.setQueryData(meQuery.queryKey, me)
      await onMoved()
      await client.resetQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'readMe' })
    },
  })
}
