export interface Difference {
  /** `discount.basisPoints`; empty: the whole thing. */
  readonly field: string
  /** null: it was not there, or is not there any more. */
  readonly before: string | null
  readonly after: string | null
}

/** Every value that one side has and the other has not, by its path, in the order of the paths. */
export const differencesOf = (before: unknown, after: unknown): Difference[] => {
  const [was, is] = [leavesOf(before), leavesOf(after)]
  return [...new Set([...was.keys(), ...is.keys()])]
    .toSorted()
    .map((field) => ({ field, before: was.get(field) ?? null, after: is.get(field) ?? null }))
    .filter((found) => found.before !== found.after)
}

const leavesOf = (value: unknown): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  const walk = (at: string, here: unknown): void => {
    if (here === null || here === undefined) return
    if (typeof here !== 'object')
      return void found.set(at, typeof here === 'string' ? here : JSON.stringify(here))
    const fields = Object.entries(here)
    if (fields.length === 0) found.set(at, Array.isArray(here) ? '[]' : '{}')
    for (const [name, inner] of fields) walk(at === '' ? name : `${at}.${name}`, inner)
  }
  walk('', value)
  return found
}
