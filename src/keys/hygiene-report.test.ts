import { describe, expect, test } from 'vitest'
import { countsOf, findingsOf, gravityOf, type Viewer } from './hygiene-report.ts'
import type { HygieneRow, SameSecret } from './store-hygiene.ts'

const now = new Date('2026-06-01T00:00:00Z')
const ago = (days: number) => new Date(now.getTime() - days * 86_400_000)
const settings = { unusedDays: 90, oldDays: 180 }
const row = (more: Partial<HygieneRow> = {}): HygieneRow => ({
  organizationId: 'o',
  organizationName: 'Org',
  id: 'k',
  owner: 'user',
  userId: 'u',
  email: 'u@example.com',
  serviceId: 'openai',
  label: 'Key',
  lastFour: 'abcd',
  status: 'active',
  statusCause: null,
  coolingUntil: null,
  verdict: 'valid',
  validatedAt: ago(0),
  lastUsedAt: ago(0),
  createdAt: ago(1),
  secretSince: ago(1),
  scopeNotes: [],
  isSystemSecret: false,
  sameSecret: [],
  ...more,
})
const platform: Viewer = { kind: 'platform' }
const user: Viewer = { kind: 'user', userId: 'u' }
const found = (more: Partial<HygieneRow>, viewer: Viewer = platform) =>
  findingsOf(row(more), settings, viewer, now).map(({ finding }) => finding)

test.each<[string, Partial<HygieneRow>, string[]]>([
  ['a young key in use', {}, []],
  ['one day before it is unused', { lastUsedAt: ago(89.99) }, []],
  ['unused', { lastUsedAt: ago(90) }, ['unused']],
  ['new and not used yet', { lastUsedAt: null, createdAt: ago(89) }, []],
  ['never used', { lastUsedAt: null, createdAt: ago(90) }, ['never_used']],
  ['old', { secretSince: ago(180) }, ['old']],
  ['replaced lately', { createdAt: ago(900), secretSince: ago(2) }, []],
  ['over-broad', { scopeNotes: ['administration', 'short_lived'] }, ['over_broad']],
  ['short-lived', { scopeNotes: ['short_lived', 'of another version'] }, []],
  ['quarantined', { status: 'invalid', statusCause: 'possibly_leaked' }, ['possibly_leaked']],
  ['not proven', { verdict: 'unknown' }, ['not_proven']],
  ['not proven, of a service that proves none', { serviceId: 'jina', verdict: 'unknown' }, []],
  ['the same as a system key', { isSystemSecret: true }, ['same_as_system_key']],
])('%s: %j', (_, more, findings) => expect(found(more)).toEqual(findings))

describe('who else has a secret', () => {
  const others: SameSecret[] = [
    { owner: 'user', userId: 'u', email: 'u@example.com', label: 'Mine too', serviceId: 'openrouter' },
    { owner: 'user', userId: 'v', email: 'v@example.com', label: 'Theirs', serviceId: 'openai' },
    { owner: 'organization', userId: null, email: null, label: 'Shared', serviceId: 'openai' },
    { owner: 'system', userId: null, email: null, label: 'Top', serviceId: 'openai' },
  ]
  const told = (viewer: Viewer) =>
    findingsOf(row({ sameSecret: others, isSystemSecret: true }), settings, viewer, now)
      .map(({ text }) => text)
      .join('\n')

  test('is told to a user without names, labels or services of other users', () => {
    expect(told(user)).toContain('your “Mine too” for OpenRouter')
    expect(told(user)).toContain('“Shared” of the organisation')
    expect(told(user)).toContain('somebody else of your organisation')
    expect(told(user)).not.toMatch(/v@example|Theirs|Top|system/)
  })

  test('is told by name to those who manage the organisation, but never what the platform has', () => {
    expect(told({ kind: 'organization' })).toContain('“Theirs” of v@example.com')
    expect(told({ kind: 'organization' })).not.toMatch(/Top|system/)
    expect(told(platform)).toMatch(/Top.*|system key is the same secret/)
  })

  test('is nothing where only the platform has it', () => {
    expect(found({ sameSecret: others.slice(3), isSystemSecret: true }, user)).toEqual([])
  })
})

test('the gravest comes first, and every finding is counted', () => {
  const a = findingsOf(
    row({ secretSince: ago(400), statusCause: 'possibly_leaked', status: 'invalid' }),
    settings,
    platform,
    now,
  )
  const b = findingsOf(row({ secretSince: ago(400) }), settings, platform, now)
  expect(gravityOf(a)).toBeLessThan(gravityOf(b))
  expect(countsOf([a, b])).toMatchObject({ possibly_leaked: 1, old: 2, unused: 0 })
})
