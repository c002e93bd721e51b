/** JSON that keeps bigints and times, for what is stored to be read by nobody but this room. */
export const toStoredJson = (value: unknown): string => JSON.stringify(marked(value))

export const fromStoredJson = (stored: unknown): unknown => unmarked(stored)

const marked = (value: unknown): unknown => {
  if (typeof value === 'bigint') return { $integer: String(value) }
  if (value instanceof Date) return { $time: value.toISOString() }
  if (Array.isArray(value)) return value.map(marked)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, marked(item)]))
  return value
}

const unmarked = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(unmarked)
  if (value === null || typeof value !== 'object') return value
  const { $integer, $time } = value as { $integer?: string; $time?: string }
  if ($integer !== undefined) return BigInt($integer)
  if ($time !== undefined) return new Date($time)
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, unmarked(item)]))
}
