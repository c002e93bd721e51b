import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ServiceKey } from '../../src/contract/service-keys.ts'
import { inOrder, moved, movedTo, placed, placeOf } from './key-order.ts'

const keys = fc
  .array(fc.record({ priority: fc.constantFrom(1, 2, 3), position: fc.nat(20) }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((rows) => rows.map((row, index) => ({ ...row, id: `key-${index}` }) as ServiceKey))
const list = (order: readonly ServiceKey[]) => order.map(({ id, priority }) => `${id}:${priority}`)

test('a step earlier and a step later again leaves every key where it was', () => {
  fc.assert(
    fc.property(keys, fc.nat(), (given, pick) => {
      const id = given[pick % given.length]?.id ?? ''
      const earlier = moved(given, id, -1)
      if (earlier === null) return
      expect(list(moved(earlier, id, 1) ?? [])).toEqual(list(inOrder(given)))
    }),
  )
})

test('steps in one direction bring a key to the end of all priorities and no further', () => {
  fc.assert(
    fc.property(keys, fc.nat(), fc.constantFrom(-1 as const, 1 as const), (given, pick, step) => {
      const id = given[pick % given.length]?.id ?? ''
      let order = given
      for (let steps = 0; steps < 20; steps += 1) order = moved(order, id, step) ?? order
      expect(moved(order, id, step)).toBeNull()
      const end = step === -1 ? inOrder(order)[0] : inOrder(order).at(-1)
      expect(`${end?.id}:${end?.priority}`).toBe(`${id}:${step === -1 ? 1 : 3}`)
      expect(order.map((key) => key.id).toSorted()).toEqual(given.map((key) => key.id).toSorted())
    }),
  )
})

test('a key that is moved into a priority stands last there, and the others keep their order', () => {
  fc.assert(
    fc.property(keys, fc.nat(), fc.constantFrom(1, 2, 3), (given, pick, priority) => {
      const id = given[pick % given.length]?.id ?? ''
      const order = movedTo(given, id, priority)
      if (order === null) return
      expect(order.filter((key) => key.priority === priority).at(-1)?.id).toBe(id)
      const others = (all: readonly ServiceKey[]) => list(inOrder(all).filter((key) => key.id !== id))
      expect(others(order)).toEqual(others(given))
    }),
  )
})

test('a key that is put somewhere stands there, nothing is lost, and the others keep their order', () => {
  fc.assert(
    fc.property(keys, fc.nat(), fc.constantFrom(1, 2, 3), fc.nat(8), (given, pick, priority, index) => {
      const id = given[pick % given.length]?.id ?? ''
      const order = placed(given, id, { priority, index })
      const lane = given.filter((key) => key.priority === priority && key.id !== id).length
      const wanted = { priority, index: Math.min(index, lane) }
      expect(placeOf(order ?? given, id)).toEqual(wanted)
      if (order === null) return
      expect(order.map((key) => key.position)).toEqual(given.map((_, position) => position))
      const others = (all: readonly ServiceKey[]) => list(inOrder(all).filter((key) => key.id !== id))
      expect(others(order)).toEqual(others(given))
      expect(list(inOrder(order))).toEqual(list(order))
    }),
  )
})
