import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeBag, type Place } from './bag.ts'

test('a bag holds what a set would', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 9 })), (steps) => {
      const bag = makeBag<number>()
      const set = new Set<number>()
      const placeOf = new Map<number, Place<number>>()
      for (const one of steps) {
        const place = placeOf.get(one)
        if (place !== undefined && set.has(one)) {
          expect(bag.remove(place)).toBe(set.delete(one))
        } else {
          if (place !== undefined) expect(bag.remove(place)).toBe(false)
          placeOf.set(one, bag.add(one))
          set.add(one)
        }
        expect(bag.places).toHaveLength(set.size)
        expect(new Set(bag.places.map((held) => held.one))).toEqual(set)
      }
    }),
  )
})
