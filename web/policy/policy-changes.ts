import { dataRegions } from '../../src/contract/data-regions.ts'
import type { PolicyDocument } from '../../src/contract/policy.ts'
import { counted } from '../ui/format.ts'
import { choiceLabel } from './fallbacks.ts'
import { policyName } from './policies.ts'

export interface Difference {
  readonly name: string
  readonly before: string | null
  readonly after: string
}

const listOr = (names: readonly string[] | null | undefined, all: string): string => {
  if (names === null || names === undefined) return all
  return names.length === 0 ? 'none' : names.join(', ')
}

/** Every field in words; `nameOf` gives the names of services. */
export const wordsOf = (
  document: PolicyDocument,
  nameOf: (serviceId: string) => string,
): readonly (readonly [string, string])[] => {
  const { allowed } = document
  return [
    ['Control policy', policyName(document.controlPolicy)],
    ['Critical services', listOr(document.criticalServices.map(nameOf), 'none')],
    ['System keys', document.systemKeysAllowed ? 'allowed' : 'not allowed'],
    [
      'Fallback',
      document.lockedFallback === null ? 'members choose' : `locked: ${choiceLabel(document.lockedFallback)}`,
    ],
    ['Services', listOr(allowed?.services?.map(nameOf) ?? null, 'all')],
    ['Models', listOr(allowed?.models, 'all')],
    ['Model groups', listOr(allowed?.groups, 'all')],
    ['Own keys', allowed?.keyHealth === 'valid' ? 'only proven ones' : 'any'],
    [
      'Age of own keys',
      allowed?.maximumKeyAgeDays ? `at most ${counted(allowed.maximumKeyAgeDays, 'day')}` : 'any',
    ],
    [
      'Data regions',
      listOr(
        allowed?.dataRegions?.map((region) => dataRegions[region]),
        'any',
      ),
    ],
    ['Training with your data', allowed?.noTraining ? 'not allowed' : 'not looked at'],
  ]
}

/** What one policy says differently from another. */
export const policyChanges = (
  before: PolicyDocument,
  after: PolicyDocument,
  nameOf: (serviceId: string) => string,
): Difference[] => {
  const was = wordsOf(before, nameOf)
  return wordsOf(after, nameOf).flatMap(([name, now], index) => {
    const old = was[index]?.[1] ?? null
    return old === now ? [] : [{ name, before: old, after: now }]
  })
}
