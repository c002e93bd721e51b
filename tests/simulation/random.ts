/** The same numbers for the same seed (mulberry32). */
export interface Random {
  /** From 0 up to, not including, `below`. */
  whole(below: number): number
  pick<T>(items: readonly T[]): T
  chance(of: number): boolean
}

export const makeRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const whole = (below: number): number => Math.floor(next() * below)
  return {
    whole,
    pick: (items) => {
      if (items.length === 0) throw new Error('There is nothing to pick from.')
      return items[whole(items.length)] as (typeof items)[number]
    },
    chance: (of) => next() < of,
  }
}
