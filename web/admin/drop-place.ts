import type { Place } from './key-order.ts'

/** A lane as it lies on the screen. */
export interface LaneBox {
  readonly priority: number
  readonly top: number
  readonly bottom: number
  readonly rows: readonly { readonly id: string; readonly top: number; readonly bottom: number }[]
}

/** How far beside the lanes a key may be let go and still counts as dropped there. */
const reachPixels = 60

/** Where a key that is held at `y` would go; null: too far from every lane, so letting go changes nothing. */
export const placeAt = (y: number, lanes: readonly LaneBox[], held: string): Place | null => {
  const first = lanes[0]
  const last = lanes.at(-1)
  if (!first || !last || y < first.top - reachPixels || y > last.bottom + reachPixels) return null
  const lane = lanes.find((candidate) => y < candidate.bottom) ?? last
  const others = lane.rows.filter((row) => row.id !== held)
  return { priority: lane.priority, index: others.filter((row) => (row.top + row.bottom) / 2 < y).length }
}

/** Lanes and rows of a list, which carry `data-lane` and `data-key`. */
export const laneBoxes = (list: HTMLElement): LaneBox[] =>
  [...list.querySelectorAll<HTMLElement>('[data-lane]')].map((lane) => ({
    priority: Number(lane.dataset['lane']),
    ...edges(lane),
    rows: [...lane.querySelectorAll<HTMLElement>('[data-key]')].map((row) => ({
      id: row.dataset['key'] ?? '',
      ...edges(row),
    })),
  }))

const edges = (element: HTMLElement): { top: number; bottom: number } => {
  const { top, bottom } = element.getBoundingClientRect()
  return { top, bottom }
}
