import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCsv } from '../reconciliation/csv.ts'
import { type Column, csvHeader, csvRow } from './csv.ts'

const columns: readonly Column<readonly [string, string]>[] = [
  { name: 'text', kind: 'text', value: ([text]) => text },
  { name: 'micros', kind: 'number', value: ([, number]) => number },
]
const written = (rows: readonly (readonly [string, string])[]) =>
  csvHeader(columns) + rows.map((row) => csvRow(columns, row)).join('')

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^[=+\-@\t\r\n ",']{0,4}[a-z"\n,=]{0,6}$/),
)

test('any text comes back as it was, but for the apostrophe before what a spreadsheet would calculate', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyText, fc.bigInt().map(String)), { minLength: 1 }), (rows) => {
      const [header, ...read] = parseCsv(written(rows))
      expect(header).toEqual(['text', 'micros'])
      expect(read.length).toBe(rows.length)
      for (const [index, [text, number]] of rows.entries()) {
        expect(read[index]?.[1]).toBe(number)
        expect([text, `'${text}`]).toContain(read[index]?.[0])
      }
    }),
  )
})

test.each([
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  '\n=1',
  ' =1',
  '＝1',
  '＋1',
  '－1',
  '＠1',
  '\u00a0=1',
  '=cmd|" /C calc"!A0',
])('a cell that a spreadsheet would calculate is text: %j', (text) => {
  expect(parseCsv(written([[text, '-1']]))[1]).toEqual([`'${text}`, '-1'])
})

test('lines end as RFC 4180 says, and a number is never anything but digits', () => {
  expect(written([['a "b", c', '-1.50']])).toBe('text,micros\r\n"a ""b"", c",-1.50\r\n')
  for (const wrong of ['1e21', '=1', 'NaN', '1,5', ''])
    expect(() => written([['', wrong]])).toThrow('not a decimal')
})
