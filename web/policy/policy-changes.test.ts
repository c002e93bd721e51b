import { expect, test } from 'vitest'
import type { PolicyDocument } from '../../src/contract/policy.ts'
import { policyChanges } from './policy-changes.ts'

const open: PolicyDocument = {
  controlPolicy: 'user_control',
  criticalServices: [],
  systemKeysAllowed: true,
  lockedFallback: null,
  allowed: null,
}
const nameOf = (id: string) => id.toUpperCase()

test('only what is different is told, in the words of the form', () => {
  expect(policyChanges(open, open, nameOf)).toEqual([])
  const after: PolicyDocument = {
    ...open,
    controlPolicy: 'hybrid',
    criticalServices: ['openai'],
    allowed: {
      services: null,
      models: [],
      groups: null,
      keyHealth: 'valid',
      maximumKeyAgeDays: 1,
      dataRegions: ['gb', 'us'],
      noTraining: true,
    },
  }
  expect(policyChanges(open, after, nameOf)).toEqual([
    { name: 'Control policy', before: 'User control', after: 'Hybrid' },
    { name: 'Critical services', before: 'none', after: 'OPENAI' },
    { name: 'Models', before: 'all', after: 'none' },
    { name: 'Own keys', before: 'any', after: 'only proven ones' },
    { name: 'Age of own keys', before: 'any', after: 'at most 1 day' },
    { name: 'Data regions', before: 'any', after: 'United Kingdom, United States' },
    { name: 'Training with your data', before: 'not looked at', after: 'not allowed' },
  ])
})

test('of long lists only what comes and goes is told', () => {
  const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const of = (criticalServices: string[]): PolicyDocument => ({ ...open, criticalServices })
  expect(policyChanges(of(many), of([...many, 'i']), nameOf)).toEqual([
    { name: 'Critical services', before: null, after: 'and I; 9 in all' },
  ])
  expect(policyChanges(of(many), of([...many.slice(1), 'i']), nameOf)).toEqual([
    { name: 'Critical services', before: 'A', after: 'and I; 8 in all' },
  ])
  expect(policyChanges(of(many), of(many.slice(0, 7)), nameOf)).toEqual([
    { name: 'Critical services', before: 'H', after: '7 in all' },
  ])
  expect(policyChanges(of(many), of(['a']), nameOf)).toMatchObject([{ after: 'A' }])
})
