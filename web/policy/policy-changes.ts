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

type Names = readonly string[]
/** A list, or what stands for it where there is none. */
type Value = string | { readonly names: Names; readonly instead: string }

const list = (names: Names | null | undefined, all: string): Value => {
  if (names === null || names === undefined) return all
  return { names, instead: 'none' }
}

const wordsOfValue = (value: Value): string =>
  typeof value === 'string' ? value : value.names.join(', ') || value.instead

const valuesOf = (
  document: PolicyDocument,
  nameOf: (serviceId: string) => string,
): readonly (readonly [string, Value])[] => {
  const { allowed } = document
  return [
    ['Control policy', policyName(document.controlPolicy)],
    ['Critical services', list(document.criticalServices.map(nameOf), 'none')],
    ['System keys', document.systemKeysAllowed ? 'allowed' : 'not allowed'],
    [
      'Fallback',
      document.lockedFallback === null ? 'members choose' : `locked: ${choiceLabel(document.lockedFallback)}`,
    ],
    ['Services', list(allowed?.services?.map(nameOf), 'all')],
    ['Models', list(allowed?.models, 'all')],
    ['Model groups', list(allowed?.groups, 'all')],
    ['Own keys', allowed?.keyHealth === 'valid' ? 'only proven ones' : 'any'],
    [
      'Age of own keys',
      allowed?.maximumKeyAgeDays ? `at most ${counted(allowed.maximumKeyAgeDays, 'day')}` : 'any',
    ],
    [
      'Data regions',
      list(
        allowed?.dataRegions?.map((region) => dataRegions[region]),
        'any',
      ),
    ],
    ['Training with your data', allowed?.noTraining ? 'not allowed' : 'not looked at'],
  ]
}

/** Every field in words; `nameOf` gives the names of services. */
export const wordsOf = (
  document: PolicyDocument,
  nameOf: (serviceId: string) => string,
): readonly (readonly [string, string])[] =>
  valuesOf(document, nameOf).map(([name, value]) => [name, wordsOfValue(value)])

/** Longer lists are told by what comes and goes: nobody finds one name among thirty. */
const mostTold = 6

const differenceOf = (name: string, was: Value, now: Value): Difference => {
  if (typeof was !== 'string' && typeof now !== 'string' && now.names.length > mostTold) {
    const gone = was.names.filter((one) => !now.names.includes(one))
    const come = now.names.filter((one) => !was.names.includes(one))
    const all = `${now.names.length} in all`
    return {
      name,
      before: gone.length === 0 ? null : gone.join(', '),
      after: come.length === 0 ? all : `and ${come.join(', ')}; ${all}`,
    }
  }
  return { name, before: wordsOfValue(was), after: wordsOfValue(now) }
}

/** What one policy says differently from another. */
export const policyChanges = (
  before: PolicyDocument,
  after: PolicyDocument,
  nameOf: (serviceId: string) => string,
): Difference[] => {
  const was = valuesOf(before, nameOf)
  return valuesOf(after, nameOf).flatMap(([name, now], index) => {
    const old = was[index]?.[1] ?? ''
    return wordsOfValue(old) === wordsOfValue(now) ? [] : [differenceOf(name, old, now)]
  })
}
