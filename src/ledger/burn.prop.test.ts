import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  allocate,
  type Burnable,
  compareBurn,
  sumParts,
  sumRemaining,
  unwind,
  usableInOrder,
} from './burn.ts'

const start = Date.UTC(2026, 0, 1)
const day = 86_400_000
const instant = fc.integer({ min: 0, max: 10 }).map((days) => new Date(start + days * day))

const grants: fc.Arbitrary<Burnable[]> = fc.uniqueArray(
  fc.record({
    id: fc.uuid(),
    remainingMicros: fc.bigInt(0n, 50n),
    burnPriority: fc.integer({ min: 1, max: 3 }),
    effectiveAt: instant,
    expiresAt: fc.option(instant, { nil: null }),
    createdAt: instant,
  }),
  { selector: (grant) => grant.id, maxLength: 8 },
)
const amount = fc.bigInt(0n, 300n)

test('takes exactly the amount, or all there is, and never more from a grant than it has', () => {
  fc.assert(
    fc.property(grants, amount, (all, micros) => {
      const parts = allocate(all, micros)
      const available = sumRemaining(all)
      expect(sumParts(parts)).toBe(micros < available ? micros : available)
      const remaining = new Map(all.map((grant) => [grant.id, grant.remainingMicros]))
      for (const part of parts) {
        expect(part.micros).toBeGreaterThan(0n)
        expect(part.micros).toBeLessThanOrEqual(remaining.get(part.grantId) ?? 0n)
      }
    }),
  )
})

test('touches a grant only when every one before it in burn order is empty', () => {
  fc.assert(
    fc.property(grants, amount, instant, (all, micros, at) => {
      const usable = usableInOrder(all, at)
      const parts = allocate(usable, micros)
      for (const [index, part] of parts.slice(0, -1).entries())
        expect(part).toEqual({ grantId: usable[index]?.id, micros: usable[index]?.remainingMicros })
      for (const [index, grant] of usable.entries()) {
        const next = usable[index + 1]
        if (next) expect(compareBurn(grant, next)).toBeLessThan(0)
        expect(grant.effectiveAt <= at && (grant.expiresAt === null || grant.expiresAt > at)).toBe(true)
      }
    }),
  )
})

test('the order is total, the same whatever order the grants come in', () => {
  fc.assert(
    fc.property(grants, instant, fc.infiniteStream(fc.nat()), (all, at, random) => {
      const keyed = all.map((grant) => ({ grant, key: random.next().value as number }))
      const shuffled = keyed.toSorted((a, b) => a.key - b.key).map(({ grant }) => grant)
      expect(usableInOrder(shuffled, at)).toEqual(usableInOrder(all, at))
    }),
  )
})

test('priority comes before expiry, expiry before creation, and what never expires is last', () => {
  const at = new Date(start)
  const base = { remainingMicros: 1n, burnPriority: 100, effectiveAt: at, expiresAt: null, createdAt: at }
  const inOrder: Burnable[] = [
    { ...base, id: 'priority', burnPriority: 1 },
    { ...base, id: 'first-to-expire', expiresAt: new Date(start + day) },
    { ...base, id: 'later', expiresAt: new Date(start + 2 * day) },
    { ...base, id: 'older' },
    { ...base, id: 'newer', createdAt: new Date(start + 1) },
  ]
  expect(usableInOrder(inOrder.toReversed(), at).map((grant) => grant.id)).toEqual(
    inOrder.map((grant) => grant.id),
  )
})

test('what is not spent returns to where it came from, last burnt first', () => {
  fc.assert(
    fc.property(grants, amount, amount, (all, micros, spent) => {
      const parts = allocate(all, micros)
      const returned = unwind(parts, spent)
      const held = sumParts(parts)
      expect(sumParts(returned)).toBe(spent < held ? held - spent : 0n)
      const order = parts.map((part) => part.grantId).toReversed()
      expect(returned.map((part) => part.grantId)).toEqual(order.slice(0, returned.length))
      // All but the last one returned come back whole.
      for (const part of returned.slice(0, -1)) expect(parts).toContainEqual(part)
    }),
  )
})
