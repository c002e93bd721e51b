/** Credits given, as far as burning them goes. */
export interface Burnable {
  readonly id: string
  readonly remainingMicros: bigint
  readonly burnPriority: number
  readonly effectiveAt: Date
  readonly expiresAt: Date | null
  readonly createdAt: Date
}

/** An amount of one grant. */
export interface Part {
  readonly grantId: string
  readonly micros: bigint
}

/** Burn order: lower priority number first, then what expires first (never is last), then what was given first. */
export const compareBurn = (a: Burnable, b: Burnable): number =>
  a.burnPriority - b.burnPriority ||
  compareNumbers(a.expiresAt?.getTime() ?? Infinity, b.expiresAt?.getTime() ?? Infinity) ||
  a.createdAt.getTime() - b.createdAt.getTime() ||
  (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

// Infinity - Infinity is not a number.
const compareNumbers = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)

export const hasExpired = (grant: { readonly expiresAt: Date | null }, at: Date): boolean =>
  grant.expiresAt !== null && grant.expiresAt <= at

export const isUsable = (grant: Burnable, at: Date): boolean =>
  grant.remainingMicros > 0n && grant.effectiveAt <= at && !hasExpired(grant, at)

export const usableInOrder = <Grant extends Burnable>(grants: Iterable<Grant>, at: Date): Grant[] =>
  [...grants].filter((grant) => isUsable(grant, at)).toSorted(compareBurn)

export const sumRemaining = (grants: Iterable<Burnable>): bigint => {
  let sum = 0n
  for (const grant of grants) sum += grant.remainingMicros
  return sum
}

/** Takes an amount from grants in the order given; less than the amount where they do not have it. */
export const allocate = (grants: readonly Burnable[], micros: bigint): Part[] => {
  const parts: Part[] = []
  let missing = micros
  for (const grant of grants) {
    if (missing <= 0n) break
    const taken = grant.remainingMicros < missing ? grant.remainingMicros : missing
    if (taken > 0n) parts.push({ grantId: grant.id, micros: taken })
    missing -= taken
  }
  return parts
}

/** The parts that come back when only `spentMicros` of a hold was spent: the last burnt returns first. */
export const unwind = (parts: readonly Part[], spentMicros: bigint): Part[] => {
  const returned: Part[] = []
  let toSpend = spentMicros
  for (const part of parts) {
    const spent = toSpend < part.micros ? toSpend : part.micros
    toSpend -= spent
    if (part.micros > spent) returned.push({ grantId: part.grantId, micros: part.micros - spent })
  }
  return returned.toReversed()
}

export const sumParts = (parts: readonly Part[]): bigint => parts.reduce((sum, part) => sum + part.micros, 0n)
