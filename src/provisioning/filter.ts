import { isStorableText } from '../db/arrays.ts'
import { type Found, knownSchemas, problem } from './problem.ts'

/** Filters of RFC 7644 § 3.4.2.2, as far as the standard goes: identity providers use the eq of a handful of attributes. */
export type Filter =
  | {
      readonly kind: 'compare'
      readonly path: readonly string[]
      readonly operator: Operator
      readonly value: Value
    }
  | { readonly kind: 'present'; readonly path: readonly string[] }
  | { readonly kind: 'and' | 'or'; readonly left: Filter; readonly right: Filter }
  | { readonly kind: 'not'; readonly inner: Filter }
  /** `emails[type eq "work"]` */
  | { readonly kind: 'within'; readonly path: readonly string[]; readonly inner: Filter }
type Value = string | number | boolean | null
const operators = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const
type Operator = (typeof operators)[number]

const longestFilter = 2_000
const mostNested = 20

/** `name.familyName`, or the same behind a schema’s URN, as the names to go through. */
export const attributePath = (text: string): readonly string[] => {
  const lower = text.toLowerCase()
  for (const { urn, isCore } of knownSchemas) {
    if (lower === urn.toLowerCase()) return isCore ? [] : [urn]
    if (lower.startsWith(`${urn.toLowerCase()}:`)) {
      const rest = text.slice(urn.length + 1).split('.')
      return isCore ? rest : [urn, ...rest]
    }
  }
  return text.split('.')
}

type Token = { readonly kind: 'word' | 'text' | 'mark'; readonly text: string }

const tokensOf = (text: string): Token[] | null => {
  const pattern = /\s*(?:("(?:[^"\\]|\\.)*")|([()[\]])|([^\s()[\]"]+))/gy
  const tokens: Token[] = []
  while (pattern.lastIndex < text.trimEnd().length) {
    const match = pattern.exec(text)
    if (!match) return null
    const [, quoted, mark, word] = match
    if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted })
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark })
    else tokens.push({ kind: 'word', text: word as string })
  }
  return tokens
}

export const parseFilter = (text: string): Found<Filter> => {
  const invalid = (why: string) => problem(400, `The filter cannot be read: ${why}.`, 'invalidFilter')
  if (text.length > longestFilter) return invalid('it is too long')
  const tokens = tokensOf(text)
  if (tokens === null) return invalid('a quotation mark is missing')
  try {
    const reader = readerOf(tokens)
    const filter = reader.either(0)
    return reader.isAtEnd() ? { ok: true, value: filter } : invalid('there is more than one filter in it')
  } catch (error) {
    if (error instanceof SyntaxError) return invalid(error.message)
    throw error
  }
}

const valueOf = ({ kind, text }: Token): Value | undefined => {
  try {
    const value: unknown = JSON.parse(kind === 'word' ? text.toLowerCase() : text)
    return value === null || typeof value !== 'object' ? (value as Value) : undefined
  } catch {
    return undefined
  }
}

const readerOf = (tokens: readonly Token[]) => {
  let at = 0
  const peek = () => tokens[at]
  const isWord = (word: string) => peek()?.kind === 'word' && peek()?.text.toLowerCase() === word
  const isMark = (mark: string) => peek()?.kind === 'mark' && peek()?.text === mark
  const expectMark = (mark: string) => {
    if (!isMark(mark)) throw new SyntaxError(`${mark} is missing`)
    at++
  }
  const takeWord = (): string => {
    const token = tokens[at++]
    if (token?.kind !== 'word') throw new SyntaxError('an attribute or operator is missing')
    return token.text
  }

  const either = (depth: number): Filter => {
    let left = both(depth)
    while (isWord('or')) {
      at++
      left = { kind: 'or', left, right: both(depth) }
    }
    return left
  }
  const both = (depth: number): Filter => {
    let left = one(depth)
    while (isWord('and')) {
      at++
      left = { kind: 'and', left, right: one(depth) }
    }
    return left
  }
  const group = (depth: number, close: string): Filter => {
    if (depth >= mostNested) throw new SyntaxError('it is nested too deeply')
    const inner = either(depth + 1)
    expectMark(close)
    return inner
  }
  const one = (depth: number): Filter => {
    if (isWord('not') && tokens[at + 1]?.text === '(') {
      at += 2
      return { kind: 'not', inner: group(depth, ')') }
    }
    if (isMark('(')) {
      at++
      return group(depth, ')')
    }
    const path = attributePath(takeWord())
    if (isMark('[')) {
      at++
      return { kind: 'within', path, inner: group(depth, ']') }
    }
    const operator = takeWord().toLowerCase()
    if (operator === 'pr') return { kind: 'present', path }
    if (!operators.includes(operator as Operator))
      throw new SyntaxError(`there is no operator ${operator.slice(0, 20)}`)
    return { kind: 'compare', path, operator: operator as Operator, value: takeValue() }
  }
  const takeValue = (): Value => {
    const token = tokens[at++]
    if (!token || token.kind === 'mark') throw new SyntaxError('a value is missing')
    const value = valueOf(token)
    if (value === undefined)
      throw new SyntaxError('a value is no text in quotation marks, number, true, false or null')
    // It may be asked of an index.
    if (typeof value === 'string' && !isStorableText(value))
      throw new SyntaxError('a text has NUL or half of a surrogate pair in it')
    return value
  }
  return { either, isAtEnd: () => at === tokens.length }
}

