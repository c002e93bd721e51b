/**
 * Every secret that a key-management stand-in issued, and what became of it: which work now, when each was made, last
 * used, switched off and taken back. Tests read it to prove that no key was taken back too early and none was left over.
 */
export interface IssuedSecret {
  /** The simulator's name of the service (`ServiceName`), or of a stand-in without a data plane. */
  readonly service: string
  /** The service's own id of it. */
  readonly id: string
  readonly secret: string
  /** The name or comment it was made with; null where a service has none. */
  readonly name: string | null
  readonly createdAt: number
  /** Before this it is refused, as while a service tells its machines of a new key. */
  readonly usableFrom: number
  readonly disabled: boolean
  readonly revokedAt: number | null
  readonly lastUsedAt: number | null
  readonly uses: number
  /** Uses that were refused. */
  readonly refusals: number
}

export type SecretState = 'valid' | 'too_new' | 'disabled' | 'revoked'

export interface SecretEvent {
  readonly number: number
  readonly at: number
  readonly kind: 'created' | 'used' | 'refused' | 'disabled' | 'enabled' | 'revoked'
  readonly service: string
  readonly id: string
  readonly name: string | null
}

export interface IssuedSecrets {
  issue(made: {
    service: string
    id: string
    secret: string
    name: string | null
    /** How long it takes until the data plane knows it. */
    delayMs?: number
  }): IssuedSecret
  /** What the data plane says to a secret; null: never issued here. Counted and put into the journal. */
  use(service: string, secret: string): SecretState | null
  /** The same, without a trace. */
  look(service: string, secret: string): SecretState | null
  find(service: string, id: string): IssuedSecret | null
  /** In the order they were made, with those taken back. */
  of(service: string): readonly IssuedSecret[]
  /** Those that work or will: not taken back and not switched off. */
  alive(service: string): readonly IssuedSecret[]
  disable(service: string, id: string, disabled: boolean): void
  revoke(service: string, id: string): void
  events(): readonly SecretEvent[]
  /** Puts back what an earlier run issued. */
  restore(before: readonly IssuedSecret[]): void
  /** Told of everything but uses. */
  onChange(listener: () => void): void
}

/** A simulator that runs for days keeps the last of them. */
const mostEvents = 100_000

type Entry = { -readonly [Field in keyof IssuedSecret]: IssuedSecret[Field] }

export const makeIssuedSecrets = (now: () => number): IssuedSecrets => {
  const entries: Entry[] = []
  const events: SecretEvent[] = []
  const listeners: (() => void)[] = []
  const note = (kind: SecretEvent['kind'], { service, id, name }: Entry) => {
    events.push({ number: (events.at(-1)?.number ?? 0) + 1, at: now(), kind, service, id, name })
    if (events.length > mostEvents) events.splice(0, mostEvents / 10)
    if (kind !== 'used' && kind !== 'refused') for (const tell of listeners) tell()
  }
  const byId = (service: string, id: string) =>
    entries.find((entry) => entry.service === service && entry.id === id)
  // The newest first: Azure may give a slot the secret of another only by chance, and never does.
  const bySecret = (service: string, secret: string) =>
    entries.findLast((entry) => entry.service === service && entry.secret === secret)
  const stateOf = (entry: Entry): SecretState => {
    if (entry.revokedAt !== null) return 'revoked'
    if (entry.disabled) return 'disabled'
    return now() < entry.usableFrom ? 'too_new' : 'valid'
  }
  return {
    issue({ service, id, secret, name, delayMs = 0 }) {
      const at = now()
      const entry: Entry = {
        service,
        id,
        secret,
        name,
        createdAt: at,
        usableFrom: at + delayMs,
        disabled: false,
        revokedAt: null,
        lastUsedAt: null,
        uses: 0,
        refusals: 0,
      }
      entries.push(entry)
      note('created', entry)
      return entry
    },
    use(service, secret) {
      const entry = bySecret(service, secret)
      if (!entry) return null
      const state = stateOf(entry)
      if (state === 'valid') {
        entry.uses += 1
        entry.lastUsedAt = now()
      } else entry.refusals += 1
      note(state === 'valid' ? 'used' : 'refused', entry)
      return state
    },
    look: (service, secret) => {
      const entry = bySecret(service, secret)
      return entry ? stateOf(entry) : null
    },
    find: (service, id) => byId(service, id) ?? null,
    of: (service) => entries.filter((entry) => entry.service === service),
    alive: (service) =>
      entries.filter((entry) => entry.service === service && entry.revokedAt === null && !entry.disabled),
    disable(service, id, disabled) {
      const entry = byId(service, id)
      if (!entry || entry.disabled === disabled) return
      entry.disabled = disabled
      note(disabled ? 'disabled' : 'enabled', entry)
    },
    revoke(service, id) {
      const entry = byId(service, id)
      if (!entry || entry.revokedAt !== null) return
      entry.revokedAt = now()
      note('revoked', entry)
    },
    events: () => events,
    restore: (before) => void entries.push(...before.map((entry) => ({ ...entry }))),
    onChange: (listener) => void listeners.push(listener),
  }
}
