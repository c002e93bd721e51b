import type { ServiceKey } from '../../src/contract/service-keys.ts'

export const priorities = [1, 2, 3] as const

/** As they are tried: Primary before Secondary before Tertiary, and by position within. */
export const inOrder = (keys: readonly ServiceKey[]): ServiceKey[] =>
  keys.toSorted((a, b) => (a.priority ?? 3) - (b.priority ?? 3) || a.position - b.position)

const numbered = (keys: readonly ServiceKey[]): ServiceKey[] =>
  keys.map((key, position) => ({ ...key, position }))

/**
 * One step earlier (-1) or later (+1) in the order of one service. At the border of a priority the key changes its
 * priority first and its place among the others after that. Null: it is at the end already.
 */
export const moved = (keys: readonly ServiceKey[], id: string, step: -1 | 1): ServiceKey[] | null => {
  const order = inOrder(keys)
  const index = order.findIndex((key) => key.id === id)
  const key = order[index]
  if (!key) return null
  const neighbour = order[index + step]
  const priority = key.priority ?? 3
  if (neighbour && neighbour.priority === priority) {
    const next = order.toSpliced(index, 1)
    next.splice(index + step, 0, key)
    return numbered(next)
  }
  const other = priority + step
  if (other < 1 || other > 3) return null
  return numbered(order.toSpliced(index, 1, { ...key, priority: other }))
}

/** Into another priority, behind the keys that are there. */
export const movedTo = (keys: readonly ServiceKey[], id: string, priority: number): ServiceKey[] | null => {
  const key = keys.find((candidate) => candidate.id === id)
  if (!key || key.priority === priority) return null
  const rest = inOrder(keys.filter((candidate) => candidate.id !== id))
  const after = rest.findLastIndex((candidate) => (candidate.priority ?? 3) <= priority)
  return numbered(rest.toSpliced(after + 1, 0, { ...key, priority }))
}
