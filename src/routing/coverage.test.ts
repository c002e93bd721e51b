import { describe, expect, test } from 'vitest'
import type { Fallback, OrganizationControl } from '../policy/control.ts'
import { findService, services } from '../services/registry.ts'
import type { Service } from '../services/service.ts'
import { type CoverageRequest, coverageOf, type KnownKey } from './coverage.ts'

const openai = findService('openai') as Service
const now = new Date('2026-11-22T12:00:00Z')
const free: OrganizationControl = {
  controlPolicy: 'user_control',
  criticalServices: [],
  systemKeysAllowed: true,
  lockedFallback: null,
}
const key = (serviceId: string, owner: KnownKey['owner'], more: Partial<KnownKey> = {}): KnownKey => ({
  serviceId,
  owner,
  status: 'active',
  coolingUntil: null,
  ...more,
})
const prefer = (fallback: Fallback) => new Map<string, Fallback>([['*', fallback]])
const cover = (more: Partial<CoverageRequest>, service = openai) =>
  coverageOf(
    {
      control: free,
      preferences: new Map(),
      ownKeys: [],
      systemKeys: [],
      enabledServices: services,
      availableMicros: 1_000_000n,
      now,
      ...more,
    },
    service,
  )
const system = [key('openai', 'system')]

describe('own key first', () => {
  test('an own key covers even with no credits and a system key at hand', () => {
    expect(
      cover({ ownKeys: [key('openai', 'user')], systemKeys: system, availableMicros: 0n }),
    ).toMatchObject({
      status: 'own_key',
      keyOwner: 'user',
      next: null,
    })
  })

  test('the user’s key comes before the organisation’s', () => {
    expect(cover({ ownKeys: [key('openai', 'organization'), key('openai', 'user')] }).keyOwner).toBe('user')
    expect(cover({ ownKeys: [key('openai', 'organization')] })).toMatchObject({
      status: 'own_key',
      keyOwner: 'organization',
    })
  })

  test('under IT control a user’s key covers nothing', () => {
    const control: OrganizationControl = { ...free, controlPolicy: 'it_control' }
    expect(cover({ control, ownKeys: [key('openai', 'user')] })).toMatchObject({
      status: 'not_covered',
      keyOwner: null,
    })
  })
})

describe('fallback', () => {
  test('system keys cover on credits, and the reason says so', () => {
    const coverage = cover({ systemKeys: system })
    expect(coverage).toMatchObject({ status: 'system_credits', keyOwner: 'system' })
    expect(coverage.reason).toContain('credits')
  })

  test.each(['invalid', 'exhausted', 'suspended'] as const)(
    'an own key that is %s is named, with what to do',
    (status) => {
      const coverage = cover({ ownKeys: [key('openai', 'user', { status })], systemKeys: system })
      expect(coverage.status).toBe('system_credits')
      expect(coverage.next).not.toBeNull()
    },
  )

  test('a cooling key is not used until it has cooled', () => {
    const cooling = key('openai', 'user', { coolingUntil: new Date(now.getTime() + 1000) })
    expect(cover({ ownKeys: [cooling] }).status).toBe('not_covered')
    expect(cover({ ownKeys: [{ ...cooling, coolingUntil: now }] }).status).toBe('own_key')
  })

  test('an alternative covers only where the preference allows it, and before system keys', () => {
    const ownKeys = [key('openrouter', 'user')]
    expect(
      cover({ ownKeys, systemKeys: system, preferences: prefer('alternative_then_system') }).status,
    ).toBe('alternative')
    expect(cover({ ownKeys, preferences: prefer('alternative') }).status).toBe('alternative')
    expect(cover({ ownKeys, systemKeys: system, preferences: prefer('system') }).status).toBe(
      'system_credits',
    )
    expect(cover({ ownKeys, systemKeys: system, preferences: prefer('none') }).status).toBe('not_covered')
  })

  test('the organisation’s lock outranks the user’s preference', () => {
    const control: OrganizationControl = { ...free, lockedFallback: 'none' }
    const coverage = cover({ control, systemKeys: system, preferences: prefer('system') })
    expect(coverage.status).toBe('not_covered')
    expect(coverage.next).not.toContain('preference')
  })

  test('without credits a system key does not cover', () => {
    const coverage = cover({ systemKeys: system, availableMicros: 0n })
    expect(coverage.status).toBe('not_covered')
    expect(coverage.reason).toContain('no credits left')
  })
})

