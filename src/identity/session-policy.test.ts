import { describe, expect, test } from 'vitest'
import {
  compileNetworks,
  endOfToken,
  isNetwork,
  isWithin,
  judgeSession,
  judgeToken,
  noSessionPolicy,
  type SessionFacts,
} from './session-policy.ts'

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
  ['', ['0.0.0.0/0', '::/0'], false],
  ['::ffff:c633:6407', ['198.51.100.0/24'], true],
  ['0:0:0:0:0:FFFF:198.51.100.7', ['198.51.100.7'], true],
  ['198.51.100.7', ['::ffff:198.51.100.0/120'], true],
  ['198.51.101.7', ['::ffff:198.51.100.0/120'], false],
  ['198.51.100.7', ['::ffff:198.51.100.7'], true],
  ['198.51.100.7', ['::/0'], false],
  ['2001:db8::1', ['::/0'], true],
  ['2001:db8::1', ['0.0.0.0/0'], false],
  ['198.51.100.7', ['198.51.100.6/31'], true],
  ['198.51.100.8', ['198.51.100.6/31'], false],
  ['198.51.100.7:443', ['198.51.100.0/24'], false],
])('%s is within %j: %s', (address, networks, expected) => {
  expect(isWithin(address, networks)).toBe(expected)
})

test('nothing is within an empty list that has been compiled: whoever compiles it asks first', () => {
  expect(compileNetworks([])('198.51.100.7')).toBe(false)
})

describe('what session policies say of an access token', () => {
  const token = { createdAt: ago(7 * 1440), expiresAt: null, scopes: ['manage', 'operations'] }
  const days = (tokenDays: number | null) => ({ ...noSessionPolicy, tokenDays })
  const at = (networks: string[]) => ({ ...noSessionPolicy, networks })
  const codeOf = (...given: Parameters<typeof judgeToken>) => {
    const judged = judgeToken(...given)
    return judged.ok ? 'taken' : judged.fault.code
  }

  test('one that may manage is taken for its days, whatever else it may; others do not age', () => {
    expect(codeOf([days(8)], token, now, '')).toBe('taken')
    expect(codeOf([days(7)], token, now, '')).toBe('expired_token')
    expect(codeOf([days(7)], token, new Date(now.getTime() - 1), '')).toBe('taken')
    expect(codeOf([days(7)], { ...token, scopes: ['administer'] }, now, '')).toBe('expired_token')
    expect(codeOf([days(1)], { ...token, scopes: ['operations', 'read'] }, now, '')).toBe('taken')
    expect(codeOf([days(null)], token, now, '')).toBe('taken')
    expect(codeOf([], token, now, '')).toBe('taken')
  })

  test('every policy must let it in, from the network first', () => {
    const here = '198.51.100.7'
    expect(codeOf([at([here]), at([])], token, now, here)).toBe('taken')
    expect(codeOf([at([here]), at(['203.0.113.0/24'])], token, now, here)).toBe('network_not_allowed')
    expect(codeOf([at([here]), days(1)], token, now, here)).toBe('expired_token')
    expect(codeOf([at([here]), days(1)], token, now, '203.0.113.9')).toBe('network_not_allowed')
  })

  test('no policy gives it more time than it has', () => {
    const soon = new Date(now.getTime() + 1000)
    expect(endOfToken([days(8), days(30)], token)).toEqual(new Date(now.getTime() + 86_400_000))
    expect(endOfToken([days(8)], { ...token, expiresAt: soon })).toEqual(soon)
    expect(endOfToken([days(1)], { ...token, expiresAt: soon, scopes: ['operations'] })).toEqual(soon)
    expect(endOfToken([], token)).toBeNull()
  })
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
