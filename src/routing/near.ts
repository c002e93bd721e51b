/** The names most like one that nobody knows. */
const longestCompared = 80
const mostSuggested = 3

/**
 * At most three names, nearest first: by edits, at most a quarter of the name, or by a common beginning. The cost is
 * bounded by (names × length × edits), about a millisecond for two thousand names, and only refusals pay it.
 */
export const nearNames = (asked: string, names: Iterable<string>): string[] => {
  const wanted = asked.trim().toLowerCase().slice(0, longestCompared)
  if (wanted === '') return []
  const most = Math.max(1, Math.min(6, Math.floor(wanted.length / 4)))
  const found: { name: string; distance: number }[] = []
  for (const name of names) {
    const known = name.toLowerCase()
    const distance = startsAlike(wanted, known) ? 0.5 : editDistance(wanted, known, most)
    if (distance <= most) found.push({ name, distance })
  }
  return found
    .sort((a, b) => a.distance - b.distance || a.name.length - b.name.length || (a.name < b.name ? -1 : 1))
    .slice(0, mostSuggested)
    .map(({ name }) => name)
}

/** `claude-sonnet` for `claude-sonnet-5`, `gpt-4o-latest` for `gpt-4o`: one is the other up to a whole word. */
const startsAlike = (a: string, b: string): boolean => {
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  if (short.length < 4 || !long.startsWith(short)) return false
  const next = long[short.length]
  return next === undefined || next === '-' || next === '.' || next === ':' || next === '@'
}

/** Levenshtein's distance within a band; anything above `most` is `most + 1`. */
export const editDistance = (a: string, b: string, most: number): number => {
  if (Math.abs(a.length - b.length) > most) return most + 1
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  let row = previous.slice()
  for (let i = 1; i <= a.length; i++) {
    const from = Math.max(1, i - most)
    const to = Math.min(b.length, i + most)
    row.fill(most + 1)
    if (from === 1) row[0] = i
    let least = most + 1
    for (let j = from; j <= to; j++) {
      const changed = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const cell = Math.min(changed, (previous[j] as number) + 1, (row[j - 1] as number) + 1)
      row[j] = cell
      if (cell < least) least = cell
    }
    if (least > most) return most + 1
    ;[previous, row] = [row, previous]
  }
  return Math.min(previous[b.length] as number, most + 1)
}
