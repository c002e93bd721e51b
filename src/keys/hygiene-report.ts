import type { HygieneFinding } from '../contract/key-hygiene.ts'
import { hygieneFinding } from '../contract/key-hygiene.ts'
import { findService } from '../services/registry.ts'
import { leakAdvice, leakReason } from './quarantine.ts'
import { isOverBroad, scopeNotesOf, scopeText } from './scope.ts'
import type { HygieneRow, HygieneSettings, SameSecret } from './store-hygiene.ts'

/** Who reads the report: what is somebody else's is named only to those who may know it. */
export type Viewer =
  | { readonly kind: 'user'; readonly userId: string }
  | { readonly kind: 'organization' }
  | { readonly kind: 'platform' }

export interface Finding {
  readonly finding: HygieneFinding
  readonly text: string
  readonly next: string
}

const dayMs = 86_400_000

export const daysSince = (then: Date, now: Date): number =>
  Math.max(0, Math.floor((now.getTime() - then.getTime()) / dayMs))

export const findingsOf = (
  row: HygieneRow,
  settings: Pick<HygieneSettings, 'unusedDays' | 'oldDays'>,
  viewer: Viewer,
  now: Date,
): Finding[] => {
  const found: Finding[] = []
  const say = (finding: HygieneFinding, text: string, next: string) =>
    void found.push({ finding, text, next })
  const name = findService(row.serviceId)?.name ?? row.serviceId

  if (row.statusCause === 'possibly_leaked') say('possibly_leaked', leakReason, leakAdvice(row.serviceId))
  if (row.isSystemSecret && viewer.kind === 'platform')
    say(
      'same_as_system_key',
      'A system key is the same secret: whoever entered this one knows it.',
      `Make a new system key, and revoke this secret at ${name}.`,
    )
  const same = sameSecretText(row.sameSecret, viewer)
  if (same !== null)
    say('same_secret', same, 'Keep one of them and revoke the others, or give each its own key.')
  const broad = scopeNotesOf(row.scopeNotes).filter(isOverBroad)
  if (broad.length > 0)
    say(
      'over_broad',
      broad.map(scopeText).join(' '),
      `Make a key at ${name} that may only call models, and replace this one.`,
    )
  sayUse(row, settings, now, say)
  const ageDays = daysSince(row.secretSince, now)
  if (ageDays >= settings.oldDays)
    say('old', `Its secret is ${days(ageDays)} old.`, `Make a new key at ${name} and replace this one.`)
  if (row.status === 'active' && row.verdict === 'unknown' && findService(row.serviceId)?.validation)
    say('not_proven', `${name} has not accepted it yet.`, 'Check it now.')
  return found
}

const sayUse = (
  row: HygieneRow,
  { unusedDays }: Pick<HygieneSettings, 'unusedDays'>,
  now: Date,
  say: (finding: HygieneFinding, text: string, next: string) => void,
): void => {
  const idleDays = row.lastUsedAt === null ? null : daysSince(row.lastUsedAt, now)
  const next = 'Revoke it here and at its service if nobody needs it.'
  if (idleDays === null) {
    const entered = daysSince(row.createdAt, now)
    if (entered >= unusedDays)
      say('never_used', `It was never used in the ${days(entered)} since it was added.`, next)
  } else if (idleDays >= unusedDays) say('unused', `It was last used ${days(idleDays)} ago.`, next)
}

const days = (count: number): string => (count === 1 ? '1 day' : `${count} days`)

/** Their owners' names are for those who administer them. */
export const sameSecretText = (others: readonly SameSecret[], viewer: Viewer): string | null => {
  // Which secrets the platform has is its administrators’ business alone.
  const known = others.filter(({ owner }) => owner !== 'system' || viewer.kind === 'platform')
  const told = known.map((other) => {
    const service = findService(other.serviceId)?.name ?? other.serviceId
    if (other.owner === 'organization') return `as “${other.label}” of the organisation for ${service}`
    if (other.owner === 'system') return `as the system key “${other.label}” for ${service}`
    if (viewer.kind === 'user')
      return other.userId === viewer.userId
        ? `as your “${other.label}” for ${service}`
        : 'by somebody else of your organisation'
    return `as “${other.label}” of ${other.email ?? 'a user'} for ${service}`
  })
  const [first, ...more] = [...new Set(told)]
  if (first === undefined) return null
  const shown = [first, ...more.slice(0, 4)]
  const rest = 1 + more.length - shown.length
  return `The same secret is also stored ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}.`
}

/** In the order of the contract: the gravest first. */
export const gravityOf = (findings: readonly Finding[]): number =>
  Math.min(...findings.map(({ finding }) => hygieneFinding.options.indexOf(finding)))

export const countsOf = (all: readonly (readonly Finding[])[]): Record<HygieneFinding, number> => {
  const counts = Object.fromEntries(hygieneFinding.options.map((one) => [one, 0])) as Record<
    HygieneFinding,
    number
  >
  for (const findings of all) for (const { finding } of findings) counts[finding] += 1
  return counts
}
