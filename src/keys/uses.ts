/**
 * Which operations of this process may still use a version of a service key. A rotation revokes the old version only
 * when the answer is zero on every process (src/rotation/uses.ts). The hot path pays for entering and leaving a set.
 */
export interface Use {
  /** The configuration epoch it began at: from then on it sees no older version. */
  readonly epoch: bigint
  /** Which versions it may use: unknown until its attempts are over. */
  readonly using: () => 'any' | { readonly serviceKeyId: string; readonly version: number } | null
}

export interface KeyUses {
  enter(use: Use): void
  leave(use: Use): void
  /** Of a version that the configuration gave out before `barrier` for the last time. */
  count(serviceKeyId: string, version: number, barrier: bigint): number
}

export const makeKeyUses = (): KeyUses => {
  const uses = new Set<Use>()
  return {
    enter: (use) => void uses.add(use),
    leave: (use) => void uses.delete(use),
    count(serviceKeyId, version, barrier) {
      let count = 0
      for (const use of uses) {
        if (use.epoch >= barrier) continue
        const using = use.using()
        if (using === 'any' || (using?.serviceKeyId === serviceKeyId && using.version === version)) count++
      }
      return count
    },
  }
}
