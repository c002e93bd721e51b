/**
 * One Ctrl-C can arrive several times: from the terminal, which signals every process of its group, and from npm and our
 * launcher, which each pass it on. Within this time they count as one.
 */
export const sameSignalMs = 500

/** Calls `first` at the first signal, `second` at the first one that comes clearly later. */
export const makeSignalCounter = (first: () => void, second: () => void, now: () => number): (() => void) => {
  let firstAt: number | null = null
  return () => {
    if (firstAt === null) {
      firstAt = now()
      first()
    } else if (now() - firstAt > sameSignalMs) second()
  }
}

/** Also when our launcher is gone: a gateway that nobody sees any more would hold port and data directory. */
export const onStopSignals = (first: () => void, second: () => void): void => {
  const count = makeSignalCounter(first, second, () => performance.now())
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, count)
  process.once('disconnect', count)
  process.channel?.unref()
}
