import { describe, expect, test } from 'vitest'
import { isNetwork, isWithin, judgeSession, noSessionPolicy, type SessionFacts } from './session-policy.ts'

const now = new Date('2026-11-23T12:00:00Z')
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000)
const fresh: SessionFacts = {
  createdAt: now,
  lastSeenAt: now,
  secondFactorAt: null,
  bySingleSignOn: false,
  isBreakGlass: false,
}
const judge = (
  policy: Partial<typeof noSessionPolicy>,
  session: Partial<SessionFacts> = {},
  address = '198.51.100.7',
) => judgeSession({ ...noSessionPolicy, ...policy }, { ...fresh, ...session }, now, address)

describe('a session policy', () => {
  test('ends sessions that were idle longer, and those that are older, than it allows', () => {
    expect(judge({ idleMinutes: 30 }, { lastSeenAt: ago(30) })).toBeNull()
    expect(judge({ idleMinutes: 30 }, { lastSeenAt: ago(31) })).toBe('ended')
    expect(judge({ sessionHours: 8 }, { createdAt: ago(8 * 60) })).toBeNull()
    expect(judge({ sessionHours: 8 }, { createdAt: ago(8 * 60 + 1) })).toBe('ended')
  })

  test('lets sessions in from its networks only, and break-glass accounts from anywhere', () => {
    const networks = ['198.51.100.0/24', '2001:db8::/32']
    expect(judge({ networks })).toBeNull()
    expect(judge({ networks }, {}, '198.51.101.7')).toBe('network')
    expect(judge({ networks }, { isBreakGlass: true }, '198.51.101.7')).toBeNull()
  })

  test('asks for a second factor, of break-glass accounts too, and not where it trusts its own sign-on', () => {
    const asks = { secondFactorRequired: true }
    expect(judge(asks)).toBe('second_factor')
    expect(judge(asks, { secondFactorAt: ago(5000) })).toBeNull()
    expect(judge(asks, { isBreakGlass: true })).toBe('second_factor')
    expect(judge(asks, { bySingleSignOn: true })).toBeNull()
    expect(judge({ ...asks, trustsSingleSignOn: false }, { bySingleSignOn: true })).toBe('second_factor')
  })
})

test.each([
  ['198.51.100.7', ['198.51.100.7'], true],
  ['198.51.100.8', ['198.51.100.7'], false],
  ['::ffff:198.51.100.7', ['198.51.100.0/24'], true],
  ['2001:db8:1::1', ['2001:db8::/32'], true],
  ['2001:db9::1', ['2001:db8::/32', '198.51.100.0/24'], false],
  ['198.51.100.7', ['2001:db8::/32'], false],
  ['fe80::1%eth0', ['fe80::/10'], true],
  ['not an address', ['0.0.0.0/0'], false],
])('%s is within %j: %s', (address, networks, expected) => {
  expect(isWithin(address, networks)).toBe(expected)
})

test.each(['198.51.100.7', '198.51.100.0/24', '2001:db8::/32', '::1', '0.0.0.0/0'])(
  '%s is a network',
  (text) => {
    expect(isNetwork(text)).toBe(true)
  },
)
test.each([
  '',
  '198.51.100',
  '198.51.100.0/33',
  '::/129',
  '198.51.100.0/',
  '1.2.3.4/8/8',
  'keys.example',
  'fe80::1%eth0',
])('%j is none', (text) => {
  expect(isNetwork(text)).toBe(false)
})
