import { expect, test } from 'vitest'
import { type Scope, withinReach } from './access.ts'

const token = (scopes: Scope[], expiresAt: Date | null = null) =>
  ({ kind: 'user', id: 'u', token: { id: 't', scopes, expiresAt } }) as const
const wanted = (scopes: Scope[], more: object = {}) => ({ scopes, expiresAt: null, ...more })

test('a person’s reach has no end; a token’s is its scopes, without those that need a person’s proof', () => {
  expect(withinReach({ kind: 'user', id: 'u' }, wanted(['manage', 'administer'])).ok).toBe(true)
  const all: Scope[] = ['operations', 'read', 'manage', 'administer']
  expect(withinReach(token(all), wanted(['operations', 'read'])).ok).toBe(true)
  expect(withinReach(token(['manage']), wanted(['operations'])).ok).toBe(false)
  for (const scope of ['manage', 'administer', 'act_for_users'] as const)
    expect(withinReach(token(all), wanted([scope])).ok, scope).toBe(false)
})

test('what a token makes does not outlive it, and decides neither who is a member nor who may speak for one', () => {
  const soon = new Date('2026-12-01')
  const brief = token(['manage', 'read'], soon)
  expect(withinReach(brief, wanted(['read'])).ok).toBe(false)
  expect(withinReach(brief, wanted(['read'], { expiresAt: new Date('2026-12-02') })).ok).toBe(false)
  expect(withinReach(brief, wanted(['read'], { expiresAt: soon })).ok).toBe(true)
  for (const purpose of ['provisioning', 'application'])
    expect(withinReach(token(['manage', 'read']), wanted(['read'], { purpose })).ok, purpose).toBe(false)
})
