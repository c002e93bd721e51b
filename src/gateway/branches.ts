import type { Cancellation } from './exchange.ts'

/** One attempt's part in the cancellation of its operation. */
export interface Branch {
  readonly cancellation: Cancellation
  /** This attempt alone: another one has answered, or it has been silent for too long. */
  abort(): void
  /** The attempt is over: its own time limit with it. */
  end(): void
  timedOut(): boolean
}

/** Several attempts may be under way at once; what ends the operation ends all of them. */
export const branchesOf = (parent: Cancellation): ((timeoutMs: number | null) => Branch) => {
  const aborts = new Set<() => void>()
  parent.onCancel(() => {
    for (const abort of aborts) abort()
  })

  return (timeoutMs) => {
    let abort: (() => void) | null = null
    let isOver = false
    let isLate = false
    const cancellation = {
      cancelled: parent.cancelled,
      outOfTime: parent.outOfTime,
      onCancel(latest: () => void) {
        abort = latest
        if (cancellation.cancelled || cancellation.outOfTime) latest()
      },
      end: () => {},
    }
    const follow = () => {
      cancellation.cancelled = parent.cancelled
      cancellation.outOfTime = parent.outOfTime
      abort?.()
    }
    aborts.add(follow)
    const timer =
      timeoutMs === null
        ? undefined
        : setTimeout(() => {
            isLate = true
            cancellation.outOfTime = true
            abort?.()
          }, timeoutMs)
    return {
      cancellation,
      abort() {
        if (isOver) return
        clearTimeout(timer)
        aborts.delete(follow)
        cancellation.cancelled = true
        abort?.()
      },
      end() {
        isOver = true
        clearTimeout(timer)
      },
      timedOut: () => isLate,
    }
  }
}
