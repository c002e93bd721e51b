import fc from 'fast-check'
import { expect, test } from 'vitest'
import { groupId } from '../../src/contract/groups.ts'
import { groupIdFrom, movedModel } from './group-order.ts'

test('a moved model is where it was put, no model is lost, and the others keep their order', () => {
  const list = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(list, fc.nat(9), fc.nat(9), (models, from, to) => {
      const next = movedModel(models, from, to)
      const model = models[from]
      const isMoved = model !== undefined && to < models.length
      expect(next[isMoved ? to : from]).toBe(model)
      expect(next.filter((each) => each !== model)).toEqual(models.filter((each) => each !== model))
    }),
  )
})

test('what is made of a label is a name that the gateway takes, or empty', () => {
  expect(groupIdFrom('Übersetzer für Kunden!')).toBe('ubersetzer-fur-kunden')
  fc.assert(
    fc.property(fc.string(), (label) => {
      const id = groupIdFrom(label)
      expect(id.length < 2 || groupId.safeParse(id).success).toBe(true)
    }),
  )
})
