import type { Clock } from '../../kit/clock.ts'
import { type Outcome, success } from '../../kit/fault.ts'

/** Short-lived credentials. */
export interface Lease<T> {
  readonly value: T
  /** From then on they are renewed or replaced, some time before they expire. Null: they do not expire. */
  readonly freshUntil: Date | null
}

export interface Credentials<T> {
  /** Those in hand while they are fresh, otherwise new ones; concurrent callers get the same. */
  get(): Promise<Outcome<T>>
  /** After they were refused. True: they were old, so that new ones may be accepted. */
  forget(refused: T): boolean
  current(): T | null
}

export const leaseFor = <T>(value: T, lifetimeSeconds: number, at: Date): Lease<T> => ({
  value,
  // A request is under way for a while, and clocks differ.
  freshUntil: new Date(at.getTime() + Math.floor((lifetimeSeconds * 2000) / 3)),
})

/** Fetched when first needed. `renew` keeps a lease going; where it cannot (null), a new one is made. */
export const makeCredentials = <T>(options: {
  readonly clock: Clock
  readonly obtain: () => Promise<Outcome<Lease<T>>>
  readonly renew?: (value: T) => Promise<Lease<T> | null>
}): Credentials<T> => {
  let held: (Lease<T> & { readonly used: boolean }) | null = null
  let underWay: Promise<Outcome<T>> | null = null

  const fetch = async (): Promise<Outcome<T>> => {
    const old = held
    held = null
    const renewed = old !== null && options.renew ? await options.renew(old.value) : null
    const lease = renewed === null ? await options.obtain() : success(renewed)
    if (!lease.ok) return lease
    held = { ...lease.value, used: renewed !== null }
    return success(lease.value.value)
  }

  return {
    async get() {
      if (held !== null && (held.freshUntil === null || options.clock() < held.freshUntil)) {
        held = { ...held, used: true }
        return success(held.value)
      }
      underWay ??= fetch().finally(() => {
        underWay = null
      })
      return underWay
    },
    forget(refused) {
      // Somebody else has replaced them meanwhile.
      if (held === null || held.value !== refused) return true
      const { used } = held
      held = null
      return used
    },
    current: () => held?.value ?? null,
  }
}
