import { isObject } from '../dialects/request.ts'
import type { Notes } from './notes.ts'
import { refuse } from './notes.ts'
import { isEmpty, type Json } from './read.ts'

/**
 * What becomes of a field: `carried` into the service's request; `listed`, a hint that changes nothing a caller relies
 * on, left out and named in a header; or refused, because the reply would not be what was asked for. A function
 * decides by the value.
 */
export type Rule = 'carried' | 'listed' | Refusal | ((value: unknown) => 'carried' | 'listed' | Refusal)
export interface Refusal {
  readonly refused: string
}
export type Fields = Readonly<Record<string, Rule>>

export const refused = (why: string): Refusal => ({ refused: why })

/** A value that asks for nothing special is as good as none. */
export const onlyAs =
  (values: readonly unknown[], otherwise: 'listed' | Refusal): Rule =>
  (value) =>
    values.includes(value) ? 'carried' : otherwise

/** A field that no table knows is refused: it may change what is asked, and nobody has looked at it yet. */
const unknownField = refused('This field is not known to the translation between dialects.')

/** At most this many characters of a name that a caller chose go into a header or a message. */
const longestName = 64

export const applyFields = (object: Json, fields: Fields, prefix: string, notes: Notes): void => {
  for (const [name, value] of Object.entries(object)) {
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (isEmpty(value) && !isWish(value, known)) continue
    const rule = typeof known === 'function' ? known(value) : (known ?? unknownField)
    if (rule === 'carried') continue
    const field = `${prefix}${printable(name)}`
    if (rule === 'listed') notes.list(field.replace(/\[\d+\]/g, '[]'))
    else refuse(field, rule.refused)
  }
}

/** `web_search_options: {}` asks for a search: to give an object is the wish, where one is not understood. */
const isWish = (value: unknown, rule: Rule | undefined): boolean =>
  isObject(value) && (rule === undefined || typeof rule === 'object')

const printable = (name: string) => name.slice(0, longestName).replace(/[^\w.-]/g, '?')
