import type { Operation, Totals } from '../../src/contract/operations.ts'

export interface LivePage<Row> {
  readonly items: readonly Row[]
  readonly nextCursor: string | null
  readonly totals: Totals
}

/** Rows that are not shown yet. An operation that took long comes between older ones: by its id, not at the top. */
export const freshRows = <Row extends Pick<Operation, 'id'>>(
  shown: readonly Row[],
  newest: readonly Row[],
): Row[] => {
  const known = new Set(shown.map(({ id }) => id))
  // What is older than all that is shown belongs to a page that was not asked for yet.
  const oldest = shown.at(-1)?.id ?? ''
  return newest.filter(({ id }) => !known.has(id) && id > oldest)
}

/** So many rows are kept while they come in; then the list begins anew. */
export const mostLiveRows = 600

/**
 * The first page with what has come since. Null: it cannot be told what is missing between the two (more came at once than
 * was asked for), or there are too many by now; then the list is read anew.
 */
export const withNewest = <Row extends Pick<Operation, 'id'>>(
  first: LivePage<Row>,
  newest: LivePage<Row>,
): LivePage<Row> | null => {
  const known = new Set(first.items.map(({ id }) => id))
  const meets = newest.items.some(({ id }) => known.has(id)) || newest.nextCursor === null
  if (!meets && first.items.length > 0) return null
  const items = [...first.items, ...freshRows(first.items, newest.items)].toSorted((a, b) =>
    a.id < b.id ? 1 : -1,
  )
  if (items.length > mostLiveRows) return null
  return {
    ...first,
    items: first.items.length === 0 ? newest.items : items,
    nextCursor: first.items.length === 0 ? newest.nextCursor : first.nextCursor,
    totals: newest.totals,
  }
}
