import { useSuspenseQuery } from '@tanstack/react-query'
import type { Me } from '../../src/contract/session.ts'
import { read } from './queries.ts'

export const meQuery = read('readMe', {})

/** Who is signed in; pages inside the shell are rendered only once this is known. */
export const useMe = (): Me => useSuspenseQuery({ ...meQuery, staleTime: 60_000 }).data