test('a service that is switched off is not covered, whatever keys there are', () => {
  const enabledServices = services.filter((service) => service.id !== 'openai')
  expect(cover({ enabledServices, ownKeys: [key('openai', 'user')], systemKeys: system })).toMatchObject({
    status: 'not_covered',
  })
})

test('a service that this gateway cannot call says so, whatever keys there are, and asks for none', () => {
  const midjourney: Service = { ...(findService('midjourney') as Service), endpoints: {} }
  for (const ownKeys of [
    [],
    [key('midjourney', 'user')],
    [key('midjourney', 'user', { status: 'invalid' })],
  ]) {
    const coverage = cover({ ownKeys, systemKeys: [key('midjourney', 'system')] }, midjourney)
    expect(coverage).toMatchObject({ status: 'keys_only', keyOwner: null, next: null })
    expect(coverage.reason).toContain('not possible yet')
  }
})

test('whatever is not covered says what to do next', () => {
  for (const controlPolicy of ['user_control', 'hybrid', 'it_control'] as const)
    for (const fallback of ['system', 'alternative', 'alternative_then_system', 'none'] as const)
      for (const systemKeysAllowed of [true, false])
        for (const availableMicros of [0n, 1n]) {
          const control = {
            controlPolicy,
            criticalServices: ['openai'],
            systemKeysAllowed,
            lockedFallback: null,
          }
          const coverage = cover({
            control,
            preferences: prefer(fallback),
            systemKeys: system,
            availableMicros,
          })
          if (coverage.status === 'not_covered') expect(coverage.next).toMatch(/^[A-Z].*\.$/)
        }
})

describe('the tier', () => {
  const tier = (tierName: string, services: string[] | null) => ({ tierName, services, groups: null })
  const entitlements = tier('Small', ['anthropic'])
  const tiers = [
    { ...entitlements, tierId: 'small', effectiveAt: new Date(0) },
    { ...tier('Large', null), tierId: 'large', effectiveAt: new Date(0) },
    { ...tier('Later', null), tierId: 'later', effectiveAt: new Date(0) },
    // A version that is past and one that is to come count for nothing.
    { ...tier('Later', []), tierId: 'later', effectiveAt: new Date('2026-11-01T00:00:00Z') },
    { ...tier('Small', null), tierId: 'small', effectiveAt: new Date('2027-01-01T00:00:00Z') },
  ]

  test('what a tier leaves out is not covered by a system key, and the tiers that have it now are named', () => {
    expect(cover({ systemKeys: system, entitlements, tiers })).toEqual({
      status: 'not_covered',
      keyOwner: null,
      reason:
        'There is no OpenAI key that you may use. Your tier, Small, does not include OpenAI on credits.',
      next: 'Add your own OpenAI key, or change to Large.',
    })
  })

  test('an own key covers whatever the tier is', () => {
    expect(cover({ systemKeys: system, ownKeys: [key('openai', 'user')], entitlements })).toMatchObject({
      status: 'own_key',
    })
    expect(cover({ systemKeys: system, entitlements: tier('Small', ['openai']) })).toMatchObject({
      status: 'system_credits',
    })
  })
})

describe('what the policy has against keys', () => {
  test('keys that are too old or not proven cover nothing, and the next key does', () => {
    const old = key('openai', 'user', { forbidden: 'too_old' })
    expect(cover({ ownKeys: [old] })).toMatchObject({
      status: 'not_covered',
      reason: expect.stringContaining('older than your organisation allows'),
      next: expect.stringContaining('eplace or re-check your OpenAI key'),
    })
    expect(cover({ ownKeys: [old], systemKeys: system }).status).toBe('system_credits')
    expect(cover({ ownKeys: [old, key('openai', 'organization')] }).keyOwner).toBe('organization')
    const unproven = key('openai', 'user', { forbidden: 'unproven' })
    expect(cover({ ownKeys: [unproven] }).reason).toContain('said are valid')
  })

  test('where data may not go nothing covers, and no key is asked for that would not help', () => {
    const forbidden = 'region' as const
    const ownKeys = [key('openai', 'user', { forbidden })]
    const systemKeys = [key('openai', 'system', { forbidden })]
    expect(cover({ ownKeys, systemKeys, dataObstacle: () => 'region' })).toMatchObject({
      status: 'not_covered',
      reason: expect.stringContaining('only some data regions'),
      next: 'Ask an administrator of your organisation.',
    })
    expect(cover({ dataObstacle: () => 'training' }).reason).toContain('do not train')
  })
})
