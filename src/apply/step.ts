import type { Action } from './plan.ts'

/** One line of the plan: what is there already, what is made, what is changed. */
export interface Step {
  readonly sign: '+' | '~' | '='
  readonly subject: string
  /** What is set or changed, for a person; never a secret. */
  readonly details: readonly string[]
  /** Null: nothing to do. */
  readonly action: Action | null
}

export const step = (subject: string, isNew: boolean, details: readonly string[], action: Action): Step =>
  isNew || details.length > 0
    ? { sign: isNew ? '+' : '~', subject, details, action }
    : { sign: '=', subject, details, action: null }

/** Nothing to do, and why. */
export const idle = (subject: string, why: string): Step => ({
  sign: '=',
  subject,
  details: [why],
  action: null,
})

/** Wanted, and not possible yet: the same document does it once it is. */
export const waiting = (subject: string, until: string): Step => idle(subject, `waits: ${until}`)

/** `name: before → after` for each field that differs. */
export const differences = <T extends object>(before: T, wanted: Partial<T>): string[] =>
  (Object.keys(wanted) as (keyof T)[])
    .filter(
      (name) => wanted[name] !== undefined && shown(wanted[name] as Shown) !== shown(before[name] as Shown),
    )
    .map((name) => `${String(name)}: ${shown(before[name] as Shown)} → ${shown(wanted[name] as Shown)}`)

/** `name: value` for each field that is given. */
export const settings = (wanted: Readonly<Record<string, Shown>>): string[] =>
  Object.entries(wanted)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${shown(value)}`)

type Plain = string | number | bigint | boolean | readonly string[] | null | undefined
export type Shown = Plain | { readonly [name: string]: Plain }

const isList = (value: Shown): value is readonly string[] => Array.isArray(value)

const shown = (value: Shown): string => {
  if (value === null || value === undefined) return '(none)'
  if (isList(value))
    return value.length === 0
      ? 'none'
      : value
          .map(String)
          .toSorted((a, b) => a.localeCompare(b))
          .join(', ')
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'object')
    return Object.entries(value)
      .filter(([, part]) => part !== null && part !== false)
      .map(([name, part]) => `${name} ${shown(part)}`)
      .toSorted((a, b) => a.localeCompare(b))
      .join('; ')
  return String(value)
}
