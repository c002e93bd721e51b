import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { Request } from '../../src/contract/endpoints.ts'
import type { Me } from '../../src/contract/session.ts'
import { type CallFault, call } from './call.ts'
import { meQuery } from './session.ts'

type EntryName = 'signIn' | 'signInWithLink' | 'finishSignIn' | 'setUp'

/** Opens a session; nothing that was read for somebody else before stays in the cache. */
export const useEnter = <Name extends EntryName>(name: Name, onEntered: () => void) =>
  useEntering<Request<Name>>((request) => call(name, request) as Promise<Me>, onEntered)

/** The same by whatever opens one. */
export const useEntering = <Given, Entered extends Me = Me>(
  enter: (given: Given) => Promise<Entered>,
  onEntered: (entered: Entered) => void,
) => {
  const client = useQueryClient()
  return useMutation<Entered, CallFault, Given>({
    mutationFn: enter,
    onSuccess: (me) => {
      client.clear()
      client.setQueryData(meQuery.queryKey, me)
      onEntered(me)
    },
  })
}

/** The part of /sign-in#<token> after the hash, taken out of the address bar and the history at once. */
export const takeLinkToken = (hash: string): string | null => {
  const token = hash.replace(/^#/, '')
  if (token === '') return null
  history.replaceState(history.state, '', location.pathname + location.search)
  return token
}
