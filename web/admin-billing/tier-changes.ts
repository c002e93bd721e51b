import type { TierVersionOnWire } from '../../src/contract/billing.ts'
import { limitsText } from '../limits/limit-words.ts'
import { exactCredits } from '../ui/format.ts'
import { money } from '../ui/money.ts'

/** What a version says, or what a form would make it say. */
export type TierTerms = Pick<
  TierVersionOnWire,
  'name' | 'priceMinor' | 'currency' | 'allocationMicros' | 'rolloverCapMicros' | 'entitlements'
>

export interface Difference {
  readonly name: string
  readonly before: string | null
  readonly after: string
}

const credits = (micros: string): string => `${exactCredits(micros)} credits`
const list = (names: readonly string[] | null): string =>
  names === null ? 'All' : names.length === 0 ? 'None' : names.toSorted().join(', ')

/** Of two lists only what came and what went: lists of services are long. */
const listChange = (before: readonly string[] | null, after: readonly string[] | null): string | null => {
  if (before === null || after === null) return null
  const added = after.filter((name) => !before.includes(name)).toSorted()
  const removed = before.filter((name) => !after.includes(name)).toSorted()
  return [
    ...(added.length > 0 ? [`${added.join(', ')} added`] : []),
    ...(removed.length > 0 ? [`${removed.join(', ')} removed`] : []),
  ].join('; ')
}

interface Line {
  readonly name: string
  readonly words: (terms: TierTerms) => string
  readonly list?: (terms: TierTerms) => readonly string[] | null
}

const lines: readonly Line[] = [
  { name: 'Name', words: ({ name }) => name },
  { name: 'Price', words: ({ priceMinor, currency }) => `${money(priceMinor, currency)} a month` },
  { name: 'Allocation', words: ({ allocationMicros }) => credits(allocationMicros) },
  {
    name: 'Rollover',
    words: ({ rolloverCapMicros }) =>
      rolloverCapMicros === '0' ? 'None' : `up to ${credits(rolloverCapMicros)}`,
  },
  {
    name: 'Services',
    words: ({ entitlements }) => list(entitlements.services),
    list: ({ entitlements }) => entitlements.services,
  },
  {
    name: 'Model groups',
    words: ({ entitlements }) => list(entitlements.groups),
    list: ({ entitlements }) => entitlements.groups,
  },
  {
    name: 'Rate limits',
    words: ({ entitlements }) => limitsText(entitlements.rateLimits ?? undefined) ?? 'None',
  },
]

/** Everything that a version says, in words. */
export const termsInWords = (terms: TierTerms): readonly Difference[] =>
  lines.map(({ name, words }) => ({ name, before: null, after: words(terms) }))

/** What is different in `after`; the first version differs from nothing and says everything. */
export const tierChanges = (before: TierTerms | null, after: TierTerms): readonly Difference[] =>
  before === null
    ? termsInWords(after)
    : lines.flatMap(({ name, words, list: listed }) => {
        const [old, now] = [words(before), words(after)]
        if (old === now) return []
        const change = listed ? listChange(listed(before), listed(after)) : null
        return [change === null ? { name, before: old, after: now } : { name, before: null, after: change }]
      })
