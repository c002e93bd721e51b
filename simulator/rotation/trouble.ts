import type { Verb } from './stand-in.ts'

/** What goes wrong with a call. */
export type Trouble =
  /** The call took effect and nobody hears of it. */
  | { readonly kind: 'lost_after' }
  /** The connection broke before anything happened. */
  | { readonly kind: 'lost_before' }
  /** Half of the reply, after the effect. */
  | { readonly kind: 'half' }
  /** The effect, and an error of the machine in front of it. */
  | { readonly kind: 'failed_after'; readonly status: number }
  /** An error and no effect. */
  | { readonly kind: 'failed_before'; readonly status: number; readonly retryAfterSeconds?: number }
  /** Takes effect at once and answers when the caller has long given up. */
  | { readonly kind: 'silent_after' }
  /** A 200 that is no reply of this API, after the effect. */
  | { readonly kind: 'garbage_after' }

export interface Aimed {
  readonly service: string
  readonly verb: Verb
  readonly trouble: Trouble
  /** How many calls it meets; one unless told. */
  readonly times?: number
  /** How many calls go well before. */
  readonly after?: number
}

export interface Troubles {
  aim(aimed: Aimed): void
  /** What meets this call, if anything does. */
  take(service: string, verb: Verb): Trouble | null
  clear(): void
}

export const makeTroubles = (): Troubles => {
  let waiting: { aimed: Aimed; skip: number; left: number }[] = []
  return {
    aim: (aimed) => void waiting.push({ aimed, skip: aimed.after ?? 0, left: aimed.times ?? 1 }),
    take(service, verb) {
      const found = waiting.find(({ aimed }) => aimed.service === service && aimed.verb === verb)
      if (!found) return null
      if (found.skip > 0) {
        found.skip -= 1
        return null
      }
      found.left -= 1
      if (found.left <= 0) waiting = waiting.filter((one) => one !== found)
      return found.aimed.trouble
    },
    clear() {
      waiting = []
    },
  }
}
