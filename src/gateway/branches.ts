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
  const branches: (() => void)[] = []
  parent.onCancel(() => {
    for (const follow of branches) follow()
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
    branches.push(follow)
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
        isOver = true
        clearTimeout(timer)
        branches.splice(branches.indexOf(follow), 1)
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
