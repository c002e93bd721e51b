import { makeBag, type Place } from '../kit/bag.ts'

/**
 * Which operations of this process may still use a version of a service key. A rotation revokes the old version only
 * when the answer is zero on every process (src/rotation/uses.ts). The hot path pays for entering and leaving a bag.
 */
export interface Use {
  /** The configuration epoch it began at: from then on it sees no older version. */
  readonly epoch: bigint
  /** Which versions it may use: unknown until its attempts are over. */
  readonly using: () => 'any' | { readonly serviceKeyId: string; readonly version: number } | null
}

export interface KeyUses {
  enter(use: Use): Place<Use>
  leave(place: Place<Use>): void
  /** Of a version that the configuration gave out before `barrier` for the last time. */
  count(serviceKeyId: string, version: number, barrier: bigint): number
}

export const makeKeyUses = (): KeyUses => {
  const uses = makeBag<Use>()
  return {
    enter: uses.add,
    leave: (place) => void uses.remove(place),
    count(serviceKeyId, version, barrier) {
      let count = 0
      for (const { one: use } of uses.places) {
        if (use.epoch >= barrier) continue
        const using = use.using()
        if (using === 'any' || (using?.serviceKeyId === serviceKeyId && using.version === version)) count++
      }
      return count
    },
  }
}
