/**
 * Time limits that are nearly always called off in time: one timer looks after all of them, exact to a quarter of a second.
 * A timer of its own for each costs more than most stages of an operation do.
 */
const tickMs = 250

export interface Deadline {
  readonly at: number
  readonly callback: () => void
}

const pending = new Set<Deadline>()
let ticker: NodeJS.Timeout | null = null

const tick = () => {
  const now = performance.now()
  for (const deadline of pending) {
    if (deadline.at > now) continue
    pending.delete(deadline)
    deadline.callback()
  }
  if (pending.size > 0 || ticker === null) return
  clearInterval(ticker)
  ticker = null
}

export const setDeadline = (callback: () => void, ms: number): Deadline => {
  const deadline = { at: performance.now() + ms, callback }
  pending.add(deadline)
  ticker ??= setInterval(tick, tickMs)
  return deadline
}

export const clearDeadline = (deadline: Deadline): void => void pending.delete(deadline)
