import { expect, test } from 'vitest'
import type { Service } from '../../src/contract/service-keys.ts'
import { matchingServices, serviceGroups, tasksOf } from './service-groups.ts'

const service = (id: string, status: Service['coverage']['status'], tasks: string[]): Service => ({
  id,
  name: id.toUpperCase(),
  docsUrl: '',
  keysUrl: null,
  keyHint: '',
  keyShapes: [],
  needsBaseUrl: false,
  baseUrlHint: null,
  secretKind: 'word',
  settingFields: [],
  tasks,
  enabled: true,
  coverage: { status, keyOwner: null, reason: '', next: null },
  mayManageKey: true,
  mayNotBecause: null,
  exception: null,
})
const services = [
  service('alpha', 'not_covered', ['chat', 'image']),
  service('beta', 'own_key', ['image']),
  service('gamma', 'system_credits', ['chat']),
  service('delta', 'keys_only', []),
]

test('every service stands in exactly one group, however they are grouped', () => {
  for (const by of ['status', 'task'] as const) {
    const ids = serviceGroups(services, by).flatMap((group) => group.services.map(({ id }) => id))
    expect(ids.toSorted()).toEqual(['alpha', 'beta', 'delta', 'gamma'])
  }
  expect(serviceGroups(services, 'status').map(({ key }) => key)).toEqual([
    'own_key',
    'system_credits',
    'not_covered',
    'keys_only',
  ])
})

test('filters add up: search, standing and task', () => {
  const ids = (filters: Parameters<typeof matchingServices>[1]) =>
    matchingServices(services, filters).map(({ id }) => id)
  expect(ids({})).toHaveLength(4)
  expect(ids({ q: 'alp' })).toEqual(['alpha'])
  expect(ids({ task: 'image' })).toEqual(['alpha', 'beta'])
  expect(ids({ task: 'image', status: 'own_key' })).toEqual(['beta'])
  expect(tasksOf(services)).toEqual(['chat', 'image', 'other'])
})
