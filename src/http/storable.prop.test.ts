import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { unstorablePath } from './storable.ts'

const good = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'))
const bad = fc
  .tuple(good, fc.constantFrom('\0', '\ud800', '\udfff', '\udc00\ud800'), good)
  .map((parts) => parts.join(''))
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    good,
    fc.constantFrom(null, true, 1.5),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(good, tie('value'), { maxKeys: 4 }),
  ),
}))
/** A name that is nobody else's: what is looked for is the only wrong thing there is. */
const at = (steps: readonly (string | number)[], inner: unknown, beside: readonly unknown[]): unknown =>
  steps.reduceRight<unknown>(
    (built, step) => (typeof step === 'number' ? [...beside, built] : { beside, [`at ${step}`]: built }),
    inner,
  )

describe('what PostgreSQL cannot store', () => {
  test('is not found in what it can', () => {
    fc.assert(fc.property(value, (anything) => unstorablePath(anything) === null))
  })

  test('is found wherever it is, as a text or as a name, and named by its place', () => {
    const steps = fc.array(fc.oneof(good, fc.constant(0)), { maxLength: 5 })
    const beside = fc.array(value, { maxLength: 2 })
    fc.assert(
      fc.property(steps, bad, beside, (way, wrong, others) => {
        const path = way.map((step) => (typeof step === 'number' ? String(others.length) : `at ${step}`))
        expect(unstorablePath(at(way, wrong, others))).toEqual(path)
        expect(unstorablePath(at(way, { [wrong]: 1 }, others))).toEqual([...path, wrong])
      }),
    )
  })

  test('is looked for in bodies of any depth, and not in bytes', () => {
    const depth = 50_000
    const deep: unknown = JSON.parse(`${'['.repeat(depth)}"\\u0000"${']'.repeat(depth)}`)
    expect(unstorablePath(deep)).toHaveLength(depth)
    expect(unstorablePath({ file: Buffer.from([0]) })).toBeNull()
  })
})
