import { expect, test } from 'vitest'
import { freshRows, type LivePage, mostLiveRows, withNewest } from './live.ts'

const totals = { operations: 9, creditMicros: '0', costNanoUsd: '0', inputTokens: 0, outputTokens: 0 }
const page = (ids: readonly string[], nextCursor: string | null = 'more'): LivePage<{ id: string }> => ({
  items: ids.map((id) => ({ id })),
  nextCursor,
  totals,
})
const idsOf = (merged: LivePage<{ id: string }> | null) => merged?.items.map(({ id }) => id)

test('new operations come in where their start puts them, and none is shown twice', () => {
  const first = page(['5', '3'])
  expect(idsOf(withNewest(first, page(['6', '5', '4', '3'])))).toEqual(['6', '5', '4', '3'])
  expect(freshRows(first.items, page(['6', '5', '4', '2']).items).map(({ id }) => id)).toEqual(['6', '4'])
})

test('the way to older pages stays the one of the first page', () => {
  expect(withNewest(page(['3'], 'older'), page(['4', '3'], 'other'))?.nextCursor).toBe('older')
  expect(withNewest(page([], null), page(['4'], 'other'))?.nextCursor).toBe('other')
})

test('when more came than one asks for at once, the list begins anew rather than with a gap', () => {
  expect(withNewest(page(['2', '1']), page(['9', '8']))).toBeNull()
  expect(idsOf(withNewest(page(['2', '1']), page(['9', '8'], null)))).toEqual(['9', '8', '2', '1'])
})

test('a list that is left open does not grow without end', () => {
  const many = Array.from({ length: mostLiveRows }, (_, index) => String(900_000 - index))
  expect(withNewest(page(many), page(['950000', '900000']))).toBeNull()
})
