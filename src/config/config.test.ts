import { describe, expect, test } from 'vitest'
import { type ConfigSources, defaultDataDirectory, readConfig } from './config.ts'
import { unknownEnvironment } from './settings.ts'

const read = (more: Partial<ConfigSources> = {}) =>
  readConfig({ flags: {}, environment: {}, isRoot: false, homeDirectory: '/home/ada', ...more })

const problems = (more: Partial<ConfigSources>): readonly string[] => {
  const result = read(more)
  return result.ok ? [] : result.problems
}

describe('configuration', () => {
  test('needs nothing: it listens on loopback, port 8787, without demo data', () => {
    expect(read()).toMatchObject({
      ok: true,
      config: { host: '127.0.0.1', port: 8787, demo: false, databaseUrl: null, limits: { drainSeconds: 30 } },
    })
  })

  test('a flag wins over the environment', () => {
    const result = read({ flags: { port: '0', demo: true }, environment: { AIDEON_PORT: '9000' } })
    expect(result).toMatchObject({ ok: true, config: { port: 0, demo: true } })
  })

  test.each([
    ['10.0.0.5, 10.1.0.0/16,loopback,fd00::/8', ['10.0.0.5', '10.1.0.0/16', 'loopback', 'fd00::/8']],
    ['proxy.internal', null],
    ['10.0.0.0/33', null],
    ['10.0.0.0/0', null],
    ['*', null],
  ])('trusted proxies are addresses and ranges, never everybody: %s', (given, expected) => {
    const result = read({ environment: { AIDEON_TRUSTED_PROXIES: given } })
    expect(result.ok ? result.config.trustedProxies : null).toEqual(expected)
  })

  test('an empty variable counts as none', () => {
    expect(read({ environment: { AIDEON_PORT: '' } })).toMatchObject({ ok: true, config: { port: 8787 } })
  })

  test('all mistakes are told at once, each with its name and what is expected', () => {
    const environment = { AIDEON_PORT: '65536', AIDEON_LOG_LEVEL: 'loud', AIDEON_DRAIN_SECONDS: '-1' }
    expect(problems({ environment, flags: { host: 'a b' } })).toEqual([
      '--host must be an IP address or a host name, not "a b".',
      'AIDEON_PORT must be a number from 0 to 65535, not "65536".',
      'AIDEON_LOG_LEVEL must be debug, info, warn, error or silent, not "loud".',
      'AIDEON_DRAIN_SECONDS must be a whole number of seconds from 0 to 86400, not "-1".',
    ])
  })

  test.each([
    ['DATABASE_URL', 'mysql://ada:hunter2@host/x'],
    ['DATABASE_URL', 'postgres://ada:p@hunter2@host/x'],
    ['DATABASE_URL', 'postgres://ada:p@hunter2/?@host/x'],
    ['AIDEON_MASTER_KEY', 'hunter2'],
  ])('a wrong %s is not repeated in the message', (name, value) => {
    expect(problems({ environment: { [name]: value } })).toEqual([expect.not.stringContaining('hunter2')])
  })

  test.each([
    'postgres://ada:p%40s:s@host:5432/x?sslmode=require&application_name=a@b',
    'postgresql:///x?host=/run/postgresql',
    'postgres://ada@/x?host=%2Frun',
  ])('%s is an address of a database', (databaseUrl) => {
    expect(read({ environment: { DATABASE_URL: databaseUrl } })).toMatchObject({
      ok: true,
      config: { databaseUrl },
    })
  })

  test('two sources of the master key are refused, whichever was meant', () => {
    const environment = { AIDEON_MASTER_KEY: 'ab'.repeat(32), AIDEON_MASTER_KEY_FILE: '/etc/key' }
    expect(problems({ environment })).toEqual([
      'AIDEON_MASTER_KEY and AIDEON_MASTER_KEY_FILE are both set. Set one.',
    ])
  })

  test('Stripe needs both of its secrets, and neither is repeated in a message', () => {
    const key = { AIDEON_STRIPE_SECRET_KEY: `sk_test_${'a'.repeat(24)}` }
    const secret = { AIDEON_STRIPE_WEBHOOK_SECRET: `whsec_${'b'.repeat(32)}` }
    expect(read({ environment: { ...key, ...secret } })).toMatchObject({
      config: { stripe: { secretKey: key.AIDEON_STRIPE_SECRET_KEY, apiUrl: null } },
    })
    for (const environment of [key, secret])
      expect(problems({ environment })).toEqual([expect.stringContaining('Set both or none')])
    const wrong = { AIDEON_STRIPE_SECRET_KEY: 'pk_live_hunter2hunter2', ...secret }
    expect(problems({ environment: wrong })).toEqual([expect.not.stringContaining('hunter2')])
  })

  test('root’s data is not under /root, where the database’s account cannot go', () => {
    const base = { environment: {}, homeDirectory: '/root' }
    expect(defaultDataDirectory({ ...base, isRoot: true })).toBe('/var/lib/aideon-keys')
  })

  test('a user’s data follows XDG_DATA_HOME where it is absolute', () => {
    const base = { isRoot: false, homeDirectory: '/home/ada' }
    expect(defaultDataDirectory({ ...base, environment: { XDG_DATA_HOME: '/data' } })).toBe(
      '/data/aideon-keys',
    )
    expect(defaultDataDirectory({ ...base, environment: { XDG_DATA_HOME: 'x' } })).toBe(
      '/home/ada/.local/share/aideon-keys',
    )
  })

  test('a misspelt variable of ours is found', () => {
    expect(
      unknownEnvironment({ AIDEON_PROT: '1', AIDEON_PORT: '1', PATH: '/bin', AIDEON_NODE: 'x' }),
    ).toEqual(['AIDEON_PROT'])
  })
})
