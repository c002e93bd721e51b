/** How a model id is recognised, in the price data's own terms. */
export type MatchRule =
  | { readonly equals: string }
  | { readonly starts_with: string }
  | { readonly ends_with: string }
  | { readonly contains: string }
  | { readonly regex: string }
  | { readonly or: readonly MatchRule[] }
  | { readonly and: readonly MatchRule[] }

export type Matcher = (model: string) => boolean

/** Model ids longer than this match nothing; the longest in the price data has 72 characters. */
export const modelLengthMaximum = 256

/** A rule as a function over a lower-case id; patterns are compiled here, once. */
export const compileMatch = (rule: MatchRule): Matcher => {
  if ('or' in rule) {
    const rules = rule.or.map(compileMatch)
    return (model) => rules.some((matches) => matches(model))
  }
  if ('and' in rule) {
    const rules = rule.and.map(compileMatch)
    return (model) => rules.every((matches) => matches(model))
  }
  if ('equals' in rule) return equalTo(rule.equals.toLowerCase())
  if ('starts_with' in rule) return startingWith(rule.starts_with.toLowerCase())
  if ('ends_with' in rule) return endingWith(rule.ends_with.toLowerCase())
  if ('contains' in rule) return containing(rule.contains.toLowerCase())
  return matchingPattern(rule.regex)
}

const equalTo =
  (text: string): Matcher =>
  (model) =>
    model === text
const startingWith =
  (text: string): Matcher =>
  (model) =>
    model.startsWith(text)
const endingWith =
  (text: string): Matcher =>
  (model) =>
    model.endsWith(text)
const containing =
  (text: string): Matcher =>
  (model) =>
    model.includes(text)

/** A pattern that could be slow matches nothing: its model then has no price, which refuses instead of hanging. */
const matchingPattern = (source: string): Matcher => {
  if (!isCheapPattern(source)) return () => false
  const pattern = new RegExp(source)
  return (model) => pattern.test(model)
}

/**
 * Callers choose the text that patterns run over, so only patterns that cannot backtrack far are taken: no
 * repeated group, no back reference, no look-around within, and at most two unbounded repetitions of single characters.
 */
export const isCheapPattern = (source: string): boolean => {
  if (source.length > 200) return false
  // All of it one thing that the text must not match: looked at once, from its first letter.
  const excluded = /^\^\(\?!(.+)\)$/.exec(source)?.[1]
  if (excluded !== undefined) return isCheapPattern(excluded)
  if (/\)[*+?{]|\\[1-9k]|\(\?[<=!]/.test(source)) return false
  return (source.match(/[*+]|\{\d+,\}/g)?.length ?? 0) <= 2 && compiles(source)
}

const compiles = (source: string): boolean => {
  try {
    return new RegExp(source) instanceof RegExp
  } catch {
    return false
  }
}

/** `-20250131` as `-2025-01-31`, real dates only: some services write the one, some the other. */
export const withDashedDates = (model: string): string =>
  model.replace(/-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g, (whole, year, month, day) => {
    const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
    const isReal = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
    return isReal ? `-${year}-${month}-${day}` : whole
  })
