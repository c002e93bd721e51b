import { makeBag, type Place } from './bag.ts'

/**
 * Time limits that are nearly always called off in time: one timer looks after all of them, exact to a quarter of a second.
 * A timer of its own for each costs more than most stages of an operation do.
 */
const tickMs = 250

interface Limit {
  readonly atMs: number
  readonly callback: () => void
}
export type Deadline = Place<Limit>

const pending = makeBag<Limit>()
let ticker: NodeJS.Timeout | null = null

const tick = () => {
  const now = performance.now()
  // A callback may call others off.
  for (const deadline of pending.places.filter(({ one }) => one.atMs <= now))
    if (pending.remove(deadline)) deadline.one.callback()
  if (pending.places.length > 0 || ticker === null) return
  clearInterval(ticker)
  ticker = null
}

export const setDeadline = (callback: () => void, ms: number): Deadline => {
  ticker ??= setInterval(tick, tickMs)
  return pending.add({ atMs: performance.now() + ms, callback })
}

export const clearDeadline = (deadline: Deadline): void => void pending.remove(deadline)
