import { describe, expect, test } from 'vitest'
import type { ServiceKey } from '../keys/keys.ts'
import { findService } from '../services/registry.ts'
import type { Service } from '../services/service.ts'
import { arrange, type Lot } from './arrange.ts'
import type { Candidate } from './route.ts'

const openai = findService('openai') as Service
const caching: Service = { ...openai, id: 'caching', cachesPrompts: true }
const { cachesPrompts: _, ...forgetful } = caching

const candidate = (
  id: string,
  more: Partial<Candidate> & { priority?: 1 | 2 | 3; position?: number; service?: Service } = {},
): Candidate => {
  const { priority = 1, position = 0, service = caching, ...rest } = more
  const serviceKey = { id, owner: 'system', priority, position } as unknown as ServiceKey
  return {
    service,
    model: 'm',
    serviceKey,
    via: 'pass_through',
    reason: 'system-key-no-own-key',
    price: null,
    health: 'ok',
    ...rest,
  }
}
const lot = (candidates: Candidate[], more: Partial<Lot> & { place?: number; order?: number } = {}): Lot => {
  const { place = 0, order = 0, ...rest } = more
  const [first] = candidates as [Candidate]
  return {
    offer: {
      service: first.service,
      model: 'm',
      via: 'pass_through',
      price: null,
      mayUseCredits: true,
      place,
      order,
    },
    stage: 2,
    creditMicros: null,
    isHalfOpen: false,
    candidates,
    ...rest,
  }
}
const ids = (found: readonly Candidate[]) => found.map(({ serviceKey }) => serviceKey.id)
const conversations = Array.from({ length: 600 }, (__, index) => `conversation ${index}`)

describe('the keys of one priority', () => {
  const keys = ['a', 'b', 'c'].map((id, position) => candidate(id, { position }))

  test('keep one order in a conversation, and share conversations about equally', () => {
    const firsts = conversations.map((name) => ids(arrange([lot(keys)], name))[0])
    expect(conversations.map((name) => ids(arrange([lot(keys.toReversed())], name))[0])).toEqual(firsts)
    for (const id of ['a', 'b', 'c']) {
      const share = firsts.filter((first) => first === id).length
      expect(share).toBeGreaterThan(140)
      expect(share).toBeLessThan(260)
    }
  })

  test('when one is gone, only its own conversations move', () => {
    for (const name of conversations) {
      const before = ids(arrange([lot(keys)], name))
      const after = ids(arrange([lot(keys.slice(0, 2))], name))
      expect(after).toEqual(before.filter((id) => id !== 'c'))
    }
  })

  test('are in the order of screens without a conversation, and where the service caches nothing', () => {
    expect(ids(arrange([lot(keys)], null))).toEqual(['a', 'b', 'c'])
    const plain = keys.map((key) => ({ ...key, service: forgetful }))
    for (const name of conversations) expect(ids(arrange([lot(plain)], name))).toEqual(['a', 'b', 'c'])
  })

  test('a conversation never overrides priority or health', () => {
    const mixed = [
      candidate('tertiary', { priority: 3 }),
      candidate('ailing', { health: 'half_open' }),
      candidate('a'),
      candidate('secondary', { priority: 2 }),
      candidate('b'),
    ]
    for (const name of conversations) {
      const order = ids(arrange([lot(mixed)], name))
      expect(order.slice(0, 2).toSorted()).toEqual(['a', 'b'])
      expect(order.slice(2)).toEqual(['ailing', 'secondary', 'tertiary'])
    }
  })
})

describe('offers', () => {
  const at = (id: string, more: Parameters<typeof lot>[1] = {}) =>
    lot([candidate(id, { service: { ...caching, id } })], more)

  test('own keys, fewest credits, the administrator’s order, health: in this order', () => {
    const lots = [
      at('ailing', { creditMicros: 2n, place: 1, isHalfOpen: true }),
      at('dear', { creditMicros: 3n, place: 0 }),
      at('healthy', { creditMicros: 2n, place: 1, order: 1 }),
      at('listed-first', { creditMicros: 2n, place: 0, isHalfOpen: true }),
      at('own-elsewhere', { stage: 1 }),
      at('own', { stage: 0, place: 9 }),
      at('cheap', { creditMicros: 1n, place: 9 }),
    ]
    const rank = ['own', 'own-elsewhere', 'cheap', 'listed-first', 'healthy', 'ailing', 'dear']
    for (const name of [null, ...conversations.slice(0, 50)]) {
      expect(ids(arrange(lots, name))).toEqual(rank)
      expect(ids(arrange(lots.toReversed(), name))).toEqual(rank)
    }
  })

  test('that are equal keep one order in a conversation; those that cache prompts come first in it', () => {
    const plain = lot([candidate('plain', { service: { ...forgetful, id: 'plain' } })])
    const lots = [plain, at('x', { order: 1 }), at('y', { order: 2 })]
    expect(ids(arrange(lots, null))).toEqual(['plain', 'x', 'y'])
    const orders = conversations.map((name) => ids(arrange(lots, name)).join())
    expect(new Set(orders)).toEqual(new Set(['x,y,plain', 'y,x,plain']))
    expect(conversations.map((name) => ids(arrange(lots.toReversed(), name)).join())).toEqual(orders)
  })
})
