import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type RefObject, useEffect, useRef, useState } from 'react'
import type { Operation } from '../../src/contract/operations.ts'
import { call } from '../data/call.ts'
import { freshRows, type LivePage, withNewest } from './live.ts'
import type { OperationFilters } from './filters.tsx'

const askedEveryMilliseconds = 4_000
const askedFor = 50

interface Live {
  /** How many wait to be shown. */
  readonly waiting: number
  readonly show: () => void
  /** To be read out: what has just come in. */
  readonly said: string
}

/**
 * New operations every few seconds, while the page is visible. Asking beats a stream of events here: any process of the
 * installation can answer, proxies need no setting, a page in the background costs nothing, and the rows are those of the
 * same query as the list. What is read is one indexed page without totals; only when something came are those read again.
 *
 * Rows come in by themselves only where nobody is reading: with the list scrolled, pointed at or focused, or a receipt
 * open, they wait behind a button, so that nothing moves away under the hand.
 */
export const useLive = (options: {
  on: boolean
  filters: OperationFilters
  shown: readonly Pick<Operation, 'id'>[] | undefined
  held: boolean
  list: RefObject<HTMLElement | null>
}): Live => {
  const { on, filters, shown, held, list } = options
  const client = useQueryClient()
  const [said, setSaid] = useState('')
  const taking = useRef(false)
  const newest = useQuery({
    queryKey: ['tailOperations', filters],
    queryFn: ({ signal }) => call('tailOperations', { query: { ...filters, limit: askedFor } }, signal),
    enabled: on && shown !== undefined,
    refetchInterval: askedEveryMilliseconds,
    refetchIntervalInBackground: false,
    // Operations never change once they are on record.
    gcTime: 0,
    retry: false,
  })
  const waiting = shown && newest.data ? freshRows(shown, newest.data.items).length : 0

  const show = async () => {
    if (taking.current) return
    taking.current = true
    try {
      const page = await call('listOperations', { query: { ...filters, limit: askedFor } })
      const key = ['listOperations', 'pages', filters]
      const known = client.getQueryData<{ pages: LivePage<Operation>[]; pageParams: unknown[] }>(key)
      const [first, ...older] = known?.pages ?? []
      const merged = first && withNewest(first, page)
      if (known && merged) client.setQueryData(key, { ...known, pages: [merged, ...older] })
      else await client.resetQueries({ queryKey: key })
      const came = first ? freshRows(first.items, page.items).length : page.items.length
      if (came > 0) setSaid(`${came} new ${came === 1 ? 'operation' : 'operations'}`)
    } catch {
      // The next time it is asked; a gateway that is away is told of elsewhere.
    } finally {
      taking.current = false
    }
  }

  useEffect(() => {
    if (waiting > 0 && !held && !isBeingRead(list.current)) void show()
    // `show` is made anew with each rendering; what it does depends on the rest.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [waiting, held, newest.dataUpdatedAt])

  return { waiting: on ? waiting : 0, show: () => void show(), said }
}

/** Below its top, under the pointer, or with the focus in it. */
const isBeingRead = (list: HTMLElement | null): boolean =>
  list !== null && (window.scrollY > 40 || list.matches(':hover') || list.contains(document.activeElement))
