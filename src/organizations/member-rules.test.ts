import { expect, test } from 'vitest'
import { may, mayChangeRole, roles } from '../contract/permissions.ts'
import { hasOwnerWithout, type Standing } from './member-rules.ts'

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

test('an owner who is suspended, here or everywhere, or a machine does not count', () => {
  const owner = (userId: string, but: Partial<Standing> = {}): Standing => ({
    userId,
    role: 'owner',
    suspendedAt: null,
    isPerson: true,
    isUserSuspended: false,
    isRemoved: false,
    ...but,
  })
  expect(hasOwnerWithout([owner('a'), owner('b')], 'a')).toBe(true)
  for (const but of [
    { suspendedAt: new Date() },
    { isUserSuspended: true },
    { isPerson: false },
    { role: 'administrator' },
  ] as const)
    expect(hasOwnerWithout([owner('a'), owner('b', but)], 'a')).toBe(false)
})
