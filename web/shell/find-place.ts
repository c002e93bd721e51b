import type { Icon } from '@tabler/icons-react'
import type { Area, Entry, Place } from './places.ts'

const overviews = new Set(['/', '/admin'])
const isAt = (path: string, to: string | undefined): boolean =>
  to !== undefined && (path === to || (!overviews.has(to) && path.startsWith(`${to}/`)))

/** Where an address is; null: in none of them. */
export const whereIs = (
  areas: readonly Area[],
  path: string,
): { area: Area; entry: Entry; place: Place } | null => {
  for (const area of areas)
    for (const { entries } of area.groups)
      for (const entry of entries) {
        const place = entry.places.find(({ to, also }) => isAt(path, to) || isAt(path, also))
        if (place) return { area, entry, place }
      }
  return null
}

/** A place as it is looked for: with what it stands under. */
export interface Aim {
  readonly place: Place
  readonly icon: Icon
  readonly under: string
}

const aimsOf = (areas: readonly Area[]): Aim[] =>
  areas.flatMap((area) =>
    area.groups.flatMap((group) =>
      group.entries.flatMap((entry) =>
        entry.places.map((place) => ({
          place,
          icon: entry.icon,
          under: [areas.length > 1 ? area.label : undefined, group.label].filter(Boolean).join(' · '),
        })),
      ),
    ),
  )

/** 0: by the beginning of its name; 1: of a word of it; 2: of any other word. Null: not. */
const nearness = ({ place, under }: Aim, asked: string): number | null => {
  const label = place.label.toLowerCase()
  if (label.startsWith(asked)) return 0
  const inside = (text: string, word: string) => text.split(/[\s,-]+/).some((each) => each.startsWith(word))
  const words = asked.split(/\s+/)
  if (words.every((word) => inside(label, word))) return 1
  const all = `${label} ${place.words ?? ''} ${under.toLowerCase()} ${place.to.slice(1)}`
  return words.every((word) => inside(all, word)) ? 2 : null
}

/** What matches, the nearest first; everything while nothing is asked. */
export const findAims = (areas: readonly Area[], text: string): Aim[] => {
  const asked = text.trim().toLowerCase()
  return aimsOf(areas)
    .flatMap((aim) => {
      const near = nearness(aim, asked)
      return near === null ? [] : [{ aim, near }]
    })
    .toSorted((left, right) => left.near - right.near)
    .map(({ aim }) => aim)
}
