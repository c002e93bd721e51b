import { expect, test } from 'vitest'
import { decisionOnWire } from './decision.ts'

test('a kept decision is shown whole, with what was left out of it', () => {
  const shown = decisionOnWire({
    fallback: 'system',
    candidates: [
      {
        service: 'openai',
        model: 'gpt-4o',
        owner: 'system',
        key: 'k1',
        priority: 1,
        reason: 'r',
        via: 'translation',
      },
    ],
    passedOver: [
      {
        service: 'openai',
        model: 'gpt-4o',
        owner: 'user',
        why: 'cooling',
        until: '2026-11-03T10:00:00.000Z',
      },
    ],
    morePassedOver: 3,
  })
  expect(shown).toEqual({
    fallback: 'system',
    candidates: [
      {
        serviceId: 'openai',
        model: 'gpt-4o',
        keyOwner: 'system',
        serviceKeyId: 'k1',
        keyPriority: 1,
        via: 'translation',
        health: 'ok',
        reason: 'r',
      },
    ],
    passedOver: [
      {
        serviceId: 'openai',
        model: 'gpt-4o',
        keyOwner: 'user',
        serviceKeyId: null,
        why: 'cooling',
        until: '2026-11-03T10:00:00.000Z',
      },
    ],
    moreCandidates: 0,
    morePassedOver: 3,
  })
})

test('what is no decision of ours is none, and never an error', () => {
  expect(decisionOnWire(null)).toBeNull()
  expect(decisionOnWire([])).toBeNull()
  expect(decisionOnWire({ candidates: 'many' })).toBeNull()
  expect(decisionOnWire({ candidates: [null, 1, { service: 'x' }], passedOver: {} })).toEqual({
    fallback: null,
    candidates: [],
    passedOver: [],
    moreCandidates: 0,
    morePassedOver: 0,
  })
})
