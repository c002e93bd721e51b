import { expect, test } from 'vitest'
import { differencesOf } from './difference.ts'

test.each<[string, unknown, unknown, ReturnType<typeof differencesOf>]>([
  ['nothing', null, null, []],
  ['the same', { a: 1, b: [1, { c: 'x' }] }, { b: [1, { c: 'x' }], a: 1 }, []],
  ['a value', { a: 1, b: 2 }, { a: 1, b: 3 }, [{ field: 'b', before: '2', after: '3' }]],
  ['a thing made', null, { label: 'new' }, [{ field: 'label', before: null, after: 'new' }]],
  ['a thing taken away', { label: 'old' }, null, [{ field: 'label', before: 'old', after: null }]],
  ['no value any more', { a: 'x' }, { a: null }, [{ field: 'a', before: 'x', after: null }]],
  [
    'a list emptied',
    { a: ['x'] },
    { a: [] },
    [
      { field: 'a', before: null, after: '[]' },
      { field: 'a.0', before: 'x', after: null },
    ],
  ],
  [
    'deep inside',
    { a: { b: { c: true } } },
    { a: { b: { c: false } } },
    [{ field: 'a.b.c', before: 'true', after: 'false' }],
  ],
  ['bare values', 'x', 'y', [{ field: '', before: 'x', after: 'y' }]],
])('%s', (_, before, after, differences) => {
  expect(differencesOf(before, after)).toEqual(differences)
})