/** Names of attributes do not tell capitals apart. */
export const memberNamed = (object: Record<string, unknown>, name: string): string | undefined => {
  if (Object.hasOwn(object, name)) return name
  const lower = name.toLowerCase()
  return Object.keys(object).find((key) => key.toLowerCase() === lower)
}

/** Everything that a path leads to; of several values each. */
const valuesAt = (resource: unknown, path: readonly string[]): unknown[] => {
  const [name, ...rest] = path
  if (Array.isArray(resource)) return resource.flatMap((item) => valuesAt(item, path))
  if (name === undefined) return [resource]
  if (typeof resource !== 'object' || resource === null) return []
  const key = memberNamed(resource as Record<string, unknown>, name)
  return key === undefined ? [] : valuesAt((resource as Record<string, unknown>)[key], rest)
}

/** Of a value with parts, `emails`, its `value` is what is compared. */
const plain = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? ((value as { value?: unknown }).value ?? null) : value

export const matches = (filter: Filter, resource: unknown): boolean => {
  switch (filter.kind) {
    case 'and':
      return matches(filter.left, resource) && matches(filter.right, resource)
    case 'or':
      return matches(filter.left, resource) || matches(filter.right, resource)
    case 'not':
      return !matches(filter.inner, resource)
    case 'present':
      return valuesAt(resource, filter.path).some(
        (value) => value !== null && value !== undefined && value !== '',
      )
    case 'within':
      return valuesAt(resource, filter.path).some((value) => matches(filter.inner, value))
    case 'compare': {
      const values = valuesAt(resource, filter.path).map(plain)
      const isExact = filter.path.at(-1)?.toLowerCase() === 'externalid'
      if (filter.operator === 'ne')
        return !values.some((value) => compares(value, 'eq', filter.value, isExact))
      if (filter.value === null && filter.operator === 'eq') return values.every((value) => value === null)
      return values.some((value) => compares(value, filter.operator, filter.value, isExact))
    }
  }
}

const compares = (found: unknown, operator: Operator, wanted: Value, isExact: boolean): boolean => {
  if (typeof found === 'boolean')
    return (
      operator === 'eq' &&
      (typeof wanted === 'string' ? wanted.toLowerCase() === String(found) : wanted === found)
    )
  if (typeof found === 'number' && typeof wanted === 'number') return ordered(found, operator, wanted)
  if (typeof found !== 'string' || typeof wanted !== 'string') return false
  const [a, b] = isExact ? [found, wanted] : [found.toLowerCase(), wanted.toLowerCase()]
  if (operator === 'co') return a.includes(b)
  if (operator === 'sw') return a.startsWith(b)
  if (operator === 'ew') return a.endsWith(b)
  return ordered(a, operator, b)
}

const ordered = <T extends string | number>(a: T, operator: Operator, b: T): boolean =>
  ({ eq: a === b, gt: a > b, ge: a >= b, lt: a < b, le: a <= b })[operator as 'eq'] ?? false

/** The text that one attribute has to be equal to for the whole to match, so that an index can be asked; null: none. */
export const requiredText = (filter: Filter, ...names: readonly string[]): string | null => {
  if (filter.kind === 'and')
    return requiredText(filter.left, ...names) ?? requiredText(filter.right, ...names)
  if (filter.kind !== 'compare' || filter.operator !== 'eq' || typeof filter.value !== 'string') return null
  return names.includes(filter.path.join('.').toLowerCase()) ? filter.value : null
}
