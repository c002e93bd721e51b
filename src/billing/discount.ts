/**
 * Off the monthly price for subscribers who bring their own keys. In a period a secret counts for nobody who got it after
 * somebody else had it there (decision 120). One at an address of its own proves nothing, unless an administrator knows
 * that address.
 */
export interface DiscountRule {
  readonly basisPoints: number
  /** The part of the closing period, in basis points of its length, in which a counting key was there. */
  readonly minimumShareBasisPoints: number
  /** And without interruption up to the renewal for so many days. */
  readonly minimumContinuousDays: number
  readonly organizationKeysCount: boolean
  /** Hosts at which keys count besides those of the services, as `proxy.example.com`. */
  readonly addresses: readonly string[]
}

/** What is there of keys, whether they count or not. */
export interface KeyPresence extends Presence {
  /** Where it is not the service's. */
  readonly baseUrl: string | null
  /** When the same secret was there for those who had it before, since the period began, and where. */
  readonly taken: readonly (Presence & { readonly baseUrl: string | null })[]
}

/** A time in which a counting key was there: active, and found valid by its service. */
export interface Presence {
  readonly from: Date
  /** Null: still. */
  readonly until: Date | null
}

export interface DiscountStanding {
  readonly basisPoints: number
  readonly isEarned: boolean
  readonly hasKeyNow: boolean
  readonly shareBasisPoints: number
  readonly neededShareBasisPoints: number
  readonly continuousDays: number
  readonly neededContinuousDays: number
  readonly organizationKeysCount: boolean
  /** Keys that are there and do not count: somebody had them before in the period, or they are at an address of their own. */
  readonly keysOfOthers: number
  readonly keysElsewhere: number
}

const dayMs = 86_400_000

/**
 * How the rule stands for a period that is looked at `at` an instant, usually its end. A key that comes a minute before
 * the renewal has no share of the period; one that goes right after it is not there at the next.
 */
export const standing = (
  rule: DiscountRule,
  period: { readonly startsAt: Date; readonly endsAt: Date },
  all: readonly KeyPresence[],
  at: Date,
): DiscountStanding => {
  const isKnown = isKnownAddress(rule)
  const keys = all
    .filter(({ baseUrl }) => isKnown(baseUrl))
    // Whose key does not count takes nothing from anybody.
    .map((key) => ({ ...key, taken: key.taken.filter(({ baseUrl }) => isKnown(baseUrl)) }))
  const isOfOthers = ({ taken }: KeyPresence): boolean =>
    taken.some(({ from, until }) => from < at && (until === null || until > period.startsAt))
  const presences = keys.filter((key) => !isOfOthers(key)).map(sinceOthers)
  const spans = merged(presences, at.getTime())
  const isThere = ({ from, until }: Presence): boolean => from < at && (until === null || until > at)
  const current = spans.find((span) => span.until === at.getTime() && span.isOpen)
  const lengthMs = period.endsAt.getTime() - period.startsAt.getTime()
  const presentMs = spans.reduce((sum, span) => {
    const from = Math.max(span.from, period.startsAt.getTime())
    return sum + Math.max(0, Math.min(span.until, period.endsAt.getTime()) - from)
  }, 0)
  const shareBasisPoints = lengthMs > 0 ? Math.floor((presentMs * 10_000) / lengthMs) : 0
  const continuousDays = current ? Math.floor((current.until - current.from) / dayMs) : 0
  return {
    basisPoints: rule.basisPoints,
    isEarned:
      rule.basisPoints > 0 &&
      // A subscription that was away begins anew: there is no period in which a key could have been there.
      lengthMs > 0 &&
      current !== undefined &&
      shareBasisPoints >= rule.minimumShareBasisPoints &&
      continuousDays >= rule.minimumContinuousDays,
    hasKeyNow: current !== undefined,
    shareBasisPoints,
    neededShareBasisPoints: rule.minimumShareBasisPoints,
    continuousDays,
    neededContinuousDays: rule.minimumContinuousDays,
    organizationKeysCount: rule.organizationKeysCount,
    keysOfOthers: keys.filter((key) => isThere(key) && isOfOthers(key)).length,
    keysElsewhere: all.filter((key) => isThere(key) && !isKnown(key.baseUrl)).length,
  }
}

/** null: the service's own. */
const isKnownAddress =
  ({ addresses }: Pick<DiscountRule, 'addresses'>) =>
  (baseUrl: string | null): boolean =>
    baseUrl === null || addresses.includes(URL.parse(baseUrl)?.host ?? '')

/** Before the period, too, its time begins when nobody had it any more who had it before. */
const sinceOthers = ({ from, until, taken }: KeyPresence): Presence => ({
  from: taken.reduce((latest, one) => (one.until !== null && one.until > latest ? one.until : latest), from),
  until,
})

interface Span {
  from: number
  until: number
  /** A key was there at the instant itself, and is not one that ended just then. */
  isOpen: boolean
}

/** Several keys at a time count once. What is after the instant is not known yet. */
const merged = (presences: readonly Presence[], at: number): Span[] => {
  const spans: Span[] = []
  const known = presences
    .map(({ from, until }) => ({
      from: from.getTime(),
      until: Math.min(until?.getTime() ?? Infinity, at),
      isOpen: until === null || until.getTime() > at,
    }))
    .filter((span) => span.from < span.until)
    .toSorted((a, b) => a.from - b.from)
  for (const span of known) {
    const last = spans.at(-1)
    if (last && span.from <= last.until) {
      last.isOpen =
        span.until > last.until
          ? span.isOpen
          : span.until === last.until
            ? last.isOpen || span.isOpen
            : last.isOpen
      last.until = Math.max(last.until, span.until)
    } else spans.push({ ...span })
  }
  return spans
}
