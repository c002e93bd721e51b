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

const lines: readonly { readonly name: string; readonly words: (terms: TierTerms) => string }[] = [
  { name: 'Name', words: ({ name }) => name },
  { name: 'Price', words: ({ priceMinor, currency }) => `${money(priceMinor, currency)} a month` },
  { name: 'Allocation', words: ({ allocationMicros }) => credits(allocationMicros) },
  {
    name: 'Rollover',
    words: ({ rolloverCapMicros }) =>
      rolloverCapMicros === '0' ? 'None' : `up to ${credits(rolloverCapMicros)}`,
  },
  { name: 'Services', words: ({ entitlements }) => list(entitlements.services) },
  { name: 'Model groups', words: ({ entitlements }) => list(entitlements.groups) },
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
    : lines
        .map(({ name, words }) => ({ name, before: words(before), after: words(after) }))
        .filter((line) => line.before !== line.after)
