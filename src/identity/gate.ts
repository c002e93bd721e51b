/**
 * Runs at most `width` jobs at a time and refuses (null) when `depth` more are waiting. Password hashing shares
 * libuv's four threads with DNS and files: a flood of sign-ins must not stop operations.
 */
export const makeGate = (width: number, depth: number) => {
  let running = 0
  const waiting: (() => void)[] = []
  return async <T>(job: () => Promise<T>): Promise<T | null> => {
    if (running >= width) {
      if (waiting.length >= depth) return null
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else {
      running++
    }
    try {
      return await job()
    } finally {
      // The place passes on to the next in line, so `running` stays as it is.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
