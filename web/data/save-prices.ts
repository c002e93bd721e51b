import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query'
import type { Reply, Request } from '../../src/contract/endpoints.ts'
import { type CallFault, call } from './call.ts'

const priceReads = [
  'listPrices',
  'listModelPrices',
  'listPriceCoverage',
  'readPriceBook',
  'listPriceBookVersions',
  'listPriceChanges',
] as const

type Changed = Reply<'createPriceChange'>
type Change = Pick<Request<'createPriceChange'>['body'], 'edits' | 'reason'>

/** One change of the price book, in force at once where one administrator may decide it; else it waits for another. */
export const useChangePrices = (): UseMutationResult<Changed, CallFault, Change> => {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (change: Change) => call('createPriceChange', { body: { ...change, approve: true } }),
    onSettled: () => Promise.all(priceReads.map((read) => client.invalidateQueries({ queryKey: [read] }))),
  })
}

/** What became of a change, after the words for it. */
export const outcomeWords = (done: string, { change, preview }: Changed): string =>
  change.status === 'approved'
    ? `${done}, in force at once.`
    : `${done} when another administrator approves it. ${preview?.needsBecause ?? ''}`.trim()
