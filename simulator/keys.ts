import { digestOf } from './text.ts'

export type ServiceName = 'openai' | 'anthropic' | 'openrouter' | 'midjourney'

/**
 * How the service treats calls with a key. `calls` limits a behaviour to the next so many calls; the key is
 * fine afterwards. Validation calls (GET) work with a key that is rate limited or out of quota, as at the services.
 */
export type KeyBehaviour = { readonly calls?: number } & (
  | { readonly kind: 'ok' }
  | { readonly kind: 'revoked' }
  | { readonly kind: 'forbidden' }
  /** The service's usual reply; a status chooses another one that the service is known to give. */
  | { readonly kind: 'no_quota'; readonly status?: 400 | 402 | 403 | 429 }
  | { readonly kind: 'rate_limited'; readonly retryAfterSeconds?: number }
  | { readonly kind: 'failing'; readonly status?: number }
  /** Waits before it answers. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Accepts the request and never answers. */
  | { readonly kind: 'timeout' }
  /** Closes the connection without a reply. */
  | { readonly kind: 'reset' }
)

export interface SimulatedKey {
  readonly secret: string
  readonly service: ServiceName
  readonly behaviour?: KeyBehaviour
}

/** Secrets of the shapes that services issue, and that nobody could take for real ones. */
export const demoSecret = (service: ServiceName, name: string): string => {
  const label = name.replace(/[^A-Za-z0-9]/g, '').slice(0, 24)
  // Screens show the last four characters, so they differ from key to key.
  const end = digestOf(`${service}:${name}`).slice(0, 8)
  if (service === 'openai') return `${`sk-proj-demo-not-a-real-key-${label}`.padEnd(56, '0')}${end}`
  if (service === 'anthropic') return `${`sk-ant-api03-demo-not-a-real-key-${label}`.padEnd(96, '0')}${end}AA`
  if (service === 'openrouter') return `sk-or-v1-de300${digestOf(`demo:${name}`).slice(0, 51)}${end}`
  return `demo-not-a-real-secret-${label}-${end}`
}

export const serviceOfSecret = (secret: string): ServiceName => {
  if (secret.startsWith('sk-ant-')) return 'anthropic'
  if (secret.startsWith('sk-or-')) return 'openrouter'
  return secret.startsWith('sk-') ? 'openai' : 'midjourney'
}

interface Entry {
  service: ServiceName
  behaviour: KeyBehaviour
  remainingCalls: number
  calls: number
}

export interface KeyRing {
  set(secret: string, behaviour: KeyBehaviour, service?: ServiceName): void
  remove(secret: string): void
  /** The key's behaviour, or null for a secret this service does not know. */
  look(service: ServiceName, secret: string): KeyBehaviour | null
  /** The same, and counts a call. */
  use(service: ServiceName, secret: string): { behaviour: KeyBehaviour; calls: number } | null
  counters(): Record<string, number>
  resetCounters(): void
}

export const makeKeyRing = (keys: readonly SimulatedKey[]): KeyRing => {
  const entries = new Map<string, Entry>()
  const set: KeyRing['set'] = (secret, behaviour, service) => {
    const previous = entries.get(secret)
    entries.set(secret, {
      service: service ?? previous?.service ?? serviceOfSecret(secret),
      behaviour,
      remainingCalls: behaviour.calls ?? Number.POSITIVE_INFINITY,
      calls: previous?.calls ?? 0,
    })
  }
  for (const key of keys) set(key.secret, key.behaviour ?? { kind: 'ok' }, key.service)

  const find = (service: ServiceName, secret: string): Entry | null => {
    const entry = entries.get(secret)
    return entry?.service === service ? entry : null
  }
  const current = (entry: Entry): KeyBehaviour =>
    entry.remainingCalls > 0 ? entry.behaviour : { kind: 'ok' }
  return {
    set,
    remove: (secret) => void entries.delete(secret),
    look: (service, secret) => {
      const entry = find(service, secret)
      return entry && current(entry)
    },
    use: (service, secret) => {
      const entry = find(service, secret)
      if (!entry) return null
      const behaviour = current(entry)
      entry.remainingCalls -= 1
      entry.calls += 1
      return { behaviour, calls: entry.calls }
    },
    counters: () => Object.fromEntries([...entries].map(([secret, entry]) => [secret, entry.calls])),
    resetCounters: () => entries.forEach((entry) => (entry.calls = 0)),
  }
}
