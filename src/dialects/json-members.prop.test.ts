import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  applyEdits,
  duplicateMember,
  memberEdits,
  readMembers,
  readObjectElements,
  replaceMembers,
  withoutMember,
} from './json-members.ts'

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

test('of a parsed object, too: a name that occurs twice is told, and no other one', () => {
  const names = fc.oneof(fc.constantFrom('model', '__proto__', '1', ''), fc.string())
  fc.assert(
    fc.property(fc.array(fc.tuple(names, fc.jsonValue()), { maxLength: 6 }), spacing, (members, space) => {
      const written = members.map(
        ([name, value]) => `${JSON.stringify(name)}${space}:${JSON.stringify(value)}`,
      )
      const text = Buffer.from(`{${written.join(`${space},`)}}`)
      const seen = members.map(([name]) => name)
      const repeated = seen.filter((name, index) => seen.indexOf(name) < index)
      expect(duplicateMember(text, JSON.parse(text.toString('utf8')))).toBe(repeated.at(-1) ?? null)
    }),
    { numRuns: 1000 },
  )
})

test('members of an inner object change, and nothing around it', () => {
  fc.assert(
    fc.property(objects, objects, objects, spacing, (outer, inner, changes, space) => {
      const text = spaced({ ...outer, inner, after: 1 }, space)
      const { byName } = readMembers(text)
      const { start } = byName.get('inner') ?? { start: -1 }
      const edits = memberEdits(text, readMembers(text, start), new Map(Object.entries(changes)), start)
      const merged = Object.fromEntries([...Object.entries(inner), ...Object.entries(changes)])
      const expected = { ...outer, inner: merged, after: 1 }
      expect(JSON.parse(applyEdits(text, edits).toString('utf8'))).toEqual(
        JSON.parse(JSON.stringify(expected)),
      )
    }),
    { numRuns: 300 },
  )
})

test('of an array the objects are found, whatever else is in it', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(objects, fc.jsonValue()), { maxLength: 8 }), spacing, (values, space) => {
      const elements = values.map((value) => `${space}${JSON.stringify(value)}${space}`).join(',')
      const text = Buffer.from(`${space}[${elements}]`)
      const isObject = (value: unknown) =>
        typeof value === 'object' && value !== null && !Array.isArray(value)
      const found = readObjectElements(text, 0).map((start) => [...readMembers(text, start).byName.keys()])
      expect(found).toEqual(values.filter(isObject).map((value) => Object.keys(value as object)))
    }),
    { numRuns: 300 },
  )
})

test('taking a member out leaves all others, wherever it stands', () => {
  fc.assert(
    fc.property(objects, objects, fc.jsonValue(), spacing, (before, after, value, space) => {
      const object = { ...before, stream_options: value, ...after }
      const { stream_options: _, ...rest } = object
      const text = spaced(object, space)
      expect(JSON.parse(withoutMember(text, readMembers(text), 'stream_options').toString())).toEqual(
        JSON.parse(JSON.stringify(rest)),
      )
    }),
    { numRuns: 500 },
  )
})
