import type { HygieneFinding, HygieneItem } from '../../src/contract/key-hygiene.ts'
import type { Tone } from '../ui/mark.tsx'

/** In the order in which they want to be looked at. */
export const findingWords: Readonly<Record<HygieneFinding, { text: string; tone: Tone }>> = {
  possibly_leaked: { text: 'Possibly leaked', tone: 'bad' },
  over_broad: { text: 'May do too much', tone: 'credits' },
  same_as_system_key: { text: 'Same as a system key', tone: 'credits' },
  same_secret: { text: 'Stored twice', tone: 'credits' },
  old: { text: 'Old', tone: 'credits' },
  never_used: { text: 'Never used', tone: 'quiet' },
  unused: { text: 'Not used any more', tone: 'quiet' },
  not_proven: { text: 'Not proven', tone: 'quiet' },
}

export const findings = Object.keys(findingWords) as HygieneFinding[]

export const withFinding = (
  items: readonly HygieneItem[],
  finding: HygieneFinding | undefined,
): readonly HygieneItem[] =>
  finding === undefined
    ? items
    : items.filter((item) => item.findings.some((found) => found.finding === finding))
