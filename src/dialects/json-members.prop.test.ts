import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readMembers, replaceMembers } from './json-members.ts'

const objects = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 8 })
const spacing = fc.constantFrom('', ' ', '\n', '\t ', '\r\n')

/** The same object with other white space between its tokens. */
const spaced = (object: Record<string, unknown>, space: string): Buffer => {
  const members = Object.entries(object).map(
    ([name, value]) => `${JSON.stringify(name)}${space}:${space}${JSON.stringify(value)}`,
  )
  return Buffer.from(`${space}{${space}${members.join(`${space},${space}`)}${space}}${space}`)
}

test('every top-level member is found with exactly its bytes, whatever the spacing and nesting', () => {
  fc.assert(
    fc.property(objects, spacing, (object, space) => {
      const text = spaced(object, space)
      const { byName, duplicate } = readMembers(text)
      expect(duplicate).toBeNull()
      expect([...byName.keys()]).toEqual(Object.keys(object))
      for (const { name, start, end } of byName.values())
        expect(text.toString('utf8', start, end)).toBe(JSON.stringify(object[name]))
    }),
    { numRuns: 500 },
  )
})

test('replacing members changes them and nothing else', () => {
  fc.assert(
    fc.property(objects, objects, spacing, (object, changes, space) => {
      const text = spaced(object, space)
      const replaced = replaceMembers(text, readMembers(text), new Map(Object.entries(changes)))
      const expected = Object.fromEntries([...Object.entries(object), ...Object.entries(changes)])
      expect(JSON.parse(replaced.toString('utf8'))).toEqual(JSON.parse(JSON.stringify(expected)))
    }),
    { numRuns: 500 },
  )
})

test('a name that occurs twice is told, also when one is escaped differently', () => {
  expect(readMembers(Buffer.from('{"model":"a","n":1,"model":"b"}')).duplicate).toBe('model')
  expect(readMembers(Buffer.from('{"model":"a","\\u006dodel":"b"}')).duplicate).toBe('model')
  expect(readMembers(Buffer.from('{"a":{"model":"a"},"model":"b"}')).duplicate).toBeNull()
})
