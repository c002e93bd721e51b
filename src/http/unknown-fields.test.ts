import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { endpoints } from '../contract/endpoints.ts'
import { unknownField } from './unknown-fields.ts'

const change = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('cancel'), when: z.enum(['now', 'later']).optional() }),
  z.object({ kind: z.literal('change'), tier: z.object({ id: z.string() }) }),
])
const schema = z.object({
  scope: z.object({ userId: z.string().nullable().default(null) }).optional(),
  changes: z.array(change).max(3).nullable(),
  settings: z.record(z.string(), z.object({ value: z.number() })),
  open: z.looseObject({ id: z.string() }).optional(),
  text: z
    .string()
    .transform((text) => text.length)
    .optional(),
})
const good = {
  scope: { userId: 'u' },
  changes: [{ kind: 'cancel' }, { kind: 'change', tier: { id: 'pro' } }],
  settings: { any: { value: 1 } },
  open: { id: 'x', more: true },
  text: 'abc',
}

describe('a field that nothing is known of', () => {
  test('is none of those that the schema has, whatever they hold', () => {
    expect(schema.safeParse(good).success).toBe(true)
    expect(unknownField(schema, good)).toBeNull()
    for (const anything of [null, 1, 'text', [], { scope: 7, changes: {}, settings: null }])
      expect(unknownField(schema, anything)).toBeNull()
  })

  test.each([
    [{ ...good, scop: {} }, ['scop']],
    [{ ...good, scope: { teamId: 't' } }, ['scope', 'teamId']],
    [
      { ...good, changes: [{ kind: 'cancel' }, { kind: 'cancel', tier: { id: 'x' } }] },
      ['changes', '1', 'tier'],
    ],
    [
      { ...good, changes: [{ kind: 'change', tier: { id: 'x', name: 'y' } }] },
      ['changes', '0', 'tier', 'name'],
    ],
    [{ ...good, settings: { any: { value: 1, unit: 'h' } } }, ['settings', 'any', 'unit']],
    [JSON.parse('{"settings":{},"changes":null,"__proto__":{}}'), ['__proto__']],
    [{ ...good, constructor: 1 }, ['constructor']],
  ])('is found with its place', (value, path) => {
    expect(unknownField(schema, value)?.path).toEqual(path)
  })

  test('is told with those that could stand in its place', () => {
    expect(unknownField(schema, { scope: { team: 1 } })?.known).toEqual(['userId'])
  })
})

test('every endpoint knows its own fields, and no other', () => {
  const bodies = Object.values(endpoints).flatMap((endpoint) => ('body' in endpoint ? [endpoint.body] : []))
  fc.assert(
    fc.property(fc.constantFrom(...bodies), fc.string({ minLength: 1 }), (body, name) => {
      fc.pre(!(name in body.shape))
      const known = Object.keys(body.shape)
      expect(unknownField(body, Object.fromEntries(known.map((each) => [each, null])))).toBeNull()
      expect(unknownField(body, { [name]: 1 })).toEqual({ path: [name], known })
    }),
  )
})
