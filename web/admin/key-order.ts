import type { ServiceKey } from '../../src/contract/service-keys.ts'

export const priorities = [1, 2, 3] as const

/** Where a key stands, or would: `index` counts the other keys of the priority. */
export interface Place {
  readonly priority: number
  readonly index: number
}

/** As they are tried: Primary before Secondary before Tertiary, and by position within. */
export const inOrder = (keys: readonly ServiceKey[]): ServiceKey[] =>
  keys.toSorted((a, b) => (a.priority ?? 3) - (b.priority ?? 3) || a.position - b.position)

const numbered = (keys: readonly ServiceKey[]): ServiceKey[] =>
  keys.map((key, position) => ({ ...key, position }))

const inPriority = (keys: readonly ServiceKey[], priority: number): ServiceKey[] =>
  inOrder(keys).filter((key) => (key.priority ?? 3) === priority)

export const placeOf = (keys: readonly ServiceKey[], id: string): Place | null => {
  const key = keys.find((candidate) => candidate.id === id)
  if (!key) return null
  const priority = key.priority ?? 3
  return { priority, index: inPriority(keys, priority).findIndex((each) => each.id === id) }
}

/** Null: there is no such key, or it stands there already. */
export const placed = (keys: readonly ServiceKey[], id: string, place: Place): ServiceKey[] | null => {
  const key = keys.find((candidate) => candidate.id === id)
  const now = placeOf(keys, id)
  if (!key || !now) return null
  const rest = keys.filter((candidate) => candidate.id !== id)
  const index = Math.max(0, Math.min(place.index, inPriority(rest, place.priority).length))
  if (now.priority === place.priority && now.index === index) return null
  return numbered(
    priorities.flatMap((priority) => {
      const lane = inPriority(rest, priority)
      return priority === place.priority ? lane.toSpliced(index, 0, { ...key, priority }) : lane
    }),
  )
}

/**
 * One step earlier (-1) or later (+1) in the order of one service. At the border of a priority the key changes its
 * priority first and its place among the others after that. Null: it is at the end already.
 */
export const moved = (keys: readonly ServiceKey[], id: string, step: -1 | 1): ServiceKey[] | null => {
  const now = placeOf(keys, id)
  if (!now) return null
  const { priority, index } = now
  const last = inPriority(keys, priority).length - 1
  if (step === -1 ? index > 0 : index < last) return placed(keys, id, { priority, index: index + step })
  const other = priority + step
  if (other < 1 || other > 3) return null
  return placed(keys, id, { priority: other, index: step === 1 ? 0 : inPriority(keys, other).length })
}

/** Into another priority, behind the keys that are there. */
export const movedTo = (keys: readonly ServiceKey[], id: string, priority: number): ServiceKey[] | null => {
  const now = placeOf(keys, id)
  if (!now || now.priority === priority) return null
  return placed(keys, id, { priority, index: inPriority(keys, priority).length })
}
