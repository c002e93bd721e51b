import type { FileReply } from '../contract/wire.ts'
import { type Column, csvHeader, csvRow } from './csv.ts'

export type Format = 'csv' | 'json'

/** Page after page, asked for as the reader takes them: nothing is kept but one page. */
export type Pages<Item> = AsyncIterable<readonly Item[]>

export const csvFile = async function* <Item>(
  columns: readonly Column<Item>[],
  pages: Pages<Item>,
): AsyncGenerator<string> {
  yield csvHeader(columns)
  for await (const items of pages)
    if (items.length > 0) yield items.map((item) => csvRow(columns, item)).join('')
}

/** An object whose last member is the list; what is told with it comes first. */
export const jsonFile = async function* <Item>(
  told: Readonly<Record<string, unknown>>,
  pages: Pages<Item>,
): AsyncGenerator<string> {
  const head = JSON.stringify(told)
  yield `${head === '{}' ? '{' : `${head.slice(0, -1)},`}"items":[`
  let isFirst = true
  for await (const items of pages) {
    if (items.length === 0) continue
    yield `${isFirst ? '\n' : ',\n'}${items.map((item) => JSON.stringify(item)).join(',\n')}`
    isFirst = false
  }
  yield '\n]}\n'
}

export const fileOf = (name: string, format: Format, at: Date, body: AsyncIterable<string>): FileReply => ({
  contentType:
    format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/json; charset=utf-8',
  fileName: `${name}-${at.toISOString().slice(0, 10)}.${format}`,
  body,
})
