import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { documents, faultsDocument, unusedCodes } from '../scripts/docs-source.ts'
import { readSources } from '../scripts/sources.ts'
import { faults } from '../src/kit/fault.ts'

test.each(Object.entries(documents()))('%s says what the code says (npm run docs)', (path, text) => {
  expect(readFileSync(join(import.meta.dirname, '..', path), 'utf8')).toBe(text)
})

test('the fault document follows a change of any field', () => {
  const row = { status: 418, blame: 'caller', retryable: false, message: 'A | b.', next: 'C.' } as const
  expect(faultsDocument({ teapot: row })).toContain('| `teapot` | 418 | caller | no | A \\| b. | C. |')
  expect(faultsDocument({ teapot: { ...row, retryable: true } })).not.toBe(faultsDocument({ teapot: row }))
})

test('every fault of the table is reported somewhere', () => {
  const sources = readSources(['src']).filter(
    ({ path }) => path !== 'src/kit/fault.ts' && !path.includes('.test.'),
  )
  expect(
    unusedCodes(
      Object.keys(faults),
      sources.map(({ text }) => text),
    ),
  ).toEqual([])
  expect(unusedCodes(['teapot'], [`failure('not_found')`])).toEqual(['teapot'])
})
