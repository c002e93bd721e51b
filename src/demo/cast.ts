import { demoSecret, type KeyBehaviour, type ServiceName } from '../../simulator/keys.ts'
import type { Document } from '../apply/document.ts'
import type { Fallback } from '../policy/control.ts'

/** Who and what is in the demo. Everything here is made up, and marked as demo data where it is stored. */

export const demoOrganization = 'Aideon Demo'

export const demoAdministrator = { email: 'admin@demo.example', name: 'Demo Administrator' } as const

export interface DemoUserRole {
  readonly email: string
  readonly name: string
  readonly about: string
  readonly tier: string
  readonly fallback: Fallback
  readonly ownServices: readonly ServiceName[]
}

export const demoUsers: readonly DemoUserRole[] = [
  {
    email: 'olivia@demo.example',
    name: 'Olivia',
    about: 'own OpenAI key; alternatives, but never credits',
    tier: 'free',
    fallback: 'alternative',
    ownServices: ['openai'],
  },
  {
    email: 'ansel@demo.example',
    name: 'Ansel',
    about:
      'own Anthropic key; credits for everything else; subscribed, with invoices and the own-key discount',
    tier: 'pro',
    fallback: 'alternative_then_system',
    ownServices: ['anthropic'],
  },
  {
    email: 'nora@demo.example',
    name: 'Nora',
    about: 'no keys; everything on credits',
    tier: 'pro',
    fallback: 'system',
    ownServices: [],
  },
]

/** With a past: upgraded some weeks ago, bought credits, was renewed with the own-key discount. */
export const demoSubscriber = demoUsers.find(({ name }) => name === 'Ansel') as DemoUserRole

export interface DemoSystemKey {
  readonly service: ServiceName
  readonly label: string
  readonly priority: 'primary' | 'secondary' | 'tertiary'
  readonly behaviour: KeyBehaviour
}

/**
 * The Primary OpenAI key is always rate limited, for two seconds at a time: calls on credits show two attempts, or go
 * straight to the Secondary while the Primary cools. Out of quota would show that once only, as it lasts.
 */
export const demoSystemKeys: readonly DemoSystemKey[] = [
  {
    service: 'openai',
    label: 'Main account',
    priority: 'primary',
    behaviour: { kind: 'rate_limited', retryAfterSeconds: 2 },
  },
  { service: 'openai', label: 'Second account', priority: 'secondary', behaviour: { kind: 'ok' } },
  { service: 'openai', label: 'Reserve', priority: 'tertiary', behaviour: { kind: 'ok' } },
  { service: 'anthropic', label: 'Main account', priority: 'primary', behaviour: { kind: 'ok' } },
  { service: 'anthropic', label: 'Reserve', priority: 'secondary', behaviour: { kind: 'ok' } },
  { service: 'midjourney', label: 'Studio server', priority: 'primary', behaviour: { kind: 'ok' } },
  { service: 'openrouter', label: 'Main account', priority: 'primary', behaviour: { kind: 'ok' } },
  { service: 'gemini', label: 'Main account', priority: 'primary', behaviour: { kind: 'ok' } },
  { service: 'mistral', label: 'Main account', priority: 'primary', behaviour: { kind: 'ok' } },
  { service: 'voyage', label: 'Main account', priority: 'primary', behaviour: { kind: 'ok' } },
]

const services: readonly ServiceName[] = [
  ...new Set(demoSystemKeys.map(({ service }) => service)),
  // Nobody has a key here yet, and a visitor may add one.
  'groq',
  'deepseek',
]

/** What an image of the made-up server costs: without a price it could not run on credits. */
export const demoPrice = {
  override: {
    serviceId: 'midjourney',
    model: 'midjourney*',
    unit: 'task:imagine',
    nanoUsd: 40_000_000n,
    per: 1n,
  },
  reason: 'Demo: what the made-up server charges',
} as const

interface CastKey {
  readonly variable: string
  readonly service: ServiceName
  readonly secret: string
  readonly behaviour: KeyBehaviour
}

const castKey = (service: ServiceName, name: string, behaviour: KeyBehaviour): CastKey => ({
  variable: `DEMO_${`${service}_${name}`.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`,
  service,
  secret: demoSecret(service, name),
  behaviour,
})

const systemCastKey = (key: DemoSystemKey) => castKey(key.service, `System${key.priority}`, key.behaviour)
const userCastKey = (user: DemoUserRole, service: ServiceName) => castKey(service, user.name, { kind: 'ok' })

/** Every service key of the demo, as the simulator has to know it. */
export const demoKeys = (): CastKey[] => [
  ...demoSystemKeys.map(systemCastKey),
  ...demoUsers.flatMap((user) => user.ownServices.map((service) => userCastKey(user, service))),
]

/** Nobody's yet, and accepted by the simulator: for a visitor who tries to add a key. */
export const demoSpareKeys = (): CastKey[] =>
  (['openai', 'anthropic', 'openrouter', 'groq', 'deepseek'] as const).map((service) =>
    castKey(service, 'Spare', { kind: 'ok' }),
  )

/** What the document's `env:` references stand for. */
export const demoEnvironment = (): Record<string, string> =>
  Object.fromEntries(demoKeys().map(({ variable, secret }) => [variable, secret]))

/** `standIns`: where the simulator is, and what else stands in for the world outside. */
export const demoDocument = (simulatorUrl: string, standIns: readonly string[] = []): Document => ({
  outboundAllowances: [simulatorUrl, ...standIns].map((url) => new URL(url).host),
  services: Object.fromEntries(
    services.map((service) => [service, { baseUrl: `${simulatorUrl}/${service}` }]),
  ),
  systemKeys: demoSystemKeys.map((key) => ({
    service: key.service,
    label: key.label,
    priority: key.priority,
    secret: `env:${systemCastKey(key).variable}`,
  })),
  organizations: [
    {
      name: demoOrganization,
      controlPolicy: 'user_control',
      systemKeysAllowed: true,
      users: demoUsers.map((user, index) => ({
        email: user.email,
        name: user.name,
        role: index === 0 ? 'owner' : 'member',
        tier: user.tier,
        fallback: user.fallback,
        keys: user.ownServices.map((service) => ({
          service,
          label: `${user.name}’s key`,
          secret: `env:${userCastKey(user, service).variable}`,
        })),
      })),
    },
  ],
  users: [{ ...demoAdministrator, platformAdministrator: true }],
})
