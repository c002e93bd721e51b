import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import type { EndpointName } from '../../src/contract/endpoints.ts'
import { read } from '../data/queries.ts'

const quietMilliseconds = 4_000
const runningMilliseconds = 1_500

/** What stands on the balance, and is read anew only when it has moved. */
const moved: readonly EndpointName[] = ['readCredits']

/**
 * The balance as operations move it, asked for while the page is visible: one row of the account and its live grants, as
 * seldom as the list of operations asks; more often only while something is held.
 */
export const useBalance = () => {
  const client = useQueryClient()
  const balance = useQuery({
    ...read('readBalance', {}),
    refetchInterval: ({ state }) =>
      state.data && state.data.heldMicros !== '0' ? runningMilliseconds : quietMilliseconds,
    refetchIntervalInBackground: false,
  })
  const number = balance.data?.lastNumber
  const seen = useRef<number | undefined>(undefined)
  useEffect(() => {
    if (seen.current !== undefined && number !== seen.current)
      for (const name of moved) void client.invalidateQueries({ queryKey: [name] })
    seen.current = number
  }, [number, client])
  return balance
}
