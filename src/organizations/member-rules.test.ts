import { expect, test } from 'vitest'
import { may, mayChangeRole, roles } from '../contract/permissions.ts'
import { hasOwnerWithout } from './member-rules.ts'

test('owners change everybody, administrators those below them, nobody else anybody', () => {
  const allowed = roles.map((by) => [by, roles.filter((of) => mayChangeRole(by, of))])
  expect(Object.fromEntries(allowed)).toEqual({
    owner: [...roles],
    administrator: ['billing', 'auditor', 'member'],
    billing: [],
    auditor: [],
    member: [],
  })
})

test('nobody gives a role that may more than their own', () => {
  for (const by of roles)
    for (const given of roles.filter((role) => mayChangeRole(by, role)))
      expect(may(given, 'organization.own') && !may(by, 'organization.own')).toBe(false)
})

test('an owner who is suspended does not count', () => {
  const owner = (userId: string, suspendedAt: Date | null) =>
    ({ userId, role: 'owner', suspendedAt }) as const
  expect(hasOwnerWithout([owner('a', null), owner('b', null)], 'a')).toBe(true)
  expect(hasOwnerWithout([owner('a', null), owner('b', new Date())], 'a')).toBe(false)
  expect(
    hasOwnerWithout([owner('a', null), { userId: 'b', role: 'administrator', suspendedAt: null }], 'a'),
  ).toBe(false)
})
