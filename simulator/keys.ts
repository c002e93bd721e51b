import type { IssuedSecrets } from './rotation/issued-secrets.ts'
import { demoServiceAccount } from './service-account.ts'
import { digestOf } from './text.ts'

/** Paths of the simulator begin with one of these. */
export const serviceNames = [
  'openai',
  'anthropic',
  'openrouter',
  'midjourney',
  'gemini',
  'vertex',
  'azure_openai',
  'bedrock',
  'cohere',
  'mistral',
  'groq',
  'xai',
  'deepseek',
  'together',
  'fireworks',
  'perplexity',
  'cerebras',
  'huggingface',
  'nvidia',
  'alibaba',
  'moonshot',
  'voyage',
  'jina',
  'elevenlabs',
  'deepgram',
  'assemblyai',
] as const
export type ServiceName = (typeof serviceNames)[number]

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

/** What stands before and how much follows, of services whose keys have a known shape. */
const shapes: Readonly<Partial<Record<ServiceName, { prefix: string; length: number; hex?: true }>>> = {
  gemini: { prefix: 'AIza', length: 35 },
  bedrock: { prefix: 'ABSK', length: 128 },
  groq: { prefix: 'gsk_', length: 52 },
  xai: { prefix: 'xai-', length: 80 },
  fireworks: { prefix: 'fw_', length: 24 },
  perplexity: { prefix: 'pplx-', length: 48 },
  cerebras: { prefix: 'csk-', length: 48 },
  huggingface: { prefix: 'hf_', length: 34 },
  nvidia: { prefix: 'nvapi-', length: 64 },
  voyage: { prefix: 'pa-', length: 43 },
  jina: { prefix: 'jina_', length: 60 },
  deepseek: { prefix: 'sk-', length: 32, hex: true },
  alibaba: { prefix: 'sk-', length: 32, hex: true },
  moonshot: { prefix: 'sk-', length: 48 },
  elevenlabs: { prefix: 'sk_', length: 48, hex: true },
  together: { prefix: '', length: 64, hex: true },
  azure_openai: { prefix: '', length: 32, hex: true },
  deepgram: { prefix: '', length: 40, hex: true },
  assemblyai: { prefix: '', length: 32, hex: true },
  mistral: { prefix: '', length: 32 },
  cohere: { prefix: '', length: 40 },
}

/** Secrets of the shapes that services issue, and that nobody could take for real ones. */
export const demoSecret = (service: ServiceName, name: string): string => {
  const label = name.replace(/[^A-Za-z0-9]/g, '').slice(0, 24)
  // Screens show the last four characters, so they differ from key to key.
  const end = digestOf(`${service}:${name}`).slice(0, 8)
  if (service === 'openai') return `${`sk-proj-demo-not-a-real-key-${label}`.padEnd(56, '0')}${end}`
  if (service === 'anthropic') return `${`sk-ant-api03-demo-not-a-real-key-${label}`.padEnd(96, '0')}${end}AA`
  if (service === 'openrouter') return `sk-or-v1-de300${digestOf(`demo:${name}`).slice(0, 51)}${end}`
  if (service === 'vertex') return demoServiceAccount(label)
  const shape = shapes[service]
  if (!shape) return `demo-not-a-real-secret-${label}-${end}`
  const middle = shape.hex ? `de300${digestOf(`demo:${name}`)}` : `DEMONOTAREALKEY${label}`
  return `${shape.prefix}${middle.padEnd(shape.length, '0').slice(0, shape.length - end.length)}${end}`
}

/** The public half of an AWS key whose secret half this is: `AKIA` and 16 letters. */
export const demoAccessKeyId = (secret: string): string => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const digits = digestOf(`access key of ${secret}`).slice(0, 32).match(/../g) ?? []
  return `AKIA${digits.map((pair) => letters[Number.parseInt(pair, 16) % 32]).join('')}`
}

/** Of the services that were first; the others' secrets are registered with their service. */
const serviceOfSecret = (secret: string): ServiceName => {
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
  /** Every secret that a service knows: for credentials that are proven by a signature. */
  secretsOf(service: ServiceName): string[]
  counters(): Record<string, number>
  resetCounters(): void
}

/** `issued`: by the key-management stand-ins; what they took back is refused, whoever registered it first. */
export const makeKeyRing = (keys: readonly SimulatedKey[], issued?: IssuedSecrets): KeyRing => {
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
    if (entry) return entry.service === service ? entry : null
    if (!issued || issued.look(service, secret) === null) return null
    set(secret, { kind: 'ok' }, service)
    return entries.get(secret) ?? null
  }
  const current = (entry: Entry, secret: string): KeyBehaviour => {
    const state = issued?.look(entry.service, secret) ?? 'valid'
    if (state !== 'valid') return { kind: 'revoked' }
    return entry.remainingCalls > 0 ? entry.behaviour : { kind: 'ok' }
  }
  return {
    set,
    remove: (secret) => void entries.delete(secret),
    look: (service, secret) => {
      const entry = find(service, secret)
      return entry && current(entry, secret)
    },
    use: (service, secret) => {
      const entry = find(service, secret)
      if (!entry) return null
      const behaviour = current(entry, secret)
      issued?.use(service, secret)
      entry.remainingCalls -= 1
      entry.calls += 1
      return { behaviour, calls: entry.calls }
    },
    secretsOf: (service) => [
      ...new Set([
        ...[...entries].filter(([, entry]) => entry.service === service).map(([secret]) => secret),
        ...(issued?.of(service).map(({ secret }) => secret) ?? []),
      ]),
    ],
    counters: () => Object.fromEntries([...entries].map(([secret, entry]) => [secret, entry.calls])),
    resetCounters: () => entries.forEach((entry) => (entry.calls = 0)),
  }
}
