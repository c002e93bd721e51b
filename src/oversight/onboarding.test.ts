import { expect, test } from 'vitest'
import { roles } from '../contract/permissions.ts'
import { stepsFor } from './onboarding.ts'

const nothing = {
  systemKeys: false,
  ownKeys: false,
  credits: false,
  tokens: false,
  operations: false,
  otherMembers: false,
  policySaved: false,
}
const steps = (who: Partial<Parameters<typeof stepsFor>[0]>, facts = {}) =>
  stepsFor(
    { role: 'member', isCompany: true, isPlatformAdministrator: false, ...who },
    { ...nothing, ...facts },
  ).map(({ id, done }) => (done ? `${id}, done` : id))

test('nobody is asked for what their role may not do', () => {
  expect(Object.fromEntries(roles.map((role) => [role, steps({ role })]))).toEqual({
    owner: ['cover', 'token', 'request', 'members', 'policy'],
    administrator: ['cover', 'token', 'request', 'members', 'policy'],
    billing: ['cover', 'token', 'request'],
    auditor: [],
    member: ['cover', 'token', 'request'],
  })
  expect(steps({ role: 'owner', isCompany: false, isPlatformAdministrator: true })).toEqual([
    'system_key',
    'cover',
    'token',
    'request',
  ])
})

test('credits are no use without a system key, and an own key needs neither', () => {
  expect(steps({}, { credits: true })).toContain('cover')
  expect(steps({}, { credits: true, systemKeys: true })).toContain('cover, done')
  expect(steps({}, { ownKeys: true })).toContain('cover, done')
})
